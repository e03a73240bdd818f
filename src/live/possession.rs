//! Whether a server holds the key of the certificate that it sends: the signature in its handshake, verified as Go does,
//! so that every key counts that a client of Fabric accepts (`crypto/tls/auth.go`).

use rustls::SignatureScheme;

use crate::pki::go::x509::{Certificate, Curve, Hash, PublicKey, SignatureAlgorithm, parse_spki};
use crate::pki::x509::Cert;

/// The message if another key made the signature.
const OTHER_KEY: &str =
    "the server does not hold the key of the certificate it serves: another key signed the handshake";

/// The version of the protocol, which decides on the permitted signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

/// The signatures that a server may choose, the preferred first.
pub(super) const SCHEMES: [SignatureScheme; 10] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Checks that the key of `certificate` (DER) made the signature of a handshake, which has this scheme, over `message`.
///
/// # Errors
/// Returns the reason if it did not, or if that cannot be determined.
pub(super) fn check(
    certificate: &[u8],
    message: &[u8],
    (scheme, signature): (SignatureScheme, &[u8]),
    version: Version,
) -> Result<(), String> {
    let key = public_key(certificate)?;
    let (algorithm, curve) = algorithm(scheme).ok_or_else(|| unasked(scheme))?;
    if version == Version::Tls13 {
        // RFC 8446 section 4.2.3: no PKCS #1 v1.5, and the scheme names the curve.
        if matches!(algorithm, SignatureAlgorithm::Rsa(_)) {
            return Err(unasked(scheme));
        }
        if let (PublicKey::Ecdsa(of_key, _), Some(curve)) = (&key, curve)
            && *of_key != curve
        {
            return Err(OTHER_KEY.to_owned());
        }
    }
    if key.verifies(algorithm, message, signature) { Ok(()) } else { Err(OTHER_KEY.to_owned()) }
}

fn unasked(scheme: SignatureScheme) -> String {
    format!("the server signed the handshake with {scheme:?}, which was not offered")
}

/// The public key of a certificate, also of one that Go refuses for other reasons: the audit reports those.
fn public_key(certificate: &[u8]) -> Result<PublicKey, String> {
    let key = match Certificate::parse(certificate) {
        Ok(certificate) => certificate.public_key,
        Err(refusal) => Cert::from_der(certificate.to_vec())
            .ok()
            .and_then(|certificate| parse_spki(certificate.spki_der()))
            .ok_or_else(|| format!("the certificate of the server cannot be read: {refusal}"))?,
    };
    match key {
        PublicKey::Dsa | PublicKey::Unknown => {
            Err("the certificate of the server has a key of a type that TLS in Go does not accept".to_owned())
        }
        PublicKey::Rsa(key) if key.bits() > 8192 => {
            Err("the certificate of the server has an RSA key above 8192 bits, which TLS in Go refuses".to_owned())
        }
        key => Ok(key),
    }
}

/// The algorithm of a scheme, and its curve under TLS 1.3.
fn algorithm(scheme: SignatureScheme) -> Option<(SignatureAlgorithm, Option<Curve>)> {
    use SignatureAlgorithm::{Ecdsa, Ed25519, Rsa, RsaPss};
    Some(match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => (Ecdsa(Hash::Sha256), Some(Curve::P256)),
        SignatureScheme::ECDSA_NISTP384_SHA384 => (Ecdsa(Hash::Sha384), Some(Curve::P384)),
        SignatureScheme::ECDSA_NISTP521_SHA512 => (Ecdsa(Hash::Sha512), Some(Curve::P521)),
        SignatureScheme::ED25519 => (Ed25519, None),
        SignatureScheme::RSA_PSS_SHA256 => (RsaPss(Hash::Sha256), None),
        SignatureScheme::RSA_PSS_SHA384 => (RsaPss(Hash::Sha384), None),
        SignatureScheme::RSA_PSS_SHA512 => (RsaPss(Hash::Sha512), None),
        SignatureScheme::RSA_PKCS1_SHA256 => (Rsa(Hash::Sha256), None),
        SignatureScheme::RSA_PKCS1_SHA384 => (Rsa(Hash::Sha384), None),
        SignatureScheme::RSA_PKCS1_SHA512 => (Rsa(Hash::Sha512), None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use p384::ecdsa::signature::hazmat::PrehashSigner as _;
    use rcgen::{CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData};
    use ring::digest::{SHA256, SHA384, digest};
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    const MESSAGE: &[u8] = b"a transcript";

    /// An RSA public key, as PKCS #1 writes it.
    struct Rsa(Vec<u8>);

    impl PublicKeyData for Rsa {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &PKCS_RSA_SHA256
        }
    }

    impl Rsa {
        fn new(modulus: &BigUint) -> Self {
            Self(yasna::construct_der(|w| {
                w.write_sequence(|w| {
                    w.next().write_bigint_bytes(&modulus.to_bytes_be(), true);
                    w.next().write_u32(65_537);
                });
            }))
        }
    }

    /// A certificate (DER) of the key. Its own signature is not looked at.
    fn certificate(key: &impl PublicKeyData) -> Vec<u8> {
        let (params, ca) = (CertificateParams::default(), KeyPair::generate().expect("a key"));
        params.signed_by(key, &Issuer::from_params(&params, &ca)).expect("a certificate").der().to_vec()
    }

    /// The numbers of an RSA key of 1,024 bits: modulus and private exponent.
    fn rsa() -> [BigUint; 2] {
        let pem = include_bytes!("../../testdata/keys/rsa1024.pem");
        let key = match PrivateKeyDer::from_pem_slice(pem).expect("a key") {
            PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der().to_vec(),
            // The PKCS #1 form is in an octet string (RFC 5208 section 5).
            key => yasna::parse_der(key.secret_der(), |r| {
                r.read_sequence(|r| {
                    r.next().read_u8()?;
                    r.next().read_der()?;
                    r.next().read_bytes()
                })
            })
            .expect("PKCS #8"),
        };
        let mut numbers = Vec::new();
        yasna::parse_der(&key, |r| {
            r.read_sequence(|r| {
                for _ in 0..9 {
                    numbers.push(BigUint::from_bytes_be(&r.next().read_bigint_bytes()?.0));
                }
                Ok(())
            })
        })
        .expect("PKCS #1");
        [numbers[1].clone(), numbers[3].clone()]
    }

    /// A PKCS #1 v1.5 signature with SHA-256 (RFC 8017 section 9.2).
    fn pkcs1([modulus, private]: &[BigUint; 2], message: &[u8]) -> Vec<u8> {
        let prefix = [0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
        let digest = digest(&SHA256, message);
        let encoded = [&[0, 1][..], &[0xff; 128 - 3 - 19 - 32], &[0], &prefix, digest.as_ref()].concat();
        let signature = BigUint::from_bytes_be(&encoded).modpow(private, modulus).to_bytes_be();
        [&vec![0; 128 - signature.len()][..], &signature].concat()
    }

    #[test]
    fn pkcs1_signature_is_refused_under_tls_1_3_only() {
        let numbers = rsa();
        let certificate = certificate(&Rsa::new(&numbers[0]));
        let signature = pkcs1(&numbers, MESSAGE);
        let signed = (SignatureScheme::RSA_PKCS1_SHA256, signature.as_slice());
        assert_eq!(check(&certificate, MESSAGE, signed, Version::Tls12), Ok(()));
        assert_eq!(check(&certificate, b"another", signed, Version::Tls12), Err(OTHER_KEY.to_owned()));
        for scheme in SCHEMES.into_iter().filter(|scheme| format!("{scheme:?}").starts_with("RSA_PKCS1")) {
            let refused = check(&certificate, MESSAGE, (scheme, &signature), Version::Tls13);
            assert_eq!(refused, Err(unasked(scheme)));
        }
    }

    /// The private key in PKCS #8, whose number follows the version in an `ECPrivateKey` (RFC 5915 section 3).
    fn p384_key(der: &[u8]) -> p384::ecdsa::SigningKey {
        let inner = yasna::parse_der(der, |r| {
            r.read_sequence(|r| {
                r.next().read_u8()?;
                r.next().read_der()?;
                r.next().read_bytes()
            })
        });
        let inner = inner.expect("PKCS #8");
        // SEQUENCE, INTEGER 1, OCTET STRING of 48 bytes.
        let at = inner.windows(5).position(|w| w == [2, 1, 1, 4, 48]).expect("an ECPrivateKey") + 5;
        p384::ecdsa::SigningKey::from_slice(&inner[at..at + 48]).expect("a number")
    }

    #[test]
    fn scheme_names_the_curve_under_tls_1_3_only() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
        let certificate = certificate(&key);
        let signing = p384_key(key.serialized_der());
        let signed = |hash| {
            let signature: p384::ecdsa::Signature =
                signing.sign_prehash(digest(hash, MESSAGE).as_ref()).expect("a signature");
            signature.to_der().as_bytes().to_vec()
        };
        let (of_256, of_384) = (signed(&SHA256), signed(&SHA384));
        let own = (SignatureScheme::ECDSA_NISTP384_SHA384, of_384.as_slice());
        // Under TLS 1.2 the scheme names the hash alone (RFC 8446 section 4.2.3).
        let other = (SignatureScheme::ECDSA_NISTP256_SHA256, of_256.as_slice());
        for version in [Version::Tls12, Version::Tls13] {
            assert_eq!(check(&certificate, MESSAGE, own, version), Ok(()), "{version:?}");
        }
        assert_eq!(check(&certificate, MESSAGE, other, Version::Tls12), Ok(()));
        assert_eq!(check(&certificate, MESSAGE, other, Version::Tls13), Err(OTHER_KEY.to_owned()));
    }

    #[test]
    fn rsa_key_above_8192_bits_is_refused_as_go_does() {
        let modulus = |bits: u32| (BigUint::from(1u8) << (bits - 1)) + 1u8;
        for (bits, is_refused) in [(8192, false), (8193, true)] {
            let certificate = certificate(&Rsa::new(&modulus(bits)));
            for version in [Version::Tls12, Version::Tls13] {
                let signed = (SignatureScheme::RSA_PSS_SHA256, &[1; 1025][..]);
                let reason = check(&certificate, MESSAGE, signed, version).expect_err("no signature");
                assert_eq!(reason.contains("above 8192 bits"), is_refused, "{bits} {reason}");
            }
        }
    }

    #[test]
    fn scheme_that_was_not_offered_is_refused() {
        let certificate = certificate(&KeyPair::generate().expect("a key"));
        for version in [Version::Tls12, Version::Tls13] {
            let signed = (SignatureScheme::ECDSA_SHA1_Legacy, &[][..]);
            assert_eq!(check(&certificate, MESSAGE, signed, version), Err(unasked(SignatureScheme::ECDSA_SHA1_Legacy)));
        }
    }
}
