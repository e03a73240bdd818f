//! Fabric's verdict on an MSP folder: whether a peer or an orderer starts with it as its local MSP, whether a channel
//! accepts it as the MSP of an organisation, and whether its identity is a member of that channel.
//!
//! The verdict follows Fabric's code at commit 0c423ac4: `msp/configbuilder.go` (load), `msp/mspimplsetup.go` (set-up)
//! and `msp/mspimplvalidate.go` (the identity). It stops at the first refusal, as Fabric does. Refusals are numbered:
//!
//! | numbers | about |
//! |---|---|
//! | 6-14 | folders and `config.yaml` that cannot be loaded |
//! | 16-29 | CA certificates, and files without one |
//! | 33-48 | the identity's certificate and key; critical extensions (41) and name constraints (42) of any certificate |
//! | 49-57 | OUs in `config.yaml` and in the identity |
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

pub(crate) use self::admins::NO_ADMINISTRATOR;
use self::authorities::Authorities;
use self::load::Tree;
use self::parsed::{Loaded, Parsed};
use self::units::Units;
use super::read_once::ReadOnce;
use crate::Timestamp;
use crate::disk::FolderReader;

/// The step at which Fabric refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalStage {
    /// Loading and setting up the MSP: peer and orderer stop.
    Setup,
    /// Validating its own identity: the peer stops; an orderer starts, and every other node refuses it.
    Identity,
}

/// Fabric's refusal of a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason} (refusal {number})", .path.display())]
pub struct MspRefusal {
    /// The number in fabcert's list of Fabric's refusals.
    pub number: u8,
    /// The file or folder, relative to the MSP folder.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
    /// The step at which Fabric refuses.
    pub stage: RefusalStage,
}

/// A fault that Fabric accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MspWarning {
    /// The number, if the list has one.
    pub number: Option<u8>,
    /// The file or folder, relative to the MSP folder.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for MspWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// How to judge an MSP without an administrator, that is without an admin OU and without a file in `admincerts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminRule {
    /// Refuse it as Fabric does (58).
    Fabric,
    /// Warn: the operator turned NodeOUs off and fills `admincerts` later. The rest is judged as usual.
    Waived,
}

/// The rules that a channel applies to the MSPs of its organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelRules {
    /// Of channels with the capability `V3_0`.
    V3_0,
    /// Of channels with the capability `V1_4_3` or `V2_0`: no Ed25519 identities.
    V1_4_3,
}

/// Accepted, or the first refusal that Fabric would meet.
pub(crate) type Verdict = Result<(), MspRefusal>;

/// Fabric's verdicts on an MSP folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MspVerdicts {
    /// Whether a peer starts with it as its local MSP; `None` for the MSP of an organisation, which has neither
    /// `signcerts` nor `keystore`.
    pub peer: Option<Verdict>,
    /// Whether an orderer starts with it as its local MSP: unlike a peer, it does not validate its own identity.
    pub orderer: Option<Verdict>,
    /// Whether a channel accepts it as the MSP of an organisation; `signcerts` and `keystore` do not count.
    pub channel: Verdict,
    /// Whether its identity is a valid member of such a channel; a channel that does not accept the MSP has no members.
    /// An expired identity is a member.
    pub member: Option<Verdict>,
    /// The faults that Fabric accepts.
    pub warnings: Vec<MspWarning>,
}

/// Judges an MSP folder as a node's local MSP at the time `now`, and as the MSP of an organisation in a channel with
/// these rules. Only the expiry of the node's own certificate depends on `now`: Fabric verifies every path at one
/// second after the `NotBefore` of its certificate.
pub fn verdicts(folder: &dyn FolderReader, rules: ChannelRules, now: Timestamp) -> MspVerdicts {
    let mut verdicts = assess(folder, rules, now, AdminRule::Fabric);
    if load::is_organization(folder) {
        (verdicts.peer, verdicts.orderer, verdicts.member) = (None, None, None);
        verdicts.warnings.retain(|w| w.number != Some(34));
    }
    verdicts
}

/// Judges an MSP folder as the local MSP of a peer at the time `now`: the peer's verdict of [`verdicts`].
///
/// # Errors
/// The first refusal that Fabric would meet.
pub fn judge(folder: &dyn FolderReader, now: Timestamp, admins: AdminRule) -> Result<Vec<MspWarning>, MspRefusal> {
    let verdicts = assess(folder, ChannelRules::V3_0, now, admins);
    verdicts.peer.unwrap_or(Ok(())).map(|()| verdicts.warnings)
}

/// The set-up that node and channel share, without the identity, in Fabric's order.
struct Shared {
    authorities: Authorities,
    /// The steps after the identity.
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

    /// Returns the OUs if the set-up succeeds.
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

    // A node reads its own files first, and sets up its identity after the CAs.
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
