//! Adds the content of a file to a subject.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::blocks::Block;
use super::content::{self, Content, der_len};
use super::keys;
use crate::audit::catalogue::{INPUT_SKIPPED, INPUT_UNREADABLE};
use crate::audit::model::subject::{HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, Place, Subject, Trouble};
use crate::pki::x509::{Cert, Crl, Csr, SignatureCheck};

/// Further reports of this kind in one file add no information.
const TROUBLES: usize = 50;
/// The number of objects of one file that are judged together; a larger file is judged in parts.
const PART: usize = 4096;
/// Longer values are not copied.
const LONG: usize = 1024 * 1024;

/// File name endings of certificates, keys and similar files.
const ENDINGS: [&str; 11] = [".pem", ".crt", ".cer", ".der", ".csr", ".req", ".crl", ".key", ".p12", ".pfx", ".p7b"];

/// Properties of a file that are known before it is read.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// The purpose of its certificates.
    pub(super) place: Place,
    /// Whether a private key is expected in it.
    pub(super) keys_belong: bool,
    /// Whether Fabric reads only its first block, as in a keystore.
    pub(super) first_block_only: bool,
    /// Whether the user named it or Fabric requires it: then every fault in it is reported.
    pub(super) is_expected: bool,
}

impl Spot {
    /// A file in a folder that Fabric reads.
    pub(super) const fn of_fabric(place: Place, keys_belong: bool) -> Self {
        Self { place, keys_belong, first_block_only: false, is_expected: true }
    }

    /// A single file.
    pub(super) const fn loose(is_expected: bool) -> Self {
        Self { place: Place::Loose, keys_belong: true, first_block_only: false, is_expected }
    }
}

/// Whether a name indicates a certificate, key or similar file.
pub(crate) fn is_promising(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.ends_with("_sk") || ENDINGS.iter().any(|e| name.ends_with(e))
}

/// The receiver of the first parts of a subject that is too large to be judged as a whole.
pub(super) type Parts<'a, 'p> = &'a mut (dyn FnMut(Subject) + 'p);

/// Adds the content of `source`, which is `len` bytes long, to `subject`. `mode` holds the permission bits of its file.
/// If `parts` is given, a subject that becomes too large is passed to it, and gathering continues with an empty one.
pub(super) fn gather(
    subject: &mut Subject,
    at: &Location,
    (source, len): (&mut dyn Read, u64),
    mode: Option<u32>,
    spot: Spot,
    parts: Option<Parts<'_, '_>>,
) {
    let hinted = spot.is_expected || is_promising(&at.path);
    let mut gathering = Gathering { subject, at, mode, spot, parts, blocks: 0, troubles: 0, behind_parameters: false };
    let read = content::read(source, len, hinted, &mut |block| gathering.block(block));
    match read {
        Ok(Content::Der(der)) => gathering.der(&der, hinted),
        Ok(Content::Odd(why)) => gathering.trouble(at.clone(), why.to_owned()),
        Ok(Content::Text | Content::Binary) => {}
        Err(e) => gathering.trouble(at.clone(), format!("it cannot be read: {e}")),
    }
    if gathering.troubles > TROUBLES {
        let untold = gathering.troubles - TROUBLES;
        let reason = format!("{untold} more of its blocks cannot be read");
        gathering.subject.troubles.push(Trouble { at: at.clone(), rule: &INPUT_UNREADABLE, reason });
    }
}

struct Gathering<'a, 'p> {
    subject: &'a mut Subject,
    at: &'a Location,
    mode: Option<u32>,
    spot: Spot,
    parts: Option<Parts<'a, 'p>>,
    blocks: usize,
    troubles: usize,
    /// Whether the previous block was `EC PARAMETERS`.
    behind_parameters: bool,
}

impl Gathering<'_, '_> {
    fn trouble(&mut self, at: Location, reason: String) {
        self.troubles += 1;
        if self.troubles <= TROUBLES {
            self.subject.troubles.push(Trouble { at, rule: &INPUT_UNREADABLE, reason });
        }
    }

    fn block(&mut self, block: Block) {
        self.blocks += 1;
        let at = Location { path: self.at.path.clone(), block: Some(self.blocks), line: Some(block.line) };
        let behind_parameters = std::mem::replace(&mut self.behind_parameters, block.label == "EC PARAMETERS");
        if !is_ours(&block.label) {
            return;
        }
        self.hand_out_if_full();
        let encrypted = block.encrypted || block.label == "ENCRYPTED PRIVATE KEY";
        let der = match block.content {
            Ok(der) => der,
            Err(_) if encrypted => return self.key(at, None, KeyKind::Encrypted),
            // A quoted block is not a certificate of the subject.
            Err(_) if block.quoted && !self.spot.is_expected => return,
            Err(why) => return self.trouble(at, format!("the {} block cannot be read: {why}", block.label)),
        };
        let reported = !block.quoted || self.spot.is_expected;
        match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => self.certificate(at, der.to_vec(), reported),
            "TRUSTED CERTIFICATE" => {
                // OpenSSL appends the trust settings to the certificate.
                let len = der_len(&der).and_then(|len| usize::try_from(len).ok()).unwrap_or(der.len());
                self.certificate(at, der[..len.min(der.len())].to_vec(), reported);
            }
            "X509 CRL" => match Crl::from_der(taken(der)) {
                Ok(crl) => self.subject.crls.push(HeldCrl { at, crl }),
                Err(why) if reported => self.trouble(at, why),
                Err(_) => {}
            },
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => match Csr::read(der.to_vec()) {
                Ok(csr) => self.request(at, &csr),
                Err(e) if reported => self.trouble(at, e.to_string()),
                Err(_) => {}
            },
            "PKCS7" | "CMS" if reported => self.trouble(at, PKCS7.to_owned()),
            label if label.ends_with("PRIVATE KEY") => match keys::facts(label, &der) {
                _ if encrypted => self.key(at, None, KeyKind::Encrypted),
                (hash, KeyKind::Plain(_)) if behind_parameters && self.spot.first_block_only => {
                    self.key(at, hash, KeyKind::BehindParameters);
                }
                (hash, kind) => {
                    if let KeyKind::Unreadable(why) = &kind
                        && reported
                        && label != "OPENSSH PRIVATE KEY"
                    {
                        self.trouble(at.clone(), why.clone());
                    }
                    self.key(at, hash, kind);
                }
            },
            _ => {}
        }
    }

    fn hand_out_if_full(&mut self) {
        let Subject { certificates, keys, csrs, crls, .. } = &*self.subject;
        if certificates.len() + keys.len() + csrs.len() + crls.len() < PART {
            return;
        }
        if let Some(parts) = &mut self.parts {
            if !self.subject.is_part {
                let reason = format!(
                    "it holds {PART} objects or more, which are judged in parts: issuers and keys are not matched across parts"
                );
                self.subject.troubles.push(Trouble { at: self.subject.location(), rule: &INPUT_SKIPPED, reason });
            }
            let mut rest = Subject::new(self.subject.kind, self.subject.path.as_path());
            (self.subject.is_part, rest.is_part) = (true, true);
            parts(std::mem::replace(self.subject, rest));
        }
    }

    fn certificate(&mut self, at: Location, der: Vec<u8>, reported: bool) {
        match Cert::from_der(der) {
            Ok(cert) => self.subject.certificates.push(HeldCert { cert, at, place: self.spot.place }),
            Err(e) if reported => self.trouble(at, e.to_string()),
            Err(_) => {}
        }
    }

    fn request(&mut self, at: Location, csr: &Csr) {
        if csr.signature() == SignatureCheck::Bad {
            self.trouble(at.clone(), "the CSR's own signature does not verify, and every CA refuses it".to_owned());
        }
        self.subject.csrs.push(HeldCsr {
            at,
            subject: csr.subject().to_owned(),
            sans: csr.sans().to_vec(),
            signature: csr.signature(),
            key: csr.public_key().to_string(),
        });
    }

    fn key(&mut self, at: Location, spki_hash: Option<String>, kind: KeyKind) {
        let in_its_place = self.spot.keys_belong;
        self.subject.keys.push(HeldKey { at, spki_hash, kind, mode: self.mode, in_its_place });
    }

    /// Adds a file that is DER as a whole.
    fn der(&mut self, der: &[u8], hinted: bool) {
        let at = self.at.clone();
        let whole = der_len(der) == Some(der.len() as u64);
        if whole && let Ok(cert) = Cert::from_der(der.to_vec()) {
            self.subject.certificates.push(HeldCert { cert, at, place: self.spot.place });
        } else if whole && let Ok(csr) = Csr::read(der.to_vec()) {
            self.request(at, &csr);
        } else if whole && let Ok(crl) = Crl::from_der(der.to_vec()) {
            self.subject.crls.push(HeldCrl { at, crl });
        } else if let Some(label) = keys::is_key(der) {
            let (hash, kind) = keys::facts(label, der);
            self.key(at, hash, kind);
        } else if hinted {
            self.trouble(at, why_not(der));
        }
    }
}

/// Takes public data out of its wiped buffer, without a copy if it is long.
fn taken(mut content: Zeroizing<Vec<u8>>) -> Vec<u8> {
    if content.len() < LONG { content.to_vec() } else { std::mem::take(&mut *content) }
}

/// Labels of the PEM blocks that are audited.
fn is_ours(label: &str) -> bool {
    label.ends_with("CERTIFICATE")
        || label.ends_with("CERTIFICATE REQUEST")
        || label.ends_with("PRIVATE KEY")
        || matches!(label, "X509 CRL" | "PKCS7" | "CMS")
}

const PKCS7: &str =
    "it is a PKCS #7 bundle, which neither Fabric nor fabcert opens: openssl pkcs7 -print_certs -in FILE";

/// The reason why DER is not usable.
fn why_not(der: &[u8]) -> String {
    let header = if der.get(1).is_some_and(|b| b & 0x80 != 0) { 2 + usize::from(der[1] & 0x7f) } else { 2 };
    let inner = der.get(header..).unwrap_or_default();
    let held = der.len() as u64;
    match der_len(der) {
        _ if inner.starts_with(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]) => PKCS7.to_owned(),
        _ if inner.starts_with(&[2, 1, 3, 0x30]) => {
            "it is a PKCS #12 container, which neither Fabric nor fabcert opens: openssl pkcs12 -in FILE -nodes"
                .to_owned()
        }
        Some(announced) if announced > held => {
            format!("it is truncated: its header states {announced} bytes, and it holds {held}")
        }
        Some(announced) if announced < held => format!("{} bytes follow the DER value", held - announced),
        _ => match Cert::from_der(der.to_vec()) {
            Err(e) => format!("it is DER but not a CSR, revocation list or key; {e}"),
            Ok(_) => "it is DER of an unknown kind".to_owned(),
        },
    }
}
