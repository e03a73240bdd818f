//! A wildcard among the SANs.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::SanName;

pub(super) static RULE: Rule = Rule {
    id: "san-wildcard",
    title: "wildcard SAN, which clients read differently",
    rationale: "A wildcard stands for one whole first label and nothing else. Go, Node and Java differ at the edges, and \
                a wildcard also names every other Service beside yours.",
    remedy: "list the names that clients dial in its place: fabcert enroll --force --san NAME,...",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
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
            let Some(why) = reading(host.as_str()) else { continue };
            findings
                .report(&RULE, &held.at, format!("{host}: {why}"))
                .subject(held.cert.subject())
                .names([host.to_string()])
                .add();
        }
    }
}

/// How clients read a name with a wildcard in it (measured with Go 1.26, Node 20 and Java 17 against a peer).
fn reading(pattern: &str) -> Option<String> {
    let (first, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    if !pattern.contains('*') {
        return None;
    }
    Some(if first == "*" && !rest.is_empty() && !rest.contains('*') {
        if rest.contains('.') {
            format!("it stands for one label in front of .{rest} and names every host there; it covers no deeper name")
        } else {
            format!("Go and Java clients take it for any one label in front of .{rest}, Node clients refuse it")
        }
    } else if first.contains('*') && first != "*" && !rest.contains('*') {
        "a wildcard inside a label matches in Node and Java, and never in Go clients, peers and the peer CLI".to_owned()
    } else {
        "no Go client matches such a wildcard: it stands alone, twice, or behind the first label".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn each_kind_of_wildcard_names_the_clients_that_fail() {
        let root = ca("tlsca").self_signed();
        for (pattern, words) in [
            ("*.ns", "Node clients refuse it"),
            ("*.ns.svc.cluster.local", "covers no deeper name"),
            ("peer*.ns.svc", "never in Go clients"),
            ("*", "no Go client"),
            ("a.*.ns", "no Go client"),
            ("*.*.ns", "no Go client"),
        ] {
            let findings = found(&RULE, &tls_folder(&server("peer0", &["peer0", pattern]).issued_by(&root), &root));
            assert_eq!(findings.len(), 1, "{pattern}");
            assert!(findings[0].message.contains(words), "{}", findings[0].message);
            assert_eq!((findings[0].names[0].as_str(), findings[0].severity), (pattern, Severity::Warning));
        }
    }

    #[test]
    fn plain_names_give_nothing() {
        let root = ca("tlsca").self_signed();
        assert_eq!(found(&RULE, &tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root)), []);
    }
}
