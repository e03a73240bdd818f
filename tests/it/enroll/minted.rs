//! Certificates written byte by byte, so that anything in them can be wrong, and signed all the same.

use fabcert::Timestamp;
use fabcert::internals::pem_encode;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use yasna::models::ObjectIdentifier;
use yasna::{Tag, construct_der};

use super::faults::now;

pub(super) const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
pub(super) const SAN: &[u64] = &[2, 5, 29, 17];
pub(super) const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
pub(super) const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
pub(super) const POLICY_CONSTRAINTS: &[u64] = &[2, 5, 29, 36];
pub(super) const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
pub(super) const SUBJECT_KEY_ID: &[u64] = &[2, 5, 29, 14];
pub(super) const AUTHORITY_KEY_ID: &[u64] = &[2, 5, 29, 35];
/// An extension that nobody knows.
pub(super) const UNKNOWN: &[u64] = &[1, 3, 6, 1, 4, 1, 99999, 1];

const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const ANY: &[u64] = &[2, 5, 29, 37, 0];
const EMAIL: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];

/// What a certificate is to hold; every part is DER.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) common_name: String,
    /// The OU of the subject; empty for none.
    pub(super) unit: &'static str,
    /// The whole `[0] { INTEGER }`; empty for version 1.
    pub(super) version: Vec<u8>,
    /// The whole INTEGER.
    pub(super) serial: Vec<u8>,
    /// Two whole times.
    pub(super) times: [Vec<u8>; 2],
    /// The number of the extension, and all of it.
    pub(super) extensions: Vec<(&'static [u64], Vec<u8>)>,
    /// The algorithm beside the signature.
    pub(super) outer_algorithm: &'static [u64],
}

/// A CA's certificate with its key.
pub(super) struct Ca {
    pub(super) der: Vec<u8>,
    pub(super) key: KeyPair,
    pub(super) common_name: String,
}

impl Spec {
    /// A healthy CA that lasts for ten years.
    pub(super) fn ca(common_name: &str) -> Self {
        let constraints = construct_der(|w| w.write_sequence(|w| w.next().write_bool(true)));
        Self::new(common_name, 3650).with(KEY_USAGE, true, &bits(0x06)).with(BASIC_CONSTRAINTS, true, &constraints)
    }

    /// A healthy TLS certificate with these DNS names that lasts for a year.
    pub(super) fn leaf(common_name: &str, names: &[&str]) -> Self {
        let names: Vec<(u64, &[u8])> = names.iter().map(|n| (2, n.as_bytes())).collect();
        Self { unit: "peer", ..Self::new(common_name, 365) }
            .with(KEY_USAGE, true, &bits(0x80))
            .with(EXTENDED_KEY_USAGE, false, &usages("server client"))
            .with(BASIC_CONSTRAINTS, true, &construct_der(|w| w.write_sequence(|_| {})))
            .with(SAN, false, &sans(&names))
    }

    fn new(common_name: &str, days: i64) -> Self {
        let at = |seconds: i64| utc_time(&stamp(Timestamp::from_unix(now().unix() + seconds)));
        Self {
            common_name: common_name.to_owned(),
            unit: "",
            version: vec![0xa0, 3, 2, 1, 2],
            serial: vec![2, 1, 0x2a],
            times: [at(-86_400), at(days * 86_400)],
            extensions: Vec::new(),
            outer_algorithm: ECDSA_SHA256,
        }
    }

    /// The same with one more extension.
    pub(super) fn with(mut self, oid: &'static [u64], critical: bool, content: &[u8]) -> Self {
        let whole = construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_oid(&ObjectIdentifier::from_slice(oid));
                if critical {
                    w.next().write_bool(true);
                }
                w.next().write_bytes(content);
            });
        });
        self.extensions.push((oid, whole));
        self
    }

    /// The same without an extension.
    pub(super) fn without(mut self, oid: &[u64]) -> Self {
        self.extensions.retain(|(held, _)| *held != oid);
        self
    }

    /// The same with another content of an extension.
    pub(super) fn instead(self, oid: &'static [u64], content: &[u8]) -> Self {
        self.without(oid).with(oid, false, content)
    }

    /// The certificate for this key (`SubjectPublicKeyInfo`, DER) under the name `issuer`, signed by `signer`. The key
    /// identifiers are those of the keys unless the specification holds others.
    pub(super) fn signed(&self, spki: &[u8], issuer: &str, signer: &KeyPair) -> Vec<u8> {
        let algorithm = |oid: &[u64]| {
            construct_der(|w| w.write_sequence(|w| w.next().write_oid(&ObjectIdentifier::from_slice(oid))))
        };
        let mut spec = self.clone();
        if !spec.extensions.iter().any(|(oid, _)| *oid == SUBJECT_KEY_ID) {
            spec = spec.with(SUBJECT_KEY_ID, false, &construct_der(|w| w.write_bytes(&key_id(spki))));
        }
        if !spec.extensions.iter().any(|(oid, _)| *oid == AUTHORITY_KEY_ID) {
            spec = spec.with(AUTHORITY_KEY_ID, false, &authority(Some(&key_id(&signer.spki_der())), None));
        }
        let tbs = construct_der(|w| {
            w.write_sequence(|w| {
                if !spec.version.is_empty() {
                    w.next().write_der(&spec.version);
                }
                w.next().write_der(&spec.serial);
                w.next().write_der(&algorithm(ECDSA_SHA256));
                w.next().write_der(&name(issuer, ""));
                w.next().write_sequence(|w| spec.times.iter().for_each(|t| w.next().write_der(t)));
                w.next().write_der(&name(&spec.common_name, spec.unit));
                w.next().write_der(spki);
                w.next().write_tagged(Tag::context(3), |w| {
                    w.write_sequence(|w| spec.extensions.iter().for_each(|(_, e)| w.next().write_der(e)));
                });
            });
        });
        certificate(&tbs, &algorithm(spec.outer_algorithm), signer)
    }

    pub(super) fn self_signed(&self) -> Ca {
        let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
        self.self_signed_with(key)
    }

    pub(super) fn self_signed_with(&self, key: KeyPair) -> Ca {
        Ca { der: self.signed(&key.spki_der(), &self.common_name, &key), key, common_name: self.common_name.clone() }
    }

    pub(super) fn issued_by(&self, ca: &Ca) -> Ca {
        let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
        Ca { der: ca.issue(self, &key.spki_der()), key, common_name: self.common_name.clone() }
    }
}

impl Ca {
    /// A certificate for this key, DER.
    pub(super) fn issue(&self, spec: &Spec, spki: &[u8]) -> Vec<u8> {
        spec.signed(spki, &self.common_name, &self.key)
    }
}

/// The certificate with another signed part, signed again.
pub(super) fn sign_again(tbs: &[u8], certificate_der: &[u8], signer: &KeyPair) -> Vec<u8> {
    let (_, algorithm) = parts(certificate_der);
    certificate(tbs, &algorithm, signer)
}

/// The signed part of a certificate and the algorithm of its signature, DER.
pub(super) fn parts(certificate: &[u8]) -> (Vec<u8>, Vec<u8>) {
    yasna::parse_der(certificate, |r| {
        r.read_sequence(|r| {
            let parts = (r.next().read_der()?, r.next().read_der()?);
            r.next().read_der()?;
            Ok(parts)
        })
    })
    .unwrap()
}

fn certificate(tbs: &[u8], algorithm: &[u8], signer: &KeyPair) -> Vec<u8> {
    let signature = signer.sign(tbs).unwrap();
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(tbs);
            w.next().write_der(algorithm);
            w.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    })
}

pub(super) fn pem(certificates: &[Vec<u8>]) -> String {
    certificates.iter().map(|der| pem_encode("CERTIFICATE", der)).collect()
}

/// Any bytes that differ from key to key do.
pub(super) fn key_id(spki: &[u8]) -> Vec<u8> {
    spki[spki.len() - 20..].to_vec()
}

/// The content of an authority key identifier; `of` names a certificate by its issuer's CN and its serial number.
pub(super) fn authority(key_id: Option<&[u8]>, of: Option<(&str, u8)>) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            if let Some(id) = key_id {
                w.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(id));
            }
            if let Some((issuer, serial)) = of {
                w.next().write_tagged_implicit(Tag::context(1), |w| {
                    w.write_sequence(|w| w.next().write_tagged(Tag::context(4), |w| w.write_der(&name(issuer, ""))));
                });
                w.next().write_tagged_implicit(Tag::context(2), |w| w.write_u8(serial));
            }
        });
    })
}

/// The content of SANs given by tag and content.
pub(super) fn sans(names: &[(u64, &[u8])]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            for (tag, content) in names {
                w.next().write_tagged_implicit(Tag::context(*tag), |w| w.write_bytes(content));
            }
        });
    })
}

/// The content of an extended key usage: `server`, `client`, `any` and `email`, between blanks.
pub(super) fn usages(words: &str) -> Vec<u8> {
    let oid = |word| match word {
        "server" => SERVER_AUTH,
        "client" => CLIENT_AUTH,
        "any" => ANY,
        "email" => EMAIL,
        other => panic!("{other}"),
    };
    construct_der(|w| {
        w.write_sequence(|w| {
            for word in words.split_whitespace() {
                w.next().write_oid(&ObjectIdentifier::from_slice(oid(word)));
            }
        });
    })
}

/// The content of name constraints with one list of DNS names: 0 permitted, 1 excluded.
pub(super) fn name_constraints(list: u64, names: &[&str]) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_tagged_implicit(Tag::context(list), |w| {
                w.write_sequence(|w| {
                    for name in names {
                        w.next().write_sequence(|w| {
                            w.next().write_tagged_implicit(Tag::context(2), |w| w.write_bytes(name.as_bytes()));
                        });
                    }
                });
            });
        });
    })
}

pub(super) fn utc_time(text: &str) -> Vec<u8> {
    time(0x17, text)
}

pub(super) fn time(tag: u8, text: &str) -> Vec<u8> {
    let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
    der.extend(text.bytes());
    der
}

/// `YYMMDDhhmmssZ`.
pub(super) fn stamp(at: Timestamp) -> String {
    let digits: String = at.rfc3339().chars().filter(char::is_ascii_digit).collect();
    format!("{}Z", &digits[2..14])
}

fn bits(usage: u8) -> Vec<u8> {
    construct_der(|w| w.write_bitvec_bytes(&[usage], 8))
}

fn name(common_name: &str, unit: &str) -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            for (arc, value) in [(11, unit), (3, common_name)].into_iter().filter(|(_, value)| !value.is_empty()) {
                w.next().write_set(|w| {
                    w.next().write_sequence(|w| {
                        w.next().write_oid(&ObjectIdentifier::from_slice(&[2, 5, 4, arc]));
                        w.next().write_utf8_string(value);
                    });
                });
            }
        });
    })
}
