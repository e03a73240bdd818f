//! The content of a channel configuration, as `inspect` shows it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::channel::{ChannelCert, ChannelConfig, Consenter, Organisation};
use crate::cli::dates::life;
use crate::cli::process;

/// A channel configuration.
#[derive(Serialize)]
pub(super) struct ChannelSeen {
    pub(super) form: &'static str,
    name: Option<String>,
    block: Option<u64>,
    sequence: Option<u64>,
    consensus: Option<String>,
    maintenance: bool,
    capabilities: CapabilitiesSeen,
    orderer_addresses: Vec<String>,
    consenters: Vec<ConsenterSeen>,
    organizations: Vec<OrganizationSeen>,
}

#[derive(Serialize)]
struct CapabilitiesSeen {
    channel: BTreeSet<String>,
    orderer: BTreeSet<String>,
    application: BTreeSet<String>,
}

#[derive(Serialize)]
struct ConsenterSeen {
    id: Option<u64>,
    address: String,
    msp_id: Option<String>,
    identity: Option<CertSeen>,
    client_tls: CertSeen,
    server_tls: CertSeen,
}

#[derive(Serialize)]
struct OrganizationSeen {
    name: String,
    section: &'static str,
    msp: Option<MspSeen>,
    orderer_endpoints: Vec<String>,
    anchor_peers: Vec<String>,
}

#[derive(Serialize)]
struct MspSeen {
    id: String,
    idemix: bool,
    node_ous: bool,
    authorities: Vec<AuthoritySeen>,
    admins: Vec<CertSeen>,
    /// The serial numbers that its revocation lists have, hexadecimal.
    revoked: Vec<String>,
}

#[derive(Serialize)]
struct AuthoritySeen {
    purpose: &'static str,
    certificate: CertSeen,
}

/// A certificate; all `null` but `unreadable` if it cannot be read.
#[derive(Default, PartialEq, Serialize)]
struct CertSeen {
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    sans: Vec<String>,
    /// The SHA-256 of the public key, as in the names of key files.
    ski: Option<String>,
    unreadable: Option<String>,
}

impl ChannelSeen {
    pub(super) fn of(config: &ChannelConfig) -> Self {
        Self {
            form: config.form.words(),
            name: config.channel.clone(),
            block: config.block,
            sequence: config.sequence,
            consensus: config.consensus.clone(),
            maintenance: config.is_in_maintenance,
            capabilities: CapabilitiesSeen {
                channel: config.capabilities.clone(),
                orderer: config.orderer_capabilities.clone(),
                application: config.application_capabilities.clone(),
            },
            orderer_addresses: config.addresses.clone(),
            consenters: config.consenters.iter().map(ConsenterSeen::of).collect(),
            organizations: config.organisations.iter().map(OrganizationSeen::of).collect(),
        }
    }

    /// Prints it with `line`, which takes a label and a text.
    pub(super) fn describe(&self, line: &mut dyn FnMut(&str, &str)) {
        let number = |what, number: Option<u64>| number.map(|n| format!(", {what} {n}")).unwrap_or_default();
        let name = self.name.as_deref().unwrap_or("not named in this form");
        let numbers = number("block", self.block) + &number("sequence", self.sequence);
        line("channel", &format!("{name}{numbers}"));
        let maintenance = if self.maintenance { ", in maintenance mode" } else { "" };
        line("consensus", &self.consensus.as_ref().map(|kind| format!("{kind}{maintenance}")).unwrap_or_default());
        let CapabilitiesSeen { channel, orderer, application } = &self.capabilities;
        let sets = [("channel", channel), ("orderers", orderer), ("peers", application)];
        let set = |(whose, names): (&str, &BTreeSet<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (!names.is_empty()).then(|| format!("{whose} {}", names.join(", ")))
        };
        line("capabilities", &sets.into_iter().filter_map(set).collect::<Vec<_>>().join("; "));
        line("addresses", &self.orderer_addresses.join(", "));
        for one in &self.consenters {
            let id = one.id.map(|id| format!("{id}, ")).unwrap_or_default();
            let msp = one.msp_id.as_ref().map(|id| format!(", MSP {id}")).unwrap_or_default();
            line("consenter", &format!("{id}{}{msp}", one.address));
            if let Some(identity) = &one.identity {
                line("  identity", &identity.words());
            }
            line("  server TLS", &one.server_tls.words());
            let is_same = one.client_tls == one.server_tls;
            line("  client TLS", &if is_same { "the same certificate".to_owned() } else { one.client_tls.words() });
        }
        for one in &self.organizations {
            let msp = match &one.msp {
                Some(msp) if msp.idemix => format!(", Idemix MSP {}", msp.id),
                Some(msp) => format!(", MSP {}, NodeOUs {}", msp.id, if msp.node_ous { "on" } else { "off" }),
                None => String::new(),
            };
            line("organisation", &format!("{} ({}){msp}", one.name, one.section));
            line("  endpoints", &one.orderer_endpoints.join(", "));
            line("  anchor peers", &one.anchor_peers.join(", "));
            if let Some(msp) = &one.msp {
                for authority in &msp.authorities {
                    line("  CA", &format!("{}: {}", authority.purpose, authority.certificate.words()));
                }
                for admin in &msp.admins {
                    line("  admin", &admin.words());
                }
                line("  revoked", &msp.revoked.join(", "));
            }
        }
    }
}

impl ConsenterSeen {
    fn of(one: &Consenter) -> Self {
        Self {
            id: one.id,
            address: one.address(),
            msp_id: one.msp_id.clone(),
            identity: one.identity.as_ref().map(CertSeen::of),
            client_tls: CertSeen::of(&one.client_tls),
            server_tls: CertSeen::of(&one.server_tls),
        }
    }
}

impl OrganizationSeen {
    fn of(one: &Organisation) -> Self {
        let msp = one.msp.as_ref().map(|msp| MspSeen {
            id: msp.id.clone(),
            idemix: msp.is_idemix,
            node_ous: msp.node_ous,
            authorities: msp
                .authorities()
                .map(|(purpose, cert)| AuthoritySeen { purpose, certificate: CertSeen::of(cert) })
                .collect(),
            admins: msp.admins.iter().map(CertSeen::of).collect(),
            revoked: msp.crls.iter().flatten().flat_map(|crl| crl.serials().to_vec()).collect(),
        });
        Self {
            name: one.name.clone(),
            section: one.section.words(),
            msp,
            orderer_endpoints: one.endpoints.clone(),
            anchor_peers: one.anchor_peers.iter().map(|(host, port)| format!("{host}:{port}")).collect(),
        }
    }
}

impl CertSeen {
    fn of(cert: &ChannelCert) -> Self {
        match &cert.0 {
            Ok(cert) => Self {
                subject: Some(cert.subject().to_owned()),
                issuer: Some(cert.issuer().to_owned()),
                serial: Some(cert.serial_hex()),
                not_before: Some(cert.not_before().to_string()),
                not_after: Some(cert.not_after().to_string()),
                sans: cert.sans().iter().map(|n| format!("{}:{n}", n.kind())).collect(),
                ski: Some(cert.ski().to_string()),
                unreadable: None,
            },
            Err(why) => Self { unreadable: Some(why.clone()), ..Self::default() },
        }
    }

    fn words(&self) -> String {
        match self {
            Self { subject: Some(subject), not_before: Some(from), not_after: Some(to), .. } => {
                format!("{subject}; {}", life(from, to, process::now()))
            }
            other => format!("unreadable: {}", other.unreadable.as_deref().unwrap_or_default()),
        }
    }
}
