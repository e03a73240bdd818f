//! A certificate as Go's `x509.ParseCertificate` reads it (`crypto/x509/parser.go`).

use std::cell::RefCell;

use super::algorithm::{SignatureAlgorithm, parse_identifier};
use super::der::{Der, SEQUENCE, context, explicit, significant, to_i64};
use super::extensions::{self, Extensions};
use super::public_key::{KeyRefusal, PublicKey};
use super::text::parse_name;
use super::time::{GENERALIZED_TIME, UTC_TIME, generalized_time, utc_time};
use crate::Timestamp;

/// Go's reason to refuse a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    /// The key's curve is not one of the four that Go knows.
    #[error("its key is on a curve that Go does not know")]
    Curve,
    /// Go refuses negative serial numbers.
    #[error("its serial number is negative")]
    NegativeSerial,
    /// Bytes follow the certificate.
    #[error("bytes follow the certificate")]
    TrailingData,
    /// Another fault.
    #[error("Go does not read the certificate: {0}")]
    Malformed(&'static str),
    /// An extension appears twice.
    #[error("Go does not read the certificate: the extension {0} appears twice")]
    DuplicateExtension(String),
}

impl From<&'static str> for ParseError {
    fn from(reason: &'static str) -> Self {
        Self::Malformed(reason)
    }
}

/// A certificate that Go reads, with the parts that Fabric and Go use.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The whole certificate, DER.
    pub(crate) raw: Vec<u8>,
    /// The signed part, DER.
    pub(super) tbs: Vec<u8>,
    /// 1, 2 or 3.
    pub(super) version: i64,
    /// Without leading zeros.
    pub(crate) serial: Vec<u8>,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(super) signature: Vec<u8>,
    /// The issuer's name, DER.
    pub(crate) issuer: Vec<u8>,
    /// The subject's name, DER.
    pub(crate) subject: Vec<u8>,
    /// The last CN of the subject, or an empty text.
    pub(crate) common_name: String,
    /// Every OU of the subject, in order.
    pub(crate) organizational_units: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// `SubjectPublicKeyInfo`, DER.
    pub(crate) spki: Vec<u8>,
    pub(crate) public_key: PublicKey,
    /// Empty for versions 1 and 2.
    pub(crate) extensions: Extensions,
    /// Verdicts on the signature by public key, so that each is computed once.
    pub(super) tried: RefCell<Vec<(Vec<u8>, bool)>>,
}

/// Certificates are equal when their contents are.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// When Go would not read it.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, ParseError> {
        let mut input = Der(der);
        let whole = input.element().filter(|e| e.tag == SEQUENCE).ok_or("it is not a sequence")?;
        let trailing = !input.is_empty();
        let mut outer = Der(whole.content);
        let tbs_whole = outer.read_whole(SEQUENCE).ok_or("its signed part is not a sequence")?;
        let mut tbs = Der(tbs_whole).open(SEQUENCE).ok_or("its signed part is not a sequence")?;

        let version = version(&mut tbs)?;
        let serial = tbs.integer().ok_or("its serial number is malformed")?;
        if serial[0] & 0x80 != 0 {
            return Err(ParseError::NegativeSerial);
        }
        let inner_algorithm = tbs.read(SEQUENCE).ok_or("its signature algorithm is malformed")?;
        let outer_algorithm = outer.read(SEQUENCE).ok_or("its outer signature algorithm is malformed")?;
        if inner_algorithm != outer_algorithm {
            return Err("its two signature algorithms differ".into());
        }
        let (oid, parameters) = parse_identifier(Der(inner_algorithm))?;
        let issuer = tbs.read_whole(SEQUENCE).ok_or("its issuer is malformed")?;
        parse_name(issuer)?;
        let mut validity = tbs.open(SEQUENCE).ok_or("its validity is malformed")?;
        let (not_before, not_after) = (parse_time(&mut validity)?, parse_time(&mut validity)?);
        let subject = tbs.read_whole(SEQUENCE).ok_or("its subject is malformed")?;
        let name = parse_name(subject)?;
        let spki = tbs.read_whole(SEQUENCE).ok_or("its public key is malformed")?;
        let public_key = Der(spki).open(SEQUENCE).ok_or("its public key is malformed")?;
        let public_key = PublicKey::parse(public_key).map_err(|refusal| match refusal {
            KeyRefusal::Curve => ParseError::Curve,
            KeyRefusal::Malformed(why) => ParseError::Malformed(why),
        })?;
        let extensions = extensions_of(&mut tbs, version)?;
        let signature = outer.bit_string().ok_or("its signature is not a valid bit string")?;
        if trailing {
            return Err(ParseError::TrailingData);
        }
        Ok(Self {
            raw: der.to_vec(),
            tbs: tbs_whole.to_vec(),
            version,
            serial: significant(serial).to_vec(),
            signature_algorithm: SignatureAlgorithm::of(oid, parameters),
            signature: signature.right_aligned(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            common_name: name.common_name,
            organizational_units: name.organizational_units,
            not_before,
            not_after,
            spki: spki.to_vec(),
            public_key,
            extensions,
            tried: RefCell::default(),
        })
    }

    /// The subject as RFC 4514 text.
    pub(crate) fn subject_text(&self) -> String {
        crate::pki::x509::name_text(&self.subject).unwrap_or_else(|| format!("CN={}", self.common_name))
    }

    /// The issuer as RFC 4514 text.
    pub(crate) fn issuer_text(&self) -> String {
        crate::pki::x509::name_text(&self.issuer).unwrap_or_else(|| "an unreadable name".to_owned())
    }

    /// Whether there is a SAN extension, whatever its content.
    pub(crate) const fn has_san(&self) -> bool {
        self.extensions.san.is_some()
    }

    /// Whether basicConstraints is `CA:TRUE`.
    pub(crate) const fn is_ca(&self) -> bool {
        self.extensions.is_ca
    }

    /// Whether it is signed with ECDSA by a hash that Go knows.
    pub(crate) const fn is_ecdsa_signed(&self) -> bool {
        matches!(self.signature_algorithm, SignatureAlgorithm::Ecdsa(_))
    }

    /// The SKI by which Fabric finds the private key; `None` for keys that Fabric does not accept.
    pub(crate) fn ski(&self) -> Option<crate::pki::key::Ski> {
        self.public_key.ski_input().map(|input| crate::pki::key::Ski::of_point(&input))
    }
}

fn version(tbs: &mut Der<'_>) -> Result<i64, ParseError> {
    const MALFORMED: &str = "its version is malformed";
    let Some(field) = tbs.optional(explicit(0)).ok_or(MALFORMED)? else { return Ok(1) };
    let mut field = Der(field);
    match field.integer().and_then(to_i64).filter(|_| field.is_empty()) {
        Some(version @ 0..=2) => Ok(version + 1),
        _ => Err(MALFORMED.into()),
    }
}

fn parse_time(validity: &mut Der<'_>) -> Result<Timestamp, ParseError> {
    let time = validity.element().ok_or("its validity is malformed")?;
    let read = match time.tag {
        UTC_TIME => utc_time(time.content),
        GENERALIZED_TIME => generalized_time(time.content),
        _ => None,
    };
    read.ok_or(ParseError::Malformed("a date in its validity is malformed"))
}

/// Data after the extensions is ignored.
fn extensions_of(tbs: &mut Der<'_>, version: i64) -> Result<Extensions, ParseError> {
    if version < 2 {
        return Ok(Extensions::default());
    }
    tbs.optional(context(1)).ok_or("its issuer's unique id is malformed")?;
    tbs.optional(context(2)).ok_or("its subject's unique id is malformed")?;
    if version < 3 {
        return Ok(Extensions::default());
    }
    match tbs.optional(explicit(3)).ok_or("its extensions are malformed")? {
        Some(content) => extensions::parse(Der(content)),
        None => Ok(Extensions::default()),
    }
}
