//! The certificate holds a wildcard.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::HeldCert;
use crate::audit::subject::Subject;
use crate::name::SanName;

pub(super) static RULE: Rule = Rule {
    id: "san-wildcard",
    title: "a wildcard stands among the names",
    rationale: "A wildcard stands for exactly one whole first label, and runtimes differ: Go takes no \
                partial ones (peer*.x), Node none directly below a single label (*.ns). A key that answers \
                to every name of a namespace is also worth more to a thief.",
    remedy: "list the names: fabcert enroll --san NAME,NAME",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "7.1" },
        Source::Go { package: "crypto/x509", item: "matchHostnames" },
    ],
    refusals: &[],
    applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        for name in held.cert.sans() {
            let SanName::Dns(host) = name else { continue };
            let text = host.as_str();
            if !text.contains('*') {
                continue;
            }
            let fails = match text.strip_prefix("*.") {
                None => "Go clients never match it",
                Some(rest) if !rest.contains('.') => "Node clients do not match it",
                Some(_) => "it covers one label and no more",
            };
            findings
                .report(&RULE, &held.at, format!("{text}: {fails}"))
                .subject(held.cert.subject())
                .names([text.to_owned()])
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn wildcards_are_found_with_the_clients_that_fail() {
        let root = ca("root").self_signed();
        let findings = |name: &str| found(&RULE, &tls_folder(&server("peer1", &[name]).issued_by(&root), &root));
        assert!(findings("a.ns").is_empty());
        for (name, word) in [("*.ns", "Node"), ("peer*.ns.svc", "Go"), ("*.ns.svc", "one label")] {
            assert!(findings(name)[0].message.contains(word), "{name}");
        }
    }
}
