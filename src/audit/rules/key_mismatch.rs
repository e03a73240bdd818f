//! Key and certificate do not belong together.

use super::check::{Check, Context};
use crate::audit::catalogue::KEY_MISMATCH;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject, SubjectKind, spki_hash};

pub(super) static CHECK: Check = Check {
    rule: &KEY_MISMATCH,
    applies: |subject, _| subject.msp.is_some() || (subject.kind == SubjectKind::Certificate && !subject.is_part),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    in_one_file(subject, findings);
    for held in subject.at(Place::SignCert) {
        let name = held.cert.ski().key_file_name();
        let own = spki_hash(held.cert.spki_der());
        for key in subject.keys.iter().filter(|k| k.at.path.file_name().is_some_and(|n| n == name.as_str())) {
            if key.spki_hash.as_ref().is_some_and(|hash| *hash != own) {
                let message = "it has the file name of the certificate's key, but is another key: the peer starts, and everyone refuses its signatures";
                findings.report(&KEY_MISMATCH, &key.at, message).subject(held.cert.subject()).add();
            }
        }
    }
}

/// A file that holds one leaf and its key, as some proxies require.
fn in_one_file(subject: &Subject, findings: &mut Findings) {
    let mut leaves = subject.certificates.iter().filter(|c| c.place == Place::Loose && !c.cert.is_ca());
    let (Some(leaf), None, [key]) = (leaves.next(), leaves.next(), subject.keys.as_slice()) else { return };
    let own = spki_hash(leaf.cert.spki_der());
    if key.at.path == leaf.at.path && key.spki_hash.as_ref().is_some_and(|hash| *hash != own) {
        let message = "the private key in the same file belongs to another certificate";
        findings.report(&KEY_MISMATCH, &leaf.at, message).subject(leaf.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, held_key, holding, identity, msp_folder, server};
    use super::*;

    #[test]
    fn another_key_under_the_right_name_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let path = format!("x/keystore/{}", peer.cert.ski().key_file_name());
        for (key, count) in [(&peer.key, 0), (&root.key, 1)] {
            let mut subject = msp_folder(&peer, &root);
            subject.keys = vec![held_key(&path, key)];
            assert_eq!(found(&CHECK, &subject).len(), count);
        }
    }

    #[test]
    fn one_file_with_a_leaf_and_another_key_is_found() {
        let root = ca("root").self_signed();
        let peer = server("peer1", &["peer1"]).issued_by(&root);
        let mut subject = holding(SubjectKind::Certificate, [(Place::Loose, &peer.cert), (Place::Loose, &root.cert)]);
        for (path, key, count) in [("x/0.pem", &peer.key, 0), ("x/0.pem", &root.key, 1), ("x/other.pem", &root.key, 0)]
        {
            subject.keys = vec![held_key(path, key)];
            assert_eq!(found(&CHECK, &subject).len(), count, "{path}");
        }
    }
}
