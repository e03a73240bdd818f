//! What a folder trusts, beside the chain of its certificate, while a root CA is replaced by another.

use serde::{Deserialize, Serialize};

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
    /// The roots that replace others.
    pub(crate) new_roots: Vec<Cert>,
    /// The roots that are replaced.
    pub(crate) old_roots: Vec<Cert>,
    /// When the certificate is to be issued again by a new root; `None` until all folders trust that root.
    pub(crate) reissue_at: Option<Timestamp>,
    /// TLS CA files that the next install removes; not stored.
    pub(crate) removed: Vec<std::path::PathBuf>,
}

/// The file's JSON; certificates are PEM, any number.
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
        Some(Self {
            cas: certs(&stored.cas)?,
            tls_cas: certs(&stored.tls_cas)?,
            new_roots: certs(&stored.new_roots)?,
            old_roots: certs(&stored.old_roots)?,
            reissue_at: stored.reissue_at,
            removed: Vec::new(),
        })
    }

    /// Writes the overlap of a folder, or removes the file if the overlap is empty.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn keep(&self, place: &Place, disk: &Disk) -> Result<(), Error> {
        if self.cas.is_empty() && self.tls_cas.is_empty() {
            return Ok(place.remove_state_file(disk, FILE)?);
        }
        let pem = |certs: &[Cert]| certs.iter().map(Cert::to_pem).collect();
        let stored = Stored {
            schema_version: 1,
            cas: pem(&self.cas),
            tls_cas: pem(&self.tls_cas),
            new_roots: pem(&self.new_roots),
            old_roots: pem(&self.old_roots),
            reissue_at: self.reissue_at,
        };
        let bytes = serde_json::to_vec_pretty(&stored).unwrap_or_default();
        Ok(place.write_state_file(disk, FILE, &bytes, 0o600)?)
    }

    /// The CAs for a plan of the folder.
    pub(crate) fn others(&self) -> OtherCas<'_> {
        OtherCas { own: &self.cas, tls: &self.tls_cas, removed: &self.removed }
    }

    /// Subject of the root that a certificate of `root` must be issued by at `now`; `None` if it is as it must be.
    pub(crate) fn awaited(&self, root: Option<&Cert>, now: Timestamp) -> Option<String> {
        let is_due = self.reissue_at.is_some_and(|at| at <= now);
        let is_old = root.is_some_and(|root| self.old_roots.contains(root));
        self.new_roots.first().filter(|_| is_due && is_old).map(|new| new.subject().to_owned())
    }

    /// The roots that a new certificate may have, the preferred one first: the new roots, and until the certificate must be
    /// issued again, the current one.
    pub(crate) fn accepted<'a>(&'a self, current: Option<&'a Cert>, now: Timestamp) -> Vec<&'a Cert> {
        let current = current.filter(|root| self.awaited(Some(root), now).is_none());
        let is_replaced = current.is_none_or(|root| self.old_roots.contains(root));
        self.new_roots.iter().filter(|_| is_replaced).chain(current).collect()
    }
}
