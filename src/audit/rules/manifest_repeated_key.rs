//! A key that occurs twice in one mapping of a manifest.

use super::check::{Check, Context};
use crate::audit::catalogue::MANIFEST_REPEATED_KEY;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &MANIFEST_REPEATED_KEY, applies: |subject, _| subject.manifest.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for trouble in subject.troubles.iter().filter(|t| *t.rule == MANIFEST_REPEATED_KEY) {
        findings.report(&MANIFEST_REPEATED_KEY, &trouble.at, trouble.reason.as_str()).add();
    }
}
