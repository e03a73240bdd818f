//! A certificate that holds only the short form of a Service's name.

use super::member_names;
use crate::audit::catalogue::SAN_SHORT_ONLY;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::manifests::Need;

pub(super) static CHECK: Check = Check { rule: &SAN_SHORT_ONLY, check };

/// The forms of Service names that nothing in the manifests dials.
fn check(covered: &Covered, findings: &mut Findings) {
    member_names::report(&SAN_SHORT_ONLY, Need::Advised, covered, findings);
}
