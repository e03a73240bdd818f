//! What Fabric would say of an MSP folder: would a peer that has it as its local MSP come up?
//!
//! The judgement follows Fabric's own code at version 3.0 of the rules, which peers and orderers always apply to their
//! local MSP: fabric `msp/configbuilder.go` (load), `msp/mspimplsetup.go` (set-up), `msp/mspimplvalidate.go` (the
//! identity), at commit 0c423ac4. It stops at the first refusal, as Fabric does. Refusals are numbered:
//!
//! | numbers | about |
//! |---|---|
//! | 7-14 | folders and `config.yaml` that cannot be loaded |
//! | 16-29 | CA certificates and files that hold none |
//! | 33-48 | the identity's certificate and key |
//! | 49-57 | OUs: what `config.yaml` names, what the identity bears |
//! | 58-61 | administrators |
//! | 65, 66 | revocation lists |
//! | 70-75 | TLS CAs |
//!
//! Two refusals of Fabric are left out, for want of anything that could bring them about in a tree that fabcert writes:
//! unknown critical extensions (41) and name constraints (42).

mod admins;
mod authorities;
mod certificate;
mod go_client;
mod identity;
mod load;
mod path;
mod revocation;
mod server_pair;
mod tls;
mod tls_folder;
mod units;

pub use tls_folder::{TlsFault, TlsFiles, TlsRefusal, TlsVerdicts, tls_verdicts};

use std::fmt;
use std::path::{Path, PathBuf};

use super::folder::FolderReader;
use crate::Timestamp;

/// Where Fabric meets a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalStage {
    /// When it loads and sets up the MSP: peer and orderer end.
    Setup,
    /// When it validates its own identity: the peer ends; an orderer starts, and every other node refuses it.
    Identity,
}

/// Why Fabric would refuse a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason} (refusal {number})", .path.display())]
pub struct MspRefusal {
    /// Its number in fabcert's list of Fabric's refusals.
    pub number: u8,
    /// The file or folder it is about, relative to the MSP folder.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
    /// Where Fabric meets it.
    pub stage: RefusalStage,
}

/// What Fabric accepts and is yet worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MspWarning {
    /// Its number, when the list has one.
    pub number: Option<u8>,
    /// The file or folder it is about, relative to the MSP folder.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for MspWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// What to make of an MSP that knows no administrator: neither NodeOUs with an admin OU nor a file in `admincerts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminRule {
    /// Refuse it as Fabric does (58).
    Fabric,
    /// Warn: the operator wants no NodeOUs and will see to `admincerts`. The rest is judged all the same.
    Waived,
}

/// Judges an MSP folder as the local MSP of a peer at the time `now`. Only the identity's own end is measured by `now`:
/// Fabric judges every chain by one second after the start of the certificate in question.
///
/// A signature by an algorithm that this program does not verify (ECDSA on P-224 and P-521, or with SHA-512) counts as
/// good, with a warning.
///
/// # Errors
/// The first refusal that Fabric would meet.
pub fn judge(folder: &dyn FolderReader, now: Timestamp, admins: AdminRule) -> Result<Vec<MspWarning>, MspRefusal> {
    let mut warnings = Warnings::default();
    let signcert = load::signcert(folder, &mut warnings)?;
    let Shared { tree, authorities, units } = Shared::set_up(folder, &mut warnings)?;
    let signer = identity::set_up(folder, &signcert, &authorities, now, &mut warnings)?;
    let units = units?;
    admins::set_up(&tree, &authorities, &units, (admins, ChannelRules::V3_0), &mut warnings)?;
    identity::validate(&signer, &authorities, &units)?;
    Ok(warnings.0)
}

/// The rules that a channel holds its MSPs to, by its capability. The local MSP of a node always follows the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelRules {
    /// Capability `V3_0`.
    #[default]
    V3_0,
    /// Capability `V2_0` or `V1_4_3`: as 3.0, without Ed25519 identities.
    V1_4_3,
}

/// What Fabric would do with an MSP folder. `None` where the question does not arise: an organisation's MSP, which has
/// neither certificate nor key of its own, is for channels only.
#[derive(Clone, Debug)]
pub struct MspVerdicts {
    /// Does `peer node start` come up with it?
    pub peer: Option<Result<(), MspRefusal>>,
    /// Does an orderer? It never validates its own identity.
    pub orderer: Option<Result<(), MspRefusal>>,
    /// Can a channel be configured with it?
    pub channel: Result<(), MspRefusal>,
    /// Is its signing identity a valid member of such a channel?
    pub member: Option<Result<(), MspRefusal>>,
    /// What Fabric accepts and is yet worth a word.
    pub warnings: Vec<MspWarning>,
}

/// Judges an MSP folder as the local MSP of a peer and of an orderer at the time `now`, and as the MSP of a channel.
pub fn verdicts(folder: &dyn FolderReader, rules: ChannelRules, now: Timestamp) -> MspVerdicts {
    let mut warnings = Warnings::default();
    let signcert = load::signcert(folder, &mut warnings);
    let shared = Shared::set_up(folder, &mut warnings);
    let admins = |rules, warnings: &mut Warnings| -> Result<(), MspRefusal> {
        let shared = shared.as_ref().map_err(Clone::clone)?;
        let units = shared.units.as_ref().map_err(Clone::clone)?;
        admins::set_up(&shared.tree, &shared.authorities, units, (AdminRule::Fabric, rules), warnings)
    };
    let channel = admins(rules, &mut warnings);
    let is_organisation =
        is_absent(folder, "signcerts") && is_absent(folder, "keystore") && !is_absent(folder, "cacerts");
    if is_organisation {
        return MspVerdicts { peer: None, orderer: None, channel, member: None, warnings: warnings.0 };
    }
    let signer = signcert.as_ref().map_err(Clone::clone).and_then(|file| {
        let authorities = &shared.as_ref().map_err(Clone::clone)?.authorities;
        identity::set_up(folder, file, authorities, now, &mut warnings)
    });
    let orderer = match &signer {
        Err(refusal) => Err(refusal.clone()),
        Ok(_) if rules == ChannelRules::V3_0 => channel.clone(),
        Ok(_) => admins(ChannelRules::V3_0, &mut Warnings::default()),
    };
    let validated = |shared: &Shared, units: &units::Units, signer: &identity::Signer| {
        identity::validate(signer, &shared.authorities, units)
    };
    let peer = orderer.clone().and_then(|()| match (&shared, &signer) {
        (Ok(shared), Ok(signer)) => {
            shared.units.as_ref().map_or_else(|e| Err(e.clone()), |u| validated(shared, u, signer))
        }
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal.clone()),
    });
    let member = channel.clone().and_then(|()| {
        let shared = shared.as_ref().map_err(Clone::clone)?;
        let units = shared.units.as_ref().map_err(Clone::clone)?;
        let file = signcert.as_ref().map_err(Clone::clone)?;
        let certificate = identity::sanitise(file, &shared.authorities, &mut Warnings::default())?;
        identity::check_member(&certificate, &shared.authorities, units, rules)
            .map_err(|(number, path, reason)| MspRefusal { number, path, reason, stage: RefusalStage::Identity })
    });
    MspVerdicts { peer: Some(peer), orderer: Some(orderer), channel, member: Some(member), warnings: warnings.0 }
}

/// What node and channel have in common: the CAs, and the OUs with what may still refuse them.
struct Shared {
    tree: load::Tree,
    authorities: authorities::Authorities,
    units: Result<units::Units, MspRefusal>,
}

impl Shared {
    fn set_up(folder: &dyn FolderReader, warnings: &mut Warnings) -> Result<Self, MspRefusal> {
        let tree = load::Tree::load(folder, warnings)?;
        let authorities = authorities::Authorities::set_up(&tree, warnings)?;
        let units = tls::set_up(&tree, &authorities).and_then(|()| units::Units::set_up(&tree, &authorities));
        Ok(Self { tree, authorities, units })
    }
}

fn is_absent(folder: &dyn FolderReader, dir: &str) -> bool {
    folder.list(Path::new(dir)).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

#[derive(Default)]
struct Warnings(Vec<MspWarning>);

impl Warnings {
    fn push(&mut self, number: Option<u8>, path: &Path, reason: impl Into<String>) {
        self.0.push(MspWarning { number, path: path.to_owned(), reason: reason.into() });
    }
}

/// A refusal at set-up.
fn refuse<T>(number: u8, path: &Path, reason: impl Into<String>) -> Result<T, MspRefusal> {
    Err(MspRefusal { number, path: path.to_owned(), reason: reason.into(), stage: RefusalStage::Setup })
}
