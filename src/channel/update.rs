//! An update of a channel's configuration, unsigned: what `configtxlator compute_update` makes of two configurations, in the
//! envelope that `peer channel signconfigtx` and `peer channel update` take.
//!
//! An update has the groups on the way to what it changes with their present versions, in the read set and the write set, and
//! the new value with the next version in the write set (hyperledger/fabric at commit 0c423ac4,
//! `internal/configtxlator/update/update.go`).

use super::config::{ChannelConfig, ChannelMsp, Form};
use super::error::ChannelError;
use super::message::{Field, Message};
use super::msp_change::{CaOf, Changed, MspChange};
use super::msp_verdict;
use super::read::{CONFIG_UPDATE, GROUPS, VALUE, VALUES, located_encoded, msp};
use super::wire::{encoded_fields, write_bytes, write_entry, write_number};
use crate::Timestamp;
use crate::msp::ChannelRules;
use crate::pki::x509::Cert;

const VERSION: Field = Field(1, "version");
const MOD_POLICY: Field = Field(3, "mod_policy");
const CONFIG_OF_MSP: Field = Field(2, "config");

/// The groups of an organisation of a consortium are the deepest that have an MSP.
const DEEPEST: u32 = 3;

/// An update, and what it changes.
#[derive(Debug)]
pub(crate) struct ChannelUpdate {
    /// The name of the channel.
    pub(crate) channel: String,
    /// `common.Envelope` with a `ConfigUpdateEnvelope` without signatures.
    pub(crate) envelope: Vec<u8>,
    /// The groups whose MSP it changes, such as `Application/Org1`.
    pub(crate) groups: Vec<String>,
    /// What it changes in each of them.
    pub(crate) changed: Vec<Changed>,
    /// Whether identities of a CA that it adds get no role: the `NodeOUs` name another CA.
    pub(crate) is_bound: bool,
}

/// An encoded group in the read set, and in the write set.
type Sets = (Vec<u8>, Vec<u8>);

/// A walk through the groups of a channel.
struct Walk<'a> {
    msp_id: &'a str,
    change: &'a MspChange,
    rules: ChannelRules,
    now: Timestamp,
    /// The ids of the MSPs that were met.
    met: Vec<String>,
    /// Those with the id, before the change.
    found: Vec<ChannelMsp>,
    groups: Vec<String>,
    changed: Vec<Changed>,
    is_bound: bool,
}

/// Changes the MSP with the id `msp_id` in each group of the channel whose configuration block is `content`. `None` if the
/// channel has it that way.
///
/// # Errors
/// When the content is not an encoded configuration with the name of its channel, has no such MSP, or Fabric would not take what
/// the change makes of it.
pub(crate) fn msp_update(
    content: &[u8],
    msp_id: &str,
    change: &MspChange,
    now: Timestamp,
) -> Result<Option<ChannelUpdate>, ChannelError> {
    let wrong = |reason: &str| ChannelError { message: "Block", field: "", offset: None, reason: reason.to_owned() };
    let located = located_encoded(content).unwrap_or_else(|| {
        Err(wrong(
            "it is not an encoded configuration block; its JSON and other forms do not give what an update needs",
        ))
    })?;
    let channel = match (located.form, located.channel) {
        (Form::Block | Form::Envelope, Some(channel)) => channel,
        (Form::Update, _) => return Err(wrong("it is an update, not the configuration of the channel")),
        _ => return Err(wrong("it does not have the name of the channel; the block has it")),
    };
    // fabric `common/configtx/validator.go`, `validateChannelID`.
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    if !channel.starts_with(|c: char| c.is_ascii_lowercase()) || channel.len() > 249 || !channel.chars().all(is_id) {
        return Err(wrong(&format!("\"{channel}\" cannot be the name of a channel")));
    }
    let config = ChannelConfig::read_expected(content)?;
    let rules = if config.capabilities.contains("V3_0") { ChannelRules::V3_0 } else { ChannelRules::V1_4_3 };
    let (met, found, groups, changed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut walk = Walk { msp_id, change, rules, now, met, found, groups, changed, is_bound: false };
    let sets = walk.through(located.group, "", 0)?;
    if walk.found.is_empty() {
        walk.met.sort();
        walk.met.dedup();
        return Err(wrong(&format!("the channel \"{channel}\" has no MSP {msp_id}; it has {}", walk.met.join(", "))));
    }
    change.check_all(&walk.found, &walk.changed, msp_id)?;
    check_consenters(&config, change)?;
    let Some((read, write)) = sets else { return Ok(None) };
    // A map has no order.
    walk.groups.sort();
    Ok(Some(ChannelUpdate {
        envelope: envelope(&channel, &read, &write),
        channel,
        groups: walk.groups,
        changed: walk.changed,
        is_bound: walk.is_bound,
    }))
}

/// An orderer refuses an update after which it would not take the TLS certificate of a consenter.
fn check_consenters(config: &ChannelConfig, change: &MspChange) -> Result<(), ChannelError> {
    let of_tls = |list: &[(CaOf, Cert)]| -> Vec<Cert> {
        list.iter().filter(|(of, _)| *of == CaOf::Tls).map(|(_, cert)| cert.clone()).collect()
    };
    let (removed, added) = (of_tls(&change.removed), of_tls(&change.added));
    for consenter in &config.consenters {
        let tls = [&consenter.client_tls, &consenter.server_tls].into_iter().filter_map(|cert| cert.cert());
        for cert in tls {
            let is_of = |cas: &[Cert]| cas.iter().any(|ca| cert.is_issued_by(ca));
            if is_of(&removed) && !is_of(&added) {
                let reason = format!(
                    "the consenter {} has a TLS certificate of \"{}\", so that orderers would refuse the update",
                    consenter.address(),
                    cert.issuer()
                );
                return Err(ChannelError { message: "FabricMSPConfig", field: "", offset: None, reason });
            }
        }
    }
    Ok(())
}

/// Whether a file is an update that somebody has signed.
pub(crate) fn is_signed_update(content: &[u8]) -> bool {
    let payload = Message::encoded("Envelope", content).message(Field(1, "payload"), "Payload").ok().flatten();
    let data = payload.and_then(|payload| payload.message(Field(2, "data"), "ConfigUpdateEnvelope").ok().flatten());
    data.is_some_and(|update| update.has(Field(2, "signatures")))
}

impl Walk<'_> {
    /// A group in the read set and in the write set; `None` if nothing changes in it.
    fn through(&mut self, group: Message<'_>, path: &str, depth: u32) -> Result<Option<Sets>, ChannelError> {
        let version = group.number(VERSION)?;
        let (mut read, mut write) = (Vec::new(), Vec::new());
        write_number(&mut read, 1, version);
        write_number(&mut write, 1, version);
        let mut is_changed = false;
        let below = if depth < DEEPEST { group.map(GROUPS, "ConfigGroup")? } else { Vec::new() };
        for (name, inner) in below {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if let Some((inner_read, inner_write)) = self.through(inner, &path, depth + 1)? {
                write_entry(&mut read, GROUPS.0, &name, &inner_read);
                write_entry(&mut write, GROUPS.0, &name, &inner_write);
                is_changed = true;
            }
        }
        for (name, value) in group.map(VALUES, "ConfigValue")? {
            if name == "MSP"
                && let Some(new) = self.value(value, path)?
            {
                write_entry(&mut write, VALUES.0, &name, &new);
                is_changed = true;
            }
        }
        Ok(is_changed.then_some((read, write)))
    }

    /// The new value of an MSP; `None` if it is another one, or does not change.
    fn value(&mut self, value: Message<'_>, path: &str) -> Result<Option<Vec<u8>>, ChannelError> {
        let Some(holder) = value.message(VALUE, "MSPConfig")? else { return Ok(None) };
        let before = msp(holder)?;
        let is_it = before.id == self.msp_id && !before.is_idemix;
        self.met.push(before.id.clone());
        if !is_it {
            return Ok(None);
        }
        let encoded = holder.bytes(CONFIG_OF_MSP)?;
        let applied = self.change.apply(&encoded, &before);
        self.found.push(before);
        let (config, changed) = applied?;
        if changed.is_empty() {
            return Ok(None);
        }
        // What Fabric refuses already is not made worse by an update.
        let judge = |config: &[u8]| msp_verdict::check(config, self.msp_id, self.rules, self.now);
        if judge(&encoded).is_ok() {
            judge(&config)?;
        }
        let adds = self.change.added.iter().any(|(of, _)| *of == CaOf::Identities);
        self.is_bound |= adds && msp_verdict::is_bound(&config);
        self.groups.push(path.to_owned());
        for one in changed {
            if !self.changed.contains(&one) {
                self.changed.push(one);
            }
        }
        let old = value.bytes(VALUE)?;
        let mut new = Vec::new();
        for (number, bytes) in encoded_fields(&old).map_err(|(_, reason)| holder.error(reason))? {
            if number == CONFIG_OF_MSP.0 {
                write_bytes(&mut new, number, &config);
            } else {
                new.extend_from_slice(bytes);
            }
        }
        let mut written = Vec::new();
        write_number(&mut written, VERSION.0, value.number(VERSION)?.saturating_add(1));
        write_bytes(&mut written, VALUE.0, &new);
        write_bytes(&mut written, MOD_POLICY.0, value.text(MOD_POLICY)?.as_bytes());
        Ok(Some(written))
    }
}

/// `common.Envelope` with the update, without signatures (fabric-protos `common/common.proto`, `common/configtx.proto`).
fn envelope(channel: &str, read: &[u8], write: &[u8]) -> Vec<u8> {
    let message = |fields: &[(u64, &[u8])]| {
        let mut out = Vec::new();
        for (number, bytes) in fields {
            write_bytes(&mut out, *number, bytes);
        }
        out
    };
    let update = message(&[(1, channel.as_bytes()), (2, read), (3, write)]);
    let mut channel_header = Vec::new();
    write_number(&mut channel_header, 1, CONFIG_UPDATE);
    write_bytes(&mut channel_header, 4, channel.as_bytes());
    let header = message(&[(1, &channel_header)]);
    let payload = message(&[(1, &header), (2, &message(&[(1, &update)]))]);
    message(&[(1, &payload)])
}
