//! OUs (fabric `msp/mspimplsetup.go`, `setupOUs` and `setupNodeOUsV142`; `msp/mspimplvalidate.go`): refusals 49-57.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::authorities::Authorities;
use super::load::{NamedOu, Tree};
use super::parsed::{Parsed, reason_of};
use super::{MspRefusal, refuse};
use crate::msp::read::CONFIG;
use crate::pki::go::x509::{Certificate, first_block};
use crate::pki::x509::NodeOu;

/// The CA certificates that an identity needs above it, the issuer first.
type Certifiers = Vec<Rc<Certificate>>;

/// The OUs that an MSP requires.
pub(super) struct Units {
    /// `OrganizationalUnitIdentifiers`.
    required: Vec<(String, Certifiers)>,
    /// The NodeOUs in force; empty when they are off.
    node_ous: Vec<(NodeOu, String, Option<Certifiers>)>,
}

/// The numbers of the refusals of a certificate in `config.yaml`.
struct Numbers {
    outside: u8,
    unreadable: u8,
}

impl Units {
    pub(super) fn set_up(tree: &Tree, parsed: &Parsed, authorities: &Authorities) -> Result<Self, MspRefusal> {
        let mut required = Vec::new();
        for ou in &tree.ou_identifiers {
            if let Some(certifiers) = certifiers(ou, parsed, authorities, &Numbers { outside: 52, unreadable: 52 })? {
                required.push((ou.name.clone(), certifiers));
            }
        }
        let mut node_ous = Vec::new();
        for (role, ou) in &tree.node_ous {
            let certifiers = certifiers(ou, parsed, authorities, &Numbers { outside: 49, unreadable: 50 })?;
            node_ous.push((*role, ou.name.clone(), certifiers));
        }
        Ok(Self { required, node_ous })
    }

    /// NodeOUs without any identifier are off.
    pub(super) fn enforced(&self) -> bool {
        !self.node_ous.is_empty()
    }

    /// The OU of a client, peer, administrator or orderer.
    pub(super) fn ou_of(&self, role: NodeOu) -> Option<&str> {
        self.node_ous.iter().find(|(r, ..)| *r == role).map(|(_, name, _)| name.as_str())
    }

    /// Checks the OUs of an identity; `path` begins with the identity. Returns number and reason of a refusal.
    pub(super) fn check(&self, identity: &Certificate, path: &[Rc<Certificate>]) -> Result<(), (u8, String)> {
        let ous = &identity.organizational_units;
        let vouched = |certifiers: &Certifiers| path.iter().skip(1).eq(certifiers);
        if !self.required.is_empty() && !self.required.iter().any(|(name, c)| ous.contains(name) && vouched(c)) {
            let reason = format!(
                "OrganizationalUnitIdentifiers in {CONFIG} requires another OU or another CA above it; its OUs: {}",
                list(ous)
            );
            return Err((57, reason));
        }
        if !self.enforced() {
            return Ok(());
        }
        // When two roles share an OU, the later role's CA counts.
        let by_name: BTreeMap<&str, &Option<Certifiers>> =
            self.node_ous.iter().map(|(_, name, certifiers)| (name.as_str(), certifiers)).collect();
        let mut roles = 0;
        for ou in ous {
            let Some(certifiers) = by_name.get(ou.as_str()) else { continue };
            if certifiers.as_ref().is_some_and(|c| !vouched(c)) {
                let reason = format!(
                    "{CONFIG} binds the OU \"{ou}\" to a CA other than its issuer, \"{}\"",
                    identity.issuer_text()
                );
                return Err((56, reason));
            }
            roles += 1;
            if roles > 1 {
                return Err((55, format!("it has more than one NodeOU: {}", list(ous))));
            }
        }
        if roles == 0 {
            return Err((54, format!("it has none of the NodeOUs of {CONFIG}; its OUs: {}", list(ous))));
        }
        Ok(())
    }
}

fn certifiers(
    ou: &NamedOu,
    parsed: &Parsed,
    authorities: &Authorities,
    numbers: &Numbers,
) -> Result<Option<Certifiers>, MspRefusal> {
    let Some((path, content)) = &ou.certificate else { return Ok(None) };
    let named = format!("the certificate for the OU \"{}\", {},", ou.name, path.display());
    let config = Path::new(CONFIG);
    let Some(block) = first_block(content) else {
        return refuse(numbers.unreadable, config, format!("{named} holds no PEM block"));
    };
    let ca = match parsed.certificate(&block.der) {
        Ok(ca) => ca,
        Err(e) => return refuse(numbers.unreadable, config, format!("{named} cannot be used: {}", reason_of(&e))),
    };
    match authorities.certifiers(&ca) {
        Ok(Some(certifiers)) => Ok(Some(certifiers)),
        Ok(None) => refuse(numbers.outside, config, format!("{named} is not in cacerts or intermediatecerts")),
        Err(why) => refuse(51, config, format!("{named} cannot be bound to identities: {why}")),
    }
}

fn list(ous: &[String]) -> String {
    if ous.is_empty() { "none".to_owned() } else { ous.join(", ") }
}
