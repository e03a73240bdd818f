//! A certificate revocation list (RFC 5280 section 5): its DER and the fields that fabcert uses, parsed once.

use std::ops::Range;

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::{Cert, SignatureAlgorithm, SignatureCheck, dn};
use crate::Timestamp;
use crate::text::hex;

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Range<usize>,
    signature: Range<usize>,
    issuer_raw: Range<usize>,
    issuer: String,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<String>,
    algorithm: SignatureAlgorithm,
    authority_key_id: Option<Vec<u8>>,
}

impl Crl {
    /// Reads one list from DER.
    ///
    /// # Errors
    /// When it cannot be decoded or bytes follow it; the error is a message.
    pub fn from_der(der: Vec<u8>) -> Result<Self, String> {
        let (rest, parsed) = CertificateRevocationList::from_der(&der)
            .map_err(|e| format!("the revocation list cannot be decoded: {e}"))?;
        if !rest.is_empty() {
            return Err(format!("{} bytes follow the revocation list", rest.len()));
        }
        let part = |slice: &[u8]| {
            let start = slice.as_ptr() as usize - der.as_ptr() as usize;
            start..start + slice.len()
        };
        let serial = |raw: &[u8]| match hex(raw).trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        };
        Ok(Self {
            tbs: part(parsed.tbs_cert_list.as_ref()),
            signature: part(&parsed.signature_value.data),
            issuer_raw: part(parsed.issuer().as_raw()),
            issuer: dn::to_text(parsed.issuer()),
            this_update: Timestamp::from_unix(parsed.last_update().timestamp()),
            next_update: parsed.next_update().map(|t| Timestamp::from_unix(t.timestamp())),
            revoked: parsed.iter_revoked_certificates().map(|r| serial(r.raw_serial())).collect(),
            algorithm: SignatureAlgorithm::of(&parsed.signature_algorithm),
            authority_key_id: parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
                _ => None,
            }),
            der,
        })
    }

    /// The list itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer as RFC 4514 text.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The time of issue.
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// The time at which the next list is due.
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// The identifier of the key that signed it (RFC 5280 section 5.2.1). Fabric refuses every certificate of an MSP whose list
    /// has none, and ignores a list whose identifier is not that of a CA of the MSP.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// The number of revoked certificates.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// The revoked serial numbers, lower-case hex without leading zeros.
    pub fn serials(&self) -> &[String] {
        &self.revoked
    }

    /// Whether it revokes no certificate.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// Whether it lists `cert` and has the same issuer; the signature is not checked.
    pub fn lists(&self, cert: &Cert) -> bool {
        self.is_issued_under_the_name_of(cert.issuer_raw()) && self.revoked.contains(&cert.serial_hex())
    }

    /// Whether the list's issuer has the name of `ca`.
    pub fn names(&self, ca: &Cert) -> bool {
        self.is_issued_under_the_name_of(ca.subject_raw())
    }

    /// Whether the key of `ca` signed it; names are not compared.
    pub fn signature_by(&self, ca: &Cert) -> SignatureCheck {
        self.algorithm.verify(
            ca.public_key(),
            ca.public_key_bits(),
            &self.der[self.tbs.clone()],
            &self.der[self.signature.clone()],
        )
    }

    fn is_issued_under_the_name_of(&self, name: &[u8]) -> bool {
        &self.der[self.issuer_raw.clone()] == name
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
        KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
    };

    use super::*;

    #[test]
    fn a_list_has_issuer_dates_and_revoked_serials() {
        let ca = |cn: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, cn);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.serial_number = Some(SerialNumber::from_slice(&[0x7f, 1]));
            let cert = params.self_signed(&key).unwrap();
            (Cert::from_der(cert.der().to_vec()).unwrap(), Issuer::new(params, key))
        };
        let ((own, issuer), (other, _)) = (ca("own"), ca("other"));
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, 2, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from_slice(&[0x7f, 1]),
                revocation_time: date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = Crl::from_der(list.signed_by(&issuer).unwrap().der().to_vec()).unwrap();
        assert_eq!(crl.next_update().unwrap().rfc3339(), "2026-02-01T00:00:00Z");
        assert!(crl.names(&own) && !crl.names(&other));
        assert!(crl.lists(&own) && !crl.lists(&other), "a serial number counts with its issuer only");
        assert_eq!((crl.signature_by(&own), crl.signature_by(&other)), (SignatureCheck::Good, SignatureCheck::Bad));
        assert!(Crl::from_der([crl.der(), b"x"].concat()).is_err());
    }
}
