//! Certificates and subjects for the tests of rules. Every fault in them is intended.

use yasna::models::ObjectIdentifier;
use yasna::{Tag, construct_der};

use super::check::{Check, Context};
use crate::Timestamp;
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::audit::model::finding::{Finding, Findings};
use crate::audit::model::subject::{HeldCert, HeldKey, KeyKind, Location, Place, Subject, SubjectKind, spki_hash};
use crate::msp::ChannelRules;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::x509::Cert;

/// 2026-11-23T05:00:00Z, the time of judgement.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_410_000);
pub(super) const DAY: i64 = 86_400;

const SAN: &[u64] = &[2, 5, 29, 17];
const SERVER_AUTH: u64 = 1;
const CLIENT_AUTH: u64 = 2;

/// The content of a certificate to make.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) common_name: String,
    pub(super) serial: Vec<u8>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// basicConstraints; `None` leaves it out.
    pub(super) ca: Option<bool>,
    /// The bits of keyUsage, digitalSignature first.
    pub(super) key_usage: Option<Vec<usize>>,
    /// The last arc of each `id-kp`.
    pub(super) extended_key_usage: Option<Vec<u64>>,
    pub(super) key_ids: bool,
    /// SANs as tag and content.
    pub(super) sans: Vec<(u64, Vec<u8>)>,
    /// Another `SubjectPublicKeyInfo` than that of the key.
    pub(super) spki: Option<Vec<u8>>,
    pub(super) signature_oid: &'static [u64],
    pub(super) extra: Vec<(&'static [u64], bool, Vec<u8>)>,
}

/// A certificate with its key.
pub(super) struct Made {
    pub(super) cert: Cert,
    pub(super) key: KeyPair,
}

/// A CA, valid for ten years around [`NOW`].
pub(super) fn ca(common_name: &str) -> Spec {
    Spec {
        ca: Some(true),
        key_usage: Some(vec![5, 6]),
        extended_key_usage: None,
        not_before: Timestamp::from_unix(NOW.unix() - 1826 * DAY),
        not_after: Timestamp::from_unix(NOW.unix() + 1826 * DAY),
        ..server(common_name, &[])
    }
}

/// A TLS server's certificate with DNS names, valid for a year around [`NOW`].
pub(super) fn server(common_name: &str, names: &[&str]) -> Spec {
    Spec {
        common_name: common_name.to_owned(),
        serial: vec![0x2a],
        not_before: Timestamp::from_unix(NOW.unix() - 180 * DAY),
        not_after: Timestamp::from_unix(NOW.unix() + 180 * DAY),
        ca: Some(false),
        key_usage: Some(vec![0]),
        extended_key_usage: Some(vec![SERVER_AUTH, CLIENT_AUTH]),
        key_ids: true,
        sans: names.iter().map(|n| (2, n.as_bytes().to_vec())).collect(),
        spki: None,
        signature_oid: &[1, 2, 840, 10045, 4, 3, 2],
        extra: Vec::new(),
    }
}

/// A signing identity's certificate.
pub(super) fn identity(common_name: &str) -> Spec {
    Spec { extended_key_usage: None, ..server(common_name, &[]) }
}

impl Spec {
    pub(super) fn self_signed(&self) -> Made {
        let key = KeyPair::generate(KeyAlgorithm::P256).expect("a key");
        let cert = Cert::from_der(self.der(&key, &self.common_name, &key)).expect("a certificate");
        Made { cert, key }
    }

    pub(super) fn issued_by(&self, ca: &Made) -> Made {
        let key = KeyPair::generate(KeyAlgorithm::P256).expect("a key");
        let issuer = ca.cert.common_name().expect("a CN");
        let cert = Cert::from_der(self.der(&key, issuer, &ca.key)).expect("a certificate");
        Made { cert, key }
    }

    /// The certificate, DER, under the name `issuer` with the signature of `signer`.
    pub(super) fn der(&self, key: &KeyPair, issuer: &str, signer: &KeyPair) -> Vec<u8> {
        let spki = self.spki.clone().unwrap_or_else(|| key.spki_der());
        let tbs = construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_tagged(Tag::context(0), |w| w.write_u8(2));
                let mut serial = vec![2, u8::try_from(self.serial.len()).expect("short")];
                serial.extend(&self.serial);
                w.next().write_der(&serial);
                w.next().write_der(&algorithm(self.signature_oid));
                w.next().write_der(&name(issuer));
                w.next().write_sequence(|w| {
                    w.next().write_der(&time(self.not_before));
                    w.next().write_der(&time(self.not_after));
                });
                w.next().write_der(&name(&self.common_name));
                w.next().write_der(&spki);
                let extensions = self.extensions(key, signer);
                w.next().write_tagged(Tag::context(3), |w| {
                    w.write_sequence(|w| {
                        for (oid, critical, content) in extensions {
                            w.next().write_sequence(|w| {
                                w.next().write_oid(&ObjectIdentifier::from_slice(oid));
                                if critical {
                                    w.next().write_bool(true);
                                }
                                w.next().write_bytes(&content);
                            });
                        }
                    });
                });
            });
        });
        let signature = signer.sign(&tbs).expect("a signature");
        construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_der(&tbs);
                w.next().write_der(&algorithm(self.signature_oid));
                w.next().write_bitvec_bytes(&signature, signature.len() * 8);
            });
        })
    }

    fn extensions(&self, key: &KeyPair, signer: &KeyPair) -> Vec<(&'static [u64], bool, Vec<u8>)> {
        let mut all: Vec<(&'static [u64], bool, Vec<u8>)> = Vec::new();
        if let Some(bits) = &self.key_usage {
            let usage = bits.iter().fold(0u8, |all, bit| all | (0x80 >> bit));
            all.push((&[2, 5, 29, 15], true, construct_der(|w| w.write_bitvec_bytes(&[usage], 8))));
        }
        if let Some(usages) = &self.extended_key_usage {
            let content = construct_der(|w| {
                w.write_sequence(|w| {
                    for arc in usages {
                        w.next().write_oid(&ObjectIdentifier::from_slice(&[1, 3, 6, 1, 5, 5, 7, 3, *arc]));
                    }
                });
            });
            all.push((&[2, 5, 29, 37], false, content));
        }
        if let Some(is_ca) = self.ca {
            let content = construct_der(|w| {
                w.write_sequence(|w| {
                    if is_ca {
                        w.next().write_bool(true);
                    }
                });
            });
            all.push((&[2, 5, 29, 19], true, content));
        }
        if self.key_ids {
            let id = |key: &KeyPair| spki_hash(&key.spki_der()).into_bytes()[..20].to_vec();
            all.push((&[2, 5, 29, 14], false, construct_der(|w| w.write_bytes(&id(key)))));
            let authority = construct_der(|w| {
                w.write_sequence(|w| w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(&id(signer))));
            });
            all.push((&[2, 5, 29, 35], false, authority));
        }
        if !self.sans.is_empty() {
            let content = construct_der(|w| {
                w.write_sequence(|w| {
                    for (tag, bytes) in &self.sans {
                        w.next().write_tagged_implicit(Tag::context(*tag), |w| w.write_bytes(bytes));
                    }
                });
            });
            all.push((SAN, false, content));
        }
        all.extend(self.extra.iter().cloned());
        all
    }
}

/// `SubjectPublicKeyInfo` of an EC key on the curve with this OID, or of any algorithm with such parameters.
pub(super) fn spki(algorithm: &[u64], curve: Option<&[u64]>, bits: &[u8]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_sequence(|w| {
                w.next().write_oid(&ObjectIdentifier::from_slice(algorithm));
                if let Some(curve) = curve {
                    w.next().write_oid(&ObjectIdentifier::from_slice(curve));
                }
            });
            w.next().write_bitvec_bytes(bits, bits.len() * 8);
        });
    })
}

/// `SubjectPublicKeyInfo` of an RSA key with this number of bits.
pub(super) fn rsa_spki(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits / 8];
    modulus.insert(0, 0);
    let key = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(&modulus, true);
            w.next().write_u32(65537);
        });
    });
    spki(&[1, 2, 840, 113_549, 1, 1, 1], None, &key)
}

fn algorithm(oid: &[u64]) -> Vec<u8> {
    construct_der(|w| w.write_sequence(|w| w.next().write_oid(&ObjectIdentifier::from_slice(oid))))
}

fn name(common_name: &str) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_set(|w| {
                w.next().write_sequence(|w| {
                    w.next().write_oid(&ObjectIdentifier::from_slice(&[2, 5, 4, 3]));
                    w.next().write_utf8_string(common_name);
                });
            });
        });
    })
}

fn time(t: Timestamp) -> Vec<u8> {
    let digits: String = t.rfc3339().chars().filter(char::is_ascii_digit).collect();
    let text = format!("{}Z", &digits[2..14]);
    let mut der = vec![0x17, 13];
    der.extend(text.bytes());
    der
}

/// A subject that holds these certificates, each in a file of its own.
pub(super) fn holding<'a>(kind: SubjectKind, certs: impl IntoIterator<Item = (Place, &'a Cert)>) -> Subject {
    let mut subject = Subject::new(kind, "x");
    for (index, (place, cert)) in certs.into_iter().enumerate() {
        let at = Location { path: format!("x/{index}.pem").into(), block: Some(1), line: Some(1) };
        subject.certificates.push(HeldCert { cert: cert.clone(), at, place });
    }
    subject
}

/// A TLS folder: the server's certificate, its key, and its root.
pub(super) fn tls_folder(server: &Made, root: &Made) -> Subject {
    let mut subject = holding(SubjectKind::Tls, [(Place::Server, &server.cert), (Place::ServerAnchor, &root.cert)]);
    subject.keys.push(held_key("x/server.key", &server.key));
    subject
}

/// An MSP folder: the identity's certificate and its root.
pub(super) fn msp_folder(identity: &Made, root: &Made) -> Subject {
    let mut subject = holding(SubjectKind::Msp, [(Place::SignCert, &identity.cert), (Place::RootCa, &root.cert)]);
    subject.msp = Some(crate::audit::model::subject::MspFacts::default());
    subject
}

/// A plain key in its place.
pub(super) fn held_key(path: &str, key: &KeyPair) -> HeldKey {
    HeldKey {
        at: Location { path: path.into(), block: Some(1), line: Some(1) },
        spki_hash: Some(spki_hash(&key.spki_der())),
        kind: KeyKind::Plain(key.algorithm().to_string()),
        mode: None,
        in_its_place: true,
    }
}

/// An expectation of names that clients dial, and of one gateway service.
pub(super) fn expecting(names: &[&str], gateway: Option<&str>) -> Expectation {
    let wanted = |name: &str, source| ExpectedName { name: name.parse().expect("a name"), source, advised: false };
    let mut names: Vec<ExpectedName> = names.iter().map(|n| wanted(n, NameSource::ExpectSan)).collect();
    names.extend(gateway.map(|g| wanted(g, NameSource::GatewayService(g.to_owned()))));
    Expectation { names, ..Expectation::default() }
}

/// The findings of a check in a subject at [`NOW`], without expectations.
pub(super) fn found(check: &Check, subject: &Subject) -> Vec<Finding> {
    found_expecting(check, subject, &Expectation::default())
}

/// The findings of a check in a subject at [`NOW`].
pub(super) fn found_expecting(check: &Check, subject: &Subject, expectation: &Expectation) -> Vec<Finding> {
    found_under(check, subject, &Context { now: NOW, expectation, channel_rules: ChannelRules::V3_0 })
}

/// The findings of a check in a subject.
pub(super) fn found_under(check: &Check, subject: &Subject, context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Findings::new();
    if (check.applies)(subject, context) {
        (check.check)(subject, context, &mut findings);
    }
    findings.into_vec()
}

/// The same certificate with the other S that its P-256 signature may have.
pub(super) fn with_high_s(cert: &Cert) -> Cert {
    use num_bigint::BigUint;
    let order =
        BigUint::parse_bytes(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16).expect("n");
    let (tbs, algorithm, (r, s)) = yasna::parse_der(cert.der(), |reader| {
        reader.read_sequence(|r| {
            let tbs = r.next().read_der()?;
            let algorithm = r.next().read_der()?;
            let signature = r.next().read_bitvec_bytes()?.0;
            let pair = yasna::parse_der(&signature, |r| {
                r.read_sequence(|r| Ok((r.next().read_bigint_bytes()?.0, r.next().read_bigint_bytes()?.0)))
            })?;
            Ok((tbs, algorithm, pair))
        })
    })
    .expect("a certificate");
    let s = (order - BigUint::from_bytes_be(&s)).to_bytes_be();
    let signature = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bigint_bytes(&r, true);
            w.next().write_bigint_bytes(&s, true);
        });
    });
    let der = construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(&tbs);
            w.next().write_der(&algorithm);
            w.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    });
    Cert::from_der(der).expect("a certificate")
}
