//! The extension of Fabric CA attributes cannot be read.

use super::check::{Check, Context};
use crate::audit::catalogue::ATTRS_INVALID;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &ATTRS_INVALID, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.cert.has_unreadable_attributes()) {
        findings
            .report(
                &ATTRS_INVALID,
                &held.at,
                "the extension 1.2.3.4.5.6.7.8.1 does not hold {\"attrs\":{...}} as a Fabric CA writes it",
            )
            .subject(held.cert.subject())
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, identity, msp_folder};

    #[test]
    fn what_a_fabric_ca_writes_is_fine_and_der_around_it_is_not() {
        let root = ca("ca").self_signed();
        let with = |content: &[u8]| {
            let mut spec = identity("p");
            spec.extra.push((&[1, 2, 3, 4, 5, 6, 7, 8, 1], false, content.to_vec()));
            found(&CHECK, &msp_folder(&spec.issued_by(&root), &root)).len()
        };
        assert_eq!(with(br#"{"attrs":{"hf.Type":"peer"}}"#), 0);
        assert_eq!(with(br#"{"attrs":{}}"#), 0);
        assert_eq!(with(b"\x0c\x02{}"), 1);
        assert_eq!(with(br#"{"attrs":[]}"#), 1);
    }
}
