//! Encoding of certificates, with the field order of the real server.

use std::net::IpAddr;

use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, DERWriterSeq, Tag, construct_der};

use super::DevCaError;
use super::san::San;
use super::subject::Subject;
use crate::Timestamp;
use crate::pki::key::KeyPair;

/// The usage of a certificate: the signing profiles of the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Profile `""`: digitalSignature, no EKU.
    Signing,
    /// Profile `tls`: TLS server and client.
    Tls,
    /// Profile `ca`, and the CAs themselves.
    Ca {
        /// pathLenConstraint.
        path_len: u32,
    },
}

/// The content of a certificate.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) subject: Subject,
    pub(super) sans: Vec<San>,
    /// `SubjectPublicKeyInfo`, DER.
    pub(super) spki: Vec<u8>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) usage: Usage,
    /// JSON of the attribute extension.
    pub(super) attributes: Option<String>,
}

/// The signer of a certificate.
pub(super) struct Signer<'a> {
    pub(super) key: &'a KeyPair,
    /// `Name`, DER.
    pub(super) subject: &'a [u8],
    /// Key identifier; `None` for a root, whose certificate has no AKI.
    pub(super) ski: Option<&'a [u8]>,
}

/// A certificate and its serial number.
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    /// Lower-case hex without leading zeros.
    pub(super) serial: String,
}

/// Rounds to the nearest minute, as `time.Now().Round(time.Minute)` does.
pub(super) fn to_minute(t: Timestamp) -> Timestamp {
    Timestamp::from_unix((t.unix() + 30).div_euclid(60) * 60)
}

/// The key identifier of certificates: SHA-1 of the public key bits (RFC 5280 section 4.2.1.2, method 1). Not Fabric's
/// SKI.
pub(super) fn key_id(spki: &[u8]) -> Result<Vec<u8>, DevCaError> {
    use x509_parser::prelude::FromDer;
    let (_, parsed) =
        x509_parser::x509::SubjectPublicKeyInfo::from_der(spki).map_err(|_| DevCaError::Encoding("the public key"))?;
    let bits: &[u8] = &parsed.subject_public_key.data;
    Ok(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref().to_vec())
}

/// Signs `template` with a random serial number: 20 bytes, the top bit clear.
pub(super) fn write(template: &Template, signer: &Signer<'_>) -> Result<Certificate, DevCaError> {
    let mut serial = [0u8; 20];
    SystemRandom::new().fill(&mut serial).map_err(|_| DevCaError::NoRandomness)?;
    serial[0] &= 0x7f;
    let ski = key_id(&template.spki)?;
    let tbs = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_tagged(Tag::context(0), |w| w.write_u8(2));
            w.next().write_bigint_bytes(&serial, true);
            write_signature_algorithm(w.next());
            w.next().write_der(signer.subject);
            w.next().write_sequence(|w| {
                write_time(w, template.not_before);
                write_time(w, template.not_after);
            });
            w.next().write_der(&template.subject.to_der());
            w.next().write_der(&template.spki);
            w.next()
                .write_tagged(Tag::context(3), |w| w.write_sequence(|w| write_extensions(w, template, &ski, signer)));
        });
    });
    Ok(Certificate { der: signed(&tbs, signer)?, serial: trimmed_hex(&serial) })
}

/// An entry of a CRL.
pub(super) struct RevokedAt {
    /// Lower-case hex without leading zeros.
    pub(super) serial: String,
    pub(super) at: Timestamp,
}

/// Signs a CRL, version 2 (RFC 5280 section 5.1), with the issuer's key identifier and neither a number nor reasons, as the
/// real server does. DER.
pub(super) fn write_crl(
    revoked: &[RevokedAt],
    (issued, ends): (Timestamp, Timestamp),
    signer: &Signer<'_>,
) -> Result<Vec<u8>, DevCaError> {
    let tbs = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_u8(1);
            write_signature_algorithm(w.next());
            w.next().write_der(signer.subject);
            write_time(w, issued);
            write_time(w, ends);
            if !revoked.is_empty() {
                w.next().write_sequence(|w| {
                    for entry in revoked {
                        w.next().write_sequence(|w| {
                            w.next().write_bigint_bytes(&from_hex(&entry.serial), true);
                            write_time(w, entry.at);
                        });
                    }
                });
            }
            if let Some(issuer) = signer.ski {
                w.next().write_tagged(Tag::context(0), |w| {
                    w.write_sequence(|w| write_extension(w, &ce(35), false, &authority_key(issuer)));
                });
            }
        });
    });
    signed(&tbs, signer)
}

/// The content of an authority key identifier.
fn authority_key(issuer: &[u8]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(issuer)));
    })
}

/// The signed form of a `TBSCertificate` or `TBSCertList`, DER.
fn signed(tbs: &[u8], signer: &Signer<'_>) -> Result<Vec<u8>, DevCaError> {
    let signature = signer.key.sign(tbs).map_err(|_| DevCaError::NoRandomness)?;
    Ok(construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(tbs);
            write_signature_algorithm(w.next());
            w.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    }))
}

/// The bytes of hex without leading zeros.
fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    let (first, rest) = digits.split_at(digits.len() % 2);
    first.iter().copied().chain(rest.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

/// Lower-case hex without leading zeros, as the real server's database keeps serial numbers.
pub(super) fn trimmed_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let hex: String = bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect();
    hex.trim_start_matches('0').to_owned()
}

/// ecdsa-with-SHA256 (RFC 5758 section 3.2): every CA here has a P-256 key.
fn write_signature_algorithm(w: DERWriter<'_>) {
    w.write_sequence(|w| w.next().write_oid(&ObjectIdentifier::from_slice(&[1, 2, 840, 10045, 4, 3, 2])));
}

/// `UTCTime` through 2049, `GeneralizedTime` from 2050 (RFC 5280 section 4.1.2.5).
fn write_time(w: &mut DERWriterSeq<'_>, t: Timestamp) {
    let at = OffsetDateTime::from_unix_timestamp(t.unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let rest =
        format!("{:02}{:02}{:02}{:02}{:02}Z", u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second());
    let (tag, text) = if (1950..2050).contains(&at.year()) {
        (0x17, format!("{:02}{rest}", at.year() % 100))
    } else {
        (0x18, format!("{:04}{rest}", at.year()))
    };
    let mut der = vec![tag, u8::try_from(text.len()).unwrap_or(0)];
    der.extend(text.bytes());
    w.next().write_der(&der);
}

fn write_extension(w: &mut DERWriterSeq<'_>, oid: &[u64], critical: bool, value: &[u8]) {
    w.next().write_sequence(|w| {
        w.next().write_oid(&ObjectIdentifier::from_slice(oid));
        if critical {
            w.next().write_bool(true);
        }
        w.next().write_bytes(value);
    });
}

/// `id-ce`, the arc of the standard extensions.
const fn ce(arc: u64) -> [u64; 4] {
    [2, 5, 29, arc]
}

fn write_extensions(w: &mut DERWriterSeq<'_>, template: &Template, ski: &[u8], signer: &Signer<'_>) {
    let (key_usage, bits) = match template.usage {
        Usage::Signing => (0x80, 1),
        Usage::Tls => (0xa8, 5),
        Usage::Ca { .. } => (0x06, 7),
    };
    write_extension(w, &ce(15), true, &construct_der(|w| w.write_bitvec_bytes(&[key_usage], bits)));
    if template.usage == Usage::Tls {
        let eku = construct_der(|w| {
            w.write_sequence(|w| {
                for purpose in [1, 2] {
                    w.next().write_oid(&ObjectIdentifier::from_slice(&[1, 3, 6, 1, 5, 5, 7, 3, purpose]));
                }
            });
        });
        write_extension(w, &ce(37), false, &eku);
    }
    let constraints = construct_der(|w| {
        w.write_sequence(|w| {
            if let Usage::Ca { path_len } = template.usage {
                w.next().write_bool(true);
                w.next().write_u32(path_len);
            }
        });
    });
    write_extension(w, &ce(19), true, &constraints);
    write_extension(w, &ce(14), false, &construct_der(|w| w.write_bytes(ski)));
    if let Some(issuer) = signer.ski {
        write_extension(w, &ce(35), false, &authority_key(issuer));
    }
    if !template.sans.is_empty() {
        write_extension(w, &ce(17), false, &sans_der(&template.sans));
    }
    if let Some(json) = &template.attributes {
        // Raw JSON without an ASN.1 string type, as Fabric expects.
        write_extension(w, &[1, 2, 3, 4, 5, 6, 7, 8, 1], false, json.as_bytes());
    }
}

/// Grouped by type: DNS, e-mail, IP, URI, as Go's `crypto/x509` encodes them.
fn sans_der(sans: &[San]) -> Vec<u8> {
    let rank = |san: &San| match san {
        San::Dns(_) => 0u8,
        San::Email(_) => 1,
        San::Ip(_) => 2,
        San::Uri(_) => 3,
    };
    let mut sorted: Vec<&San> = sans.iter().collect();
    sorted.sort_by_key(|san| rank(san));
    construct_der(|w| {
        w.write_sequence(|w| {
            for san in sorted {
                let (tag, content) = match san {
                    San::Dns(t) => (2, t.as_bytes().to_vec()),
                    San::Email(t) => (1, t.as_bytes().to_vec()),
                    San::Uri(t) => (6, t.as_bytes().to_vec()),
                    San::Ip(ip) => (
                        7,
                        match ip {
                            IpAddr::V4(v4) => v4.octets().to_vec(),
                            IpAddr::V6(v6) => v6.octets().to_vec(),
                        },
                    ),
                };
                w.next().write_tagged_implicit(Tag::context(tag), |w| w.write_bytes(&content));
            }
        });
    })
}
