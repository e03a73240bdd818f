//! What Fabric would say of an MSP folder: would a peer or an orderer that has it as its local MSP come up, would a channel
//! take it as the MSP of an organisation, and is its identity a member of that channel?
//!
//! The judgement follows Fabric's own code: fabric `msp/configbuilder.go` (load), `msp/mspimplsetup.go` (set-up), `msp/mspimplvalidate.go` (the
//! identity), at commit 0c423ac4. It stops at the first refusal, as Fabric does. Refusals are numbered:
//!
//! | numbers | about |
//! |---|---|
//! | 6-14 | folders and `config.yaml` that cannot be loaded |
//! | 16-29 | CA certificates and files that hold none |
//! | 33-48 | the identity's certificate and key; critical extensions (41) and name constraints (42) of any certificate |
//! | 49-57 | OUs: what `config.yaml` names, what the identity bears |
//! | 58-61 | administrators |
//! | 65, 66 | revocation lists |
//! | 70-75 | TLS CAs |
//!
//! Peers and orderers always apply version 3.0 of the rules to their local MSP; a channel applies those of its
//! capabilities. Certificates are read and verified as Go does it, see `go_x509`.

mod admins;
mod authorities;
mod identity;
mod load;
mod parsed;
mod path;
mod revocation;
mod tls;
mod units;

use std::fmt;
use std::path::{Path, PathBuf};

use self::authorities::Authorities;
use self::load::Tree;
use self::parsed::{Loaded, Parsed};
use self::units::Units;
use super::read_once::ReadOnce;
use crate::Timestamp;
use crate::disk::FolderReader;

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

/// The rules that a channel applies to the MSPs of its organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelRules {
    /// Of channels with the capability `V3_0`.
    V3_0,
    /// Of channels with the capability `V1_4_3` or `V2_0`: no Ed25519 identities.
    V1_4_3,
}

/// Accepted, or the first refusal that Fabric would meet.
pub type Verdict = Result<(), MspRefusal>;

/// What Fabric would say of an MSP folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MspVerdicts {
    /// Whether a peer comes up with it as its local MSP; `None` for the MSP of an organisation, which has neither
    /// `signcerts` nor `keystore`.
    pub peer: Option<Verdict>,
    /// Whether an orderer comes up with it as its local MSP: unlike a peer, it does not look at its own identity.
    pub orderer: Option<Verdict>,
    /// Whether a channel takes it as the MSP of an organisation; `signcerts` and `keystore` do not count.
    pub channel: Verdict,
    /// Whether its identity is a valid member of such a channel; a channel that does not take the MSP has no members.
    /// An identity that has expired is one.
    pub member: Option<Verdict>,
    /// What Fabric accepts and is yet worth a word.
    pub warnings: Vec<MspWarning>,
}

/// Judges an MSP folder as a node's local MSP at the time `now`, and as the MSP of an organisation in a channel with
/// these rules. Only the end of the node's own certificate is measured by `now`: Fabric judges every path by one second
/// after the start of the certificate in question.
pub fn verdicts(folder: &dyn FolderReader, rules: ChannelRules, now: Timestamp) -> MspVerdicts {
    let mut verdicts = assess(folder, rules, now, AdminRule::Fabric);
    if load::is_organization(folder) {
        (verdicts.peer, verdicts.orderer, verdicts.member) = (None, None, None);
        verdicts.warnings.retain(|w| w.number != Some(34));
    }
    verdicts
}

/// Judges an MSP folder as the local MSP of a peer at the time `now`: what [`verdicts`] says of a peer.
///
/// # Errors
/// The first refusal that Fabric would meet.
pub fn judge(folder: &dyn FolderReader, now: Timestamp, admins: AdminRule) -> Result<Vec<MspWarning>, MspRefusal> {
    let verdicts = assess(folder, ChannelRules::V3_0, now, admins);
    verdicts.peer.unwrap_or(Ok(())).map(|()| verdicts.warnings)
}

/// What Fabric sets up for node and channel alike, except the identity, in its order.
struct Shared {
    authorities: Authorities,
    /// What comes after the identity.
    rest: Result<(Units, Vec<Loaded>), MspRefusal>,
}

impl Shared {
    fn set_up(
        folder: &dyn FolderReader,
        parsed: &Parsed,
        admins: AdminRule,
        warnings: &mut Warnings,
    ) -> Result<Self, MspRefusal> {
        let tree = Tree::load(folder, warnings)?;
        let authorities = Authorities::set_up(&tree, parsed)?;
        let rest = tls::set_up(&tree, parsed, &authorities).and_then(|()| {
            let units = Units::set_up(&tree, parsed, &authorities)?;
            let loaded = admins::load(&tree, parsed, &authorities)?;
            admins::check_any(&loaded, &units, admins, warnings)?;
            Ok((units, loaded))
        });
        Ok(Self { authorities, rest })
    }

    /// Set-up to its end.
    fn finish(&self, rules: ChannelRules) -> Result<&Units, MspRefusal> {
        let (units, admins) = self.rest.as_ref().map_err(Clone::clone)?;
        admins::check_roles(admins, &self.authorities, units, rules).map(|()| units)
    }
}

fn assess(folder: &dyn FolderReader, rules: ChannelRules, now: Timestamp, admins: AdminRule) -> MspVerdicts {
    let folder = ReadOnce::new(folder);
    let (mut warnings, parsed) = (Warnings::default(), Parsed::default());
    let local = load::check_keystore(&folder);
    let signcert = load::load_signcert(&folder, &mut warnings);
    let shared = Shared::set_up(&folder, &parsed, admins, &mut warnings);

    // A node reads its own files first, and sets up its identity behind the CAs.
    let own = || local.clone().and_then(|()| signcert.as_ref().map_err(Clone::clone));
    let node = match (own(), &shared) {
        (Err(e), _) => Err(e),
        (_, Err(e)) => Err(e.clone()),
        (Ok(file), Ok(shared)) => identity::load(file, &parsed, &shared.authorities)
            .and_then(|certificate| identity::set_up(&folder, &certificate, now, &mut warnings))
            .and_then(|signer| Ok((signer, shared, shared.finish(ChannelRules::V3_0)?))),
    };
    let channel = shared.as_ref().map_err(Clone::clone).and_then(|s| Ok((s, s.finish(rules)?)));
    let member = channel.clone().and_then(|(shared, units)| {
        let file = signcert.as_ref().map_err(Clone::clone)?;
        let certificate = identity::load(file, &parsed, &shared.authorities)?;
        identity::check_member(&certificate, &shared.authorities, units, rules)
    });
    let peer = node
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|(signer, shared, units)| identity::validate(signer, &shared.authorities, units));
    MspVerdicts {
        peer: Some(peer),
        orderer: Some(node.map(drop)),
        channel: channel.map(drop),
        member: Some(member),
        warnings: warnings.0,
    }
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
