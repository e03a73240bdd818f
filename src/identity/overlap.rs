//! What a folder trusts, beside the chain of its certificate, while a root CA is replaced by another.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ca::CaUrl;
use crate::disk::Disk;
use crate::install::Place;
use crate::pki::x509::Cert;
use crate::proof::OtherCas;
use crate::{Error, ErrorKind, Timestamp};

/// The file in the state folder.
const FILE: &str = "overlap.json";

/// The CAs of a folder while a root is replaced. Each install keeps them; without an overlap a folder holds the chain of its
/// certificate alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlap {
    /// The CAs for the folder's own certificate, those of its chain included.
    pub(crate) cas: Vec<Cert>,
    /// The CAs for TLS, in an MSP folder.
    pub(crate) tls_cas: Vec<Cert>,
    /// The roots that are replaced. Until the last phase is over, also when no file has an old root any more.
    pub(crate) replaced: Vec<Replaced>,
    /// When the certificate is to be issued again by a new root; `None` until all folders trust that root.
    pub(crate) reissue_at: Option<Timestamp>,
    /// TLS CA files that the next install removes; not stored.
    pub(crate) removed: Vec<std::path::PathBuf>,
}

/// A root, and one that replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) old: Cert,
    pub(crate) new: Cert,
}

/// The file's JSON; certificates are PEM, any number. Each root of `new_roots` replaces that of `old_roots` in the same position.
#[derive(Serialize, Deserialize)]
struct Stored {
    schema_version: u32,
    cas: String,
    tls_cas: String,
    new_roots: String,
    old_roots: String,
    reissue_at: Option<Timestamp>,
}

impl Overlap {
    /// Reads the overlap of a folder; an empty one if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or used: an install would drop a root that other nodes need.
    pub(crate) fn at(place: &Place, disk: &Disk) -> Result<Self, Error> {
        let Some(bytes) = place.peek_state_file(disk, FILE)? else { return Ok(Self::default()) };
        Self::parse(&bytes).ok_or_else(|| {
            let path = place.state_dir().join(FILE);
            Error::new(ErrorKind::Input, format!("{} cannot be used: it is not a record of an overlap", path.display()))
                .with_help(
                    "remove it, and run fabcert renew --rollover again: it names the roots that the folder trusts",
                )
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok().filter(|stored: &Stored| stored.schema_version == 1)?;
        let certs = |pem: &str| if pem.is_empty() { Some(Vec::new()) } else { Cert::all_from_pem(pem.as_bytes()).ok() };
        let (old, new) = (certs(&stored.old_roots)?, certs(&stored.new_roots)?);
        if old.len() != new.len() {
            return None;
        }
        Some(Self {
            cas: certs(&stored.cas)?,
            tls_cas: certs(&stored.tls_cas)?,
            replaced: old.into_iter().zip(new).map(|(old, new)| Replaced { old, new }).collect(),
            reissue_at: stored.reissue_at,
            removed: Vec::new(),
        })
    }

    /// Writes the overlap of a folder, or removes the file if the overlap is empty.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn keep(&self, place: &Place, disk: &Disk) -> Result<(), Error> {
        if self.cas.is_empty() && self.tls_cas.is_empty() && self.replaced.is_empty() {
            return Ok(place.remove_state_file(disk, FILE)?);
        }
        let pem = |certs: &[Cert]| certs.iter().map(Cert::to_pem).collect();
        let stored = Stored {
            schema_version: 1,
            cas: pem(&self.cas),
            tls_cas: pem(&self.tls_cas),
            new_roots: self.replaced.iter().map(|replaced| replaced.new.to_pem()).collect(),
            old_roots: self.replaced.iter().map(|replaced| replaced.old.to_pem()).collect(),
            reissue_at: self.reissue_at,
        };
        let bytes = serde_json::to_vec_pretty(&stored).unwrap_or_default();
        Ok(place.write_state_file(disk, FILE, &bytes, 0o600)?)
    }

    /// The CAs for a plan of the folder.
    pub(crate) fn others(&self) -> OtherCas<'_> {
        OtherCas { own: &self.cas, tls: &self.tls_cas, removed: &self.removed }
    }

    /// The roots that replace `root`.
    fn successors<'a>(&'a self, root: Option<&'a Cert>) -> impl Iterator<Item = &'a Cert> {
        self.replaced.iter().filter(move |replaced| Some(&replaced.old) == root).map(|replaced| &replaced.new)
    }

    /// When a certificate of `root` must be issued again by a new root; `None` if `root` is not replaced.
    pub(crate) fn turn(&self, root: Option<&Cert>) -> Option<Timestamp> {
        self.reissue_at.filter(|_| self.successors(root).next().is_some())
    }

    /// Subject of the root that a certificate of `root` must be issued by at `now`; `None` if it is as it must be.
    pub(crate) fn awaited(&self, root: Option<&Cert>, now: Timestamp) -> Option<String> {
        let is_due = self.reissue_at.is_some_and(|at| at <= now);
        self.successors(root).next().filter(|_| is_due).map(|new| new.subject().to_owned())
    }

    /// The roots that a new certificate may have, the preferred one first: the new roots, and until the certificate must be
    /// issued again, the current one.
    pub(crate) fn accepted<'a>(&'a self, current: Option<&'a Cert>, now: Timestamp) -> Vec<&'a Cert> {
        let kept = current.filter(|root| self.awaited(Some(root), now).is_none());
        let all = self.replaced.iter().filter(|_| current.is_none()).map(|replaced| &replaced.new);
        self.successors(current).chain(all).chain(kept).collect()
    }

    /// The roots that the certificate `leaf` of `root` must not be replaced by at `now`: not all folders are known to trust them
    /// before the certificates are issued again. In the last tenth of the life that began at `start`, a certificate that some
    /// nodes refuse is better than one that has expired.
    pub(crate) fn too_early(&self, leaf: &Cert, root: Option<&Cert>, start: Timestamp, now: Timestamp) -> Vec<&Cert> {
        let (life, left) = (leaf.not_after().seconds_since(start), leaf.not_after().seconds_since(now));
        let waits = self.reissue_at.is_none() && left.saturating_mul(10) > life;
        self.replaced.iter().filter(|pair| waits && Some(&pair.old) == root).map(|pair| &pair.new).collect()
    }
}

const HELP: &str = "run fabcert renew --rollover over all folders until its phase reissue was run; in the last tenth of its life the certificate is renewed in any case";

/// The error of a renewal for which it is too early.
pub(crate) fn wait_for_trust(target: &Path, ca: &CaUrl, root: &Cert) -> Error {
    Error::new(
        ErrorKind::Input,
        format!(
            "{}: {ca} issues with the new root \"{}\" already, and other folders may not trust it yet; the renewal waits, and no request was sent",
            target.display(),
            root.subject()
        ),
    )
    .with_help(HELP)
}

/// The error of an answer for which it is too early.
pub(super) fn not_trusted_yet(target: &Path, root: &Cert) -> Error {
    let message = format!(
        "{}: the answer is a certificate of the new root \"{}\", and other folders may not trust that root yet; it is not installed",
        target.display(),
        root.subject()
    );
    Error::new(ErrorKind::NotAsAsked, message).with_help(HELP)
}
