//! The current contents of a certificate's target.

use std::path::{Path, PathBuf};

use super::overlap::Overlap;
use super::state::record::{self, Record};
use crate::Error;
use crate::disk::{Disk, DiskFolder, FolderReader as _};
use crate::install::Place;
use crate::msp::{CurrentMsp, CurrentTls};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, Chain};

/// The current contents of a target.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub(crate) leaf: Option<Cert>,
    /// The certificate's file in the target.
    pub(crate) leaf_path: PathBuf,
    pub(crate) key: Option<KeyPair>,
    /// Whether there is a file for the key.
    pub(crate) holds_a_key: bool,
    pub(crate) chain: Option<Chain>,
    /// The root that a new chain must end in.
    pub(crate) root: Option<Cert>,
    pub(crate) problems: Vec<String>,
    /// Whether the file of the certificate is there, but cannot be read.
    pub(crate) holds_a_broken_certificate: bool,
    pub(crate) record: Option<Record>,
    pub(crate) changed: Vec<String>,
    /// The CAs that are trusted beside those of the chain.
    pub(crate) overlap: Overlap,
    /// The other files of an MSP folder.
    pub(crate) msp: Option<CurrentMsp>,
    /// Whether the target of a TLS certificate holds an MSP.
    pub(crate) is_msp: bool,
}

impl Current {
    /// Records that another certificate is in the target now.
    pub(crate) fn replace_leaf(&mut self, leaf: Cert, path: PathBuf) {
        (self.leaf, self.leaf_path) = (Some(leaf), path);
    }

    pub(crate) fn msp(existing: CurrentMsp) -> Self {
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
            holds_a_broken_certificate: existing.problems.iter().any(|p| p.path.starts_with("signcerts/")),
            msp: Some(existing),
            ..Self::default()
        }
    }

    /// `paths`: the files of the certificate and of the root.
    pub(crate) fn tls(existing: CurrentTls, paths: (PathBuf, &str)) -> Self {
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
            holds_a_broken_certificate: existing.problems.iter().any(|p| p.path == paths.0),
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

/// Reads the MSP folder in `place`; a `config.yaml` that fabcert wrote is recognised by its hash.
pub(crate) fn current_msp(place: &Place, disk: &Disk) -> Result<CurrentMsp, Error> {
    let folder = DiskFolder::new(disk, place.target());
    let configs = place.peek_state_file(disk, record::CONFIGS_FILE)?;
    let written = folder
        .read(Path::new("config.yaml"))
        .ok()
        .map(|content| record::sha256(&content))
        .filter(|digest| configs.is_some_and(|c| record::configs(&c).contains(digest)));
    Ok(CurrentMsp::read(&folder, written.as_deref()))
}

/// Copies a key pair.
pub(crate) fn copy(key: &KeyPair) -> Option<KeyPair> {
    KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).ok()
}
