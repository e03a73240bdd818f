//! The JSON of requests and answers (fabric-ca v1.5.21 `api/client.go`, `lib/server*.go`).
//!
//! Requests contain only what was requested: absent lists are omitted, because the server reads `"hosts": []` as "drop
//! every SAN of the CSR".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::secret::Redactor;
use crate::text::pem_blocks;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A requested attribute of the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttrRequest {
    /// Name of an attribute that the identity was registered with.
    pub name: String,
    /// Whether the certificate may be issued without it.
    #[serde(default)]
    pub optional: bool,
}

/// The request of [`Client::enroll`](super::Client::enroll) and [`Client::reenroll`](super::Client::reenroll).
#[derive(Clone, Copy, Debug, Default)]
pub struct EnrollRequest<'a> {
    /// One PEM block, `CERTIFICATE REQUEST`; its CN is the enrolment id.
    pub csr_pem: &'a str,
    /// The requested names, the same as in the CSR; if empty, `hosts` is omitted.
    pub sans: &'a [SanName],
    /// Signing profile; `None` is the CA's default.
    pub profile: Option<&'a str>,
    /// Attribute requests; `None` is the CA's default set.
    pub attrs: Option<&'a [AttrRequest]>,
    /// Start of validity. The CA raises an earlier one to the start of its own certificate.
    pub not_before: Option<Timestamp>,
    /// A label that the CA keeps in its database.
    pub label: Option<&'a str>,
}

/// An attribute of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether certificates contain it without a request.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ecert: bool,
}

/// An identity to register, in [`Client::register`](super::Client::register).
#[derive(Clone, Copy, Debug, Default)]
pub struct RegisterRequest<'a> {
    /// Its enrolment id.
    pub id: &'a str,
    /// Its type (`peer`, `orderer`, `admin`, `client`); `None` is the registrar's.
    pub identity_type: Option<&'a str>,
    /// Its enrolment secret; `None` lets the CA choose one.
    pub secret: Option<&'a crate::Secret>,
    /// The number of enrolments: -1 is unlimited, `None` is the CA's limit.
    pub max_enrollments: Option<i64>,
    /// Its affiliation; `None` is the registrar's.
    pub affiliation: Option<&'a str>,
    /// Its attributes.
    pub attrs: &'a [Attribute],
}

#[derive(Serialize)]
struct EnrollBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    certificate_request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(rename = "NotBefore", skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attr_reqs: Option<&'a [AttrRequest]>,
}

#[derive(Serialize)]
struct RegisterBody<'a> {
    id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    identity_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_enrollments: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    affiliation: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attrs: &'a [Attribute],
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

#[derive(Serialize)]
struct CaInfoBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    caname: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Structs of strings and numbers: serialising them cannot fail.
pub(super) fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

pub(super) fn cainfo_body(ca_name: Option<&str>) -> Vec<u8> {
    to_json(&CaInfoBody { caname: ca_name })
}

pub(super) fn enroll_body(request: &EnrollRequest<'_>, ca_name: Option<&str>) -> Vec<u8> {
    to_json(&EnrollBody {
        hosts: request.sans.iter().map(ToString::to_string).collect(),
        certificate_request: request.csr_pem,
        profile: request.profile.filter(|p| !p.is_empty()),
        label: request.label.filter(|l| !l.is_empty()),
        not_before: request.not_before.map(Timestamp::rfc3339),
        caname: ca_name,
        attr_reqs: request.attrs.filter(|a| !a.is_empty()),
    })
}

pub(super) fn register_body(request: &RegisterRequest<'_>, ca_name: Option<&str>) -> Vec<u8> {
    to_json(&RegisterBody {
        id: request.id,
        identity_type: request.identity_type,
        secret: request.secret.map(crate::Secret::expose),
        max_enrollments: request.max_enrollments,
        affiliation: request.affiliation,
        attrs: request.attrs,
        caname: ca_name,
    })
}

/// The form of every answer of a Fabric CA, success or not.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    pub(super) result: Value,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) errors: Vec<WireError>,
    pub(super) success: bool,
}

/// One error in an [`Envelope`].
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct WireError {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

pub(super) fn null_as_empty<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

impl Envelope {
    /// Parses the envelope in `body`; `None` if it is something else. A Fabric CA always sends `success`.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// Information about a CA (`cainfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaInfo {
    /// Its name; empty for the only CA of a server without a name.
    pub ca_name: String,
    /// Its certificate and those above it, PEM, in any order, not verified.
    pub chain_pem: Vec<u8>,
    /// Version of the server, for example `1.5.21`; empty in answers to `enroll`.
    pub version: String,
    /// The Idemix issuer key (protobuf); empty where the CA has none.
    pub issuer_public_key: Vec<u8>,
    /// The Idemix revocation key, PEM; empty where the CA has none.
    pub issuer_revocation_key: Vec<u8>,
    /// The server's clock, from the HTTP `Date` header.
    pub server_date: Option<Timestamp>,
}

/// The CA's answer to an enrolment. Not verified; see [`verify`](crate::proof::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enrollment {
    /// The certificate, PEM, as received.
    pub cert_pem: Vec<u8>,
    /// The CA's chain, PEM, in any order, as received.
    pub chain_pem: Vec<u8>,
    /// The CA's name in the answer.
    pub ca_name: String,
    /// The server's clock, from the HTTP `Date` header.
    pub server_date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct EnrollResult {
    #[serde(rename = "Cert")]
    cert: String,
    #[serde(rename = "ServerInfo")]
    server_info: CaInfoResult,
}

#[derive(Deserialize)]
struct CaInfoResult {
    #[serde(rename = "CAName", default)]
    ca_name: String,
    #[serde(rename = "CAChain")]
    chain: String,
    #[serde(rename = "Version", default)]
    version: String,
    #[serde(rename = "IssuerPublicKey", default)]
    issuer_public_key: String,
    #[serde(rename = "IssuerRevocationPublicKey", default)]
    issuer_revocation_key: String,
}

#[derive(Deserialize)]
struct RegisterResult {
    secret: String,
}

/// Reads the result of `cainfo`. `Err` describes the missing or invalid member.
pub(super) fn read_cainfo(result: Value, server_date: Option<Timestamp>) -> Result<CaInfo, &'static str> {
    let result: CaInfoResult = serde_json::from_value(result).map_err(|_| "it has no CAChain")?;
    let chain_pem = STANDARD.decode(result.chain).map_err(|_| "its CAChain is not base64")?;
    // A key that cannot be read is as good as none: nothing here uses it.
    let key = |text: String| STANDARD.decode(text).unwrap_or_default();
    Ok(CaInfo {
        ca_name: result.ca_name,
        chain_pem,
        version: result.version,
        issuer_public_key: key(result.issuer_public_key),
        issuer_revocation_key: key(result.issuer_revocation_key),
        server_date,
    })
}

/// Reads the result of `enroll` and `reenroll`. `Err` describes the missing or invalid member. What the server wrote around
/// its certificates is redacted.
pub(super) fn read_enrollment(
    result: Value,
    server_date: Option<Timestamp>,
    redactor: &Redactor,
) -> Result<Enrollment, &'static str> {
    let result: EnrollResult =
        serde_json::from_value(result).map_err(|_| "it has no Cert, or no ServerInfo with a CAChain")?;
    let cert_pem = STANDARD.decode(result.cert).map_err(|_| "its Cert is not base64")?;
    let chain_pem = STANDARD.decode(result.server_info.chain).map_err(|_| "its CAChain is not base64")?;
    Ok(Enrollment {
        cert_pem: redacted(cert_pem, redactor),
        chain_pem: redacted(chain_pem, redactor),
        ca_name: redactor.redact(&result.server_info.ca_name),
        server_date,
    })
}

/// The PEM text with its certificates as they are, and everything else redacted: labels, headers, text between blocks, and
/// blocks that hold something else.
fn redacted(pem: Vec<u8>, redactor: &Redactor) -> Vec<u8> {
    let text = String::from_utf8_lossy(&pem);
    let is_certificate = |block: &str| {
        let blocks = pem_blocks(block.as_bytes()).unwrap_or_default();
        matches!(&blocks[..], [one] if one.headers.is_empty() && Cert::from_der(one.der.clone()).is_ok())
    };
    let (mut certificates, mut others, mut open, mut at) = (Vec::new(), Vec::new(), 0, 0);
    while let Some(end) = text[at..].find(END).map(|end| at + end + END.len()) {
        if let Some(start) = text[at..end].rfind(BEGIN).map(|start| at + start)
            && is_certificate(&text[start..end])
        {
            others.push(&text[open..start]);
            certificates.push(&text[start..end]);
            open = end;
        }
        at = end;
    }
    others.push(&text[open..]);
    let others = redactor.redact_all(others);
    let out: String =
        others.iter().map(String::as_str).zip(certificates.into_iter().chain([""])).flat_map(|(a, b)| [a, b]).collect();
    if out == text { pem } else { out.into_bytes() }
}

/// Reads the result of `register`. `Err` describes the missing or invalid member.
pub(super) fn read_secret(result: Value) -> Result<crate::Secret, &'static str> {
    let result: RegisterResult = serde_json::from_value(result).map_err(|_| "it has no secret")?;
    Ok(crate::Secret::new(result.secret))
}
