//! One certificate of a request, and what stands in its target now.

use std::path::{Path, PathBuf};

use super::due::{self, Evidence, Reason, Wanted};
use super::request::{CaAccess, KeyRequest, Request, SignRequest, TlsFiles, TlsRequest};
use super::state::record::{self, Record};
use crate::disk::{Disk, DiskFolder, FolderReader};
use crate::install::Place;
use crate::msp::{CurrentMsp, CurrentTls};
use crate::pki::key::KeyPair;
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, Chain};
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind, Timestamp};

/// Which folder a certificate goes into.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Folder<'a> {
    Msp(&'a SignRequest),
    Tls(&'a TlsRequest),
}

/// One certificate of a request.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) folder: Folder<'a>,
    pub(crate) place: Place,
    pub(crate) sans: Vec<SanName>,
}

impl<'a> Task<'a> {
    /// The tasks of a request: the signing certificate first, since it can be the credential for the other.
    pub(crate) fn all(request: &'a Request, disk: &Disk) -> Result<Vec<Self>, Error> {
        let mut tasks = Vec::new();
        if let Some(sign) = &request.sign {
            let place = Place::of(disk, &sign.target)?;
            tasks.push(Self { folder: Folder::Msp(sign), place, sans: sign.names.sans() });
        }
        if let Some(tls) = &request.tls {
            let place = Place::of(disk, &tls.target)?;
            tasks.push(Self { folder: Folder::Tls(tls), place, sans: tls.names.sans() });
        }
        Ok(tasks)
    }

    pub(crate) const fn purpose(&self) -> Purpose {
        match self.folder {
            Folder::Msp(_) => Purpose::Sign,
            Folder::Tls(_) => Purpose::Tls,
        }
    }

    pub(crate) const fn ca(&self) -> &'a CaAccess {
        match self.folder {
            Folder::Msp(sign) => &sign.ca,
            Folder::Tls(tls) => &tls.ca,
        }
    }

    pub(crate) fn target(&self) -> &'a Path {
        match self.folder {
            Folder::Msp(sign) => &sign.target,
            Folder::Tls(tls) => &tls.target,
        }
    }

    pub(crate) fn profile(&self) -> Option<&'a str> {
        match self.folder {
            Folder::Msp(sign) => sign.profile.as_deref(),
            Folder::Tls(tls) => Some(&tls.profile),
        }
    }

    pub(crate) const fn role(&self) -> RoleRule {
        match self.folder {
            Folder::Msp(sign) => sign.role,
            Folder::Tls(tls) => tls.role,
        }
    }

    /// Reads what stands in the target.
    pub(crate) fn look(&self, disk: &Disk) -> Result<Current, Error> {
        let folder = DiskFolder::new(disk, self.place.target());
        let record = self.place.read_state_file(disk, record::FILE)?.and_then(|b| Record::parse(&b));
        let mut seen = match self.folder {
            Folder::Msp(_) => Current::msp(current_msp(&self.place, disk)?),
            Folder::Tls(TlsRequest { files: TlsFiles::Three(names), .. }) => {
                let paths = (names.certificate().into(), names.ca());
                Current::tls(CurrentTls::read(&folder, *names), paths)
            }
            Folder::Tls(TlsRequest { files: TlsFiles::MspShaped, .. }) => {
                let existing = CurrentMsp::read(&folder, None);
                let has_roots = !existing.roots.is_empty();
                let certificate = existing.leaf.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
                Current { is_msp: has_roots, ..Current::tls(existing.into_tls(), (certificate, "tlscacerts")) }
            }
        };
        // A record of another certificate is of no use: a run was killed between install and record.
        seen.record = record.filter(|r| seen.leaf.as_ref().is_some_and(|leaf| leaf.serial_hex() == r.serial));
        if let Some(record) = &seen.record {
            seen.changed = record.changed(&|path| folder.read(path).ok().map(|b| b.to_vec()));
        }
        Ok(seen)
    }

    /// Whether there is anything to do. `named_key` is the key in the file that the request names.
    pub(crate) fn decide(
        &self,
        request: &Request,
        named_key: Option<&KeyPair>,
        seen: &Current,
        now: Timestamp,
    ) -> Result<Option<Reason>, Error> {
        if seen.is_msp && !request.force {
            let target = self.target().display();
            return Err(Error::new(
                ErrorKind::Input,
                format!("{target} holds an MSP (there are roots in its cacerts), and not a TLS certificate"),
            )
            .with_help("name another folder, or replace that MSP with --force"));
        }
        let existing = seen.leaf.as_ref().map(|leaf| Evidence {
            leaf,
            curve: seen.key.as_ref().map(KeyPair::algorithm),
            issuer: seen.chain.as_ref().map(Chain::issuer),
            problems: &seen.problems,
            issued_at: seen.record.as_ref().map(|r| r.issued_at),
            changed: seen.changed.clone(),
        });
        let curve = match request.key {
            KeyRequest::New(curve) => curve,
            _ => None,
        };
        let wanted = Wanted {
            id: &self.ca().id,
            sans: &self.sans,
            role: self.role(),
            curve,
            key_point: named_key.map(KeyPair::public_point),
            force: request.force,
            target: self.target(),
        };
        due::decide(existing.as_ref(), &wanted, now)
    }
}

/// What stands in a target.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub(crate) leaf: Option<Cert>,
    /// The certificate's file in the target.
    pub(crate) leaf_path: PathBuf,
    pub(crate) key: Option<KeyPair>,
    pub(crate) chain: Option<Chain>,
    /// The root to hold a new one against.
    pub(crate) root: Option<Cert>,
    pub(crate) problems: Vec<String>,
    pub(crate) record: Option<Record>,
    pub(crate) changed: Vec<String>,
    /// The rest of an MSP folder.
    pub(crate) msp: Option<CurrentMsp>,
    /// An MSP stands where a TLS certificate is to go.
    is_msp: bool,
}

impl Current {
    /// Another certificate stands there now.
    pub(crate) fn replace_leaf(&mut self, leaf: Cert, path: PathBuf) {
        (self.leaf, self.leaf_path) = (Some(leaf), path);
    }

    fn msp(existing: CurrentMsp) -> Self {
        let chain = existing.chain();
        let mut problems: Vec<String> =
            existing.problems.iter().map(|p| format!("{}: {}", p.path.display(), p.reason)).collect();
        if existing.leaf.is_some() && chain.is_none() {
            problems.push("no chain from the certificate to a root in cacerts".to_owned());
        }
        if existing.leaf.is_some() && !existing.pair_matches() && problems.is_empty() {
            problems.push("certificate and key do not belong together".to_owned());
        }
        Self {
            leaf: existing.leaf.as_ref().map(|(_, leaf)| leaf.clone()),
            leaf_path: existing.leaf.as_ref().map(|(path, _)| path.clone()).unwrap_or_default(),
            key: existing.key.as_ref().and_then(|(_, key)| copy(key)),
            root: chain.as_ref().map(|c| c.root.clone()).or_else(|| existing.roots.first().cloned()),
            chain,
            problems,
            msp: Some(existing),
            ..Self::default()
        }
    }

    /// `paths`: where the certificate and the root stand.
    fn tls(existing: CurrentTls, paths: (PathBuf, &str)) -> Self {
        let chain = existing.chain();
        let mut problems: Vec<String> =
            existing.problems.iter().map(|p| format!("{}: {}", p.path.display(), p.reason)).collect();
        if existing.leaf.is_some() && chain.is_none() {
            problems.push(format!("no chain from the certificate to {}", paths.1));
        }
        if existing.leaf.is_some() && !existing.pair_matches() && problems.is_empty() {
            problems.push("certificate and key do not belong together".to_owned());
        }
        Self {
            leaf_path: paths.0,
            root: chain.as_ref().map(|c| c.root.clone()).or_else(|| existing.roots.first().cloned()),
            chain,
            problems,
            leaf: existing.leaf,
            key: existing.key,
            ..Self::default()
        }
    }
}

/// What stands in an MSP folder; a `config.yaml` that fabcert wrote is known by its hash.
pub(crate) fn current_msp(place: &Place, disk: &Disk) -> Result<CurrentMsp, Error> {
    let folder = DiskFolder::new(disk, place.target());
    let configs = place.read_state_file(disk, record::CONFIGS_FILE)?;
    let ours = folder
        .read(Path::new("config.yaml"))
        .ok()
        .map(|content| record::sha256(&content))
        .filter(|digest| configs.is_some_and(|c| record::configs(&c).contains(digest)));
    Ok(CurrentMsp::read(&folder, ours.as_deref()))
}

/// Another handle on the same key.
pub(crate) fn copy(key: &KeyPair) -> Option<KeyPair> {
    KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).ok()
}
