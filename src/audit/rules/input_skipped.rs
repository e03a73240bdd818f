//! An input was skipped.

use super::check::{Check, Context};
use crate::audit::catalogue::{INPUT_SKIPPED, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &INPUT_SKIPPED, applies: |subject, _| !subject.troubles.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let severity = if subject.is_cut { Severity::Error } else { INPUT_SKIPPED.severity };
    for trouble in subject.troubles.iter().filter(|t| *t.rule == INPUT_SKIPPED) {
        findings.report(&INPUT_SKIPPED, &trouble.at, trouble.reason.as_str()).severity(severity).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::audit::model::subject::{Location, Trouble};

    #[test]
    fn a_skipped_input_is_reported() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        assert!(found(&CHECK, &subject).is_empty());
        subject.troubles.push(Trouble { at: Location::whole("pipe"), rule: &INPUT_SKIPPED, reason: "a pipe".into() });
        assert_eq!(found(&CHECK, &subject).len(), 1);
    }
}
