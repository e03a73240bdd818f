//! The name that clients dial is only in the CN.

use super::check::{Check, Context};
use super::wanted;
use crate::audit::catalogue::SAN_CN_ONLY;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};

pub(super) static CHECK: Check = Check {
    rule: &SAN_CN_ONLY,
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
                &SAN_CN_ONLY,
                &held.at,
                format!("{name} is in the CN, but there is no SAN: Go clients refuse it, Node and Java accept it"),
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
        assert_eq!(found_expecting(&CHECK, &bare, &expecting(&["peer0"], None))[0].names, ["peer0"]);
        assert_eq!(found_expecting(&CHECK, &bare, &expecting(&["peer1"], None)), []);
    }

    #[test]
    fn with_a_san_no_client_looks_at_the_cn() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&CHECK, &subject, &expecting(&["peer0"], None)), []);
    }
}
