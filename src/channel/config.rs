//! The configuration of a channel, as far as it concerns certificates.

use std::collections::BTreeSet;

use crate::pki::x509::{Cert, Crl};
use crate::text::pem_blocks;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `common.Block`, as `peer channel fetch config` and configtxgen write it.
    Block,
    /// `common.Envelope`, the transaction in a block, or a signed update.
    Envelope,
    /// `common.ConfigEnvelope`, the content of such a transaction.
    ConfigEnvelope,
    /// `common.Config`.
    Config,
    /// `common.ConfigUpdate`: only what it changes.
    Update,
}

impl Form {
    /// The form in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Block => "channel configuration block",
            Self::Envelope => "channel configuration transaction",
            Self::ConfigEnvelope | Self::Config => "channel configuration",
            Self::Update => "channel configuration update",
        }
    }
}

/// The configuration of a channel.
#[derive(Clone, Debug)]
pub(crate) struct ChannelConfig {
    /// What the file holds.
    pub(crate) form: Form,
    /// The channel's name; `None` if the form does not have it.
    pub(crate) channel: Option<String>,
    /// The number of the block.
    pub(crate) block: Option<u64>,
    /// The sequence number of the configuration.
    pub(crate) sequence: Option<u64>,
    /// The capabilities of the channel.
    pub(crate) capabilities: BTreeSet<String>,
    /// The capabilities of its orderers.
    pub(crate) orderer_capabilities: BTreeSet<String>,
    /// The capabilities of its peers.
    pub(crate) application_capabilities: BTreeSet<String>,
    /// `etcdraft`, `BFT`, or another type of older channels.
    pub(crate) consensus: Option<String>,
    /// Whether the channel is in maintenance mode.
    pub(crate) is_in_maintenance: bool,
    /// The consenters, in the order of the configuration.
    pub(crate) consenters: Vec<Consenter>,
    /// The orderer addresses of the whole channel, `HOST:PORT`.
    pub(crate) addresses: Vec<String>,
    /// The organisations: those of the orderers, then those of the peers, then those of consortiums.
    pub(crate) organisations: Vec<Organisation>,
}

/// The part of the configuration that an organisation is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// It has orderers.
    Orderer,
    /// It has peers.
    Application,
    /// It may create channels (system channels, up to Fabric 2).
    Consortium,
}

impl Section {
    /// What its organisations have, in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Orderer => "orderers",
            Self::Application => "peers",
            Self::Consortium => "consortium",
        }
    }
}

/// An organisation.
#[derive(Clone, Debug)]
pub(crate) struct Organisation {
    /// Its name in the configuration, which may differ from its MSP id.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) section: Section,
    /// Its MSP; `None` in an update that does not change it.
    pub(crate) msp: Option<ChannelMsp>,
    /// The addresses of its orderers, `HOST:PORT`.
    pub(crate) endpoints: Vec<String>,
    /// Its anchor peers, host and port.
    pub(crate) anchor_peers: Vec<(String, u64)>,
}

/// The MSP of an organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelMsp {
    /// Its id.
    pub(crate) id: String,
    /// Whether it is an Idemix MSP, which has no certificates.
    pub(crate) is_idemix: bool,
    /// Root CAs.
    pub(crate) roots: Vec<ChannelCert>,
    /// Intermediate CAs.
    pub(crate) intermediates: Vec<ChannelCert>,
    /// Administrators.
    pub(crate) admins: Vec<ChannelCert>,
    /// Root CAs of TLS.
    pub(crate) tls_roots: Vec<ChannelCert>,
    /// Intermediate CAs of TLS.
    pub(crate) tls_intermediates: Vec<ChannelCert>,
    /// Revocation lists.
    pub(crate) crls: Vec<Result<Crl, String>>,
    /// Whether `NodeOUs` are enabled.
    pub(crate) node_ous: bool,
}

/// A consenter of the channel.
#[derive(Clone, Debug)]
pub(crate) struct Consenter {
    /// Its number; `None` for Raft, whose configuration has none.
    pub(crate) id: Option<u64>,
    /// Its host, which the other orderers dial.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u64,
    /// The id of its MSP; `None` for Raft.
    pub(crate) msp_id: Option<String>,
    /// The certificate of its signing identity; `None` for Raft.
    pub(crate) identity: Option<ChannelCert>,
    /// Its TLS certificate as a client of the other orderers.
    pub(crate) client_tls: ChannelCert,
    /// Its TLS certificate as a server.
    pub(crate) server_tls: ChannelCert,
}

/// A certificate of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelCert(pub(crate) Result<Box<Cert>, String>);

impl ChannelCert {
    /// Reads the bytes of a field: PEM, of which Fabric reads the first block.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let block = pem_blocks(bytes).map_err(|e| e.to_string());
        let der = block.and_then(|blocks| blocks.into_iter().next().ok_or_else(|| "it is not PEM".to_owned()));
        Self(der.and_then(|block| Cert::from_der(block.der).map(Box::new).map_err(|e| e.to_string())))
    }

    /// The certificate, if it can be read.
    pub(crate) fn cert(&self) -> Option<&Cert> {
        self.0.as_deref().ok()
    }
}

impl ChannelMsp {
    /// Its CAs, of identities and of TLS, each with its purpose in words.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = (&'static str, &ChannelCert)> {
        [
            ("root CA", &self.roots),
            ("intermediate CA", &self.intermediates),
            ("TLS root CA", &self.tls_roots),
            ("TLS intermediate CA", &self.tls_intermediates),
        ]
        .into_iter()
        .flat_map(|(purpose, list)| list.iter().map(move |cert| (purpose, cert)))
    }
}

impl Consenter {
    /// Its certificates, each with its purpose in words.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = (&'static str, &ChannelCert)> {
        let identity = self.identity.iter().map(|cert| ("identity", cert));
        identity.chain([("client TLS", &self.client_tls), ("server TLS", &self.server_tls)])
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl ChannelConfig {
    /// The certificates and revocation lists that cannot be read, each with the reason.
    pub(crate) fn unreadable(&self) -> Vec<String> {
        let mut all = Vec::new();
        for consenter in &self.consenters {
            for (purpose, cert) in consenter.certificates() {
                all.extend(cert.0.as_ref().err().map(|e| format!("consenter {}: {purpose}: {e}", consenter.address())));
            }
        }
        for (one, msp) in self.organisations.iter().filter_map(|one| Some((one, one.msp.as_ref()?))) {
            let admins = msp.admins.iter().map(|cert| ("administrator", cert));
            for (purpose, cert) in msp.authorities().chain(admins) {
                all.extend(cert.0.as_ref().err().map(|e| format!("organisation {}: {purpose}: {e}", one.name)));
            }
            let crls = msp.crls.iter().filter_map(|crl| crl.as_ref().err());
            all.extend(crls.map(|e| format!("organisation {}: revocation list: {e}", one.name)));
        }
        all
    }
}
