//! A CA in a channel's configuration has expired or expires soon.

use super::View;
use crate::audit::catalogue::{CHANNEL_CA_EXPIRING, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for file in view.files {
        for (one, msp) in file.config.organisations.iter().filter_map(|one| Some((one, one.msp.as_ref()?))) {
            for (purpose, cert) in msp.authorities().filter_map(|(purpose, cert)| Some((purpose, cert.cert()?))) {
                let left = cert.not_after().seconds_since(view.now);
                let days = left / 86_400;
                if left >= 0 && days >= view.expectation.warn_days_left {
                    continue;
                }
                // Identities of an expired CA are still accepted.
                let is_urgent = purpose.starts_with("TLS") && days < view.expectation.min_days_left;
                let severity = if is_urgent { Severity::Error } else { Severity::Warning };
                let end = if left < 0 {
                    format!("expired at {}, {} days ago", cert.not_after(), -days)
                } else {
                    format!("expires at {}, in {days} days", cert.not_after())
                };
                let message = format!("in {}, the {purpose} of {} {end}", file.words(), one.name);
                let at = Location::whole(file.path.as_path());
                let finding = findings.report(&CHANNEL_CA_EXPIRING, &at, message);
                finding.severity(severity).subject(cert.subject()).names([one.name.clone(), purpose.to_owned()]).add();
            }
        }
    }
}
