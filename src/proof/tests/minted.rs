//! Answers of a CA, made on the spot.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, date_time_ymd,
};
use yasna::{Tag, construct_der};

use super::super::{Expected, Purpose, RoleRule, VerifiedEnrollment, VerifyError, verify};
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::text::pem_encode;

/// 2026-11-23.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_400_000);
pub(super) const ID: &str = "peer1";

/// A CA.
pub(super) type Ca = CertifiedIssuer<'static, rcgen::KeyPair>;

/// The same key as rcgen takes it.
pub(super) fn for_rcgen(key: &KeyPair) -> rcgen::KeyPair {
    let block = crate::text::pem_blocks(key.to_pkcs8_pem().as_bytes()).unwrap().remove(0);
    rcgen::KeyPair::try_from(block.der.as_slice()).unwrap()
}

/// A healthy CA, valid from 2024 to 2032.
pub(super) fn ca(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2032, 1, 1));
    params.use_authority_key_identifier_extension = true;
    params
}

/// A healthy certificate of a peer, valid from 2026-11-01 for a year; with both usages for TLS.
pub(super) fn leaf(purpose: Purpose) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["peer1".to_owned(), "gateway".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::OrganizationalUnitName, "peer");
    params.distinguished_name.push(DnType::CommonName, ID);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2026, 11, 1), date_time_ymd(2027, 11, 1));
    if purpose == Purpose::Tls {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    }
    params
}

pub(super) fn root(params: CertificateParams) -> Ca {
    CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

pub(super) fn below(upper: &Ca, params: CertificateParams) -> Ca {
    CertifiedIssuer::signed_by(params, rcgen::KeyPair::generate().unwrap(), upper).unwrap()
}

/// An authority key identifier with this key identifier alone.
pub(super) fn authority(key_id: &[u8]) -> CustomExtension {
    let content = construct_der(|w| {
        w.write_sequence(|w| w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(key_id)));
    });
    CustomExtension::from_oid_content(&[2, 5, 29, 35], content)
}

pub(super) fn pem(der: &[u8]) -> String {
    pem_encode("CERTIFICATE", der)
}

pub(super) fn read(der: &[u8]) -> Cert {
    Cert::from_der(der.to_vec()).unwrap()
}

/// A request and the answer to it. Healthy until a test changes something.
pub(super) struct Asked {
    pub(super) purpose: Purpose,
    pub(super) key: KeyPair,
    pub(super) id: &'static str,
    pub(super) sans: Vec<SanName>,
    pub(super) role: RoleRule,
    pub(super) pinned_root: Option<Cert>,
    pub(super) now: Timestamp,
    pub(super) server_date: Option<Timestamp>,
}

impl Asked {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            key: KeyPair::generate(KeyAlgorithm::P256).unwrap(),
            id: ID,
            sans: ["peer1", "gateway"].map(|n| n.parse().unwrap()).to_vec(),
            role: RoleRule::ExactlyOne,
            pinned_root: None,
            now: NOW,
            server_date: None,
        }
    }

    /// The leaf, PEM, for the right key.
    pub(super) fn issued(&self, params: &CertificateParams, ca: &Ca) -> String {
        pem(params.signed_by(&for_rcgen(&self.key), ca).unwrap().der())
    }

    /// What the proof says to this leaf and this chain.
    pub(super) fn verify(&self, leaf: &str, chain: &[&Ca]) -> Result<VerifiedEnrollment, VerifyError> {
        let chain: String = chain.iter().map(|ca| pem(ca.der())).collect();
        self.verify_pem(leaf, &chain)
    }

    pub(super) fn verify_pem(&self, leaf: &str, chain: &str) -> Result<VerifiedEnrollment, VerifyError> {
        let expected = Expected {
            enrollment_id: self.id,
            spki_der: &self.key.spki_der(),
            sans: &self.sans,
            purpose: self.purpose,
            role: self.role,
            pinned_root: self.pinned_root.as_ref(),
            now: self.now,
            server_date: self.server_date,
        };
        verify(leaf.as_bytes(), chain.as_bytes(), &expected)
    }
}
