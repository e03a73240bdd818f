//! A CA with a short lifetime.

use crate::audit::catalogue::CA_LIFETIME_SHORT;
use crate::coverage::check::Check;
use std::time::Duration;

use crate::audit::model::finding::Findings;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &CA_LIFETIME_SHORT, check };

const YEAR: Duration = Duration::from_secs(8760 * 3600);

fn check(covered: &Covered, findings: &mut Findings) {
    for certificate in covered.network.certificates.iter().filter(|c| c.is_ca) {
        let (words, line) = match certificate.duration {
            Some((duration, _)) if duration >= YEAR => continue,
            Some((duration, line)) => (format!("for {} days", duration.as_secs() / 86400), line),
            None => ("for cert-manager's 90 days, as no duration is set".to_owned(), certificate.meta.at.line),
        };
        let message = format!("{} is a CA and is valid {words}", certificate.meta);
        let at = location(&certificate.meta.at.line(line));
        findings.report(&CA_LIFETIME_SHORT, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
