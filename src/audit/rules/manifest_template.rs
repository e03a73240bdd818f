//! A template that Helm has not rendered.

use super::check::{Check, Context};
use crate::audit::catalogue::MANIFEST_TEMPLATE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &MANIFEST_TEMPLATE, applies: |subject, _| subject.manifest.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for trouble in subject.troubles.iter().filter(|t| *t.rule == MANIFEST_TEMPLATE) {
        findings.report(&MANIFEST_TEMPLATE, &trouble.at, trouble.reason.as_str()).add();
    }
}
