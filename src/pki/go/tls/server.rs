//! A Go TLS server: `tls.X509KeyPair` on the files of a peer.

use std::io;
use std::path::Path;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::{TlsFiles, TlsRefusal, TlsWarning, refuse};
use crate::Timestamp;
use crate::disk::FolderReader;
use crate::pki::go::x509::{Block, Blocks, Certificate, PrivateKey, PublicKey};

/// What a server that started serves.
pub(super) struct Served {
    /// The certificate.
    pub(super) leaf: Rc<Certificate>,
    /// What it sends behind it, DER, as it is in the file.
    pub(super) chain: Vec<Vec<u8>>,
    /// The CA file, unchanged.
    pub(super) anchors: Zeroizing<Vec<u8>>,
}

/// Starts a server with these files. The files are read first; the CA file must be there, and its content does not
/// matter to the server (fabric `core/peer/config.go`, `internal/peer/node/start.go`).
pub(super) fn start(folder: &dyn FolderReader, files: &TlsFiles) -> Result<Served, TlsRefusal> {
    let key = read(folder, &files.key, "key-file-missing")?;
    let certificates = read(folder, &files.certificate, "certificate-file-missing")?;
    let anchors = read(folder, &files.anchors, "ca-file-missing")?;
    let mut ders = certificate_blocks(&certificates, &files.certificate)?.into_iter();
    let key = key_block(&key, &files.key)?;
    let first = ders.next().unwrap_or_default();
    let leaf = match Certificate::parse(&first) {
        Ok(leaf) => leaf,
        Err(e) => return refuse("certificate-unreadable", &files.certificate, e.to_string()),
    };
    let Some(private) = PrivateKey::parse(&key.der) else {
        let why = if key.encrypted || key.label.contains("ENCRYPTED") { ": it is encrypted" } else { "" };
        return refuse("key-unreadable", &files.key, format!("Go reads no private key from it{why}"));
    };
    check_pair(&leaf.public_key, &private.public, &files.key)?;
    Ok(Served { leaf: Rc::new(leaf), chain: ders.collect(), anchors })
}

impl Served {
    /// What a live server serves, and the anchors to hold it against.
    pub(super) fn read(chain: &[Vec<u8>], anchors: &[u8], path: &Path) -> Result<Self, TlsRefusal> {
        let Some((leaf, rest)) = chain.split_first() else {
            return refuse("certificate-unreadable", path, "no certificate was served");
        };
        match Certificate::parse(leaf) {
            Ok(leaf) => {
                Ok(Self { leaf: Rc::new(leaf), chain: rest.to_vec(), anchors: Zeroizing::new(anchors.to_vec()) })
            }
            Err(e) => refuse("certificate-unreadable", path, e.to_string()),
        }
    }

    /// What a server accepts and its clients or operators will not like.
    pub(super) fn warnings(&self, path: &Path, now: Timestamp) -> Option<TlsWarning> {
        let warn = |key, reason| Some(TlsWarning { key, path: path.to_owned(), reason });
        if now > self.leaf.not_after {
            warn(
                "expired",
                format!("the certificate expired at {}; a peer starts with it all the same", self.leaf.not_after),
            )
        } else if now < self.leaf.not_before {
            warn(
                "not-yet-valid",
                format!("the certificate is valid from {} on; a peer starts all the same", self.leaf.not_before),
            )
        } else {
            None
        }
    }
}

fn read(folder: &dyn FolderReader, path: &Path, key: &'static str) -> Result<Zeroizing<Vec<u8>>, TlsRefusal> {
    folder.read(path).or_else(|e| match e.kind() {
        io::ErrorKind::NotFound => refuse(key, path, "it is not there"),
        io::ErrorKind::IsADirectory => refuse(key, path, "it is a folder"),
        _ => refuse(key, path, format!("it cannot be read: {e}")),
    })
}

fn certificate_blocks(text: &[u8], path: &Path) -> Result<Vec<Vec<u8>>, TlsRefusal> {
    let (found, others): (Vec<Block>, Vec<Block>) = Blocks(text).partition(|b| b.label == "CERTIFICATE");
    if !found.is_empty() {
        return Ok(found.into_iter().map(|b| b.der.to_vec()).collect());
    }
    match others.as_slice() {
        [] => refuse("certificate-no-pem", path, "it holds no PEM block"),
        [only] if only.label.ends_with("PRIVATE KEY") => {
            refuse("certificate-is-a-key", path, "it holds a private key; certificate and key may have been switched")
        }
        _ => refuse(
            "certificate-wrong-label",
            path,
            format!("it holds no block with the label CERTIFICATE, only: {}", labels(&others)),
        ),
    }
}

fn key_block(text: &[u8], path: &Path) -> Result<Block, TlsRefusal> {
    let mut others = Vec::new();
    for block in Blocks(text) {
        if block.label == "PRIVATE KEY" || block.label.ends_with(" PRIVATE KEY") {
            return Ok(block);
        }
        others.push(block);
    }
    match others.as_slice() {
        [] => refuse("key-no-pem", path, "it holds no PEM block"),
        [only] if only.label == "CERTIFICATE" => refuse("key-is-a-certificate", path, "it holds a certificate"),
        _ => refuse("key-wrong-label", path, format!("it holds no private key, only: {}", labels(&others))),
    }
}

fn labels(blocks: &[Block]) -> String {
    blocks.iter().map(|b| b.label.as_str()).collect::<Vec<_>>().join(", ")
}

fn check_pair(certificate: &PublicKey, key: &PublicKey, path: &Path) -> Result<(), TlsRefusal> {
    let same_kind = matches!(
        (certificate, key),
        (PublicKey::Rsa(_), PublicKey::Rsa(_))
            | (PublicKey::Ecdsa(..), PublicKey::Ecdsa(..))
            | (PublicKey::Ed25519(_), PublicKey::Ed25519(_))
    );
    if matches!(certificate, PublicKey::Dsa | PublicKey::Unknown) {
        return refuse(
            "certificate-key-unknown",
            path,
            "the certificate's key is of a kind that Go's TLS does not know",
        );
    }
    if !same_kind {
        return refuse("key-type-mismatch", path, "the private key is of another kind than the certificate's");
    }
    if certificate != key {
        return refuse("key-mismatch", path, "the private key is not the certificate's");
    }
    Ok(())
}
