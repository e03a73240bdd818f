use proptest::prelude::*;
use rcgen::CustomExtension;

use super::*;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::SanName;

const GO_ECERT: &[u8] = include_bytes!("../../../testdata/certs/go-client-ecert.pem");
const GO_TLS: &[u8] = include_bytes!("../../../testdata/certs/go-client-tls.pem");
const LEAF: &[u8] = include_bytes!("../../../testdata/certs/two-intermediates-leaf.pem");
const CAS: &[u8] = include_bytes!("../../../testdata/certs/two-intermediates-cas.pem");
const ROOT: &[u8] = include_bytes!("../../../testdata/certs/two-intermediates-root.pem");

fn one(pem: &[u8]) -> Cert {
    Cert::all_from_pem(pem).unwrap().remove(0)
}

#[test]
fn a_certificate_of_a_real_ca_is_read() {
    let cert = one(GO_ECERT);
    // As `openssl x509 -noout -subject -nameopt RFC2253` prints it.
    assert_eq!(cert.subject(), "CN=peer1,OU=org1+OU=peer+OU=department1,O=Org1,ST=Kent,C=GB");
    assert_eq!(cert.common_name(), Some("peer1"));
    assert_eq!(cert.organizational_units(), ["org1", "peer", "department1"]);
    let sans: Vec<String> = cert.sans().iter().map(ToString::to_string).collect();
    assert_eq!(sans, ["peer1.org1.example", "10.20.30.40"]);
    assert!(matches!(cert.sans()[1], SanName::Ip(_)));
    assert_eq!(cert.extended_key_usage(), None);
    assert_eq!(cert.key_usage(), Some(KeyUsage { digital_signature: true, key_cert_sign: false }));
    assert!(!cert.is_ca());
    assert_eq!(cert.attributes().and_then(|a| a.get("hf.Type")), Some("peer"));
    let key =
        include_bytes!("../../../testdata/keys/7c56d6f605ae3995325ef821b1b08c03c1d183d4d095384393c84f74c3e6a14d_sk");
    let key = KeyPair::from_pem(key).unwrap();
    assert_eq!(cert.ski(), key.ski());
    assert_eq!(cert.spki_der(), key.spki_der());
    assert_eq!(cert.to_pem().as_bytes(), GO_ECERT);
}

#[test]
fn a_tls_profile_certificate_has_both_usages() {
    let eku = *one(GO_TLS).extended_key_usage().unwrap();
    assert_eq!(eku, ExtendedKeyUsage { server_auth: true, client_auth: true, any: false });
}

#[test]
fn the_chain_is_built_by_key_in_any_order() {
    let (leaf, root) = (one(LEAF), one(ROOT));
    let mut pool = Cert::all_from_pem(CAS).unwrap();
    assert_eq!(pool.len(), 2);
    pool.push(root.clone());
    let forward = Chain::build(&leaf, &pool, leaf.not_before()).unwrap();
    pool.reverse();
    let backward = Chain::build(&leaf, &pool, leaf.not_before()).unwrap();
    assert_eq!(forward, backward);
    assert_eq!(forward.root, root);
    assert_eq!(forward.intermediates.len(), 2);
    assert!(leaf.is_issued_by(forward.issuer()));
    assert!(forward.intermediates[1].is_issued_by(&root));
    assert!(!leaf.is_issued_by(&root));
}

#[test]
fn an_incomplete_chain_names_the_missing_issuer() {
    let leaf = one(LEAF);
    assert_eq!(Chain::build(&leaf, &[], leaf.not_before()), Err(ChainError::Empty));
    let error = Chain::build(&leaf, &[one(ROOT)], leaf.not_before()).unwrap_err();
    assert!(matches!(&error, ChainError::IssuerMissing { subject, .. } if subject == leaf.subject()), "{error}");
    let upper_missing = Chain::build(&leaf, &Cert::all_from_pem(CAS).unwrap(), leaf.not_before()).unwrap_err();
    assert!(matches!(upper_missing, ChainError::IssuerMissing { .. }));
}

#[test]
fn a_leaf_is_not_a_ca() {
    let leaf = one(GO_ECERT);
    assert!(matches!(
        Chain::build(&leaf, std::slice::from_ref(&leaf), leaf.not_before()),
        Err(ChainError::IssuerMissing { .. })
    ));
}

/// A certificate of the name `subject` for `key` by the CA `issuer`, with an extension by hand.
fn signed(
    subject: &str,
    is_ca: bool,
    key: &rcgen::KeyPair,
    by: Option<(&rcgen::CertificateParams, &rcgen::KeyPair)>,
    extension: Option<Vec<u8>>,
) -> (rcgen::CertificateParams, Cert) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, subject);
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x2a]));
    if is_ca {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    let oid = [2, 5, 29, 35];
    params.custom_extensions = extension.into_iter().map(|e| CustomExtension::from_oid_content(&oid, e)).collect();
    let cert = match by {
        Some((issuer, signer)) => params.signed_by(key, &rcgen::Issuer::from_params(issuer, signer)).unwrap(),
        None => params.self_signed(key).unwrap(),
    };
    (params, Cert::from_der(cert.der().to_vec()).unwrap())
}

#[test]
fn a_certificate_that_is_not_a_ca_does_not_issue() {
    let keys = [(); 3].map(|()| rcgen::KeyPair::generate().unwrap());
    let (root_params, root) = signed("root", true, &keys[0], None, None);
    let (between_params, between) = signed("between", false, &keys[1], Some((&root_params, &keys[0])), None);
    let (_, leaf) = signed("leaf", false, &keys[2], Some((&between_params, &keys[1])), None);
    let at = leaf.not_before();
    assert!(matches!(Chain::build(&leaf, &[root, between], at), Err(ChainError::NotCa { .. })));
}

#[test]
fn every_part_of_an_authority_key_identifier_has_to_fit() {
    let key = rcgen::KeyPair::generate().unwrap();
    let (root_params, root) = signed("Root  CA", true, &key, None, None);
    let part = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let name = |text: &str| {
        let value = [part(6, &[0x55, 4, 3]), part(0x0c, text.as_bytes())].concat();
        part(0xa1, &part(0xa4, &part(0x30, &part(0x31, &part(0x30, &value)))))
    };
    let key_id = |id: &[u8]| part(0x80, id);
    let serial = |n: u8| part(0x82, &[n]);
    let held = root.subject_key_id().unwrap().to_vec();
    for (parts, expected) in [
        (vec![], Ok(())),
        (key_id(&held), Ok(())),
        (key_id(&[7; 20]), Err(AuthorityMismatch::KeyId)),
        ([name("Root  CA"), serial(0x2a)].concat(), Ok(())),
        ([name("root ca"), serial(0x2a)].concat(), Ok(())),
        ([name("Root CB"), serial(0x2a)].concat(), Err(AuthorityMismatch::IssuerAndSerial)),
        ([name("Root  CA"), serial(0x2b)].concat(), Err(AuthorityMismatch::IssuerAndSerial)),
        ([key_id(&held), name("Root  CA"), serial(0x2b)].concat(), Err(AuthorityMismatch::IssuerAndSerial)),
    ] {
        let (_, leaf) = signed("leaf", false, &key, Some((&root_params, &key)), Some(part(0x30, &parts)));
        assert_eq!(leaf.check_authority(&root), expected, "{parts:02x?}");
    }
}

#[test]
fn trailing_bytes_and_broken_der_are_refused() {
    let mut der = one(GO_ECERT).der().to_vec();
    der.push(0);
    assert_eq!(Cert::from_der(der.clone()), Err(CertError::TrailingBytes { count: 1 }));
    der.truncate(300);
    assert!(matches!(Cert::from_der(der), Err(CertError::Malformed { .. })));
    assert_eq!(Cert::all_from_pem(b"nothing here"), Err(CertError::None));
}

#[test]
fn a_csr_holds_the_id_and_every_kind_of_name() {
    let key = KeyPair::generate(KeyAlgorithm::P384).unwrap();
    let sans: Vec<SanName> = ["org1-peer1", "10.0.0.1", "2001:db8::1", "ops@org1.example", "spiffe://org1/peer1"]
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    let (subject, had_ou) = SubjectFields::parse(&["C=GB,ST=Kent,O=Org 1_é".into(), "OU=Fabric".into()]).unwrap();
    assert!(had_ou);
    let csr = Csr::build(&CsrSpec { enrollment_id: "org1-peer1", sans: &sans, subject: &subject }, &key).unwrap();
    assert_eq!(csr.common_name(), Some("org1-peer1"));
    assert_eq!(csr.sans(), sans);
    assert_eq!(csr.spki_der(), key.spki_der());
    assert_eq!(Csr::from_pem(csr.to_pem().as_bytes()).unwrap(), csr);
}

#[test]
fn fields_that_the_ca_would_refuse_are_refused() {
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let build = |id: &str, subject: &SubjectFields| {
        Csr::build(&CsrSpec { enrollment_id: id, sans: &[], subject }, &key).map(|_| ())
    };
    let none = SubjectFields::default();
    assert_eq!(build("", &none), Err(CsrError::NoId));
    assert_eq!(build(&"x".repeat(64), &none), Ok(()));
    // 33 characters, 66 bytes: the CA counts bytes.
    let error = build(&"é".repeat(33), &none).unwrap_err();
    assert_eq!(error, CsrError::TooLong { field: "the enrolment id", bytes: 66, limit: 64 });
    let country = SubjectFields { country: Some("GBR".into()), ..SubjectFields::default() };
    assert_eq!(build("a", &country), Err(CsrError::Country("GBR".into())));
    let items = ["c=GB".to_owned()];
    assert_eq!(SubjectFields::parse(&items), Err(CsrError::SubjectItem("c=GB".into())));
}

#[test]
fn a_csr_with_a_broken_signature_is_refused() {
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let spec = CsrSpec { enrollment_id: "a", sans: &[], subject: &SubjectFields::default() };
    let mut der = Csr::build(&spec, &key).unwrap().der().to_vec();
    let at = der.windows(5).position(|w| w == [6, 3, 0x55, 4, 3]).expect("the CN's OID") + 7;
    der[at] ^= 1;
    assert!(Csr::from_der(der).is_err());
}

proptest! {
    #[test]
    fn mutated_certificates_are_read_or_refused_without_a_panic(at in 0usize..500, bit in 0u8..8) {
        let mut der = one(GO_ECERT).der().to_vec();
        let at = at % der.len();
        der[at] ^= 1 << bit;
        if let Ok(cert) = Cert::from_der(der) {
            let _ = (cert.serial_hex(), cert.is_self_signed(), cert.to_pem());
        }
    }
}
