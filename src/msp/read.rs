//! Reads the current contents of a target. Reading never fails: a broken file is reported as a problem, and the caller
//! decides.

use std::path::{Path, PathBuf};

use ring::digest;

use super::keystore::{Found, find_key};
use super::layout::TlsNames;
use super::node_ous::MspConfig;
use super::pem_folder::pem_files;
use crate::Timestamp;
use crate::disk::{FolderReader, MemoryFolder};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, Chain};

pub(crate) const CONFIG: &str = "config.yaml";

/// The folders of an MSP that an enrolment replaces; the rest is carried over.
pub(crate) const SIGN_FOLDERS: [&str; 4] = ["signcerts", "keystore", "cacerts", "intermediatecerts"];
pub(crate) const TLS_FOLDERS: [&str; 2] = ["tlscacerts", "tlsintermediatecerts"];

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder, relative to the target.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

/// The current `config.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentConfig {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether fabcert wrote it and it is unchanged since.
    pub ours: bool,
}

/// The contents of an MSP folder as Fabric reads it: the first usable file of `signcerts`, the key that Fabric finds
/// for it, the first certificate of every CA file.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CurrentMsp {
    /// The identity's certificate and its file.
    pub leaf: Option<(PathBuf, Cert)>,
    /// The key that Fabric takes for it, and its file. It may be the wrong one: see [`CurrentMsp::pair_matches`].
    pub key: Option<(PathBuf, KeyPair)>,
    /// `cacerts`.
    pub roots: Vec<Cert>,
    /// `intermediatecerts`.
    pub intermediates: Vec<Cert>,
    /// `tlscacerts`.
    pub tls_roots: Vec<Cert>,
    /// `tlsintermediatecerts`.
    pub tls_intermediates: Vec<Cert>,
    /// `config.yaml`.
    pub config: Option<CurrentConfig>,
    /// Faults and missing files; empty for an empty folder.
    pub problems: Vec<Problem>,
    /// The files in `cacerts` and `intermediatecerts` that `config.yaml` names.
    pub(crate) named_cas: Vec<PathBuf>,
    /// The other files that Fabric reads.
    pub(crate) carried: MemoryFolder,
}

impl CurrentMsp {
    /// Reads the folder. `written_config` is the SHA-256 (lower-case hex) of the `config.yaml` that fabcert wrote last,
    /// from [`crate::proof::MspPlan::config_yaml_sha256`]; a file with another hash is the operator's.
    pub fn read(folder: &dyn FolderReader, written_config: Option<&str>) -> Self {
        if folder.list(Path::new("")).map_or(true, |entries| entries.is_empty()) {
            return Self::default();
        }
        let mut current = Self::read_certificates(folder);
        let problems = &mut current.problems;
        if let Some((path, leaf)) = &current.leaf {
            match find_key(folder, leaf.ski()) {
                Found::Private(at, found) => match found.pair() {
                    Ok(key) => {
                        if key.spki_der() != leaf.spki_der() {
                            let reason =
                                format!("it has the name of the key of {}, but holds another key", path.display());
                            problems.push(Problem { path: at.clone(), reason });
                        }
                        current.key = Some((at, key));
                    }
                    Err(e) => problems.push(Problem { path: at, reason: e.to_string() }),
                },
                Found::Public(path) => {
                    problems
                        .push(Problem { path, reason: "Fabric takes this public key as the private key".to_owned() });
                }
                Found::Nothing(reason) => problems.push(Problem { path: "keystore".into(), reason }),
            }
        }
        if let Ok(content) = folder.read(Path::new(CONFIG)) {
            let ours = written_config.is_some_and(|hash| hash == sha256_hex(&content));
            current.config = Some(CurrentConfig { content: content.to_vec(), ours });
        }
        current.carry(folder);
        current
    }

    /// Reads the certificates of the folder: of the identity and of CAs, with their problems.
    pub(crate) fn read_certificates(folder: &dyn FolderReader) -> Self {
        let mut problems = Vec::new();
        let leaf = certificates(folder, "signcerts", true, &mut problems).into_iter().next();
        let mut only = |dir: &str, wanted: bool| {
            let found = certificates(folder, dir, wanted, &mut problems);
            found.into_iter().map(|(_, cert)| cert).collect()
        };
        let (roots, intermediates) = (only("cacerts", true), only("intermediatecerts", false));
        let (tls_roots, tls_intermediates) = (only("tlscacerts", false), only("tlsintermediatecerts", false));
        Self { leaf, roots, intermediates, tls_roots, tls_intermediates, problems, ..Self::default() }
    }

    /// Keeps the files that a new tree inherits: all that Fabric reads and an enrolment does not replace.
    fn carry(&mut self, folder: &dyn FolderReader) {
        for path in ["admincerts", "crls", CONFIG].into_iter().chain(TLS_FOLDERS) {
            self.carried.copy_from(folder, Path::new(path));
        }
        let config = self.config.as_ref().and_then(|c| MspConfig::parse(&c.content).ok()).unwrap_or_default();
        for path in config.certificates().map(|c| crate::disk::clean(Path::new(c))) {
            if !SIGN_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
                self.carried.copy_from(folder, &path);
            } else if !self.named_cas.contains(&path) && folder.read(&path).is_ok() {
                self.named_cas.push(path);
            }
        }
    }

    /// Whether the folder holds nothing.
    pub fn is_empty(&self) -> bool {
        self.leaf.is_none() && self.roots.is_empty() && self.problems.is_empty()
    }

    /// Whether certificate and key exist and match.
    pub fn pair_matches(&self) -> bool {
        matches!((&self.leaf, &self.key), (Some((_, leaf)), Some((_, key))) if key.spki_der() == leaf.spki_der())
    }

    /// The current certificate with its path to a current root, if there is one.
    pub fn chain(&self) -> Option<Chain> {
        chain(self.leaf.as_ref().map(|(_, leaf)| leaf), &self.intermediates, &self.roots)
    }

    /// The same folder as a TLS folder of `fabric-ca-client`: the CAs are in `tlscacerts` and `tlsintermediatecerts`,
    /// and `cacerts` is empty.
    pub fn into_tls(self) -> CurrentTls {
        CurrentTls {
            leaf: self.leaf.map(|(_, leaf)| leaf),
            intermediates: self.tls_intermediates,
            key: self.key.map(|(_, key)| key),
            roots: self.tls_roots,
            problems: self.problems.into_iter().filter(|p| p.path != Path::new("cacerts")).collect(),
        }
    }
}

/// The contents of a TLS folder.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CurrentTls {
    /// The first certificate of `server.crt`.
    pub leaf: Option<Cert>,
    /// The certificates after it.
    pub intermediates: Vec<Cert>,
    /// `server.key`.
    pub key: Option<KeyPair>,
    /// `ca.crt`.
    pub roots: Vec<Cert>,
    /// Faults and missing files; empty for an empty folder.
    pub problems: Vec<Problem>,
}

impl CurrentTls {
    /// Reads the three files of a TLS folder under the given names.
    pub fn read(folder: &dyn FolderReader, names: TlsNames) -> Self {
        let mut current = Self::default();
        let files = [names.certificate(), names.key(), names.ca()];
        let found = files.map(|name| folder.read(Path::new(name)));
        if found.iter().all(|r| r.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)) {
            return current;
        }
        let mut problem = |name: &str, reason: String| current.problems.push(Problem { path: name.into(), reason });
        let [certificate, key, ca] = files;
        let mut content = files
            .into_iter()
            .zip(found)
            .map(|(name, r)| r.map_err(|e| problem(name, format!("it cannot be read: {e}"))).ok());
        let (chain_pem, key_pem, ca_pem) =
            (content.next().flatten(), content.next().flatten(), content.next().flatten());
        drop(content);
        let certs =
            |name: &str, pem: Option<&[u8]>, problem: &mut dyn FnMut(&str, String)| match pem.map(Cert::all_from_pem) {
                Some(Ok(list)) => list,
                Some(Err(e)) => {
                    problem(name, e.to_string());
                    Vec::new()
                }
                None => Vec::new(),
            };
        let mut chain = certs(certificate, chain_pem.as_ref().map(|c| c.as_slice()), &mut problem).into_iter();
        let leaf = chain.next();
        let roots = certs(ca, ca_pem.as_ref().map(|c| c.as_slice()), &mut problem);
        let key_pair = match key_pem.map(|pem| KeyPair::from_pem(&pem)) {
            Some(Ok(pair)) => Some(pair),
            Some(Err(e)) => {
                problem(key, e.to_string());
                None
            }
            None => None,
        };
        if let (Some(pair), Some(leaf)) = (&key_pair, &leaf)
            && pair.spki_der() != leaf.spki_der()
        {
            problem(key, format!("it is not the key of {certificate}"));
        }
        current.intermediates = chain.collect();
        (current.leaf, current.key, current.roots) = (leaf, key_pair, roots);
        current
    }

    /// Reads the certificates alone: that of the identity with the intermediates after it, and the roots.
    pub(crate) fn read_certificates(folder: &dyn FolderReader, names: TlsNames) -> Self {
        let read = |name: &str| folder.read(Path::new(name)).ok().and_then(|pem| Cert::all_from_pem(&pem).ok());
        let mut chain = read(names.certificate()).unwrap_or_default().into_iter();
        let leaf = chain.next();
        let roots = if leaf.is_some() { read(names.ca()).unwrap_or_default() } else { Vec::new() };
        Self { leaf, intermediates: chain.collect(), roots, ..Self::default() }
    }

    /// Whether the folder holds nothing.
    pub fn is_empty(&self) -> bool {
        self.leaf.is_none() && self.key.is_none() && self.roots.is_empty() && self.problems.is_empty()
    }

    /// Whether certificate and key exist and match.
    pub fn pair_matches(&self) -> bool {
        matches!((&self.leaf, &self.key), (Some(leaf), Some(key)) if key.spki_der() == leaf.spki_der())
    }

    /// The current certificate with its path to a current root, if there is one.
    pub fn chain(&self) -> Option<Chain> {
        chain(self.leaf.as_ref(), &self.intermediates, &self.roots)
    }
}

fn chain(leaf: Option<&Cert>, intermediates: &[Cert], roots: &[Cert]) -> Option<Chain> {
    chain_among(leaf?, &[intermediates, roots].concat())
}

/// The path of a current certificate to a root among `cas`, if there is one.
pub(crate) fn chain_among(leaf: &Cert, cas: &[Cert]) -> Option<Chain> {
    // Fabric judges a chain at this time (`msp/mspimplvalidate.go`, `getValidityOptsForCert`).
    let at = Timestamp::from_unix(leaf.not_before().unix() + 1);
    Chain::build(leaf, cas, at).ok()
}

/// The certificates of a folder, one per file, in the order of the file names.
fn certificates(
    folder: &dyn FolderReader,
    dir: &str,
    wanted: bool,
    problems: &mut Vec<Problem>,
) -> Vec<(PathBuf, Cert)> {
    let found = match pem_files(folder, dir) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !wanted => return Vec::new(),
        Err(e) => {
            problems.push(Problem { path: dir.into(), reason: format!("it cannot be read: {e}") });
            return Vec::new();
        }
    };
    if wanted && found.files.is_empty() {
        problems.push(Problem { path: dir.into(), reason: "it holds no certificate".to_owned() });
    }
    problems.extend(found.skipped.into_iter().map(|(path, reason)| Problem { path, reason }));
    let mut out = Vec::new();
    for file in found.files {
        match Cert::from_der(file.der.to_vec()) {
            Ok(cert) => out.push((file.path, cert)),
            Err(e) => problems.push(Problem { path: file.path, reason: e.to_string() }),
        }
    }
    out
}

pub(crate) fn sha256_hex(content: &[u8]) -> String {
    crate::text::hex(digest::digest(&digest::SHA256, content).as_ref())
}
