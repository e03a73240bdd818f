//! What a Go server and a Go client make of a TLS folder.

use std::path::{Path, PathBuf};

use super::certificate::Loaded;
use super::{go_client, server_pair};
use crate::Timestamp;
use crate::msp::folder::FolderReader;

/// Which files of a TLS folder are which, relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and the certificates after it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The anchors that clients are given.
    pub anchors: Vec<PathBuf>,
}

/// What is wrong with a TLS folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// A file is not there or cannot be read.
    Missing,
    /// The certificate file holds no certificate.
    NoCertificate,
    /// A certificate that Go does not read.
    Unreadable,
    /// The key file holds no key.
    NoKey,
    /// The key is encrypted.
    KeyEncrypted,
    /// The key is of a kind that Go does not read.
    KeyUnreadable,
    /// Key and certificate do not belong together.
    KeyMismatch,
    /// The file of anchors holds no certificate that Go reads.
    NoAnchor,
    /// Too late.
    Expired,
    /// Too early.
    NotYetValid,
    /// The dialled name is not in the certificate.
    NameMissing,
    /// No path leads from the certificate to an anchor.
    NoPath,
    /// An extended key usage on the path lacks server auth.
    Usage,
    /// A critical extension that Go does not know.
    CriticalExtension,
    /// A CA's path length constraint is exceeded.
    PathLength,
    /// A CA's name constraints do not allow a name.
    NameConstraints,
    /// The key is of a kind that TLS cannot use.
    KeyKind,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct TlsRefusal {
    /// What is wrong.
    pub fault: TlsFault,
    /// The file it is about, relative to the folder.
    pub path: PathBuf,
    /// What is wrong, in words.
    pub reason: String,
}

impl TlsRefusal {
    pub(super) fn new(fault: TlsFault, path: &Path, reason: impl Into<String>) -> Self {
        Self { fault, path: path.to_owned(), reason: reason.into() }
    }
}

/// The verdicts on a TLS folder.
#[derive(Clone, Debug)]
pub struct TlsVerdicts {
    /// Does a peer start with it?
    pub server: Result<(), TlsRefusal>,
    /// Does a Go client that trusts its anchors accept it, whatever the name?
    pub trust: Result<(), TlsRefusal>,
    /// Does a Go client that trusts its anchors accept it under every dialled name? `None` without names.
    pub client: Option<Result<(), TlsRefusal>>,
}

/// Judges a TLS folder: as the server pair of a peer, and as what a Go client meets that dials each of `dialled` at `now`.
pub fn tls_verdicts(folder: &dyn FolderReader, files: &TlsFiles, dialled: &[String], now: Timestamp) -> TlsVerdicts {
    let server = read_server(folder, files);
    // A server that does not come up is refused as well.
    let trust = server.as_ref().map_err(Clone::clone).and_then(|chain| {
        let anchors = go_client::anchors(folder, &files.anchors)?;
        go_client::trusts(chain, &anchors, now)
    });
    let client = (!dialled.is_empty()).then(|| {
        trust.clone()?;
        let chain = server.as_ref().map_err(Clone::clone)?;
        dialled.iter().try_for_each(|name| go_client::answers_to(chain, name))
    });
    TlsVerdicts { server: server.map(|_| ()), trust, client }
}

/// The certificates that the server would send, its own first.
fn read_server(folder: &dyn FolderReader, files: &TlsFiles) -> Result<Vec<Loaded>, TlsRefusal> {
    let read = |path: &Path| {
        folder.read(path).map_err(|e| TlsRefusal::new(TlsFault::Missing, path, format!("it cannot be read: {e}")))
    };
    // Fabric wants the file of roots to be there (`CORE_PEER_TLS_ROOTCERT_FILE`), whatever it holds.
    let certificate = read(&files.certificate)?;
    let key = read(&files.key)?;
    for anchors in &files.anchors {
        read(anchors)?;
    }
    let path = files.certificate.as_path();
    let mut chain = Vec::new();
    for (index, block) in server_pair::certificates(path, &certificate)?.iter().enumerate() {
        match Loaded::from_der(path, &block.der) {
            Ok(cert) => chain.push(cert),
            Err((_, reason)) if index == 0 => return Err(TlsRefusal::new(TlsFault::Unreadable, path, reason)),
            // The server sends it all the same, and no client can use it.
            Err(_) => {}
        }
    }
    server_pair::check_key(&files.key, &key, &chain[0])?;
    Ok(chain)
}
