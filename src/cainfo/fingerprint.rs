//! The SHA-256 fingerprint of a certificate.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use serde::{Serialize, Serializer};

use crate::pki::x509::Cert;
use crate::text::hex;

/// The SHA-256 of a certificate's DER. Shown as OpenSSL shows it: `AB:CD:...`; in JSON as hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

/// Text that is not a SHA-256 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFingerprint {
    /// Other characters than hex digits and separators.
    #[error("expected 64 hex digits, with or without colons")]
    Digits,
    /// Another number of digits.
    #[error("expected 64 hex digits, found {0}")]
    Length(usize),
    /// The length of SHA-1.
    #[error("this is a SHA-1 fingerprint; expected SHA-256: openssl x509 -in ca-cert.pem -noout -fingerprint -sha256")]
    Sha1,
}

impl Fingerprint {
    pub(crate) fn of(certificate: &Cert) -> Self {
        let mut out = Self([0; 32]);
        out.0.copy_from_slice(digest(&SHA256, certificate.der()).as_ref());
        out
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// Reads hex digits of any case, with or without colons or blanks, also after `sha256 Fingerprint=`, which OpenSSL
    /// prints, or `SHA256:`.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let text = text.rsplit('=').next().unwrap_or_default().trim();
        let text = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &text[7..],
            _ => text,
        };
        let mut digits = Vec::new();
        for letter in text.chars().filter(|letter| *letter != ':' && !letter.is_whitespace()) {
            let digit = letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            digits.push(digit.ok_or(NoFingerprint::Digits)?);
        }
        match digits.len() {
            64 => {
                let mut out = Self([0; 32]);
                out.0.iter_mut().zip(digits.chunks_exact(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
                Ok(out)
            }
            40 => Err(NoFingerprint::Sha1),
            found => Err(NoFingerprint::Length(found)),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_read() {
        let plain = "00ff10a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d";
        let read = |text: &str| text.parse::<Fingerprint>();
        let expected = read(plain).unwrap();
        let colons = expected.to_string();
        assert!(colons.starts_with("00:FF:10:A1:") && colons.len() == 95, "{colons}");
        let openssl = format!("sha256 Fingerprint={colons}\n");
        let (upper, prefixed, blanks) = (plain.to_uppercase(), format!("SHA256:{plain}"), colons.replace(':', " "));
        for text in [&colons, &openssl, &upper, &prefixed, &blanks] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        assert_eq!(read(&plain[..40]), Err(NoFingerprint::Sha1));
        assert_eq!(read(&plain[..62]), Err(NoFingerprint::Length(62)));
        for text in [&plain.replace('f', "g"), &plain.replace("00", "é")] {
            assert_eq!(read(text), Err(NoFingerprint::Digits), "{text}");
        }
        assert_eq!(read(""), Err(NoFingerprint::Length(0)));
    }
}
