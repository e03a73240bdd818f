//! Reads a channel configuration in each form that Fabric's tools write.
//!
//! Numbers and names of fields: hyperledger/fabric-protos, `common/common.proto`, `common/configtx.proto`,
//! `common/configuration.proto`, `orderer/configuration.proto`, `orderer/etcdraft/configuration.proto`,
//! `peer/configuration.proto` and `msp/msp_config.proto`. Names of groups and values: hyperledger/fabric,
//! `common/channelconfig`.

use std::collections::BTreeSet;

use super::config::{ChannelCert, ChannelConfig, ChannelMsp, Consenter, Form, Organisation, Section};
use super::error::ChannelError;
use super::message::{Field, MOST, Message};
use crate::pki::x509::Crl;
use crate::text::pem_blocks;

/// The largest file that is read, in bytes. A configuration of a hundred organisations has less than 1 MiB.
pub(crate) const LARGEST: usize = 16 * 1024 * 1024;

/// `common.HeaderType` of a configuration and of an update of one.
const CONFIG: u64 = 1;
pub(super) const CONFIG_UPDATE: u64 = 2;

pub(super) const GROUPS: Field = Field(2, "groups");
pub(super) const VALUES: Field = Field(3, "values");
pub(super) const VALUE: Field = Field(2, "value");
const CONFIG_OF_ENVELOPE: Field = Field(1, "config");
const CHANNEL_GROUP: Field = Field(2, "channel_group");
const DATA: Field = Field(2, "data");
const HEADER: Field = Field(1, "header");
const PAYLOAD: Field = Field(1, "payload");
const CHANNEL_HEADER: Field = Field(1, "channel_header");
const WRITE_SET: Field = Field(3, "write_set");
const ADDRESSES: Field = Field(1, "addresses");
const TYPE: Field = Field(1, "type");
const HOST: &str = "host";
const PORT: &str = "port";

impl ChannelConfig {
    /// Reads the content of a file: an encoded message or its JSON. `None` if it is something else.
    ///
    /// # Errors
    /// If a field cannot be read.
    pub(crate) fn read(content: &[u8]) -> Option<Result<Self, ChannelError>> {
        if content.len() > LARGEST {
            return None;
        }
        if !content.trim_ascii_start().starts_with(b"{") {
            return encoded_form(content).map(|(form, message)| Self::of(form, message));
        }
        if !KEYS.iter().any(|key| memchr::memmem::find(content, key.as_bytes()).is_some()) {
            return None;
        }
        let json: serde_json::Value = serde_json::from_slice(content).ok()?;
        json_form(&json).map(|(form, message)| Self::of(form, message))
    }

    /// Reads the content of a file that is given as a channel configuration.
    ///
    /// # Errors
    /// If it is something else, or a field cannot be read.
    pub(crate) fn read_expected(content: &[u8]) -> Result<Self, ChannelError> {
        Self::read(content).unwrap_or_else(|| {
            let reason = "it is not a configuration block, nor another form of a channel configuration".to_owned();
            Err(ChannelError { message: "Block", field: "", offset: None, reason })
        })
    }

    fn of(form: Form, message: Message<'_>) -> Result<Self, ChannelError> {
        let Located { form, channel, block, sequence, group } = located(form, message)?;
        Ok(Self { form, channel, block, sequence, ..Self::of_group(group)? })
    }

    /// The configuration in the group of the channel.
    fn of_group(channel: Message<'_>) -> Result<Self, ChannelError> {
        let mut config = Self {
            form: Form::Config,
            channel: None,
            block: None,
            sequence: None,
            capabilities: BTreeSet::new(),
            orderer_capabilities: BTreeSet::new(),
            application_capabilities: BTreeSet::new(),
            consensus: None,
            is_in_maintenance: false,
            consenters: Vec::new(),
            addresses: Vec::new(),
            organisations: Vec::new(),
        };
        for (name, value) in values(channel)? {
            match name.as_str() {
                "Capabilities" => config.capabilities = capabilities(value)?,
                "OrdererAddresses" => config.addresses = value.texts(ADDRESSES)?,
                _ => {}
            }
        }
        for (name, group) in channel.map(GROUPS, "ConfigGroup")? {
            match name.as_str() {
                "Orderer" => config.orderer(group)?,
                "Application" => config.application(group)?,
                "Consortiums" => {
                    for (_, consortium) in group.map(GROUPS, "ConfigGroup")? {
                        config.add(consortium, Section::Consortium)?;
                    }
                }
                _ => {}
            }
        }
        config.organisations.sort_by_key(|one| one.section as u8);
        Ok(config)
    }

    fn orderer(&mut self, group: Message<'_>) -> Result<(), ChannelError> {
        for (name, value) in values(group)? {
            match name.as_str() {
                "Capabilities" => self.orderer_capabilities = capabilities(value)?,
                "ConsensusType" => self.consensus_type(value.renamed("ConsensusType"))?,
                "Orderers" => {
                    let mapping = value.renamed("Orderers").messages(Field(1, "consenter_mapping"), "Consenter")?;
                    self.consenters = mapping.into_iter().map(bft_consenter).collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        self.add(group, Section::Orderer)
    }

    fn consensus_type(&mut self, value: Message<'_>) -> Result<(), ChannelError> {
        let kind = value.text(TYPE)?;
        let state = Field(3, "state");
        self.is_in_maintenance = value.text(state).is_ok_and(|state| state == "STATE_MAINTENANCE")
            || value.number(state).is_ok_and(|state| state == 1);
        if kind == "etcdraft"
            && let Some(metadata) = value.message(Field(2, "metadata"), "etcdraft.ConfigMetadata")?
        {
            let consenters = metadata.messages(Field(1, "consenters"), "etcdraft.Consenter")?;
            self.consenters = consenters.into_iter().map(raft_consenter).collect::<Result<_, _>>()?;
        }
        self.consensus = Some(kind);
        Ok(())
    }

    fn application(&mut self, group: Message<'_>) -> Result<(), ChannelError> {
        for (name, value) in values(group)? {
            if name == "Capabilities" {
                self.application_capabilities = capabilities(value)?;
            }
        }
        self.add(group, Section::Application)
    }

    /// Adds the organisations of a group.
    fn add(&mut self, group: Message<'_>, section: Section) -> Result<(), ChannelError> {
        for (name, group) in group.map(GROUPS, "ConfigGroup")? {
            let mut one = Organisation { name, section, msp: None, endpoints: Vec::new(), anchor_peers: Vec::new() };
            for (name, value) in values(group)? {
                match name.as_str() {
                    "MSP" => one.msp = Some(msp(value.renamed("MSPConfig"))?),
                    "Endpoints" => one.endpoints = value.texts(ADDRESSES)?,
                    "AnchorPeers" => {
                        let peers = value.renamed("AnchorPeers").messages(Field(1, "anchor_peers"), "AnchorPeer")?;
                        let peer = |peer: Message<'_>| Ok((peer.text(Field(1, HOST))?, peer.number(Field(2, PORT))?));
                        one.anchor_peers = peers.into_iter().map(peer).collect::<Result<_, _>>()?;
                    }
                    _ => {}
                }
            }
            if self.organisations.len() == MOST {
                return Err(group.error(format!("the channel has more than {MOST} organisations")));
            }
            self.organisations.push(one);
        }
        Ok(())
    }
}

/// The group of a channel, and what is said of it on the way there.
pub(super) struct Located<'a> {
    pub(super) form: Form,
    pub(super) channel: Option<String>,
    block: Option<u64>,
    sequence: Option<u64>,
    pub(super) group: Message<'a>,
}

/// Finds the group of the channel in an encoded message. `None` if the content is something else, such as JSON.
pub(super) fn located_encoded(content: &[u8]) -> Option<Result<Located<'_>, ChannelError>> {
    encoded_form(content).map(|(form, message)| located(form, message))
}

fn located(form: Form, message: Message<'_>) -> Result<Located<'_>, ChannelError> {
    match form {
        Form::Block => {
            let number = message.required(HEADER, "BlockHeader")?.number(Field(1, "number"))?;
            let data = message.required(DATA, "BlockData")?;
            let envelopes = data.messages(Field(1, "data"), "Envelope")?;
            let [envelope] = *envelopes else {
                return Err(data.error(format!(
                    "the block has {} transactions, and a configuration block has one",
                    envelopes.len()
                )));
            };
            Ok(Located { form, block: Some(number), ..located(Form::Envelope, envelope)? })
        }
        Form::Envelope => {
            let payload = message.required(PAYLOAD, "Payload")?;
            let header = payload.required(HEADER, "Header")?.required(CHANNEL_HEADER, "ChannelHeader")?;
            let channel = Some(header.text(Field(4, "channel_id"))?);
            let (inner, data) = match header.number(TYPE)? {
                CONFIG => (Form::ConfigEnvelope, payload.required(DATA, "ConfigEnvelope")?),
                CONFIG_UPDATE => {
                    let update = payload.required(DATA, "ConfigUpdateEnvelope")?;
                    (Form::Update, update.required(Field(1, "config_update"), "ConfigUpdate")?)
                }
                _ => return Err(header.error("the block holds a transaction, not a configuration of the channel")),
            };
            let form = if inner == Form::Update { inner } else { form };
            Ok(Located { form, channel, ..located(inner, data)? })
        }
        Form::ConfigEnvelope => {
            let config = message.required(CONFIG_OF_ENVELOPE, "Config")?;
            Ok(Located { form, ..located(Form::Config, config)? })
        }
        Form::Config => {
            let sequence = Some(message.number(Field(1, "sequence"))?);
            let group = message.required(CHANNEL_GROUP, "ConfigGroup")?;
            Ok(Located { form, channel: None, block: None, sequence, group })
        }
        Form::Update => {
            let channel = Some(message.text(Field(1, "channel_id"))?);
            let group = message.required(WRITE_SET, "ConfigGroup")?;
            Ok(Located { form, channel, block: None, sequence: None, group })
        }
    }
}

/// Keys of which each JSON form has one.
const KEYS: [&str; 2] = ["\"channel_group\"", "\"write_set\""];

/// The form of an encoded message. Every form begins with a message or a text in field 1, or with a sequence number; the
/// forms differ in the fields below.
fn encoded_form(content: &[u8]) -> Option<(Form, Message<'_>)> {
    // The first field of each form has the number 1, or 2 in a configuration that was never changed.
    if !matches!(content.first(), Some(0x0a | 0x08 | 0x12)) {
        return None;
    }
    let of = |name| Message::encoded(name, content);
    let top = of("Block");
    if !top.is_whole() {
        // A block that was cut off is reported, and not other files.
        let header = top.message(HEADER, "BlockHeader");
        return is_cut_block(content).then_some((Form::Block, top)).filter(|_| header.is_err());
    }
    let first = top.message(Field(1, ""), "").ok().flatten();
    let has = |message: Option<Message<'_>>, field| message.is_some_and(|m| m.is_whole() && m.has(field));
    let inner = |field: Field| first.and_then(|m| m.is_whole().then(|| m.message(field, "").ok().flatten()).flatten());
    let hash = first.and_then(|m| m.is_whole().then(|| m.bytes(Field(3, "data_hash")).ok()).flatten());
    if hash.is_some_and(|hash| hash.len() == 32) && top.has(DATA) {
        return Some((Form::Block, top));
    }
    if has(inner(HEADER), CHANNEL_HEADER) && has(first, DATA) {
        return Some((Form::Envelope, of("Envelope")));
    }
    if is_group(inner(CHANNEL_GROUP)) {
        return Some((Form::ConfigEnvelope, of("ConfigEnvelope")));
    }
    if is_group(top.message(CHANNEL_GROUP, "").ok().flatten()) && !top.has(WRITE_SET) {
        return Some((Form::Config, of("Config")));
    }
    is_group(top.message(WRITE_SET, "").ok().flatten()).then(|| (Form::Update, of("ConfigUpdate")))
}

/// Whether a message is the group of a channel, by the names in it.
fn is_group(message: Option<Message<'_>>) -> bool {
    let known = |field, names: &[&str]| {
        let entries = message.and_then(|m| m.map(field, "").ok()).unwrap_or_default();
        entries.iter().any(|(name, _)| names.contains(&name.as_str()))
    };
    known(GROUPS, &["Orderer", "Application", "Consortiums"])
        || known(VALUES, &["Capabilities", "Consortium", "HashingAlgorithm", "OrdererAddresses"])
}

/// Whether the file begins with the header of a block: `BlockHeader` with hashes of 32 bytes.
fn is_cut_block(content: &[u8]) -> bool {
    let Some((&len, rest)) = content.get(1..).and_then(<[u8]>::split_first) else { return false };
    let header = Message::encoded("BlockHeader", rest.get(..usize::from(len)).unwrap_or_default());
    content[0] == 0x0a && header.bytes(Field(3, "data_hash")).is_ok_and(|hash| hash.len() == 32)
}

fn json_form(json: &serde_json::Value) -> Option<(Form, Message<'_>)> {
    let forms = [
        ("/data/data", Form::Block, "Block"),
        ("/payload/data", Form::Envelope, "Envelope"),
        ("/config/channel_group", Form::ConfigEnvelope, "ConfigEnvelope"),
        ("/channel_group", Form::Config, "Config"),
        ("/write_set", Form::Update, "ConfigUpdate"),
    ];
    let (_, form, name) = forms.into_iter().find(|(path, ..)| json.pointer(path).is_some())?;
    Some((form, Message::json(name, json)))
}

/// The values of a group by their names, each as the message that it holds.
fn values(group: Message<'_>) -> Result<Vec<(String, Message<'_>)>, ChannelError> {
    let mut values = Vec::new();
    for (name, value) in group.map(VALUES, "ConfigValue")? {
        values.extend(value.message(VALUE, "ConfigValue.value")?.map(|value| (name, value)));
    }
    Ok(values)
}

fn capabilities(value: Message<'_>) -> Result<BTreeSet<String>, ChannelError> {
    let map = value.renamed("Capabilities").map(Field(1, "capabilities"), "Capability")?;
    Ok(map.into_iter().map(|(name, _)| name).collect())
}

fn raft_consenter(consenter: Message<'_>) -> Result<Consenter, ChannelError> {
    Ok(Consenter {
        id: None,
        host: consenter.text(Field(1, HOST))?,
        port: consenter.number(Field(2, PORT))?,
        msp_id: None,
        identity: None,
        client_tls: ChannelCert::read(&consenter.bytes(Field(3, "client_tls_cert"))?),
        server_tls: ChannelCert::read(&consenter.bytes(Field(4, "server_tls_cert"))?),
    })
}

fn bft_consenter(consenter: Message<'_>) -> Result<Consenter, ChannelError> {
    Ok(Consenter {
        id: Some(consenter.number(Field(1, "id"))?),
        host: consenter.text(Field(2, HOST))?,
        port: consenter.number(Field(3, PORT))?,
        msp_id: Some(consenter.text(Field(4, "msp_id"))?),
        identity: Some(ChannelCert::read(&consenter.bytes(Field(5, "identity"))?)),
        client_tls: ChannelCert::read(&consenter.bytes(Field(6, "client_tls_cert"))?),
        server_tls: ChannelCert::read(&consenter.bytes(Field(7, "server_tls_cert"))?),
    })
}

pub(super) fn msp(value: Message<'_>) -> Result<ChannelMsp, ChannelError> {
    // `msp.ProviderType`: 0 is FABRIC, 1 is IDEMIX.
    let is_idemix = value.number(TYPE)? == 1;
    let config = value.required(Field(2, "config"), "FabricMSPConfig")?;
    let id = config.text(Field(1, "name"))?;
    if is_idemix {
        return Ok(ChannelMsp { id, is_idemix, ..ChannelMsp::default() });
    }
    let certificates = |number, name| -> Result<Vec<ChannelCert>, ChannelError> {
        Ok(config.all_bytes(Field(number, name))?.iter().map(|bytes| ChannelCert::read(bytes)).collect())
    };
    let node_ous = config.message(Field(11, "fabric_node_ous"), "FabricNodeOUs")?;
    Ok(ChannelMsp {
        id,
        is_idemix,
        roots: certificates(2, "root_certs")?,
        intermediates: certificates(3, "intermediate_certs")?,
        admins: certificates(4, "admins")?,
        tls_roots: certificates(9, "tls_root_certs")?,
        tls_intermediates: certificates(10, "tls_intermediate_certs")?,
        crls: config.all_bytes(Field(5, "revocation_list"))?.iter().map(|bytes| crl(bytes)).collect(),
        node_ous: node_ous.map_or(Ok(0), |ous| ous.number(Field(1, "enable")))? == 1,
    })
}

/// A revocation list: PEM, or DER.
fn crl(bytes: &[u8]) -> Result<Crl, String> {
    let block = pem_blocks(bytes).map_err(|e| e.to_string())?.into_iter().next();
    Crl::from_der(block.map_or_else(|| bytes.to_vec(), |block| block.der))
}
