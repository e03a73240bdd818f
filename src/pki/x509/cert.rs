//! A certificate: its DER and the fields that fabcert uses, parsed once.

use std::ops::Range;

use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use super::authority::AuthorityKeyId;
use super::extensions::Extensions;
use super::signature::has_high_s;
use super::{Attributes, PublicKeyKind, SignatureAlgorithm, SignatureCheck, dn};
use crate::Timestamp;
use crate::pki::key::Ski;
use crate::pki::name::SanName;
use crate::text::{PemError, pem_blocks, pem_encode};

/// A certificate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// The PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text holds no certificate.
    #[error("it holds no certificate in PEM form")]
    None,
    /// The DER is broken.
    #[error("{place}the certificate cannot be decoded: {reason}")]
    Malformed {
        /// `line N: ` when it came from PEM, else empty.
        place: String,
        /// The decoder's message.
        reason: String,
    },
    /// Bytes follow the certificate.
    #[error("{count} bytes follow the certificate")]
    TrailingBytes {
        /// The number of bytes.
        count: usize,
    },
}

/// The extended key usages that matter to Fabric (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExtendedKeyUsage {
    /// `id-kp-serverAuth`.
    pub server_auth: bool,
    /// `id-kp-clientAuth`.
    pub client_auth: bool,
    /// `anyExtendedKeyUsage`.
    pub any: bool,
}

/// The key usages that matter to Fabric (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyUsage {
    /// `digitalSignature`.
    pub digital_signature: bool,
    /// `keyCertSign`.
    pub key_cert_sign: bool,
}

/// A certificate: its DER and the fields parsed from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cert {
    der: Vec<u8>,
    /// Ranges in `der`.
    tbs: Range<usize>,
    signature: Range<usize>,
    subject_raw: Range<usize>,
    issuer_raw: Range<usize>,
    spki: Range<usize>,
    public_key_bits: Range<usize>,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    organizational_units: Vec<String>,
    serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    signature_algorithm: SignatureAlgorithm,
    public_key: PublicKeyKind,
    extensions: Extensions,
}

impl Cert {
    /// Reads one certificate from DER.
    ///
    /// # Errors
    /// When it cannot be decoded or bytes follow it.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertError> {
        let malformed = |reason: String| CertError::Malformed { place: String::new(), reason };
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|e| malformed(e.to_string()))?;
        if !rest.is_empty() {
            return Err(CertError::TrailingBytes { count: rest.len() });
        }
        let part = |slice: &[u8]| {
            let start = slice.as_ptr() as usize - der.as_ptr() as usize;
            start..start + slice.len()
        };
        Ok(Self {
            tbs: part(parsed.tbs_certificate.as_ref()),
            signature: part(&parsed.signature_value.data),
            subject_raw: part(parsed.subject().as_raw()),
            issuer_raw: part(parsed.issuer().as_raw()),
            spki: part(parsed.public_key().raw),
            public_key_bits: part(&parsed.public_key().subject_public_key.data),
            subject: dn::to_text(parsed.subject()),
            issuer: dn::to_text(parsed.issuer()),
            common_name: last_text(parsed.subject().iter_common_name()),
            organizational_units: texts(parsed.subject()),
            serial: parsed.tbs_certificate.raw_serial().to_vec(),
            not_before: Timestamp::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp()),
            signature_algorithm: SignatureAlgorithm::of(&parsed.signature_algorithm),
            public_key: PublicKeyKind::of(parsed.public_key()),
            extensions: Extensions::read(parsed.extensions()).map_err(malformed)?,
            der,
        })
    }

    /// Reads every `CERTIFICATE` block of a PEM text, in order; other blocks are skipped.
    ///
    /// # Errors
    /// When the PEM is broken, it holds no certificate, or one cannot be decoded.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Self>, CertError> {
        let certs: Vec<Self> = pem_blocks(text)?
            .into_iter()
            .filter(|b| b.label == "CERTIFICATE")
            .map(|b| {
                Self::from_der(b.der).map_err(|e| match e {
                    CertError::Malformed { reason, .. } => {
                        CertError::Malformed { place: format!("line {}: ", b.line), reason }
                    }
                    other => other,
                })
            })
            .collect::<Result<_, _>>()?;
        if certs.is_empty() { Err(CertError::None) } else { Ok(certs) }
    }

    /// The certificate itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as one PEM block.
    pub fn to_pem(&self) -> String {
        pem_encode("CERTIFICATE", &self.der)
    }

    /// The subject as RFC 4514 text.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer as RFC 4514 text.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The last CN of the subject, as in Go's crypto/x509.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Every OU of the subject, in order.
    pub fn organizational_units(&self) -> &[String] {
        &self.organizational_units
    }

    /// The SANs of the four kinds that Go reads (DNS, IP, e-mail, URI), in order, unchanged.
    pub fn sans(&self) -> &[SanName] {
        &self.extensions.sans
    }

    /// Descriptions of SANs that cannot be read: an IP address of five bytes, a host name that is not text.
    pub fn unreadable_sans(&self) -> &[String] {
        &self.extensions.unreadable_sans
    }

    /// The serial number as encoded: big-endian, two's complement.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number in lower-case hex without leading zeros, as Fabric CA prints and accepts it.
    pub fn serial_hex(&self) -> String {
        let text = crate::text::hex(&self.serial);
        let trimmed = text.trim_start_matches('0');
        if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
    }

    /// Start of the validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of the validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The content of the subject key identifier extension; `None` without the extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.as_deref()
    }

    /// The key identifier in the authority key identifier extension.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority.as_ref().and_then(|a| a.key_id.as_deref())
    }

    /// The whole authority key identifier extension.
    pub(super) const fn authority(&self) -> Option<&AuthorityKeyId> {
        self.extensions.authority.as_ref()
    }

    /// Whether basicConstraints is `CA:TRUE`.
    pub const fn is_ca(&self) -> bool {
        self.extensions.is_ca
    }

    /// The path length constraint, if there is one.
    pub const fn path_len(&self) -> Option<u32> {
        self.extensions.path_len
    }

    /// The key usage extension; `None` without the extension.
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The extended key usage extension; `None` without the extension, which allows every use.
    pub const fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.extensions.extended_key_usage.as_ref()
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.der[self.spki.clone()]
    }

    /// The bits of the public key; for an EC key the point.
    pub fn public_key_bits(&self) -> &[u8] {
        &self.der[self.public_key_bits.clone()]
    }

    /// The kind of the public key.
    pub const fn public_key(&self) -> &PublicKeyKind {
        &self.public_key
    }

    /// The algorithm of its signature.
    pub const fn signature_algorithm(&self) -> &SignatureAlgorithm {
        &self.signature_algorithm
    }

    /// The subject's name, DER.
    pub fn subject_raw(&self) -> &[u8] {
        &self.der[self.subject_raw.clone()]
    }

    /// The issuer's name, DER.
    pub fn issuer_raw(&self) -> &[u8] {
        &self.der[self.issuer_raw.clone()]
    }

    /// The critical extensions, by OID, for which Go refuses the certificate: unknown ones, those that must not be
    /// critical, and SANs without any kind that it reads (`crypto/x509`, `processExtensions`).
    pub fn unhandled_critical(&self) -> &[String] {
        &self.extensions.unhandled_critical
    }

    /// Fabric's SKI, which names the key's file (EC and Ed25519 keys).
    pub fn ski(&self) -> Ski {
        Ski::of_point(self.public_key_bits())
    }

    /// The Fabric CA attributes, if the certificate has readable ones.
    pub const fn attributes(&self) -> Option<&Attributes> {
        self.extensions.attributes.as_ref()
    }

    /// Whether it has a Fabric CA attribute extension that Fabric cannot read.
    pub const fn has_unreadable_attributes(&self) -> bool {
        self.extensions.attributes_unreadable
    }

    /// Whether subject and issuer are the same name and the certificate's own key verifies its signature.
    pub fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether `ca` has the name of this certificate's issuer and its key verifies the signature. Ignores dates and
    /// usages. Algorithms that ring does not verify count as not verified.
    pub fn is_issued_by(&self, ca: &Self) -> bool {
        self.issuer_raw() == ca.subject_raw() && self.signature_by(ca) == SignatureCheck::Good
    }

    /// Whether the key of `ca` made the signature on this certificate; names are not compared.
    pub fn signature_by(&self, ca: &Self) -> SignatureCheck {
        self.signature_algorithm.verify(
            &ca.public_key,
            ca.public_key_bits(),
            &self.der[self.tbs.clone()],
            &self.der[self.signature.clone()],
        )
    }

    /// Whether S of its ECDSA signature is above half the order of the curve of `ca`'s key; `None` when that is
    /// unknown.
    pub fn has_high_s(&self, ca: &Self) -> Option<bool> {
        if !self.signature_algorithm.is_ecdsa() {
            return None;
        }
        has_high_s(&self.der[self.signature.clone()], &ca.public_key)
    }
}

fn last_text<'a>(values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<String> {
    values.last().and_then(|v| v.as_str().ok()).map(str::to_owned)
}

fn texts(subject: &X509Name<'_>) -> Vec<String> {
    subject.iter_organizational_unit().filter_map(|v| v.as_str().ok()).map(str::to_owned).collect()
}
