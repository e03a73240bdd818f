//! A private key stands among certificates.

use std::path::Path;

use super::paste;
use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;

pub(super) static RULE: Rule = Rule {
    id: "msp-key-outside-keystore",
    title: "a private key stands outside keystore",
    rationale: "Folders of certificates are copied to others and printed; a key among them is given away. In \
                a folder that Fabric reads it also refuses the MSP.",
    remedy: "move the key into keystore, and enrol again if the folder was ever shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimpl.go", item: "getCertFromPem" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for key in subject.keys.iter().filter(|k| !k.in_its_place) {
        let remedy = format!(
            "{} # and enrol again if the folder was ever shared",
            paste::rename(&key.at.path, &subject.inside(Path::new("keystore/")))
        );
        findings.report(&RULE, &key.at, "a private key stands here, outside keystore").remedy(remedy).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, held_key, identity, msp_folder};
    use super::*;

    #[test]
    fn a_key_beside_the_certificate_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        assert!(found(&RULE, &subject).is_empty());
        let mut stray = held_key("msp/signcerts/cert.pem", &peer.key);
        stray.in_its_place = false;
        subject.keys.push(stray);
        assert_eq!(found(&RULE, &subject).len(), 1);
    }
}
