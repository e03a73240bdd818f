//! Certificates generated for tests.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::text::pem_encode;

/// A certificate with its key.
pub(super) struct Made {
    pub(super) cert: rcgen::Certificate,
    pub(super) params: CertificateParams,
    pub(super) key: KeyPair,
}

impl Made {
    pub(super) fn pem(&self) -> String {
        pem_encode("CERTIFICATE", self.cert.der())
    }

    pub(super) fn key_pem(&self) -> String {
        pem_encode("PRIVATE KEY", &self.key.serialize_der())
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.cert.der().clone()
    }

    pub(super) fn key_der(&self) -> PrivatePkcs8KeyDer<'static> {
        self.key.serialize_der().into()
    }

    pub(super) fn key(&self) -> crate::pki::key::KeyPair {
        crate::pki::key::KeyPair::from_pem(self.key_pem().as_bytes()).expect("a key")
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

pub(super) fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params
}

pub(super) fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(super) fn self_signed(params: CertificateParams) -> Made {
    let key = KeyPair::generate().expect("a key");
    let cert = params.self_signed(&key).expect("a certificate");
    Made { cert, params, key }
}

pub(super) fn issued(params: CertificateParams, by: &Made) -> Made {
    let key = KeyPair::generate().expect("a key");
    let cert = params.signed_by(&key, &by.issuer()).expect("a certificate");
    Made { cert, params, key }
}

/// A root, an intermediate, and a TLS server's leaf.
pub(super) struct Pki {
    pub(super) root: Made,
    pub(super) intermediate: Made,
    pub(super) leaf: Made,
}

pub(super) fn server_params(names: &[&str]) -> CertificateParams {
    let mut params = params("org1-ca", names);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub(super) fn pki(names: &[&str]) -> Pki {
    let root = self_signed(ca_params("root"));
    let intermediate = issued(ca_params("intermediate"), &root);
    let leaf = issued(server_params(names), &intermediate);
    Pki { root, intermediate, leaf }
}
