//! A CA stands in the folder or file of the other kind.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "chain-wrong-folder",
    title: "a root stands among intermediates, or an intermediate as the only anchor",
    rationale: "Roots belong into cacerts, tlscacerts and ca.crt, intermediates into the folders beside them. Fabric and Go \
                make do with either in places; Node refuses a server when the anchor it was given is no root.",
    remedy: "put the root into ca.crt (cacerts, tlscacerts) and intermediates behind the leaf (intermediatecerts, \
             tlsintermediatecerts)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 5280, section: "6.1.1" },
        Source::Convention("Node 20: UNABLE_TO_GET_ISSUER_CERT without the self-signed root"),
    ],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked() {
        let message = match held.place {
            Place::IntermediateCa | Place::TlsIntermediateCa if issuer == Issuer::Itself => {
                "it is a self-signed root and stands among the intermediates".to_owned()
            }
            Place::ServerAnchor if held.cert.is_ca() && issuer == Issuer::Absent => format!(
                "it is an intermediate, and its root \"{}\" is not there: Go and Java clients accept it as anchor, Node \
                 clients do not",
                held.cert.issuer()
            ),
            _ => continue,
        };
        findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, identity, server, tls_folder};
    use super::*;
    use crate::audit::model::subject::SubjectKind;

    #[test]
    fn a_root_among_the_intermediates_is_found() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let peer = identity("peer1").issued_by(&middle);
        let folder = |intermediate| {
            let certs =
                [(Place::SignCert, &peer.cert), (Place::RootCa, &root.cert), (Place::IntermediateCa, intermediate)];
            found(&RULE, &holding(SubjectKind::Msp, certs)).len()
        };
        assert_eq!((folder(&middle.cert), folder(&root.cert)), (0, 1));
    }

    #[test]
    fn an_anchor_that_is_an_intermediate_fails_in_node_only() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let leaf = server("peer1", &["peer1"]).issued_by(&middle);
        assert!(found(&RULE, &tls_folder(&leaf, &middle))[0].message.contains("Node clients do not"));
        assert!(found(&RULE, &tls_folder(&server("peer1", &["peer1"]).issued_by(&root), &root)).is_empty());
    }
}
