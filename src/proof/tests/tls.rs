//! TLS folders judged before they are installed.

use rcgen::{CertificateParams, CustomExtension, SanType};

use super::super::{PlanError, Purpose, TlsFolderRequest, TlsPlan};
use super::minted::{Asked, NOW, ca, leaf, root};
use crate::ErrorKind;
use crate::install::KeyAccess;
use crate::msp::TlsNames;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::SanName;

/// What the plans of both forms say to a proven certificate, when clients dial these names.
fn planned(
    asked: &Asked,
    root_ca: CertificateParams,
    leaf: &CertificateParams,
    dialled: &[&str],
) -> [Result<(), PlanError>; 2] {
    let root = root(root_ca);
    let verified = asked.verify(&asked.issued(leaf, &root), &[&root]).unwrap();
    let sans: Vec<SanName> = dialled.iter().map(|n| n.parse().unwrap()).collect();
    let request = TlsFolderRequest {
        tls: &verified,
        key: &asked.key,
        sans: &sans,
        now: NOW,
        key_access: KeyAccess::default(),
        others: &[],
    };
    [TlsPlan::build(&request, TlsNames::K8s).map(drop), TlsPlan::build_msp_shaped(&request, "ca").map(drop)]
}

fn refused_by(planned: [Result<(), PlanError>; 2]) -> [&'static str; 2] {
    planned.map(|plan| match plan {
        Ok(()) => "accepted",
        Err(PlanError::IssuedTls { refusal }) => refusal.key,
        Err(e) => panic!("{e}"),
    })
}

fn unknown_critical() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

#[test]
fn a_good_folder_is_planned_under_every_kind_of_name() {
    let mut asked = Asked::new(Purpose::Tls);
    let mut params = leaf(Purpose::Tls);
    params.subject_alt_names.extend([
        SanType::DnsName("*.org1.example".try_into().unwrap()),
        SanType::IpAddress([10, 0, 0, 1].into()),
        SanType::Rfc822Name("ops@org1.example".try_into().unwrap()),
        SanType::URI("spiffe://org1/peer1".try_into().unwrap()),
    ]);
    let names = ["peer1", "gateway", "*.org1.example", "10.0.0.1", "ops@org1.example", "spiffe://org1/peer1"];
    asked.sans = names.map(|n| n.parse().unwrap()).to_vec();
    assert_eq!(planned(&asked, ca("root"), &params, &names), [Ok(()), Ok(())]);
}

#[test]
fn a_name_that_no_client_could_dial_is_refused() {
    let found = planned(&Asked::new(Purpose::Tls), ca("root"), &leaf(Purpose::Tls), &["peer1", "other"]);
    assert_eq!(refused_by(found), ["wrong-host"; 2]);
}

#[test]
fn a_chain_that_clients_refuse_is_refused_without_any_name() {
    let mut odd = ca("root");
    odd.custom_extensions = vec![unknown_critical()];
    let found = planned(&Asked::new(Purpose::Tls), odd, &leaf(Purpose::Tls), &[]);
    assert_eq!(refused_by(found), ["unknown-critical-extension"; 2]);
}

#[test]
fn a_certificate_that_go_cannot_read_is_refused() {
    let mut odd = leaf(Purpose::Tls);
    odd.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]); 2];
    let found = planned(&Asked::new(Purpose::Tls), ca("root"), &odd, &[]);
    let [Err(three), Err(shaped)] = found else { panic!("{found:?}") };
    for error in [three, shaped] {
        let error = crate::Error::from(error);
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::NotAsAsked, 8));
        assert!(error.to_string().contains("1.2.3.4 appears twice"), "{error}");
    }
}

#[test]
fn another_key_or_a_signing_certificate_is_a_bug() {
    let stranger = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    for (purpose, what) in [(Purpose::Tls, "key"), (Purpose::Sign, "TLS certificate")] {
        let (asked, root) = (Asked::new(purpose), root(ca("root")));
        let verified = asked.verify(&asked.issued(&leaf(purpose), &root), &[&root]).unwrap();
        let key = if purpose == Purpose::Tls { &stranger } else { &asked.key };
        let request = TlsFolderRequest {
            tls: &verified,
            key,
            sans: &[],
            now: NOW,
            key_access: KeyAccess::default(),
            others: &[],
        };
        let plans = [TlsPlan::build(&request, TlsNames::Fabric), TlsPlan::build_msp_shaped(&request, "ca")];
        for plan in plans {
            assert_eq!(plan.map(drop), Err(PlanError::Mismatch { what }));
        }
    }
}
