//! A key that is too weak or that TLS cannot use.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Place;
use crate::audit::subject::Subject;
use crate::x509::PublicKeyKind;

pub(super) static RULE: Rule = Rule {
    id: "key-weak",
    title: "the key is weak or of no use for TLS",
    rationale: "RSA below 2048 bits can be broken by those who care; TLS has no use for P-224 and other odd \
                curves, so that every handshake fails although the peer starts.",
    remedy: "make a P-256 key and enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Convention("NIST SP 800-57 part 1: 112 bits of strength at least"),
        Source::Go { package: "crypto/tls", item: "signatureSchemesForCertificate" },
    ],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;
        let weak = match cert.public_key() {
            PublicKeyKind::Rsa(bits) => *bits < 2048,
            PublicKeyKind::P224 => matches!(held.place, Place::Server | Place::Served),
            PublicKeyKind::Dsa | PublicKeyKind::OtherCurve(_) => true,
            _ => false,
        };
        if weak {
            findings.report(&RULE, &held.at, format!("its key is {}", cert.public_key())).subject(cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, rsa_spki, server, tls_folder};
    use super::*;

    #[test]
    fn short_rsa_keys_are_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        for (bits, count) in [(2048, 0), (1024, 1)] {
            spec.spki = Some(rsa_spki(bits));
            assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), count, "{bits}");
        }
    }
}
