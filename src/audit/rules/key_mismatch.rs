//! Key and certificate do not belong together.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;
use crate::audit::subject::{Place, spki_hash};

pub(super) static RULE: Rule = Rule {
    id: "key-mismatch",
    title: "the private key belongs to another certificate",
    rationale: "A server with such a pair does not start. In an MSP, a wrong key under the right name lets \
                the peer start, and everyone refuses its signatures.",
    remedy: "enrol again: fabcert enroll writes pairs that belong together",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Go { package: "crypto/tls", item: "X509KeyPair" },
        Source::Fabric { path: "fabric-lib-go bccsp/sw/fileks.go", item: "GetKey" },
    ],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.at(Place::SignCert) {
        let name = held.cert.ski().key_file_name();
        let own = spki_hash(held.cert.spki_der());
        for key in subject.keys.iter().filter(|k| k.at.path.file_name().is_some_and(|n| n == name.as_str())) {
            if key.spki_hash.as_ref().is_some_and(|hash| *hash != own) {
                let message = "it bears the name of the certificate's key and is another key: the peer starts, and everyone refuses what it signs";
                findings.report(&RULE, &key.at, message).subject(held.cert.subject()).add();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, held_key, identity, msp_folder};
    use super::*;

    #[test]
    fn another_key_under_the_right_name_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let path = format!("x/keystore/{}", peer.cert.ski().key_file_name());
        for (key, count) in [(&peer.key, 0), (&root.key, 1)] {
            let mut subject = msp_folder(&peer, &root);
            subject.keys = vec![held_key(&path, key)];
            assert_eq!(found(&RULE, &subject).len(), count);
        }
    }
}
