//! The same SAN twice.

use std::collections::HashSet;

use super::check::{Check, Context};
use crate::audit::catalogue::SAN_DUPLICATE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use crate::pki::name::NameIndex;

pub(super) static CHECK: Check =
    Check { rule: &SAN_DUPLICATE, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let sans = held.cert.sans();
        let (mut before, mut reported) = (NameIndex::default(), HashSet::new());
        let mut twice: Vec<String> = Vec::new();
        for name in sans {
            if before.holds(name) && reported.insert(name.to_string().to_ascii_lowercase()) {
                twice.push(name.to_string());
            }
            before.insert(name);
        }
        if !twice.is_empty() {
            findings
                .report(&SAN_DUPLICATE, &held.at, format!("{} occurs more than once among the SANs", twice.join(", ")))
                .subject(held.cert.subject())
                .names(twice)
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn a_name_in_two_spellings_is_the_same_name() {
        let root = ca("tlsca").self_signed();
        let spec = server("peer0", &["peer0", "PEER0", "peer0", "peer1"]);
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root))[0].names, ["PEER0"]);
        assert_eq!(found(&CHECK, &tls_folder(&server("p", &["peer0", "peer1"]).issued_by(&root), &root)), []);
    }
}
