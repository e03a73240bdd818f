//! An issuer of a Fabric CA whose requests nobody may approve.

use crate::audit::catalogue::CM_APPROVAL_MISSING;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &CM_APPROVAL_MISSING, check };

fn check(covered: &Covered, findings: &mut Findings) {
    let network = &covered.network;
    for issuer in &network.fabric_ca_issuers {
        if network.approvals.iter().any(|approval| approval.covers(issuer)) {
            continue;
        }
        let message = format!("no role in the manifests lets cert-manager approve requests for {}", issuer.meta);
        let at = location(&issuer.meta.at);
        findings.report(&CM_APPROVAL_MISSING, &at, message).subject(&issuer.meta.to_string()).add();
    }
}
