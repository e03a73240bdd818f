//! The content of one file: every PEM block, or DER.

use super::blocks::{Block, blocks};
use crate::audit::subject::{
    HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, Place, Subject, Trouble, spki_hash,
};
use crate::key::{KeyError, KeyPair};
use crate::x509::{Cert, Crl, Csr, pem_encode};

/// How the file stands where it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// What its certificates are there for.
    pub(super) place: Place,
    /// Permission bits.
    pub(super) mode: Option<u32>,
    /// Whether private keys belong there.
    pub(super) keys_belong: bool,
}

/// Adds what is in a file to the subject.
pub(super) fn add(subject: &mut Subject, at: &Location, content: &[u8], standing: &Standing) {
    let found = blocks(content);
    if found.is_empty() {
        return add_der(subject, at, content, standing);
    }
    let mut behind_parameters = false;
    for (index, block) in found.into_iter().enumerate() {
        let at = Location { path: at.path.clone(), block: Some(index + 1), line: Some(block.line) };
        let is_parameters = block.label == "EC PARAMETERS";
        add_block(subject, block, at, standing, behind_parameters);
        behind_parameters = is_parameters;
    }
}

/// A certificate, revocation list or CSR in DER; anything else is nobody's business.
fn add_der(subject: &mut Subject, at: &Location, content: &[u8], standing: &Standing) {
    if content.first() != Some(&0x30) {
        return;
    }
    let at = at.clone();
    if let Ok(cert) = Cert::from_der(content.to_vec()) {
        subject.certificates.push(HeldCert { cert, at, place: standing.place });
    } else if let Ok(crl) = Crl::from_der(content.to_vec()) {
        subject.crls.push(HeldCrl { at, crl });
    } else if let Ok(csr) = Csr::from_der(content.to_vec()) {
        subject.csrs.push(held_csr(&csr, at));
    }
}

fn held_csr(csr: &Csr, at: Location) -> HeldCsr {
    HeldCsr {
        at,
        subject: csr.common_name().map(|cn| format!("CN={cn}")).unwrap_or_default(),
        sans: csr.sans().to_vec(),
        signature_holds: true,
        key: String::new(),
    }
}

fn add_block(subject: &mut Subject, block: Block, at: Location, standing: &Standing, behind_parameters: bool) {
    let Standing { place, mode, keys_belong: in_its_place } = *standing;
    let trouble = |reason: String| Trouble { at: at.clone(), rule: "input-unreadable", reason };
    let der = match block.content {
        Ok(der) => der,
        Err(_) if block.encrypted => {
            subject.keys.push(HeldKey { at, spki_hash: None, kind: KeyKind::Encrypted, mode, in_its_place });
            return;
        }
        Err(why) => {
            subject.troubles.push(trouble(format!("the {} block cannot be read: {why}", block.label)));
            return;
        }
    };
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => match Cert::from_der(der.to_vec()) {
            Ok(cert) => subject.certificates.push(HeldCert { cert, at, place }),
            Err(e) => subject.troubles.push(trouble(e.to_string())),
        },
        "X509 CRL" => match Crl::from_der(der.to_vec()) {
            Ok(crl) => subject.crls.push(HeldCrl { at, crl }),
            Err(why) => subject.troubles.push(trouble(why)),
        },
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => match Csr::from_der(der.to_vec()) {
            Ok(csr) => subject.csrs.push(held_csr(&csr, at)),
            Err(e) => subject.troubles.push(trouble(e.to_string())),
        },
        "ENCRYPTED PRIVATE KEY" => {
            subject.keys.push(HeldKey { at, spki_hash: None, kind: KeyKind::Encrypted, mode, in_its_place });
        }
        label if label.ends_with("PRIVATE KEY") => {
            let kind = if block.encrypted {
                (None, KeyKind::Encrypted)
            } else {
                let pem = zeroize::Zeroizing::new(pem_encode(label, &der));
                match KeyPair::from_pem(pem.as_bytes()) {
                    Ok(key) if behind_parameters => (Some(spki_hash(&key.spki_der())), KeyKind::BehindParameters),
                    Ok(key) => (Some(spki_hash(&key.spki_der())), KeyKind::Plain(key.algorithm().to_string())),
                    Err(KeyError::Unfit(kind)) => (None, KeyKind::Plain(kind.to_string())),
                    Err(e) => (None, KeyKind::Unreadable(e.to_string())),
                }
            };
            subject.keys.push(HeldKey { at, spki_hash: kind.0, kind: kind.1, mode, in_its_place });
        }
        _ => {}
    }
}
