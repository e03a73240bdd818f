//! A critical extension that Go does not know.

use super::check::{Check, Context};
use crate::audit::catalogue::EXT_CRITICAL_UNKNOWN;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &EXT_CRITICAL_UNKNOWN, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let cert = &held.cert;

        if !cert.unhandled_critical().is_empty() {
            findings
                .report(
                    &EXT_CRITICAL_UNKNOWN,
                    &held.at,
                    format!("Go does not handle its critical extension {}", cert.unhandled_critical().join(", ")),
                )
                .subject(cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;

    #[test]
    fn an_unknown_critical_extension_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        spec.extra.push((&[1, 2, 3, 4, 5], false, vec![5, 0]));
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        spec.extra.push((&[1, 2, 3, 4, 6], true, vec![5, 0]));
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), 1);
    }
}
