//! signcerts holds several certificates.

use super::check::{Check, Context};
use crate::audit::catalogue::SIGNCERTS_MANY;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use std::path::Path;

use crate::audit::model::subject::{Location, Place};

pub(super) static CHECK: Check = Check { rule: &SIGNCERTS_MANY, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let mut files: Vec<&Path> = subject
        .certificates
        .iter()
        .filter(|c| matches!(c.place, Place::SignCert | Place::SignCertExtra))
        .map(|c| c.at.path.as_path())
        .collect();
    files.dedup();
    if let [taken, rest @ ..] = files.as_slice()
        && !rest.is_empty()
    {
        let names: Vec<String> = rest.iter().map(|p| p.display().to_string()).collect();
        let message = format!("Fabric takes {} and ignores {}", taken.display(), names.join(", "));
        findings.report(&SIGNCERTS_MANY, &Location::whole(subject.inside(Path::new("signcerts"))), message).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, identity};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn two_files_are_found_and_one_with_its_chain_is_not() {
        let root = ca("root").self_signed();
        let (one, two) = (identity("peer1").issued_by(&root), identity("peer2").issued_by(&root));
        let mut subject = holding(SubjectKind::Msp, [(Place::SignCert, &one.cert), (Place::SignCertExtra, &two.cert)]);
        subject.msp = Some(crate::audit::model::subject::MspFacts::default());
        assert_eq!(found(&CHECK, &subject).len(), 1);
        let at = subject.certificates[0].at.clone();
        subject.certificates[1].at = at;
        assert!(found(&CHECK, &subject).is_empty(), "two blocks of one file");
    }
}
