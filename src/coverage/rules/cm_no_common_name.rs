//! A Certificate for a Fabric CA without an enrolment id.

use crate::audit::catalogue::CM_NO_COMMON_NAME;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &CM_NO_COMMON_NAME, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let of_fabric = covered.network.certificates.iter().filter(|certificate| certificate.is_for_fabric_ca());
    for certificate in of_fabric.filter(|certificate| certificate.common_name.as_deref().is_none_or(str::is_empty)) {
        let message = format!("{} asks a Fabric CA for a certificate and has no commonName", certificate.meta);
        let at = location(&certificate.meta.at);
        findings.report(&CM_NO_COMMON_NAME, &at, message).subject(&certificate.meta.to_string()).add();
    }
}
