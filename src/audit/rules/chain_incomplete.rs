//! A server does not send the intermediate CA that issued its certificate.

use crate::audit::finding::{Findings, Severity};
use crate::audit::links::Issuer;
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::{Place, Subject};

pub(super) static RULE: Rule = Rule {
    id: "chain-incomplete",
    title: "the server does not send an intermediate CA on its path",
    rationale: "A client that has the root alone cannot find the way there without the intermediates, which the \
                server has to send. That one of them stands in ca.crt helps Go and Java, not Node, and not \
                clients with another file.",
    remedy: "put the intermediate behind the certificate: cat server.crt intermediate.crt (fabcert enroll does)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 8446, section: "4.4.2" },
        Source::Go { package: "crypto/tls", item: "Certificate" },
    ],
    refusals: &[],
    applies: |subject, _| subject.at(Place::Server).next().is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(leaf) = subject.certificates.iter().position(|c| c.place == Place::Server) else { return };
    let links = subject.links();
    for at in links.path(leaf) {
        let ca = &subject.certificates[at];
        let is_root = links.issuer(at) == Issuer::Itself;
        // The Go client keeps intermediates in a folder of their own, from which the server file is put together.
        let is_sent = ca.place == Place::ServerChain;
        if !is_root && !is_sent && ca.cert.is_ca() {
            let held = &subject.certificates[leaf];
            let message =
                format!("\"{}\" is on its path and stands in {} only", ca.cert.subject(), ca.at.path.display());
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, holding, server};
    use super::*;
    use crate::audit::subject::SubjectKind;

    #[test]
    fn an_intermediate_in_the_anchors_only_is_found() {
        let root = ca("root").self_signed();
        let middle = ca("middle").issued_by(&root);
        let leaf = server("peer1", &["peer1"]).issued_by(&middle);
        let folder = |place| {
            let certs = [(Place::Server, &leaf.cert), (place, &middle.cert), (Place::ServerAnchor, &root.cert)];
            found(&RULE, &holding(SubjectKind::Tls, certs)).len()
        };
        assert_eq!((folder(Place::ServerChain), folder(Place::ServerAnchor)), (0, 1));
    }
}
