//! The trust files of a run, held against the root in the target: a CA that was created again has the same name and
//! another key.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::ca_access::CaAccess;
use super::state::record::{IssuingCa, RecordedAnchors};
use super::task::Task;
use crate::disk::Disk;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, PemSource};

/// The largest trust file, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// A trust file, read once in a run: it may be a pipe.
#[derive(Debug)]
pub(crate) struct TrustFile {
    /// The source, for messages.
    pub(crate) origin: String,
    content: Result<Zeroizing<Vec<u8>>, Error>,
}

impl TrustFile {
    /// Reads every source.
    pub(crate) fn read_all(sources: &[PemSource], disk: &Disk) -> Arc<[Self]> {
        sources.iter().map(|s| Self { origin: s.origin(), content: s.read(disk, LIMIT) }).collect()
    }

    /// Its PEM text.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn pem(&self) -> Result<&[u8], Error> {
        match &self.content {
            Ok(pem) => Ok(pem),
            Err(e) => {
                let again = Error::new(e.kind(), e.to_string());
                let again = match e.cause() {
                    Some(cause) => again.with_source(std::io::Error::other(cause)),
                    None => again,
                };
                Err(match e.help() {
                    Some(help) => again.with_help(help),
                    None => again,
                })
            }
        }
    }

    /// Its certificates; none if it cannot be read.
    fn certificates(&self) -> Vec<Cert> {
        self.content.as_ref().ok().and_then(|pem| Cert::all_from_pem(pem).ok()).unwrap_or_default()
    }
}

/// The size limit of recorded certificates of one source, in bytes. Of a larger file, the path alone is recorded.
const ANCHORS_LIMIT: usize = 64 * 1024;

impl IssuingCa {
    /// `trust` are the anchors of `ca` as they were read.
    pub(crate) fn of(ca: &CaAccess, trust: &[TrustFile]) -> Self {
        let absolute = |source: &PemSource| match source {
            PemSource::File(path) => std::path::absolute(path).ok(),
            PemSource::Given(_) => None,
        };
        let anchors = ca.anchors.iter().zip(trust).map(|(source, read)| {
            let pem: String = read.certificates().iter().map(Cert::to_pem).collect();
            let file = absolute(source).filter(|path| !path.starts_with("/dev") && !path.starts_with("/proc"));
            RecordedAnchors { pem: if pem.len() > ANCHORS_LIMIT { String::new() } else { pem }, file }
        });
        let identity = ca.client_identity.as_ref();
        Self {
            url: ca.url.to_string(),
            ca_name: ca.ca_name.clone(),
            anchors: anchors.collect(),
            client_identity: identity.and_then(|(cert, key)| Some((absolute(cert)?, absolute(key)?))),
        }
    }
}

/// SKIs (hex) of the certificates in `files` that have the subject of `root` and another key.
pub(crate) fn namesakes(files: &[TrustFile], root: &Cert) -> Vec<String> {
    others(files, root).into_iter().map(|(_, other)| other.ski().hex()).collect()
}

/// The certificates with the subject of `root` and another key, each with its file. None if `root` itself is there: a
/// bundle of the old and the new root.
fn others<'a>(files: &'a [TrustFile], root: &Cert) -> Vec<(&'a str, Cert)> {
    let mut found = Vec::new();
    for file in files {
        for held in file.certificates().into_iter().filter(|held| held.subject() == root.subject()) {
            if held.spki_der() == root.spki_der() {
                return Vec::new();
            }
            found.push((file.origin.as_str(), held));
        }
    }
    found
}

impl Task<'_> {
    /// Checks that no trust file shows that the CA of the current root was created again. A CA of the same name that
    /// was trusted when the current certificate was issued shows nothing.
    ///
    /// # Errors
    /// When a trust file holds the subject of the current root with another key, and `force` is not set.
    pub(crate) fn check_trust(&self, root: Option<&Cert>, known: &[String]) -> Result<(), Error> {
        let Some(root) = root.filter(|_| !self.force) else { return Ok(()) };
        let others = others(&self.trust, root);
        let Some((origin, other)) = others.iter().find(|(_, other)| !known.contains(&other.ski().hex())) else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::NotAsAsked,
            format!(
                "{origin} holds \"{}\" with the key {}, but the root in {} has the key {}: the CA was replaced",
                other.subject(),
                other.ski(),
                self.target.display(),
                root.ski()
            ),
        )
        .with_help(
            "the nodes of the new CA do not accept the current certificate; if the CA was really replaced, enrol there with --force; no request was sent",
        ))
    }
}
