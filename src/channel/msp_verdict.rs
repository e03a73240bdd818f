//! Fabric's verdict on the MSP of a channel: that on the folder with the same content.

use super::error::ChannelError;
use super::msp_change::{CRLS, INTERMEDIATES, NODE_OUS, ROOTS, TLS_INTERMEDIATES, TLS_ROOTS, content};
use super::wire::encoded_fields;
use crate::Timestamp;
use crate::disk::MemoryFolder;
use crate::msp::{ChannelRules, MspConfig, NodeOus, OuIdentifier, verdicts};
use crate::pki::x509::NodeOu;

const ADMINS: u64 = 4;
const OU_IDENTIFIERS: u64 = 6;

/// Judges an encoded `msp.FabricMSPConfig` as a channel with these rules does.
///
/// # Errors
/// Fabric's refusal, in words.
pub(super) fn check(config: &[u8], msp_id: &str, rules: ChannelRules, now: Timestamp) -> Result<(), ChannelError> {
    let error = |reason: String| ChannelError { message: "FabricMSPConfig", field: "", offset: None, reason };
    let fields = |message| encoded_fields(message).map_err(|(_, reason)| error(reason.to_owned()));
    let (mut folder, mut written) = (MemoryFolder::new(), MspConfig::default());
    let mut count = 0;
    let mut add = |folder: &mut MemoryFolder, dir: &str, bytes: &[u8]| {
        count += 1;
        let path = format!("{dir}/{count}.pem");
        folder.insert(&path, bytes);
        path
    };
    for (number, encoded) in fields(config)? {
        let Some(bytes) = content(encoded) else { continue };
        let dir = match number {
            ROOTS => "cacerts",
            INTERMEDIATES => "intermediatecerts",
            ADMINS => "admincerts",
            CRLS => "crls",
            TLS_ROOTS => "tlscacerts",
            TLS_INTERMEDIATES => "tlsintermediatecerts",
            OU_IDENTIFIERS => {
                let mut one = OuIdentifier::default();
                for (part, encoded) in fields(bytes)? {
                    let bytes = content(encoded).unwrap_or_default();
                    match part {
                        1 => one.certificate = add(&mut folder, "ous", bytes),
                        2 => one.organizational_unit = String::from_utf8_lossy(bytes).into_owned(),
                        _ => {}
                    }
                }
                written.ou_identifiers.push(one);
                continue;
            }
            NODE_OUS => {
                let mut node_ous = NodeOus::default();
                for (part, encoded) in fields(bytes)? {
                    let role = match part {
                        1 => {
                            node_ous.enable = encoded.last() == Some(&1);
                            continue;
                        }
                        2 => NodeOu::Client,
                        3 => NodeOu::Peer,
                        4 => NodeOu::Admin,
                        5 => NodeOu::Orderer,
                        _ => continue,
                    };
                    let mut one = OuIdentifier::default();
                    for (part, encoded) in fields(content(encoded).unwrap_or_default())? {
                        let bytes = content(encoded).unwrap_or_default();
                        match part {
                            1 if !bytes.is_empty() => one.certificate = add(&mut folder, "ous", bytes),
                            2 => one.organizational_unit = String::from_utf8_lossy(bytes).into_owned(),
                            _ => {}
                        }
                    }
                    node_ous.identifiers.push((role, one));
                }
                written.node_ous = Some(node_ous);
                continue;
            }
            _ => continue,
        };
        add(&mut folder, dir, bytes);
    }
    folder.insert("config.yaml", written.to_yaml());
    verdicts(&folder, rules, now)
        .channel
        .map_err(|refusal| error(format!("a channel refuses the MSP {msp_id} as it would be: {}", refusal.reason)))
}

/// Whether its `NodeOUs` name a CA, so that identities of another CA get no role.
pub(super) fn is_bound(config: &[u8]) -> bool {
    let fields = |message| encoded_fields(message).unwrap_or_default();
    let node_ous =
        fields(config).into_iter().filter(|(number, _)| *number == NODE_OUS).filter_map(|(_, one)| content(one));
    let identifiers = node_ous.flat_map(fields).filter_map(|(number, one)| content(one).filter(|_| number > 1));
    let mut parts = identifiers.flat_map(fields);
    parts.any(|(part, one)| part == 1 && content(one).is_some_and(|certificate| !certificate.is_empty()))
}
