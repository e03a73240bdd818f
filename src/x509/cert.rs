//! A certificate: its DER, and the facts that fabcert asks about, read once.

use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use super::{Attributes, PemError, dn, pem_blocks, pem_encode};
use crate::Timestamp;
use crate::key::Ski;
use crate::name::{HostName, SanName};

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
        /// What the decoder says.
        reason: String,
    },
    /// Bytes follow the certificate.
    #[error("{count} bytes follow the certificate")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

/// The extended key usages that matter to Fabric (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
pub struct KeyUsage {
    /// `digitalSignature`.
    pub digital_signature: bool,
    /// `keyCertSign`.
    pub key_cert_sign: bool,
}

/// A certificate: its DER and the facts read from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cert {
    der: Vec<u8>,
    subject: String,
    issuer: String,
    subject_raw: Vec<u8>,
    issuer_raw: Vec<u8>,
    common_name: Option<String>,
    organizational_units: Vec<String>,
    sans: Vec<SanName>,
    serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    is_ca: bool,
    path_len: Option<u32>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Option<ExtendedKeyUsage>,
    spki: Vec<u8>,
    public_key_bits: Vec<u8>,
    attributes: Option<Attributes>,
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
        let mut sans = Vec::new();
        let (mut subject_key_id, mut authority_key_id) = (None, None);
        let (mut is_ca, mut path_len) = (false, None);
        let (mut key_usage, mut extended_key_usage, mut attributes) = (None, None, None);
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    sans = names.general_names.iter().filter_map(san_of).collect();
                }
                ParsedExtension::SubjectKeyIdentifier(id) => subject_key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    authority_key_id = id.key_identifier.as_ref().map(|k| k.0.to_vec());
                }
                ParsedExtension::BasicConstraints(bc) => {
                    is_ca = bc.ca;
                    path_len = bc.path_len_constraint;
                }
                ParsedExtension::KeyUsage(ku) => {
                    key_usage =
                        Some(KeyUsage { digital_signature: ku.digital_signature(), key_cert_sign: ku.key_cert_sign() });
                }
                ParsedExtension::ExtendedKeyUsage(eku) => {
                    extended_key_usage = Some(ExtendedKeyUsage {
                        server_auth: eku.server_auth,
                        client_auth: eku.client_auth,
                        any: eku.any,
                    });
                }
                ParsedExtension::ParseError { error } => {
                    return Err(malformed(format!("extension {}: {error}", extension.oid)));
                }
                _ if extension.oid.to_id_string() == Attributes::OID => {
                    attributes = Attributes::from_extension(extension.value);
                }
                _ => {}
            }
        }
        Ok(Self {
            subject: dn::to_text(parsed.subject()),
            issuer: dn::to_text(parsed.issuer()),
            subject_raw: parsed.subject().as_raw().to_vec(),
            issuer_raw: parsed.issuer().as_raw().to_vec(),
            common_name: last_text(parsed.subject().iter_common_name()),
            organizational_units: texts(parsed.subject()),
            sans,
            serial: parsed.tbs_certificate.raw_serial().to_vec(),
            not_before: Timestamp::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp()),
            subject_key_id,
            authority_key_id,
            is_ca,
            path_len,
            key_usage,
            extended_key_usage,
            spki: parsed.public_key().raw.to_vec(),
            public_key_bits: parsed.public_key().subject_public_key.data.to_vec(),
            attributes,
            der,
        })
    }

    /// Reads every `CERTIFICATE` block of a PEM text, in order; other blocks are passed over.
    ///
    /// # Errors
    /// When the PEM is broken, there is no certificate in it, or one cannot be decoded.
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

    /// The last CN of the subject, as Go's crypto/x509 takes it.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Every OU of the subject, in order.
    pub fn organizational_units(&self) -> &[String] {
        &self.organizational_units
    }

    /// The SANs of the four kinds that Go reads (DNS, IP, e-mail, URI), in order, exactly as they are written.
    pub fn sans(&self) -> &[SanName] {
        &self.sans
    }

    /// The serial number in lower-case hex without leading zeros, as Fabric CA prints and takes it.
    pub fn serial_hex(&self) -> String {
        let text = super::hex(&self.serial);
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

    /// The content of the subject key identifier extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// The key identifier in the authority key identifier extension.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// Whether basicConstraints says `CA:TRUE`.
    pub const fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// The path length constraint, if there is one.
    pub const fn path_len(&self) -> Option<u32> {
        self.path_len
    }

    /// The key usage extension; `None` when there is none.
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.key_usage
    }

    /// The extended key usage extension; `None` when there is none, which allows every use.
    pub const fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.extended_key_usage.as_ref()
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The bits of the public key; for an EC key the point.
    pub fn public_key_bits(&self) -> &[u8] {
        &self.public_key_bits
    }

    /// The SKI as Fabric computes it, by which the key's file is named (EC and Ed25519 keys).
    pub fn ski(&self) -> Ski {
        Ski::of_point(&self.public_key_bits)
    }

    /// The Fabric CA attributes, when the certificate carries some that can be read.
    pub const fn attributes(&self) -> Option<&Attributes> {
        self.attributes.as_ref()
    }

    /// Whether subject and issuer are the same name and the certificate's own key verifies its signature.
    pub fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether `ca` bears the name of this certificate's issuer and its key verifies the signature. Says nothing about
    /// dates or usages. Algorithms that ring does not verify count as not verified.
    pub fn is_issued_by(&self, ca: &Self) -> bool {
        if self.issuer_raw != ca.subject_raw {
            return false;
        }
        let (Ok((_, own)), Ok((_, issuer))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&ca.der))
        else {
            return false;
        };
        own.verify_signature(Some(issuer.public_key())).is_ok()
    }
}

fn last_text<'a>(values: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<String> {
    values.last().and_then(|v| v.as_str().ok()).map(str::to_owned)
}

fn texts(subject: &X509Name<'_>) -> Vec<String> {
    subject.iter_organizational_unit().filter_map(|v| v.as_str().ok()).map(str::to_owned).collect()
}

/// The SAN as it is written; `None` for the kinds that neither Go nor Fabric reads.
pub(super) fn san_of(name: &GeneralName<'_>) -> Option<SanName> {
    Some(match name {
        GeneralName::DNSName(text) => SanName::Dns(HostName::from_certificate(text)),
        GeneralName::RFC822Name(text) => SanName::Email((*text).to_owned()),
        GeneralName::URI(text) => SanName::Uri((*text).to_owned()),
        GeneralName::IPAddress(bytes) => SanName::Ip(match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
            16 => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            _ => return None,
        }),
        _ => return None,
    })
}
