//! Whether a peer starts with a TLS folder: certificate and key as Go's `crypto/tls.X509KeyPair` (1.26) takes them, and the
//! file of roots as Fabric reads it (fabric `internal/peer/node/start.go`, `core/peer/config.go`).

#![allow(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough over its lifetime")]

use std::path::Path;

use super::certificate::{KeyKind, Loaded};
use super::tls_folder::{TlsFault, TlsRefusal};
use crate::key::KeyPair;
use crate::msp::first_block::{GoBlock, all_blocks};
use crate::x509::pem_encode;

/// The certificates of a certificate file, the server's own first.
pub(super) fn certificates(path: &Path, content: &[u8]) -> Result<Vec<GoBlock>, TlsRefusal> {
    let mut passed_over = Vec::new();
    let mut found = Vec::new();
    for block in all_blocks(content) {
        if block.label == "CERTIFICATE" { found.push(block) } else { passed_over.push(block.label) }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let reason = match passed_over.first() {
        None => "Go finds no PEM block in it".to_owned(),
        Some(first) if passed_over.len() == 1 && first.ends_with("PRIVATE KEY") => {
            "it holds a private key and no certificate: the two files may be switched".to_owned()
        }
        Some(_) => format!("Go wants a CERTIFICATE block, and it holds {}", passed_over.join(", ")),
    };
    Err(TlsRefusal::new(TlsFault::NoCertificate, path, reason))
}

/// Whether the key file holds the key of `leaf`.
pub(super) fn check_key(path: &Path, content: &[u8], leaf: &Loaded) -> Result<(), TlsRefusal> {
    let refuse = |fault, reason: String| Err(TlsRefusal::new(fault, path, reason));
    let mut passed_over = Vec::new();
    let block = all_blocks(content).find(|b| {
        let is_key = b.label == "PRIVATE KEY" || b.label.ends_with(" PRIVATE KEY");
        if !is_key {
            passed_over.push(b.label.clone());
        }
        is_key
    });
    let Some(block) = block else {
        let reason = match passed_over.as_slice() {
            [] => "Go finds no PEM block in it".to_owned(),
            [one] if one == "CERTIFICATE" => {
                "it holds a certificate and no key: the two files may be switched".to_owned()
            }
            several => format!("Go wants a PRIVATE KEY block, and it holds {}", several.join(", ")),
        };
        return refuse(TlsFault::NoKey, reason);
    };
    let key = match public_part(&block.der) {
        Ok(key) => key,
        Err(_) if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" => {
            return refuse(
                TlsFault::KeyEncrypted,
                "the key is encrypted, and nobody is there to type a password".into(),
            );
        }
        Err(reason) => return refuse(TlsFault::KeyUnreadable, reason),
    };
    if key.fits(leaf) {
        Ok(())
    } else {
        let reason = format!("it is not the key of the certificate of \"{}\"", leaf.cert.subject());
        refuse(TlsFault::KeyMismatch, reason)
    }
}

/// What a private key tells of its public one.
enum PublicPart {
    /// RSA modulus without leading zeros.
    Rsa(Vec<u8>),
    /// EC point, or nothing where the file does not hold it and this program cannot compute it.
    Ec(Option<Vec<u8>>),
    Ed25519(Vec<u8>),
}

impl PublicPart {
    fn fits(&self, leaf: &Loaded) -> bool {
        let bits = leaf.cert.public_key_bits();
        match (self, leaf.key_kind) {
            (Self::Rsa(modulus), KeyKind::Rsa) => rsa_modulus(bits).as_ref() == Some(modulus),
            (Self::Ec(point), KeyKind::Ecdsa) => point.as_deref().is_none_or(|p| p == bits),
            (Self::Ed25519(point), KeyKind::Ed25519) => point == bits,
            _ => false,
        }
    }
}

/// The key as Go's `parsePrivateKey` tries it: PKCS#1, PKCS#8, SEC 1, whatever the label says.
fn public_part(der: &[u8]) -> Result<PublicPart, String> {
    if let Some(modulus) = pkcs1_modulus(der) {
        return Ok(PublicPart::Rsa(modulus));
    }
    for label in ["PRIVATE KEY", "EC PRIVATE KEY"] {
        let pem = zeroize::Zeroizing::new(pem_encode(label, der));
        if let Ok(key) = KeyPair::from_pem(pem.as_bytes()) {
            return Ok(PublicPart::Ec(Some(key.public_point().to_vec())));
        }
    }
    if let Some((algorithm, inner)) = pkcs8(der) {
        return match algorithm.as_slice() {
            [1, 2, 840, 113_549, 1, 1, 1] => pkcs1_modulus(&inner).map(PublicPart::Rsa),
            [1, 2, 840, 10045, 2, 1] => sec1(&inner),
            [1, 3, 101, 112] => ed25519_point(&inner).map(PublicPart::Ed25519),
            _ => None,
        }
        .ok_or_else(|| "the key in it is of a kind that Go's TLS does not take, or broken".to_owned());
    }
    sec1(der).ok_or_else(|| "what it holds is no key that Go can read".to_owned())
}

type Secret = zeroize::Zeroizing<Vec<u8>>;

/// `PrivateKeyInfo` (RFC 5208): algorithm and the key inside.
fn pkcs8(der: &[u8]) -> Option<(Vec<u64>, Secret)> {
    sequence(der, |fields| {
        fields.next().read_u8()?;
        let algorithm = fields.next().read_sequence(|parts| {
            let oid = parts.next().read_oid()?;
            parts.read_optional(|r| r.read_der())?;
            Ok(oid)
        })?;
        Ok((algorithm.components().clone(), Secret::new(fields.next().read_bytes()?)))
    })
}

/// The modulus of an `RSAPrivateKey` (RFC 8017 section A.1.2).
fn pkcs1_modulus(der: &[u8]) -> Option<Vec<u8>> {
    sequence(der, |fields| {
        fields.next().read_u8()?;
        let modulus = number(fields.next())?;
        // The public exponent tells it from an ECPrivateKey, whose second field is no number.
        number(fields.next())?;
        Ok(modulus)
    })
}

/// The modulus of an `RSAPublicKey`.
fn rsa_modulus(der: &[u8]) -> Option<Vec<u8>> {
    sequence(der, |fields| number(fields.next()))
}

/// An `ECPrivateKey` (RFC 5915), with its point where it holds it.
fn sec1(der: &[u8]) -> Option<PublicPart> {
    sequence(der, |fields| {
        if fields.next().read_u8()? != 1 {
            return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid));
        }
        drop(Secret::new(fields.next().read_bytes()?));
        fields.read_optional(|r| r.read_tagged(yasna::Tag::context(0), |r| r.read_der()))?;
        let point = fields.read_optional(|r| r.read_tagged(yasna::Tag::context(1), |r| r.read_bitvec_bytes()))?;
        Ok(PublicPart::Ec(point.map(|(bytes, _)| bytes)))
    })
}

/// The public point of a `CurvePrivateKey` (RFC 8410 section 7).
fn ed25519_point(der: &[u8]) -> Option<Vec<u8>> {
    use ring::signature::KeyPair as _;
    let seed = Secret::new(yasna::parse_der(der, |r| r.read_bytes()).ok()?);
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}

fn number(reader: yasna::BERReader<'_, '_>) -> yasna::ASN1Result<Vec<u8>> {
    let (bytes, is_positive) = reader.read_bigint_bytes()?;
    if !is_positive {
        return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid));
    }
    Ok(super::certificate::significant(&bytes).to_vec())
}

/// The first fields of a SEQUENCE; what follows them in it is passed over.
fn sequence<T>(der: &[u8], read: impl FnOnce(&mut yasna::BERReaderSeq<'_, '_>) -> yasna::ASN1Result<T>) -> Option<T> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|fields| {
            let out = read(fields)?;
            while fields.read_optional(|r| r.read_der())?.is_some() {}
            Ok(out)
        })
    })
    .ok()
}
