//! What goes into an MSP folder and a TLS folder: paths, bytes and modes, and no disk.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::MemoryFolder;
use super::keystore::KEYSTORE;
use super::layout::{CaFolder, Layout, MspNames, TlsNames};
use super::node_ous::MspConfig;
use super::read::{CONFIG, SIGN_FOLDERS, StandingMsp, TLS_FOLDERS, sha256_hex};
use super::verdict::{AdminRule, MspRefusal, MspWarning, judge};
use crate::ca::{Purpose, VerifiedEnrollment};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::{ErrorKind, Timestamp};

/// A folder to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDir {
    /// Where, relative to the target.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Group id, where it is not to be the one that new folders get.
    pub group: Option<u32>,
}

/// A file to write. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where, relative to the target.
    pub path: PathBuf,
    /// What goes in, perhaps a private key.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
    /// Group id, where it is not to be the one that new files get.
    pub group: Option<u32>,
}

impl fmt::Debug for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes, {:04o})", self.path.display(), self.bytes.len(), self.mode)
    }
}

/// What a folder will hold. What stands in the target at none of the owned paths is carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderPlan {
    /// The folders below the target; the target itself is not among them.
    pub dirs: Vec<PlannedDir>,
    /// The files, the identity's certificate first.
    pub files: Vec<PlannedFile>,
    /// The files and folders that are ours: replaced whole, or gone when nothing is planned there.
    pub owned: Vec<PathBuf>,
}

impl FolderPlan {
    /// Where the identity's certificate goes.
    pub fn certificate(&self) -> &Path {
        self.files.first().map_or_else(|| Path::new(""), |file| &file.path)
    }

    fn dir(&mut self, path: &str, mode: u32) {
        if !self.dirs.iter().any(|d| d.path == Path::new(path)) {
            self.dirs.push(PlannedDir { path: path.into(), mode, group: None });
        }
    }

    fn file(&mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.files.push(PlannedFile { path: path.into(), bytes: Zeroizing::new(bytes.into()), mode, group: None });
    }

    fn key_file(&mut self, path: impl Into<PathBuf>, key: &KeyPair, access: KeyAccess) {
        let bytes = Zeroizing::new(key.to_pkcs8_pem().as_bytes().to_vec());
        self.files.push(PlannedFile { path: path.into(), bytes, mode: access.mode, group: access.group });
    }

    /// `signcerts` and `keystore`.
    fn identity(&mut self, names: &MspNames<'_>, leaf: &Cert, key: &KeyPair, access: KeyAccess) {
        self.dir("signcerts", DIR);
        self.file(names.signcert(), leaf.to_pem(), FILE);
        let mode = if access.mode & 0o070 == 0 { PRIVATE_DIR } else { GROUP_DIR };
        self.dirs.push(PlannedDir { path: KEYSTORE.into(), mode, group: access.group });
        self.key_file(names.key(key.ski()), key, access);
    }

    /// The tree as it will be, with what is carried over.
    fn over(&self, carried: &MemoryFolder) -> MemoryFolder {
        let mut tree = carried.clone();
        self.owned.iter().for_each(|path| tree.remove(path));
        self.dirs.iter().for_each(|dir| tree.insert_folder(&dir.path));
        self.files.iter().for_each(|file| tree.insert(&file.path, file.bytes.to_vec()));
        tree
    }
}

/// Who may read a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAccess {
    /// Permission bits of the key's file. With a bit for the group, `keystore` opens for the group too.
    pub mode: u32,
    /// Group id of the key's file and of `keystore`, for a peer under another user id.
    pub group: Option<u32>,
}

/// 0600, and the group that new files get.
impl Default for KeyAccess {
    fn default() -> Self {
        Self { mode: 0o600, group: None }
    }
}

/// Why a folder cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MspError {
    /// A name that would become part of a file's name.
    #[error("{what}, \"{name}\", cannot be part of a file name: {why}")]
    Name {
        /// Whose name it is.
        what: &'static str,
        /// The name, escaped.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// The operator's `config.yaml`, which is kept, makes Fabric refuse the new folder.
    #[error("the standing config.yaml is not fabcert's and would make Fabric refuse the new folder: {refusal}")]
    OperatorConfig {
        /// What Fabric would say.
        refusal: MspRefusal,
        /// The file of the CA that issues, which the NodeOUs must name.
        issuer: PathBuf,
    },
    /// Another file that is kept makes Fabric refuse the new folder.
    #[error("{} would be kept and would make Fabric refuse the new folder: {refusal}", .refusal.path.display())]
    OperatorFile {
        /// What Fabric would say.
        refusal: MspRefusal,
    },
    /// Fabric would refuse what the CA issued.
    #[error("Fabric would refuse what the CA issued: {refusal}")]
    Issued {
        /// What Fabric would say.
        refusal: MspRefusal,
    },
    /// The key is not the one of the verified certificate, or a certificate was verified for another purpose.
    #[error("the {what} given to the plan is not the one of this enrolment")]
    Mismatch {
        /// `key`, `signing certificate` or `TLS certificate`.
        what: &'static str,
    },
}

impl From<MspError> for crate::Error {
    fn from(e: MspError) -> Self {
        let (kind, help) = match &e {
            MspError::Name { .. } => (
                ErrorKind::Input,
                "choose an id and a CA name that can stand in a file name, or the layout fabric-ca; nothing was written"
                    .to_owned(),
            ),
            MspError::OperatorConfig { issuer, .. } => (
                ErrorKind::Input,
                format!(
                    "mend config.yaml (NodeOUs with Certificate: {}, the CA that issues), or move it away and let fabcert write one; nothing was written",
                    issuer.display()
                ),
            ),
            MspError::OperatorFile { refusal } => (
                ErrorKind::Input,
                format!("mend {} or move it out of the folder; nothing was written", refusal.path.display()),
            ),
            MspError::Issued { .. } => (
                ErrorKind::NotAsAsked,
                "the CA's own certificates or its profile must be mended by its operator; nothing was written".to_owned(),
            ),
            MspError::Mismatch { .. } => (ErrorKind::Bug, "please report this".to_owned()),
        };
        Self::new(kind, e.to_string()).with_help(help)
    }
}

/// What to plan an MSP folder from.
#[derive(Clone, Copy, Debug)]
pub struct MspRequest<'a> {
    /// The signing enrolment.
    pub sign: &'a VerifiedEnrollment,
    /// Its key.
    pub key: &'a KeyPair,
    /// The TLS enrolment of the same command: `tlscacerts` and `tlsintermediatecerts` are its chain. Without it, those that
    /// stand are kept.
    pub tls: Option<&'a VerifiedEnrollment>,
    /// The Go client's file name for the CA without `.pem`, for example `ca-org1-7054-ca1`.
    pub stem: &'a str,
    /// The same for the TLS CA.
    pub tls_stem: &'a str,
    /// Whose file names to use.
    pub layout: Layout,
    /// Whether to write `config.yaml`. Without it and without `admincerts` Fabric refuses the folder; that is then the
    /// operator's wish and only a warning.
    pub node_ous: bool,
    /// What stands in the target.
    pub standing: &'a StandingMsp,
    /// Who may read the key.
    pub key_access: KeyAccess,
}

/// An MSP folder, planned, and judged as Fabric would judge it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MspPlan {
    /// What goes where.
    pub folder: FolderPlan,
    /// SHA-256 (lower-case hex) of the `config.yaml` in the plan, to know it again; `None` when the plan has none.
    pub config_yaml_sha256: Option<String>,
    /// What Fabric accepts and is yet worth a word.
    pub warnings: Vec<MspWarning>,
}

impl MspPlan {
    /// Plans the folder: one certificate a file, `signcerts` with the leaf alone, one key, `config.yaml` naming the CA that
    /// really issued. An operator's own `config.yaml` is kept.
    ///
    /// # Errors
    /// When a name cannot be a file's name, or Fabric would refuse the folder together with what is kept of the standing one.
    pub fn build(request: &MspRequest<'_>) -> Result<Self, MspError> {
        let MspRequest { sign, key, tls, stem, tls_stem, layout, node_ous, standing, key_access } = *request;
        if sign.purpose() != Purpose::Sign {
            return Err(MspError::Mismatch { what: "signing certificate" });
        }
        if tls.is_some_and(|t| t.purpose() != Purpose::Tls) {
            return Err(MspError::Mismatch { what: "TLS certificate" });
        }
        if key.spki_der() != sign.leaf().spki_der() {
            return Err(MspError::Mismatch { what: "key" });
        }
        let names = MspNames::new(layout, sign.leaf().common_name().unwrap_or_default(), stem, tls_stem)?;

        let mut folder = FolderPlan { owned: SIGN_FOLDERS.map(PathBuf::from).to_vec(), ..FolderPlan::default() };
        folder.identity(&names, sign.leaf(), key, key_access);
        chain_files(&mut folder, &names, sign, CaFolder::Sign);
        if let Some(tls) = tls {
            folder.owned.extend(TLS_FOLDERS.map(PathBuf::from));
            chain_files(&mut folder, &names, tls, CaFolder::Tls);
        }

        let issuer = match sign.chain().intermediates.len() {
            0 => names.root(CaFolder::Sign),
            _ => names.intermediate(CaFolder::Sign, 0),
        };
        let ours = node_ous.then(|| MspConfig::for_issuer(&issuer.to_string_lossy()).to_yaml().into_bytes());
        let admins = if node_ous { AdminRule::Fabric } else { AdminRule::Waived };
        // The dates of the leaf are proven already; Fabric judges the chain by them and not by the clock.
        let at = Timestamp::from_unix(sign.leaf().not_before().unix() + 1);

        let kept = standing.config.as_ref().filter(|c| !c.ours && Some(&c.content) != ours.as_ref());
        let mut with_ours = folder.clone();
        with_ours.owned.push(CONFIG.into());
        if let Some(text) = &ours {
            with_ours.file(CONFIG, text.clone(), FILE);
        }
        let verdict_of = |plan: &FolderPlan| judge(&plan.over(&standing.carried), at, admins);
        if kept.is_some() {
            return match verdict_of(&folder) {
                Ok(warnings) => Ok(Self { folder, config_yaml_sha256: None, warnings }),
                Err(refusal) if verdict_of(&with_ours).is_ok() => Err(MspError::OperatorConfig { refusal, issuer }),
                Err(refusal) => Err(refused(refusal, &folder)),
            };
        }
        let warnings = verdict_of(&with_ours).map_err(|refusal| refused(refusal, &with_ours))?;
        Ok(Self { folder: with_ours, config_yaml_sha256: ours.as_deref().map(sha256_hex), warnings })
    }
}

const DIR: u32 = 0o755;
const PRIVATE_DIR: u32 = 0o700;
const GROUP_DIR: u32 = 0o750;
const FILE: u32 = 0o644;

fn chain_files(folder: &mut FolderPlan, names: &MspNames<'_>, enrollment: &VerifiedEnrollment, kind: CaFolder) {
    let (root_dir, intermediate_dir) = match kind {
        CaFolder::Sign => ("cacerts", "intermediatecerts"),
        CaFolder::Tls => ("tlscacerts", "tlsintermediatecerts"),
    };
    let chain = enrollment.chain();
    folder.dir(root_dir, DIR);
    folder.file(names.root(kind), chain.root.to_pem(), FILE);
    for (index, ca) in chain.intermediates.iter().enumerate() {
        folder.dir(intermediate_dir, DIR);
        folder.file(names.intermediate(kind, index), ca.to_pem(), FILE);
    }
}

/// Whose fault a refusal is: the CA's when it is about a file of ours, else the operator's.
fn refused(refusal: MspRefusal, folder: &FolderPlan) -> MspError {
    if folder.files.iter().any(|f| f.path.starts_with(&refusal.path)) {
        MspError::Issued { refusal }
    } else {
        MspError::OperatorFile { refusal }
    }
}

/// A TLS folder, planned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsPlan {
    /// What goes where.
    pub folder: FolderPlan,
}

impl TlsPlan {
    /// Plans the folder: the leaf and its intermediates in one file, the issuer first and without the root; the key; the root.
    ///
    /// # Errors
    /// When the key is not the certificate's, or the certificate was not verified for TLS.
    pub fn build(
        tls: &VerifiedEnrollment,
        key: &KeyPair,
        names: TlsNames,
        access: KeyAccess,
    ) -> Result<Self, MspError> {
        Self::check(tls, key)?;
        let chain = tls.chain();
        let mut folder = FolderPlan {
            owned: [names.certificate(), names.key(), names.ca()].map(PathBuf::from).to_vec(),
            ..FolderPlan::default()
        };
        let certificates: String = [&chain.leaf].into_iter().chain(&chain.intermediates).map(Cert::to_pem).collect();
        folder.file(names.certificate(), certificates, FILE);
        folder.key_file(names.key(), key, access);
        folder.file(names.ca(), chain.root.to_pem(), FILE);
        Ok(Self { folder })
    }

    /// Plans a folder of an MSP's shape, as `fabric-ca-client` makes it with the profile `tls`: the leaf in `signcerts`, the
    /// key in `keystore`, nothing in `cacerts`, and the CAs in `tlscacerts` and `tlsintermediatecerts`, one a file. `stem`
    /// is the Go client's file name for the CA without `.pem`.
    ///
    /// # Errors
    /// As [`TlsPlan::build`], and when `stem` cannot be part of a file's name.
    pub fn build_msp_shaped(
        tls: &VerifiedEnrollment,
        key: &KeyPair,
        stem: &str,
        access: KeyAccess,
    ) -> Result<Self, MspError> {
        Self::check(tls, key)?;
        let id = tls.leaf().common_name().unwrap_or_default();
        let names = MspNames::new(Layout::FabricCa, id, stem, stem)?;
        let owned = SIGN_FOLDERS.iter().chain(&TLS_FOLDERS).map(PathBuf::from).collect();
        let mut folder = FolderPlan { owned, ..FolderPlan::default() };
        folder.dir("cacerts", DIR);
        folder.identity(&names, tls.leaf(), key, access);
        chain_files(&mut folder, &names, tls, CaFolder::Tls);
        Ok(Self { folder })
    }

    fn check(tls: &VerifiedEnrollment, key: &KeyPair) -> Result<(), MspError> {
        if tls.purpose() != Purpose::Tls {
            return Err(MspError::Mismatch { what: "TLS certificate" });
        }
        if key.spki_der() != tls.leaf().spki_der() {
            return Err(MspError::Mismatch { what: "key" });
        }
        Ok(())
    }
}
