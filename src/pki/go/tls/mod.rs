//! What Go programs make of a TLS folder: would a peer come up with it, and would a Go client that trusts its CA file accept
//! the server under the names that are dialled? The rules are those of Go 1.26 (`crypto/tls/tls.go`, `X509KeyPair`;
//! `crypto/tls/handshake_client.go`, `verifyServerCertificate`), by which a peer of Fabric 3 starts and its clients connect.

mod client;
mod files;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

pub use files::TlsFiles;

use crate::Timestamp;
use crate::disk::FolderReader;

/// Why a Go server or client would refuse a TLS folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason} ({key})", .path.display())]
pub struct TlsRefusal {
    /// The rule, in kebab case, for example `key-mismatch`; stable.
    pub key: &'static str,
    /// The file or folder it is about, relative to the TLS folder.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

/// Accepted, or the first refusal that Go would meet.
pub type Verdict = Result<(), TlsRefusal>;

/// What Go programs make of a TLS folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsVerdicts {
    /// Whether a peer starts that has certificate, key and CA file set to these.
    pub server: Verdict,
    /// Whether a Go client that trusts the CA file accepts the server under every name; the refusal is that of the first
    /// name refused. `None` when there are no names. A server that does not start is refused.
    pub client: Option<Verdict>,
    /// Whether a Go client that trusts the CA file and asks for no name accepts the server: is the chain good?
    pub trust: Verdict,
    /// What Go accepts and is yet worth a word.
    pub warnings: Vec<TlsWarning>,
}

/// What Go accepts without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsWarning {
    /// The rule, in kebab case; stable.
    pub key: &'static str,
    /// The file it is about, relative to the TLS folder.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for TlsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Judges a TLS folder whose files bear one of the usual sets of names (see [`TlsFiles::find`]), as a client that dials
/// `names` (host names or IP addresses, without a port) sees it at the time `now`.
pub fn verdicts(folder: &dyn FolderReader, names: &[impl AsRef<str>], now: Timestamp) -> Option<TlsVerdicts> {
    TlsFiles::find(folder).map(|files| verdicts_on(folder, &files, names, now))
}

/// Judges these files of a TLS folder, as [`verdicts`] does.
pub fn verdicts_on(
    folder: &dyn FolderReader,
    files: &TlsFiles,
    names: &[impl AsRef<str>],
    now: Timestamp,
) -> TlsVerdicts {
    let started = server::start(folder, files);
    let opened = started.as_ref().map_err(Clone::clone).and_then(|served| client::Client::new(files, served));
    let dial = |name: &str| opened.as_ref().map_err(Clone::clone).and_then(|client| client.dial(name, now));
    TlsVerdicts {
        client: (!names.is_empty()).then(|| names.iter().try_for_each(|name| dial(name.as_ref()))),
        trust: dial(""),
        warnings: started.iter().filter_map(|served| served.warnings(&files.certificate, now)).collect(),
        server: started.map(drop),
    }
}

/// Whether a Go client that trusts `anchors` (PEM, one or many) and dials each of `names` at `now` accepts a server that
/// sends `chain` (DER, the server's own certificate first); an empty name asks for none. Refusals name `path`.
///
/// # Errors
/// The first refusal that the client meets.
pub fn client_accepts(
    chain: &[Vec<u8>],
    anchors: &[u8],
    names: &[impl AsRef<str>],
    now: Timestamp,
    path: &Path,
) -> Verdict {
    let files = TlsFiles { certificate: path.to_owned(), key: path.to_owned(), anchors: path.to_owned() };
    let client = client::Client::new(&files, &server::Served::read(chain, anchors, path)?)?;
    names.iter().try_for_each(|name| client.dial(name.as_ref(), now))
}

fn refuse<T>(key: &'static str, path: &Path, reason: impl Into<String>) -> Result<T, TlsRefusal> {
    Err(TlsRefusal { key, path: path.to_owned(), reason: reason.into() })
}
