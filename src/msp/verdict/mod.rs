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
mod identity;
mod load;
mod path;
mod revocation;
mod tls;
mod units;

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
    let tree = load::Tree::load(folder, &mut warnings)?;
    let authorities = authorities::Authorities::set_up(&tree, &mut warnings)?;
    let signer = identity::set_up(folder, &tree, &authorities, now, &mut warnings)?;
    tls::set_up(&tree, &authorities)?;
    let units = units::Units::set_up(&tree, &authorities)?;
    admins::set_up(&tree, &authorities, &units, admins, &mut warnings)?;
    identity::validate(&signer, &authorities, &units)?;
    Ok(warnings.0)
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
