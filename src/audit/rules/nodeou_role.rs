//! The identity has another role than expected.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Place;
use crate::audit::subject::Subject;
use crate::x509::NodeOu;

pub(super) static RULE: Rule = Rule {
    id: "nodeou-role",
    title: "the identity has another role than the one expected",
    rationale: "A peer whose certificate says client or admin starts, and its endorsements then fail the \
                policy Org.peer.",
    remedy: "register the identity with the right --id.type and enrol again",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" }],
    refusals: &[],
    applies: |subject, context| context.expectation.role.is_some() && subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let Some(wanted) = context.expectation.role else { return };
    for held in subject.at(Place::SignCert) {
        let found = NodeOu::among(held.cert.organizational_units());
        if found != [wanted] {
            let ous = held.cert.organizational_units().join(", ");
            let ous = if ous.is_empty() { "none".to_owned() } else { ous };
            findings
                .report(&RULE, &held.at, format!("{wanted} is expected, and its OUs are: {ous}"))
                .subject(held.cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{found_expecting, holding};
    use super::*;
    use crate::audit::{Expectation, MspFacts, SubjectKind};
    use crate::x509::Cert;

    #[test]
    fn another_role_than_the_expected_one_is_found() {
        let pem = include_bytes!("../../../testdata/certs/go-client-ecert.pem");
        let peer = Cert::all_from_pem(pem).unwrap().remove(0);
        let mut subject = holding(SubjectKind::Msp, [(Place::SignCert, &peer)]);
        subject.msp = Some(MspFacts::default());
        let expecting = |role| Expectation { role: Some(role), ..Expectation::default() };
        assert!(found_expecting(&RULE, &subject, &expecting(NodeOu::Peer)).is_empty());
        assert_eq!(found_expecting(&RULE, &subject, &expecting(NodeOu::Orderer)).len(), 1);
    }
}
