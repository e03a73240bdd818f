//! An update of a channel's configuration, unsigned: what `configtxlator compute_update` makes of two configurations, in the
//! envelope that `peer channel signconfigtx` and `peer channel update` take.
//!
//! An update has the groups on the way to what it changes with their present versions, in the read set and the write set, and
//! the new value with the next version in the write set (hyperledger/fabric at commit 0c423ac4,
//! `internal/configtxlator/update/update.go`).

use super::config::Form;
use super::error::ChannelError;
use super::message::{Field, Message};
use super::msp_change::{Changed, MspChange};
use super::read::{CONFIG_UPDATE, GROUPS, VALUE, VALUES, located_encoded, msp};
use super::wire::{encoded_fields, write_bytes, write_entry, write_number};

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
}

/// An encoded group in the read set, and in the write set.
type Sets = (Vec<u8>, Vec<u8>);

/// A walk through the groups of a channel.
struct Walk<'a> {
    msp_id: &'a str,
    change: &'a MspChange,
    /// The ids of the MSPs that were met.
    met: Vec<String>,
    groups: Vec<String>,
    changed: Vec<Changed>,
}

/// Changes the MSP with the id `msp_id` in each group of the channel whose configuration block is `content`. `None` if the
/// channel has it that way.
///
/// # Errors
/// When the content is not an encoded configuration with the name of its channel, has no such MSP, or the change cannot be
/// applied.
pub(crate) fn msp_update(
    content: &[u8],
    msp_id: &str,
    change: &MspChange,
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
    let mut walk = Walk { msp_id, change, met: Vec::new(), groups: Vec::new(), changed: Vec::new() };
    let sets = walk.through(located.group, "", 0)?;
    if !walk.met.iter().any(|id| id == msp_id) {
        walk.met.sort();
        walk.met.dedup();
        return Err(wrong(&format!("the channel \"{channel}\" has no MSP {msp_id}; it has {}", walk.met.join(", "))));
    }
    let Some((read, write)) = sets else { return Ok(None) };
    // A map has no order.
    walk.groups.sort();
    Ok(Some(ChannelUpdate {
        envelope: envelope(&channel, &read, &write),
        channel,
        groups: walk.groups,
        changed: walk.changed,
    }))
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
        let (config, changed) = self.change.apply(&holder.bytes(CONFIG_OF_MSP)?, &before)?;
        if changed.is_empty() {
            return Ok(None);
        }
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
        let mut encoded = Vec::new();
        write_number(&mut encoded, VERSION.0, value.number(VERSION)?.saturating_add(1));
        write_bytes(&mut encoded, VALUE.0, &new);
        write_bytes(&mut encoded, MOD_POLICY.0, value.text(MOD_POLICY)?.as_bytes());
        Ok(Some(encoded))
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
