//! A certificate with what Go's parser and verifier look at beyond [`Cert`]: refusals 16-18.

use std::path::{Path, PathBuf};

use x509_parser::error::X509Error;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::{MspRefusal, refuse};
use crate::msp::pem_folder::PemFile;
use crate::x509::{Cert, CertError};

/// The kinds of public keys that Fabric tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Ecdsa,
    Ed25519,
    Rsa,
    Other,
}

/// Whether a signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    Good,
    Bad,
    /// Go verifies this algorithm and this program does not.
    Unknown,
}

/// A certificate of the MSP and the file it came from.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) cert: Cert,
    pub(super) key_kind: KeyKind,
    /// The curve of an ECDSA key.
    pub(super) curve: Option<&'static str>,
    /// Fabric checks the chain of a certificate that was signed with ECDSA as soon as it is loaded, and others later.
    pub(super) ecdsa_signed: bool,
    pub(super) subject_raw: Vec<u8>,
    pub(super) issuer_raw: Vec<u8>,
    pub(super) serial: Vec<u8>,
}

/// Identity is by content: the same certificate in two files is one.
impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        self.cert.der() == other.cert.der()
    }
}

impl Loaded {
    /// Reads the certificate as Go's `crypto/x509` does.
    pub(super) fn from_file(file: &PemFile) -> Result<Self, MspRefusal> {
        Self::from_der(&file.path, &file.der).or_else(|(number, reason)| refuse(number, &file.path, reason))
    }

    pub(super) fn from_der(path: &Path, der: &[u8]) -> Result<Self, (u8, String)> {
        let no_cert = |e: &CertError| (16, format!("its first PEM block is no certificate: {e}"));
        let cert = Cert::from_der(der.to_vec()).map_err(|e| no_cert(&e))?;
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|e| no_cert(&CertError::Malformed { place: String::new(), reason: e.to_string() }))?;
        let key_kind = key_kind(parsed.public_key());
        let curve = curve(parsed.public_key());
        if key_kind == KeyKind::Ecdsa && curve.is_none() {
            return Err((17, "its key is on a curve that Go does not know".to_owned()));
        }
        let serial = parsed.tbs_certificate.raw_serial();
        if serial.first().is_some_and(|b| b & 0x80 != 0) {
            return Err((18, "its serial number is negative".to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            key_kind,
            curve,
            ecdsa_signed: is_ecdsa(&parsed.signature_algorithm.algorithm),
            subject_raw: parsed.subject().as_raw().to_vec(),
            issuer_raw: parsed.issuer().as_raw().to_vec(),
            serial: significant(serial).to_vec(),
            cert,
        })
    }

    /// Whether `ca` may sign certificates and signed this one (Go `CheckSignatureFrom`); names are not compared.
    pub(super) fn signature_from(&self, ca: &Self) -> Signature {
        if !ca.cert.is_ca() || ca.cert.key_usage().is_some_and(|u| !u.key_cert_sign) {
            return Signature::Bad;
        }
        let Ok((_, own)) = X509Certificate::from_der(self.cert.der()) else { return Signature::Bad };
        ca.verify(&own.signature_algorithm, &own.signature_value, own.tbs_certificate.as_ref(), Sha1::Refused)
    }

    /// Whether this certificate's key made the signature over `message`.
    pub(super) fn verify(
        &self,
        algorithm: &AlgorithmIdentifier<'_>,
        signature: &x509_parser::der_parser::asn1_rs::BitString<'_>,
        message: &[u8],
        sha1: Sha1,
    ) -> Signature {
        let Ok((_, own)) = X509Certificate::from_der(self.cert.der()) else { return Signature::Bad };
        let needed = match algorithm.algorithm.to_id_string().as_str() {
            ECDSA_SHA1 | RSA_SHA1 | OIW_RSA_SHA1 if sha1 == Sha1::Refused => return Signature::Bad,
            oid if oid.starts_with(ECDSA) => KeyKind::Ecdsa,
            oid if oid.starts_with(PKCS1) || oid == OIW_RSA_SHA1 => KeyKind::Rsa,
            ED25519 => KeyKind::Ed25519,
            _ => return Signature::Bad,
        };
        if needed != self.key_kind {
            return Signature::Bad;
        }
        match verify_signature(own.public_key(), algorithm, signature, message) {
            Ok(()) => Signature::Good,
            Err(X509Error::SignatureUnsupportedAlgorithm) => Signature::Unknown,
            // ring takes no RSA key below 2048 bits, Go takes them from 1024.
            Err(_) if needed == KeyKind::Rsa && self.cert.public_key_bits().len() < 256 => Signature::Unknown,
            Err(_) => Signature::Bad,
        }
    }

    pub(super) fn is_self_signed_ca(&self) -> bool {
        self.cert.is_ca() && self.signature_from(self) != Signature::Bad
    }
}

/// Go takes SHA-1 in the signature of a revocation list, and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sha1 {
    Accepted,
    Refused,
}

const ECDSA: &str = "1.2.840.10045.4.";
const ECDSA_SHA1: &str = "1.2.840.10045.4.1";
const PKCS1: &str = "1.2.840.113549.1.1.";
const RSA_SHA1: &str = "1.2.840.113549.1.1.5";
const OIW_RSA_SHA1: &str = "1.3.14.3.2.29";
const ED25519: &str = "1.3.101.112";

fn is_ecdsa(algorithm: &Oid<'_>) -> bool {
    algorithm.to_id_string().starts_with(ECDSA)
}

fn key_kind(spki: &SubjectPublicKeyInfo<'_>) -> KeyKind {
    match spki.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.2.1" => KeyKind::Ecdsa,
        "1.2.840.113549.1.1.1" => KeyKind::Rsa,
        ED25519 => KeyKind::Ed25519,
        _ => KeyKind::Other,
    }
}

/// The curve, if Go knows it.
fn curve(spki: &SubjectPublicKeyInfo<'_>) -> Option<&'static str> {
    let oid = spki.algorithm.parameters.as_ref()?.as_oid().ok()?;
    match oid.to_id_string().as_str() {
        "1.3.132.0.33" => Some("P-224"),
        "1.2.840.10045.3.1.7" => Some("P-256"),
        "1.3.132.0.34" => Some("P-384"),
        "1.3.132.0.35" => Some("P-521"),
        _ => None,
    }
}

/// A number without its leading zeros.
pub(super) fn significant(number: &[u8]) -> &[u8] {
    &number[number.iter().position(|b| *b != 0).unwrap_or(number.len())..]
}
