//! A connection profile that looks for another name than it dials.

use crate::audit::catalogue::rule::{Confidence, Rule, Source, elsewhere, nothing};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::{Covered, location};

pub(super) static RULE: Rule = Rule {
    id: "override-hides-name",
    title: "a connection profile looks for another name than it dials",
    rationale: "ssl-target-name-override makes a client accept a certificate that lacks the dialled name. It hides the missing name until a client without it comes, and after a failover it asks every member for the same wrong name.",
    remedy: "put the dialled name into the certificates, and take the override out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("gRPC: GRPC_SSL_TARGET_NAME_OVERRIDE_ARG is for testing only")],
    refusals: &[],
    applies: elsewhere,
    check: nothing,
};

pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    for profile in &covered.network.profiles {
        for host in &profile.hosts {
            let (Some(over), Some((dialled, _))) = (&host.name_override, host.endpoint()) else { continue };
            if over.text.eq_ignore_ascii_case(dialled) {
                continue;
            }
            let message = format!("it dials {dialled} and looks for {} in the certificate", over.text);
            let at = location(&profile.at.line(over.line));
            findings.report(&RULE, &at, message).names([dialled.to_ascii_lowercase()]).add();
        }
    }
}
