//! Administrators (fabric `msp/mspimplsetup.go`, `setupAdminsV142` and `postSetupV142`): refusals 16-18 and 58-61.

use std::path::Path;

use super::authorities::Authorities;
use super::certificate::Loaded;
use super::identity::check_member;
use super::load::Tree;
use super::units::Units;
use super::{AdminRule, ChannelRules, MspRefusal, Warnings, refuse};
use crate::x509::NodeOu;

const ADMINCERTS: &str = "admincerts";

pub(super) fn set_up(
    tree: &Tree,
    authorities: &Authorities,
    units: &Units,
    (rule, channel): (AdminRule, ChannelRules),
    warnings: &mut Warnings,
) -> Result<(), MspRefusal> {
    let admins = tree.admins.iter().map(Loaded::from_file).collect::<Result<Vec<_>, _>>()?;
    for admin in admins.iter().filter(|a| a.ecdsa_signed && !a.is_self_signed_ca()) {
        match authorities.pool().unique_path(admin) {
            Err(e) => return refuse(59, &admin.path, e.reason()),
            Ok(path) if path.len() < 2 => return refuse(59, &admin.path, "no CA of this MSP issued it"),
            Ok(_) => {}
        }
    }
    if admins.is_empty() && units.ou_of(NodeOu::Admin).is_none() {
        let reason = "there is no administrator: neither a certificate here nor an admin OU in config.yaml";
        match rule {
            AdminRule::Fabric => return refuse(58, Path::new(ADMINCERTS), reason),
            AdminRule::Waived => warnings.push(
                Some(58),
                Path::new(ADMINCERTS),
                format!("{reason}; no peer starts with this folder until there is one"),
            ),
        }
    }
    for admin in &admins {
        check_role(admin, authorities, units, channel)?;
    }
    Ok(())
}

/// With NodeOUs only the OU's name is looked at; without, the administrator must be a valid member.
fn check_role(admin: &Loaded, authorities: &Authorities, units: &Units, rules: ChannelRules) -> Result<(), MspRefusal> {
    if !units.enforced() {
        return check_member(admin, authorities, units, rules)
            .or_else(|(_, _, reason)| refuse(61, &admin.path, format!("it is no valid member: {reason}")));
    }
    // An identity without a path to a root has no OUs for Fabric.
    let known = authorities.identity_path(admin).is_ok();
    let bears = |role| units.ou_of(role).is_some_and(|ou| admin.cert.organizational_units().iter().any(|o| o == ou));
    if known && (bears(NodeOu::Client) || bears(NodeOu::Admin)) {
        return Ok(());
    }
    refuse(60, &admin.path, "it bears neither the client nor the admin OU of this MSP")
}
