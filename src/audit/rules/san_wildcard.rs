//! A wildcard among the SANs.

use super::check::{Check, Context};
use crate::audit::catalogue::SAN_WILDCARD;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::SanName;

pub(super) static CHECK: Check =
    Check { rule: &SAN_WILDCARD, applies: |subject, _| subject.certificates.iter().any(HeldCert::is_tls_leaf), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        for name in held.cert.sans() {
            let SanName::Dns(host) = name else { continue };
            let Some(why) = reading(host.as_str()) else { continue };
            findings
                .report(&SAN_WILDCARD, &held.at, format!("{host}: {why}"))
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
            format!("it matches every host one label in front of .{rest}, but no deeper name")
        } else {
            format!("Go and Java clients match it with any one label in front of .{rest}, Node clients refuse it")
        }
    } else if first.contains('*') && first != "*" && !rest.contains('*') {
        "a wildcard inside a label matches in Node and Java, but never in Go clients, peers and the peer CLI".to_owned()
    } else {
        "no Go client matches such a wildcard: it is alone, occurs twice, or is after the first label".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::catalogue::Severity;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn each_kind_of_wildcard_names_the_clients_that_fail() {
        let root = ca("tlsca").self_signed();
        for (pattern, words) in [
            ("*.ns", "Node clients refuse it"),
            ("*.ns.svc.cluster.local", "no deeper name"),
            ("peer*.ns.svc", "never in Go clients"),
            ("*", "no Go client"),
            ("a.*.ns", "no Go client"),
            ("*.*.ns", "no Go client"),
        ] {
            let findings = found(&CHECK, &tls_folder(&server("peer0", &["peer0", pattern]).issued_by(&root), &root));
            assert_eq!(findings.len(), 1, "{pattern}");
            assert!(findings[0].message.contains(words), "{}", findings[0].message);
            assert_eq!((findings[0].names[0].as_str(), findings[0].severity), (pattern, Severity::Warning));
        }
    }

    #[test]
    fn plain_names_give_nothing() {
        let root = ca("tlsca").self_signed();
        assert_eq!(found(&CHECK, &tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root)), []);
    }
}
