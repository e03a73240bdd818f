//! Parsing of CSRs: subject, key, SANs, and whether a CA certificate is requested. Everything else is ignored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::refusal::Refusal;
use super::san::San;
use super::subject::Subject;

/// A CSR with valid DER; its signature is checked later, as on the real server.
pub(super) struct Request {
    der: Vec<u8>,
    pub(super) subject: Subject,
    pub(super) sans: Vec<San>,
    pub(super) spki: Vec<u8>,
    /// basicConstraints CA:TRUE.
    pub(super) wants_ca: bool,
    /// Attribute types and values in the order of the subject.
    fields: Vec<(String, String)>,
}

/// Maximum lengths of subject values in bytes: OID, limit, and name of the field in messages (RFC 3280 appendix A).
const LIMITS: [(&str, usize, &str); 7] = [
    ("2.5.4.3", 64, "CN"),
    ("2.5.4.5", 64, "serial number"),
    ("2.5.4.11", 64, "organizational unit name"),
    ("2.5.4.10", 64, "organization name"),
    ("2.5.4.6", 2, "country name"),
    ("2.5.4.7", 128, "locality name"),
    ("2.5.4.8", 128, "state name"),
];

impl Request {
    /// Parses the first PEM block of `text`.
    pub(super) fn from_pem(text: &str) -> Result<Self, Refusal> {
        let blocks = crate::text::pem_blocks(text.as_bytes());
        let block = blocks.ok().and_then(|b| b.into_iter().next());
        let block = block.ok_or_else(|| Refusal::new(400, 31, "CSR Decode failed"))?;
        if !matches!(block.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
            return Err(Refusal::unclassed(r#"{"code":9300,"message":"not a certificate or csr"}"#));
        }
        Self::from_der(block.der)
    }

    fn from_der(der: Vec<u8>) -> Result<Self, Refusal> {
        let bad = |reason: String| Refusal::unclassed(format!("asn1: structure error: {reason}"));
        let (rest, csr) = X509CertificationRequest::from_der(&der).map_err(|e| bad(e.to_string()))?;
        if !rest.is_empty() {
            return Err(Refusal::unclassed("asn1: syntax error: trailing data"));
        }
        let info = &csr.certification_request_info;
        let mut fields = Vec::new();
        for attribute in info.subject.iter_attributes() {
            let value = attribute
                .as_str()
                .map_or_else(|_| String::from_utf8_lossy(attribute.attr_value().data).into_owned(), str::to_owned);
            fields.push((attribute.attr_type().to_id_string(), value));
        }
        let mut sans = Vec::new();
        let mut wants_ca = false;
        for extension in csr.requested_extensions().into_iter().flatten() {
            match extension {
                ParsedExtension::SubjectAlternativeName(names) => {
                    sans.extend(names.general_names.iter().filter_map(san_of));
                }
                ParsedExtension::BasicConstraints(constraints) => wants_ca = constraints.ca,
                _ => {}
            }
        }
        let spki = info.subject_pki.raw.to_vec();
        Ok(Self { subject: Subject::from_fields(&fields), sans, spki, wants_ca, fields, der })
    }

    /// Refuses subject values that are too long.
    pub(super) fn check_lengths(&self) -> Result<(), Refusal> {
        for (oid, value) in &self.fields {
            let limit = LIMITS.iter().find(|(o, limit, _)| o == oid && value.len() > *limit);
            if let Some((_, limit, name)) = limit {
                let message = format!(
                    "CSR input validation failed: The {name} '{value}' exceeds the maximum character limit of {limit}"
                );
                return Err(Refusal::new(400, 80, message));
            }
        }
        Ok(())
    }

    /// Checks the CSR's signature, which proves that the sender has the key.
    pub(super) fn check_signature(&self) -> Result<(), Refusal> {
        let verified = X509CertificationRequest::from_der(&self.der).ok().map(|(_, csr)| csr.verify_signature());
        match verified {
            Some(Ok(())) => Ok(()),
            _ => Err(Refusal::unclassed(r#"{"code":9300,"message":"x509: ECDSA verification failure"}"#)),
        }
    }
}

fn san_of(name: &GeneralName<'_>) -> Option<San> {
    match name {
        GeneralName::DNSName(t) => Some(San::Dns((*t).to_owned())),
        GeneralName::RFC822Name(t) => Some(San::Email((*t).to_owned())),
        GeneralName::URI(t) => Some(San::Uri((*t).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|b| IpAddr::V4(Ipv4Addr::from(b)));
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b)))).ok().map(San::Ip)
        }
        _ => None,
    }
}
