//! Which files of a TLS folder are the certificate, the key and the CA file.

use std::path::{Path, PathBuf};

use crate::disk::{EntryKind, FolderReader};

/// The files that a peer's settings `tls.cert.file`, `tls.key.file` and `tls.rootcert.file` would name, relative to the
/// folder. They need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and the chain behind it.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The CA certificates that clients trust.
    pub anchors: PathBuf,
}

impl TlsFiles {
    /// The files by the names in use: `server.crt`, `server.key`, `ca.crt` (cryptogen); `tls.crt`, `tls.key`, `ca.crt`
    /// (Kubernetes); or the first file each of `signcerts`, `keystore` and `tlscacerts` (the Go client, enrolled with the
    /// TLS profile), or of `cacerts` when there is no `tlscacerts`. `None` when neither certificate nor key is there by
    /// any of these names, as with a client's pair.
    pub fn find(folder: &dyn FolderReader) -> Option<Self> {
        let entries = folder.list(Path::new("")).ok()?;
        let exists = |name: &str, kind| entries.iter().any(|e| e.name == name && e.kind == kind);
        for stem in ["server", "tls"] {
            let (certificate, key) = (format!("{stem}.crt"), format!("{stem}.key"));
            if exists(&certificate, EntryKind::File) || exists(&key, EntryKind::File) {
                return Some(Self { certificate: certificate.into(), key: key.into(), anchors: "ca.crt".into() });
            }
        }
        if !exists("signcerts", EntryKind::Folder) {
            return None;
        }
        let first = |dir: &str| {
            let mut names: Vec<_> = folder.list(Path::new(dir)).unwrap_or_default();
            names.retain(|e| e.kind == EntryKind::File);
            names.into_iter().map(|e| e.name).min().map(|name| Path::new(dir).join(name))
        };
        let or_dir = |dir: &str| first(dir).unwrap_or_else(|| dir.into());
        Some(Self {
            certificate: or_dir("signcerts"),
            key: or_dir("keystore"),
            anchors: first("tlscacerts").or_else(|| first("cacerts")).unwrap_or_else(|| "tlscacerts".into()),
        })
    }
}
