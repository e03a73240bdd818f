//! A gateway Service's name, or another that is dialled, is not in the certificate of the node that it leads to.

use super::member_names;
use crate::audit::catalogue::SAN_GATEWAY_MISSING;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::manifests::Need;

pub(super) static CHECK: Check = Check { rule: &SAN_GATEWAY_MISSING, check };

/// The names that manifests lead to each node by: those that something dials or routes.
fn check(covered: &Covered, findings: &mut Findings) {
    member_names::report(&SAN_GATEWAY_MISSING, Need::Required, covered, findings);
}
