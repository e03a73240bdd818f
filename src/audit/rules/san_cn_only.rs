//! The name that clients dial stands in the CN alone.

use super::wanted;
use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{HeldCert, Subject};

pub(super) static RULE: Rule = Rule {
    id: "san-cn-only",
    title: "the name that clients dial stands in the CN only",
    rationale: "Node and Java go by the CN when there is no SAN, so such a certificate works until a Go client comes: \
                another peer, the gateway of another organisation, the peer CLI. Go has not looked at the CN since 1.15.",
    remedy: "enrol again with the name as a SAN: fabcert enroll --force --san NAME,... with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "2" },
        Source::Go { package: "crypto/x509", item: "HostnameError.Error" },
    ],
    refusals: &[],
    applies: |subject, context| {
        context.expectation.required().next().is_some() && subject.certificates.iter().any(HeldCert::is_tls_leaf)
    },
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let Some(name) = context.expectation.required().map(|n| &n.name).find(|n| wanted::is_common_name(held, n))
        else {
            continue;
        };
        findings
            .report(
                &RULE,
                &held.at,
                format!("{name} stands in the CN and there is no SAN: Go clients refuse it, Node and Java accept it"),
            )
            .subject(held.cert.subject())
            .names([name.to_string()])
            .remedy(wanted::command(subject, held.cert.sans(), [name]))
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, server, tls_folder};

    #[test]
    fn a_dialled_name_in_the_cn_without_a_san_is_found() {
        let root = ca("tlsca").self_signed();
        let bare = tls_folder(&server("peer0", &[]).issued_by(&root), &root);
        assert_eq!(found_expecting(&RULE, &bare, &expecting(&["peer0"], None))[0].names, ["peer0"]);
        assert_eq!(found_expecting(&RULE, &bare, &expecting(&["peer1"], None)), []);
    }

    #[test]
    fn with_a_san_no_client_looks_at_the_cn() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&RULE, &subject, &expecting(&["peer0"], None)), []);
    }
}
