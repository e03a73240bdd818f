//! The names that clients dial are on the signing certificate, where they have no effect.

use super::check::{Check, Context};
use crate::audit::catalogue::SAN_ON_MSP_ONLY;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};
use crate::pki::name::NameIndex;
use crate::text::shell_word;

pub(super) static CHECK: Check = Check {
    rule: &SAN_ON_MSP_ONLY,
    applies: |subject, context| subject.msp.is_some() && context.expectation.required().next().is_some(),
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let beside = subject.tls_names_beside.as_deref();
    let beside_index = beside.map(NameIndex::new);
    for held in subject.at(Place::SignCert) {
        let index = NameIndex::new(held.cert.sans());
        let idle: Vec<String> = context
            .expectation
            .required()
            .filter(|n| index.holds(&n.name))
            .filter(|n| !beside_index.as_ref().is_some_and(|tls| tls.holds(&n.name)))
            .map(|n| n.name.to_string())
            .collect();
        if idle.is_empty() {
            continue;
        }
        let place =
            if beside.is_some() { "the TLS folder beside it lacks" } else { "no TLS folder is beside it to hold" };
        let message = format!("the signing certificate holds {}, where it has no effect; {place} it", idle.join(", "));
        let tls = subject.path.with_file_name("tls");
        // An enrolment keeps the names that the certificate in the TLS folder holds.
        let (tls, names) = (shell_word(&tls.to_string_lossy()), shell_word(&idle.join(",")));
        let remedy = format!("fabcert enroll --san {names} --tls-dir {tls} # and the flags of the last enrolment");
        findings
            .report(&SAN_ON_MSP_ONLY, &held.at, message)
            .subject(held.cert.subject())
            .names(idle)
            .remedy(remedy)
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::model::subject::MspFacts;
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, msp_folder, server};

    #[test]
    fn a_gateway_name_on_the_signing_certificate_alone_is_a_warning() {
        let root = ca("ca").self_signed();
        let mut subject = msp_folder(&server("peer0", &["peer0", "gw"]).issued_by(&root), &root);
        subject.msp = Some(MspFacts::default());
        let expectation = expecting(&[], Some("gw"));
        assert_eq!(found_expecting(&CHECK, &subject, &expectation)[0].names, ["gw"]);
        subject.tls_names_beside = Some(vec!["gw".parse().unwrap()]);
        assert_eq!(found_expecting(&CHECK, &subject, &expectation), []);
    }
}
