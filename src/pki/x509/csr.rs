//! Certificate signing requests (PKCS#10, RFC 2986).

use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, SanType};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::extensions::san_of;
#[cfg(feature = "kubernetes")]
use super::ski_of;
use super::{PublicKeyKind, SignatureAlgorithm, SignatureCheck, dn};
use crate::pki::key::KeyPair;
#[cfg(feature = "kubernetes")]
use crate::pki::key::Ski;
use crate::pki::name::SanName;
use crate::text::{PemError, pem_blocks, pem_encode};

/// The subject fields that a Fabric CA keeps beside the CN. There is no OU: the CA sets it to the identity's type and
/// affiliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SubjectFields {
    /// C, two letters.
    pub country: Option<String>,
    /// ST.
    pub state: Option<String>,
    /// L.
    pub locality: Option<String>,
    /// O.
    pub organization: Option<String>,
    /// serialNumber.
    pub serial_number: Option<String>,
}

impl SubjectFields {
    /// Parses `K=V` items, each possibly several joined by commas, as the Go client's `--csr.names` accepts them.
    /// Returns the fields, and whether an OU was given (and left out).
    ///
    /// # Errors
    /// For an item without `=` or with another key than C, ST, L, O, OU, `SerialNumber`.
    pub fn parse(items: &[String]) -> Result<(Self, bool), CsrError> {
        let mut fields = Self::default();
        let mut had_ou = false;
        for item in items.iter().flat_map(|i| i.split(',')).map(str::trim).filter(|i| !i.is_empty()) {
            let (key, value) = item.split_once('=').ok_or_else(|| CsrError::SubjectItem(item.to_owned()))?;
            let slot = match key.trim() {
                "C" => &mut fields.country,
                "ST" => &mut fields.state,
                "L" => &mut fields.locality,
                "O" => &mut fields.organization,
                "SerialNumber" | "serialNumber" => &mut fields.serial_number,
                "OU" => {
                    had_ou = true;
                    continue;
                }
                _ => return Err(CsrError::SubjectItem(item.to_owned())),
            };
            *slot = Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        }
        Ok((fields, had_ou))
    }
}

/// The content of a CSR.
#[derive(Clone, Copy, Debug)]
pub struct CsrSpec<'a> {
    /// The CN; a Fabric CA refuses any other.
    pub enrollment_id: &'a str,
    /// The names, each with its type.
    pub sans: &'a [SanName],
    /// The rest of the subject.
    pub subject: &'a SubjectFields,
}

/// A CSR that cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// An item that is not a subject field.
    #[error("unknown subject field \"{0}\"; expected C=, ST=, L=, O= or SerialNumber=")]
    SubjectItem(String),
    /// A field that is too long for the CA.
    #[error("{field} has {bytes} bytes; a Fabric CA accepts at most {limit}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length in bytes of UTF-8.
        bytes: usize,
        /// The CA's limit.
        limit: usize,
    },
    /// C is not two letters.
    #[error("the country \"{0}\" is not two letters")]
    Country(String),
    /// The enrolment id is empty.
    #[error("the enrolment id is empty")]
    NoId,
    /// A SAN that cannot be encoded.
    #[error("the name \"{0}\" cannot be encoded in a certificate")]
    San(String),
    /// The CSR could not be created.
    #[error("the CSR cannot be created: {0}")]
    Encoding(String),
    /// The PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text holds no CSR.
    #[error("it holds no CSR in PEM form")]
    None,
    /// It cannot be decoded.
    #[error("the CSR cannot be decoded: {0}")]
    Malformed(String),
    /// Its signature does not verify.
    #[error("the CSR's own signature does not verify")]
    Signature,
}

impl From<CsrError> for crate::Error {
    fn from(e: CsrError) -> Self {
        Self::new(crate::ErrorKind::Input, e.to_string())
    }
}

/// A PKCS#10 request and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    subject: String,
    common_name: Option<String>,
    sans: Vec<SanName>,
    spki: Vec<u8>,
    public_key: PublicKeyKind,
    signature: SignatureCheck,
}

impl Csr {
    /// Creates and signs a request, and parses it; its signature, which was made here, is not verified.
    ///
    /// # Errors
    /// When a field is longer than a Fabric CA accepts (`lib/serverenroll.go`, error code 80), or a name cannot be
    /// encoded.
    pub fn build(spec: &CsrSpec<'_>, key: &KeyPair) -> Result<Self, CsrError> {
        Self::build_with_unit(spec, None, key)
    }

    /// As [`build`](Self::build), with an OU in the subject, for a CA that is not a Fabric CA.
    pub(crate) fn build_with_unit(spec: &CsrSpec<'_>, unit: Option<&str>, key: &KeyPair) -> Result<Self, CsrError> {
        let CsrSpec { enrollment_id, sans, subject } = *spec;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject_dn(enrollment_id, subject, unit)?;
        params.subject_alt_names = sans.iter().map(san_type).collect::<Result<_, _>>()?;
        let request = params.serialize_request(key).map_err(|e| CsrError::Encoding(e.to_string()))?;
        Self::parse(request.der().to_vec(), |_| SignatureCheck::Good)
    }

    /// Reads a request from DER and checks its signature.
    ///
    /// # Errors
    /// When it cannot be decoded, bytes follow it, or its own signature does not verify.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CsrError> {
        let csr = Self::read(der)?;
        if csr.signature == SignatureCheck::Good { Ok(csr) } else { Err(CsrError::Signature) }
    }

    /// Reads a request from DER without checking its signature; see [`Csr::signature`].
    ///
    /// # Errors
    /// When it cannot be decoded, or bytes follow it.
    pub fn read(der: Vec<u8>) -> Result<Self, CsrError> {
        Self::parse(der, |request| {
            let info = &request.certification_request_info;
            SignatureAlgorithm::of(&request.signature_algorithm).verify(
                &PublicKeyKind::of(&info.subject_pki),
                &info.subject_pki.subject_public_key.data,
                info.raw,
                &request.signature_value.data,
            )
        })
    }

    fn parse(
        der: Vec<u8>,
        check: impl FnOnce(&X509CertificationRequest<'_>) -> SignatureCheck,
    ) -> Result<Self, CsrError> {
        let (rest, parsed) =
            X509CertificationRequest::from_der(&der).map_err(|e| CsrError::Malformed(e.to_string()))?;
        if !rest.is_empty() {
            return Err(CsrError::Malformed(format!("{} bytes follow it", rest.len())));
        }
        let info = &parsed.certification_request_info;
        let public_key = PublicKeyKind::of(&info.subject_pki);
        let signature = check(&parsed);
        let sans = parsed
            .requested_extensions()
            .into_iter()
            .flatten()
            .filter_map(|e| match e {
                ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
                _ => None,
            })
            .flatten()
            .filter_map(san_of)
            .collect();
        let common_name = info.subject.iter_common_name().last().and_then(|v| v.as_str().ok()).map(str::to_owned);
        let spki = info.subject_pki.raw.to_vec();
        Ok(Self { subject: dn::to_text(&info.subject), der, common_name, sans, spki, public_key, signature })
    }

    /// Reads the first request in a PEM text (`CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`).
    ///
    /// # Errors
    /// As [`Csr::from_der`], and when the text holds no request.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CsrError> {
        pem_blocks(pem)?
            .into_iter()
            .find(|b| b.label.ends_with("CERTIFICATE REQUEST"))
            .ok_or(CsrError::None)
            .and_then(|b| Self::from_der(b.der))
    }

    /// The request as one PEM block, `CERTIFICATE REQUEST`.
    pub fn to_pem(&self) -> String {
        pem_encode("CERTIFICATE REQUEST", &self.der)
    }

    /// The request itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject as RFC 4514 text.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The kind of its public key.
    pub const fn public_key(&self) -> &PublicKeyKind {
        &self.public_key
    }

    /// The verdict on its signature by its own key.
    pub const fn signature(&self) -> SignatureCheck {
        self.signature
    }

    /// The last CN of the subject, which is the one a Fabric CA reads.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The requested SANs, in order.
    pub fn sans(&self) -> &[SanName] {
        &self.sans
    }

    /// The public key, `SubjectPublicKeyInfo` in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Fabric's SKI of its public key.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn ski(&self) -> Ski {
        ski_of(&self.spki)
    }
}

/// The CA's limits in bytes of UTF-8 (fabric-ca `lib/serverenroll.go`).
fn subject_dn(id: &str, subject: &SubjectFields, unit: Option<&str>) -> Result<DistinguishedName, CsrError> {
    let SubjectFields { country, state, locality, organization, serial_number } = subject;
    if id.is_empty() {
        return Err(CsrError::NoId);
    }
    if let Some(c) = country
        && !(c.len() == 2 && c.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        return Err(CsrError::Country(c.clone()));
    }
    let serial_type = DnType::CustomDnType(vec![2, 5, 4, 5]);
    let (id, unit) = (Some(id.to_owned()), unit.map(str::to_owned));
    let fields = [
        ("the country", DnType::CountryName, country, 2),
        ("the state", DnType::StateOrProvinceName, state, 128),
        ("the locality", DnType::LocalityName, locality, 128),
        ("the organization", DnType::OrganizationName, organization, 64),
        ("the organizational unit", DnType::OrganizationalUnitName, &unit, 64),
        ("the enrolment id", DnType::CommonName, &id, 64),
        ("the subject's serial number", serial_type, serial_number, 64),
    ];
    let mut dn = DistinguishedName::new();
    for (field, kind, value, limit) in fields {
        let Some(value) = value else { continue };
        if value.len() > limit {
            return Err(CsrError::TooLong { field, bytes: value.len(), limit });
        }
        dn.push(kind, dn_value(value));
    }
    Ok(dn)
}

/// `PrintableString` if the text allows it, as Go writes it (RFC 5280 section 4.1.2.4), else `UTF8String`.
fn dn_value(text: &str) -> DnValue {
    rcgen::string::PrintableString::try_from(text)
        .map_or_else(|_| DnValue::Utf8String(text.to_owned()), DnValue::PrintableString)
}

fn san_type(name: &SanName) -> Result<SanType, CsrError> {
    let ia5 = |text: &str| rcgen::string::Ia5String::try_from(text).map_err(|_| CsrError::San(text.to_owned()));
    Ok(match name {
        SanName::Dns(host) => SanType::DnsName(ia5(host.as_str())?),
        SanName::Ip(ip) => SanType::IpAddress(*ip),
        SanName::Email(text) => SanType::Rfc822Name(ia5(text)?),
        SanName::Uri(text) => SanType::URI(ia5(text)?),
    })
}
