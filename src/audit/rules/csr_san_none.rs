//! A CSR requests no names.

use super::check::{Check, Context};
use crate::audit::catalogue::CSR_SAN_NONE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check = Check {
    rule: &CSR_SAN_NONE,
    // With expected names, san-missing reports the missing ones.
    applies: |subject, context| !subject.csrs.is_empty() && context.expectation.required().next().is_none(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for csr in subject.csrs.iter().filter(|c| c.sans.is_empty()) {
        findings.report(&CSR_SAN_NONE, &csr.at, "the CSR requests no names").subject(&csr.subject).add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::catalogue::Severity;
    use crate::audit::model::subject::{HeldCsr, Location, SubjectKind};
    use crate::audit::rules::fixture::{expecting, found, found_expecting};
    use crate::audit::rules::san_missing;
    use crate::pki::x509::SignatureCheck;

    fn csr(names: &[&str]) -> Subject {
        let mut subject = Subject::new(SubjectKind::Csr, "x.csr");
        subject.csrs.push(HeldCsr {
            at: Location::whole("x.csr"),
            subject: "CN=p".to_owned(),
            sans: names.iter().map(|n| n.parse().expect("a name")).collect(),
            signature: SignatureCheck::Good,
            key: "P-256".to_owned(),
        });
        subject
    }

    #[test]
    fn a_csr_without_names_is_a_note_and_with_expectations_an_error_of_another_rule() {
        assert_eq!(found(&CHECK, &csr(&["p"])), []);
        let subject = csr(&[]);
        assert_eq!(found(&CHECK, &subject)[0].severity, Severity::Note);
        let expectation = expecting(&["p"], None);
        assert_eq!(found_expecting(&CHECK, &subject, &expectation), []);
        assert_eq!(found_expecting(&san_missing::CHECK, &subject, &expectation)[0].names, ["p"]);
    }
}
