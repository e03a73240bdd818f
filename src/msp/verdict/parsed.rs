//! The certificates of a folder, each parsed once: refusals 16-18.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{MspRefusal, refuse};
use crate::msp::pem_folder::PemFile;
use crate::pki::go::x509::{Certificate, ParseError, PublicKey};

/// A certificate and its file.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) cert: Rc<Certificate>,
}

/// Certificates by their content.
#[derive(Default)]
pub(super) struct Parsed(RefCell<HashMap<Vec<u8>, Reading>>);

type Reading = Result<Rc<Certificate>, ParseError>;

impl Parsed {
    pub(super) fn certificate(&self, der: &[u8]) -> Reading {
        let mut known = self.0.borrow_mut();
        if let Some(result) = known.get(der) {
            return result.clone();
        }
        let result = Certificate::parse(der).map(Rc::new);
        known.insert(der.to_vec(), result.clone());
        result
    }

    /// The certificate in a file's first block; `unread` is the number of the refusal if it is not a certificate.
    pub(super) fn file(&self, file: &PemFile, unread: u8) -> Result<Loaded, MspRefusal> {
        match self.certificate(&file.der) {
            Ok(cert) => Ok(Loaded { path: file.path.clone(), cert }),
            Err(e) => refuse(number_of(&e, unread), &file.path, reason_of(&e)),
        }
    }

    pub(super) fn files(&self, files: &[PemFile], unread: u8) -> Result<Vec<Loaded>, MspRefusal> {
        files.iter().map(|file| self.file(file, unread)).collect()
    }
}

const fn number_of(error: &ParseError, unread: u8) -> u8 {
    match error {
        ParseError::Curve => 17,
        ParseError::NegativeSerial => 18,
        _ => unread,
    }
}

pub(super) fn reason_of(error: &ParseError) -> String {
    match error {
        ParseError::Curve | ParseError::NegativeSerial => error.to_string(),
        _ => format!("its first PEM block is not a certificate: {error}"),
    }
}

/// Fabric accepts EC, Ed25519 and RSA keys for identities, CAs included (fabric-lib-go `bccsp/sw/keyimport.go`).
pub(super) fn check_key(cert: &Certificate, path: &Path) -> Result<(), MspRefusal> {
    match cert.public_key {
        PublicKey::Ecdsa(..) | PublicKey::Ed25519(_) | PublicKey::Rsa(_) => Ok(()),
        PublicKey::Dsa | PublicKey::Unknown => refuse(17, path, "its key type is unknown to Fabric"),
    }
}
