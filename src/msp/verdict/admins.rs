//! Administrators (fabric `msp/mspimplsetup.go`, `setupAdminsV142` and `postSetupV142`): refusals 16-18, 27, 28,
//! 40-42 and 58-61.

use std::path::Path;

use super::authorities::{Authorities, LoadError};
use super::identity::check_member;
use super::load::Tree;
use super::parsed::{Loaded, Parsed, check_key};
use super::path::PathNumbers;
use super::units::Units;
use super::{AdminRule, ChannelRules, MspRefusal, Warnings, refuse};
use crate::pki::x509::NodeOu;

const ADMINCERTS: &str = "admincerts";
/// The number of the refusal of an MSP without an administrator.
pub(crate) const NO_ADMINISTRATOR: u8 = 58;
/// There is no number of its own for an administrator whose certificate starts before its CA's.
const NUMBERS: PathNumbers = PathNumbers { unknown: 59, date: 59, length: 27, usage: 40, several: 28 };

/// The administrators' certificates, loaded.
pub(super) fn load(tree: &Tree, parsed: &Parsed, authorities: &Authorities) -> Result<Vec<Loaded>, MspRefusal> {
    let load = |file| {
        let Loaded { path, cert } = parsed.file(file, 16)?;
        check_key(&cert, &path)?;
        match authorities.load(&cert) {
            Ok(cert) => Ok(Loaded { path, cert }),
            Err(LoadError::Path(e)) => refuse(e.number(&NUMBERS), &path, e.reason()),
            Err(LoadError::NoIssuer) => refuse(59, &path, "no CA of this MSP issued it"),
        }
    };
    tree.admins.iter().map(load).collect()
}

/// Checks that there is an administrator.
pub(super) fn check_any(
    admins: &[Loaded],
    units: &Units,
    rule: AdminRule,
    warnings: &mut Warnings,
) -> Result<(), MspRefusal> {
    if !admins.is_empty() || units.ou_of(NodeOu::Admin).is_some() {
        return Ok(());
    }
    let reason = "there is no administrator: neither a certificate here nor an admin OU in config.yaml";
    match rule {
        AdminRule::Fabric => refuse(NO_ADMINISTRATOR, Path::new(ADMINCERTS), reason),
        AdminRule::Waived => {
            let reason = format!("{reason}; a peer does not start with this folder until there is one");
            warnings.push(Some(NO_ADMINISTRATOR), Path::new(ADMINCERTS), reason);
            Ok(())
        }
    }
}

/// With NodeOUs only the OU's name counts; without, every administrator must be a valid member.
pub(super) fn check_roles(
    admins: &[Loaded],
    authorities: &Authorities,
    units: &Units,
    rules: ChannelRules,
) -> Result<(), MspRefusal> {
    for admin in admins {
        if !units.enforced() {
            check_member(admin, authorities, units, rules)
                .or_else(|e| refuse(61, &admin.path, format!("it is not a valid member: {}", e.reason)))?;
            continue;
        }
        // Fabric gives an identity without a path to a root no OUs.
        let known = authorities.identity_path(&admin.cert).is_ok();
        let has = |role| units.ou_of(role).is_some_and(|ou| admin.cert.organizational_units.iter().any(|o| o == ou));
        if !known || !(has(NodeOu::Client) || has(NodeOu::Admin)) {
            return refuse(60, &admin.path, "it has neither the client nor the admin OU of this MSP");
        }
    }
    Ok(())
}
