//! A Certificate that asks a Fabric CA for a lifetime.

use crate::audit::catalogue::CM_DURATION_IGNORED;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &CM_DURATION_IGNORED, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for certificate in covered.network.certificates.iter().filter(|certificate| certificate.is_for_fabric_ca()) {
        let Some((duration, line)) = certificate.duration else { continue };
        let hours = duration.as_secs() / 3600;
        let message = format!("{} asks for {hours} hours, which the Fabric CA does not read", certificate.meta);
        let at = location(&certificate.meta.at.line(line));
        findings.report(&CM_DURATION_IGNORED, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
