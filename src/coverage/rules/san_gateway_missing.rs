//! A certificate that lacks the name of a gateway Service, or another name that is dialled.

use super::member_names;
use crate::audit::catalogue::SAN_GATEWAY_MISSING;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::manifests::Need;

pub(super) static CHECK: Check = Check { rule: &SAN_GATEWAY_MISSING, check };

/// The names by which manifests dial or route to each node.
fn check(covered: &Covered, findings: &mut Findings) {
    member_names::report(&SAN_GATEWAY_MISSING, Need::Required, covered, findings);
}
