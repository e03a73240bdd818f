//! A folder that Fabric needs is missing, misplaced or misspelt.

use super::check::{Check, Context};
use crate::audit::catalogue::{MSP_LAYOUT, Severity};
use std::path::Path;

use super::paste;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::msp::MSP_PARTS;

pub(super) static CHECK: Check = Check { rule: &MSP_LAYOUT, applies: |subject, _| subject.msp.is_some(), check };

/// Whether it has the name of a folder of an MSP, but not in lower case.
pub(super) fn is_in_other_letters(stranger: &Path) -> bool {
    MSP_PARTS.iter().any(|f| stranger.as_os_str().eq_ignore_ascii_case(f))
}

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for stranger in subject.msp.iter().flat_map(|facts| &facts.strangers).filter(|s| is_in_other_letters(s)) {
        let name = stranger.to_string_lossy();
        let message = format!("Fabric does not read {name}; the expected name is {}", name.to_ascii_lowercase());
        let path = subject.inside(stranger);
        let remedy = paste::rename(&path, &subject.inside(Path::new(&name.to_ascii_lowercase())));
        findings.report(&MSP_LAYOUT, &Location::whole(path), message).severity(Severity::Warning).remedy(remedy).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn a_folder_in_other_letters_is_found() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        subject.msp.get_or_insert_default().strangers = vec!["user".into()];
        assert!(found(&CHECK, &subject).is_empty());
        subject.msp.get_or_insert_default().strangers = vec!["TLSCACerts".into()];
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Warning);
    }
}
