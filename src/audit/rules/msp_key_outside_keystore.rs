//! A private key is among certificates.

use super::check::{Check, Context};
use crate::audit::catalogue::MSP_KEY_OUTSIDE_KEYSTORE;
use std::path::Path;

use super::paste;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &MSP_KEY_OUTSIDE_KEYSTORE, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for key in subject.keys.iter().filter(|k| !k.in_its_place) {
        let into = key.at.path.file_name().map(|name| subject.inside(&Path::new("keystore").join(name)));
        // A certificate in the same file stays where it is.
        let shared = subject.certificates.iter().any(|c| c.at.path == key.at.path);
        let remedy = match into.filter(|_| !shared) {
            Some(into) => {
                format!("{} # and enrol again if the folder was ever shared", paste::rename(&key.at.path, &into))
            }
            None => MSP_KEY_OUTSIDE_KEYSTORE.remedy.to_owned(),
        };
        findings
            .report(&MSP_KEY_OUTSIDE_KEYSTORE, &key.at, "this private key is outside keystore")
            .remedy(remedy)
            .add();
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
        assert!(found(&CHECK, &subject).is_empty());
        let mut stray = held_key("msp/signcerts/cert.pem", &peer.key);
        stray.in_its_place = false;
        subject.keys.push(stray);
        let beside = found(&CHECK, &subject);
        assert!(beside.len() == 1 && beside[0].remedy.starts_with("mv -nT "), "{beside:?}");
        let certificate = subject.certificates[0].at.path.clone();
        subject.keys.retain(|key| key.in_its_place);
        let mut stray = held_key(&certificate.display().to_string(), &peer.key);
        stray.in_its_place = false;
        subject.keys.push(stray);
        assert_eq!(
            found(&CHECK, &subject)[0].remedy,
            MSP_KEY_OUTSIDE_KEYSTORE.remedy,
            "the certificate in the same file stays"
        );
    }
}
