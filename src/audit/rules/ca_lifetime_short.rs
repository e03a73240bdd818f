//! A CA that ends soon.

use std::time::Duration;

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "ca-lifetime-short",
    title: "a CA certificate lives for less than a year",
    rationale: "Everything that a CA issued ends with it, and every folder and channel that trusts it must be told of the next one. cert-manager gives 90 days when nothing is written.",
    remedy: "add below spec: duration: 87600h (ten years), and renewBefore: 8760h",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("cert-manager: Certificate.spec.duration, 2160h by default")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

const YEAR: Duration = Duration::from_secs(8760 * 3600);

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    for certificate in covered.network.certificates.iter().filter(|c| c.is_ca) {
        let (words, line) = match certificate.duration {
            Some((duration, _)) if duration >= YEAR => continue,
            Some((duration, line)) => (format!("for {} days", duration.as_secs() / 86400), line),
            None => ("for cert-manager's 90 days, as no duration is written".to_owned(), certificate.meta.at.line),
        };
        let message = format!("{} is a CA and lives {words}", certificate.meta);
        let at = location(&certificate.meta.at.line(line));
        findings.report(&RULE, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
