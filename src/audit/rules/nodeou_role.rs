//! The identity has another role than expected.

use super::check::{Check, Context};
use crate::audit::catalogue::NODEOU_ROLE;
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};
use crate::pki::x509::NodeOu;

pub(super) static CHECK: Check = Check { rule: &NODEOU_ROLE, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let reported = context.expectation.role.map(|role| (role, "is expected"));
    let seen = || role_of_place(&subject.path).map(|role| (role, "is the role for this folder"));
    let Some((wanted, why)) = reported.or_else(seen) else { return };
    for held in subject.at(Place::SignCert) {
        let found = NodeOu::among(held.cert.organizational_units());
        // Without NodeOUs, a node needs no role; only an explicit expectation requires one.
        if found != [wanted] && (reported.is_some() || !found.is_empty()) {
            let ous = held.cert.organizational_units().join(", ");
            let ous = if ous.is_empty() { "none".to_owned() } else { ous };
            findings
                .report(&NODEOU_ROLE, &held.at, format!("{wanted} {why}, but its OUs are: {ous}"))
                .subject(held.cert.subject())
                .add();
        }
    }
}

/// The role of a node by the path of its folder, in the layout of cryptogen and the sample networks:
/// `peers/NAME/msp`, `orderers/NAME/msp`.
fn role_of_place(msp: &Path) -> Option<NodeOu> {
    match msp.parent()?.parent()?.file_name()?.to_str()? {
        "peers" => Some(NodeOu::Peer),
        "orderers" => Some(NodeOu::Orderer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, found_expecting, holding, identity, msp_folder};
    use super::*;
    use crate::audit::SubjectKind;
    use crate::audit::model::expectation::Expectation;
    use crate::audit::model::subject::MspFacts;
    use crate::pki::x509::Cert;

    #[test]
    fn another_role_than_the_expected_one_is_found() {
        let pem = include_bytes!("../../../testdata/certs/go-client-ecert.pem");
        let peer = Cert::all_from_pem(pem).unwrap().remove(0);
        let mut subject = holding(SubjectKind::Msp, [(Place::SignCert, &peer)]);
        subject.msp = Some(MspFacts::default());
        let expecting = |role| Expectation { role: Some(role), ..Expectation::default() };
        assert!(found_expecting(&CHECK, &subject, &expecting(NodeOu::Peer)).is_empty());
        assert_eq!(found_expecting(&CHECK, &subject, &expecting(NodeOu::Orderer)).len(), 1);
    }

    #[test]
    fn a_node_in_the_folder_of_another_kind_is_found() {
        let pem = include_bytes!("../../../testdata/certs/go-client-ecert.pem");
        let peer = Cert::all_from_pem(pem).unwrap().remove(0);
        let mut subject = holding(SubjectKind::Msp, [(Place::SignCert, &peer)]);
        subject.msp = Some(MspFacts::default());
        for (path, count) in [("o/peers/p/msp", 0), ("o/orderers/p/msp", 1), ("users/p/msp", 0), ("msp", 0)] {
            subject.path = path.into();
            assert_eq!(found(&CHECK, &subject).len(), count, "{path}");
        }
    }

    #[test]
    fn an_identity_without_a_role_is_found_only_if_one_is_expected() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        subject.path = "o/peers/p/msp".into();
        assert!(found(&CHECK, &subject).is_empty());
        let expectation = Expectation { role: Some(NodeOu::Peer), ..Expectation::default() };
        assert!(found_expecting(&CHECK, &subject, &expectation)[0].message.contains("none"));
    }
}
