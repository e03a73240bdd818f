//! The keystore holds several keys.

use super::check::{Check, Context};
use crate::audit::catalogue::KEYSTORE_MANY;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use crate::text::shell_word;
use std::path::Path;

use crate::audit::model::subject::{HeldKey, Location, Place, spki_hash};

pub(super) static CHECK: Check = Check { rule: &KEYSTORE_MANY, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let keystore = subject.inside(Path::new("keystore"));
    let keys: Vec<&HeldKey> = subject.keys.iter().filter(|k| k.at.path.starts_with(&keystore)).collect();
    if keys.len() < 2 {
        return;
    }
    let own = subject.at(Place::SignCert).next().map(|c| spki_hash(c.cert.spki_der()));
    let unused: Vec<String> = keys
        .iter()
        .filter(|k| k.spki_hash.is_none() || k.spki_hash != own)
        .map(|k| k.at.path.display().to_string())
        .collect();
    let words: Vec<String> = unused.iter().map(|path| shell_word(path)).collect();
    // Without the right key among them, any of them may be in use; a file that also holds the right key must stay.
    let used = |k: &&HeldKey| k.spki_hash.is_some() && k.spki_hash == own;
    let shared = keys.iter().copied().filter(used).any(|k| unused.contains(&k.at.path.display().to_string()));
    let is_sure = !unused.is_empty() && unused.len() < keys.len() && !shared;
    let remedy = if is_sure { format!("rm {}", words.join(" ")) } else { KEYSTORE_MANY.remedy.to_owned() };
    let message =
        format!("it holds {} keys; these do not belong to the certificate: {}", keys.len(), unused.join(", "));
    findings.report(&KEYSTORE_MANY, &Location::whole(keystore), message).remedy(remedy).add();
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, held_key, identity, msp_folder};
    use super::*;

    #[test]
    fn a_second_key_is_found_and_named() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        subject.keys.clear();
        let path = |name: &str| subject.path.join("keystore").join(name).display().to_string();
        let (own, other) = (held_key(&path("a_sk"), &peer.key), held_key(&path("b_sk"), &root.key));
        subject.keys.push(own);
        assert!(found(&CHECK, &subject).is_empty());
        subject.keys.push(other);
        let findings = found(&CHECK, &subject);
        assert!(findings.len() == 1 && findings[0].message.contains("b_sk") && !findings[0].message.contains("a_sk"));
        assert_eq!(findings[0].remedy, format!("rm {}", path("b_sk")));
        // Another key in the file of the right one, or the right one twice: no file may be removed.
        for (first, second, key) in [("a_sk", "a_sk", &root.key), ("a_sk", "b_sk", &peer.key)] {
            subject.keys = vec![held_key(&path(first), &peer.key), held_key(&path(second), key)];
            assert_eq!(found(&CHECK, &subject)[0].remedy, KEYSTORE_MANY.remedy);
        }
    }

    #[test]
    fn no_key_is_removed_where_the_right_one_is_missing() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        let path = |name: &str| subject.path.join("keystore").join(name).display().to_string();
        subject.keys = vec![held_key(&path("a_sk"), &root.key), held_key(&path("b_sk"), &root.key)];
        assert_eq!(found(&CHECK, &subject)[0].remedy, KEYSTORE_MANY.remedy);
    }
}
