//! The authority key identifier: which certificate of the issuer a certificate names.

use super::Cert;

/// The content of the extension (RFC 5280 section 4.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AuthorityKeyId {
    pub(super) key_id: Option<Vec<u8>>,
    /// The first directory name in `authorityCertIssuer`, RFC 4514: the issuer *of the issuer's certificate*.
    pub(super) issuer: Option<String>,
    /// `authorityCertSerialNumber`, big-endian, two's complement.
    pub(super) serial: Option<Vec<u8>>,
}

/// How an authority key identifier differs from the issuer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorityMismatch {
    /// The key identifier is not the issuer's subject key identifier.
    KeyId,
    /// The serial number or the name is that of another certificate.
    IssuerAndSerial,
}

impl Cert {
    /// Holds the authority key identifier against `ca` as OpenSSL does before it takes `ca` for the issuer
    /// (`crypto/x509/v3_purp.c`, `X509_check_akid`): every part that is there has to fit. Go compares nothing.
    ///
    /// # Errors
    /// The first part that does not fit.
    pub fn check_authority(&self, ca: &Self) -> Result<(), AuthorityMismatch> {
        let Some(authority) = self.authority() else { return Ok(()) };
        if let (Some(named), Some(held)) = (&authority.key_id, ca.subject_key_id())
            && named != held
        {
            return Err(AuthorityMismatch::KeyId);
        }
        let is_other_serial = authority.serial.as_ref().is_some_and(|serial| serial != ca.serial());
        let is_other_name = authority.issuer.as_ref().is_some_and(|name| folded(name) != folded(ca.issuer()));
        if is_other_serial || is_other_name { Err(AuthorityMismatch::IssuerAndSerial) } else { Ok(()) }
    }
}

/// A name as OpenSSL compares names: letters in lower case, blanks folded (`crypto/x509/x_name.c`, `x509_name_canon`).
fn folded(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
