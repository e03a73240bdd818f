//! The current contents of a certificate's target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::overlap::Overlap;
use super::state::record::{self, Record};
use crate::disk::{Disk, FolderReader};
use crate::install::Place;
use crate::msp::{CurrentMsp, CurrentTls};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, Chain};
use crate::{Error, Timestamp};

/// The life of a certificate whose issue is not known: its last tenth is thirty days.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300 * 86_400);

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

    /// The roots that a new certificate must not have at `now`, because other folders may not trust them yet.
    pub(crate) fn too_early(&self, now: Timestamp) -> Vec<&Cert> {
        let Some(leaf) = &self.leaf else { return Vec::new() };
        // A Fabric CA gives its own NotBefore to certificates for which none is requested.
        let of_issuer = self.chain.as_ref().map(|chain| chain.issuer().not_before());
        let not_before = Some(leaf.not_before()).filter(|own| of_issuer != Some(*own));
        let start = self.record.as_ref().map(|record| record.issued_at).or(not_before);
        let start = start.unwrap_or_else(|| leaf.not_after().minus(UNKNOWN_LIFE));
        self.overlap.too_early(leaf, self.root.as_ref(), start, now)
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
            key: existing.key.as_ref().map(|(_, key)| key.copied()),
            root: chain.as_ref().map(|c| c.root.clone()).or_else(|| existing.roots.first().cloned()),
            chain,
            problems,
            // Of a file in it: a folder without one, as after `getcainfo`, held no names.
            holds_a_broken_certificate: existing
                .problems
                .iter()
                .any(|p| p.path.parent() == Some(Path::new("signcerts"))),
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

/// Reads `folder`, the MSP folder in `place`; a `config.yaml` that fabcert wrote is recognised by its hash.
pub(crate) fn current_msp(place: &Place, folder: &dyn FolderReader, disk: &Disk) -> Result<CurrentMsp, Error> {
    let configs = place.peek_state_file(disk, record::CONFIGS_FILE)?;
    let written = folder
        .read(Path::new("config.yaml"))
        .ok()
        .map(|content| record::sha256(&content))
        .filter(|digest| configs.is_some_and(|c| record::configs(&c).contains(digest)));
    Ok(CurrentMsp::read(folder, written.as_deref()))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa};

    use super::*;
    use crate::identity::overlap::Replaced;
    use crate::text::pem_encode;

    const DAY: u64 = 86_400;

    fn params(name: &str, start: i32) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(start, 1, 1);
        params.not_after = rcgen::date_time_ymd(2031, 1, 1);
        params
    }

    fn root(name: &str) -> (Cert, CertifiedIssuer<'static, rcgen::KeyPair>) {
        let mut params = params(name, 2010);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        (cert(ca.der()), ca)
    }

    fn cert(der: &[u8]) -> Cert {
        Cert::all_from_pem(pem_encode("CERTIFICATE", der).as_bytes()).unwrap().remove(0)
    }

    /// The life of a certificate that has the `NotBefore` of its CA begins at an unknown time, not with that of the CA.
    #[test]
    fn the_last_tenth_is_of_a_life_that_begins_with_the_issue() {
        let ((old, ca), (new, _)) = (root("old"), root("new"));
        let key = rcgen::KeyPair::generate().unwrap();
        for (start, days) in [(2010, 30), (2021, 365)] {
            let leaf = cert(params("peer1", start).signed_by(&key, &ca).unwrap().der());
            let chain = Chain::build(&leaf, std::slice::from_ref(&old), leaf.not_before()).unwrap();
            let at = |days: u64| leaf.not_after().minus(Duration::from_secs(days * DAY));
            let replaced = vec![Replaced { old: old.clone(), new: new.clone() }];
            let current = Current {
                leaf: Some(leaf.clone()),
                root: Some(old.clone()),
                chain: Some(chain),
                overlap: Overlap { replaced, ..Overlap::default() },
                ..Current::default()
            };
            assert_eq!(current.too_early(at(days + 2)), [&new], "{start}");
            assert!(current.too_early(at(days)).is_empty(), "{start}");
        }
    }
}
