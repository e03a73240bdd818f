//! Fabric nodes among the workloads, and their settings from the environment: ports, certificate, own names.

use super::container::Container;
use super::endpoint::endpoint;
use super::meta::At;

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FabricKind {
    /// A peer.
    Peer,
    /// An orderer.
    Orderer,
}

impl FabricKind {
    /// The kind in words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Orderer => "orderer",
        }
    }
}

/// A variable of a container's environment, and the place of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) at: At,
}

/// A Fabric node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FabricNode {
    /// Peer or orderer.
    pub(crate) kind: FabricKind,
    /// The index of its container in the workload.
    pub(crate) container: usize,
    /// Whether it serves TLS; true unless switched off.
    pub(crate) tls: bool,
    /// The ports that it serves with its TLS certificate; `None` if an operator chooses them.
    pub(crate) ports: Option<Vec<u16>>,
    /// The port for chaincode.
    pub(crate) chaincode_port: Option<u16>,
    /// The port for operations: metrics, health.
    pub(crate) operations_port: Option<u16>,
    /// The path of its TLS certificate in the container.
    pub(crate) certificate_file: Option<String>,
    /// The names that it announces for others to dial.
    pub(crate) endpoints: Vec<SelfEndpoint>,
    /// `CORE_PEER_ID`.
    pub(crate) id: Option<String>,
    /// Whether its environment has a variable of a server, and not only of the `peer` command.
    pub(crate) is_server: bool,
}

/// A name that a node announces for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SelfEndpoint {
    /// The variable.
    pub(crate) variable: String,
    /// The host.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: Option<u16>,
    /// Its position.
    pub(crate) at: At,
    /// Whether only chaincode dials it.
    pub(crate) chaincode_only: bool,
}

/// Variables that the samples also set for the `peer` command, which does not need them.
const EITHER: [&str; 3] = ["CORE_PEER_ID", "CORE_PEER_TLS_CERT_FILE", "CORE_PEER_TLS_KEY_FILE"];

/// Variables that the `peer` command also reads.
const CLIENT: [&str; 10] = [
    "CORE_PEER_ADDRESS",
    "CORE_PEER_LOCALMSPID",
    "CORE_PEER_MSPCONFIGPATH",
    "CORE_PEER_TLS_ENABLED",
    "CORE_PEER_TLS_ROOTCERT_FILE",
    "CORE_PEER_TLS_SERVERHOSTOVERRIDE",
    "CORE_PEER_TLS_CLIENTAUTHREQUIRED",
    "CORE_PEER_TLS_CLIENTROOTCAS_FILES",
    "CORE_PEER_TLS_CLIENTCERT_FILE",
    "CORE_PEER_TLS_CLIENTKEY_FILE",
];

/// Whether [`FabricNode::of`] may read a variable of this name.
pub(super) fn may_be_of_a_node(name: &str) -> bool {
    ["CORE_", "ORDERER_", "FABRIC_CFG_PATH"].iter().any(|prefix| name.starts_with(prefix))
}

impl FabricNode {
    /// Returns the node that a container with this environment runs, if any.
    pub(super) fn of(index: usize, container: &Container, env: &[Variable]) -> Option<Self> {
        let get = |name: &str| env.iter().find(|v| v.name == name).map(|v| v.value.as_str());
        let begins = |prefix: &str| env.iter().any(|v| v.name.starts_with(prefix));
        // Chaincode has the same variables for the peer that it connects to.
        if get("CORE_CHAINCODE_ID_NAME").is_some() {
            return None;
        }
        if begins("ORDERER_GENERAL_") || begins("ORDERER_CHANNELPARTICIPATION_") {
            return Some(Self::orderer(index, &get));
        }
        begins("CORE_PEER_").then(|| Self::peer(index, container, env, &get))
    }

    /// A node that an operator makes; the operator chooses its ports.
    pub(super) fn operated(kind: FabricKind) -> Self {
        Self {
            kind,
            container: 0,
            tls: true,
            ports: None,
            chaincode_port: None,
            operations_port: None,
            certificate_file: None,
            endpoints: Vec::new(),
            id: None,
            is_server: true,
        }
    }

    fn peer<'a>(index: usize, container: &Container, env: &[Variable], get: &dyn Fn(&str) -> Option<&'a str>) -> Self {
        let listen = port_of(get("CORE_PEER_LISTENADDRESS")).unwrap_or(7051);
        let chaincode_port = port_of(get("CORE_PEER_CHAINCODELISTENADDRESS")).unwrap_or(7052);
        let mut ports = vec![listen];
        if is_on(get("CORE_OPERATIONS_TLS_ENABLED")) {
            ports.extend(port_of(get("CORE_OPERATIONS_LISTENADDRESS")));
        }
        let endpoint_of = |(variable, chaincode_only): (&str, bool)| {
            let found = env.iter().find(|v| v.name == variable)?;
            let (host, port) = endpoint(&found.value)?;
            Some(SelfEndpoint { variable: variable.to_owned(), host, port, at: found.at.clone(), chaincode_only })
        };
        let endpoints = [
            ("CORE_PEER_ADDRESS", false),
            ("CORE_PEER_GOSSIP_ENDPOINT", false),
            ("CORE_PEER_GOSSIP_EXTERNALENDPOINT", false),
            ("CORE_PEER_CHAINCODEADDRESS", true),
        ];
        let of_a_server = |v: &Variable| {
            let name = v.name.as_str();
            name.starts_with("CORE_PEER_")
                && !CLIENT.contains(&name)
                && (!EITHER.contains(&name) || runs_a_node(container))
        };
        Self {
            kind: FabricKind::Peer,
            container: index,
            tls: !is_off(get("CORE_PEER_TLS_ENABLED")),
            ports: Some(ports),
            chaincode_port: Some(chaincode_port).filter(|p| *p != listen),
            // The default of core.yaml and orderer.yaml, unless the environment overrides it.
            operations_port: port_of(get("CORE_OPERATIONS_LISTENADDRESS")).or(Some(9443)),
            certificate_file: in_config_folder(get("CORE_PEER_TLS_CERT_FILE"), get("FABRIC_CFG_PATH")),
            endpoints: endpoints.into_iter().filter_map(endpoint_of).collect(),
            id: get("CORE_PEER_ID").map(str::to_ascii_lowercase),
            is_server: env.iter().any(of_a_server),
        }
    }

    fn orderer<'a>(index: usize, get: &dyn Fn(&str) -> Option<&'a str>) -> Self {
        let number = |name: &str| get(name).and_then(|v| v.parse::<u16>().ok());
        let mut ports = vec![number("ORDERER_GENERAL_LISTENPORT").unwrap_or(7050)];
        ports.extend(number("ORDERER_GENERAL_CLUSTER_LISTENPORT"));
        if is_on(get("ORDERER_ADMIN_TLS_ENABLED")) {
            ports.extend(port_of(get("ORDERER_ADMIN_LISTENADDRESS")));
        }
        if is_on(get("ORDERER_OPERATIONS_TLS_ENABLED")) {
            ports.extend(port_of(get("ORDERER_OPERATIONS_LISTENADDRESS")));
        }
        Self {
            kind: FabricKind::Orderer,
            container: index,
            tls: !is_off(get("ORDERER_GENERAL_TLS_ENABLED")),
            ports: Some(ports),
            chaincode_port: None,
            operations_port: port_of(get("ORDERER_OPERATIONS_LISTENADDRESS")).or(Some(8443)),
            certificate_file: in_config_folder(get("ORDERER_GENERAL_TLS_CERTIFICATE"), get("FABRIC_CFG_PATH")),
            endpoints: Vec::new(),
            id: None,
            is_server: true,
        }
    }

    /// Whether it serves TLS at this port; always true if an operator chooses the ports.
    pub(crate) fn serves_tls_at(&self, port: u16) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether this is the default port of its kind, and its environment sets another one.
    pub(crate) fn has_left(&self, port: u16) -> bool {
        let usual = match self.kind {
            FabricKind::Peer => 7051,
            FabricKind::Orderer => 7050,
        };
        port == usual && !self.listens_at(port) && self.operations_port != Some(port)
    }

    /// Whether it listens on this port for peers, clients or chaincode.
    pub(crate) fn listens_at(&self, port: u16) -> bool {
        self.serves_tls_at(port) || self.chaincode_port == Some(port)
    }
}

/// Whether a container may run a node: it has no command, or one that contains `node`.
fn runs_a_node(container: &Container) -> bool {
    let mut words = container.words.iter().flat_map(|w| w.text.split_whitespace());
    container.words.is_empty() || words.any(|word| word.trim_matches(['"', '\'', ';']) == "node")
}

/// Whether a variable sets an address that its own process listens on, not one that it dials.
pub(super) fn is_own_address(variable: &str) -> bool {
    variable.ends_with("LISTENADDRESS")
        || variable == "CORE_PEER_CHAINCODEADDRESS"
        || variable.ends_with("_SERVER_ADDRESS")
}

/// The number of a container port with this name.
pub(super) fn named_port(containers: &[Container], name: &str) -> Option<u16> {
    containers.iter().flat_map(|c| &c.ports).find(|p| p.name.as_deref() == Some(name)).map(|p| p.number)
}

fn port_of(address: Option<&str>) -> Option<u16> {
    address?.rsplit(':').next()?.parse().ok()
}

fn is_on(value: Option<&str>) -> bool {
    value.is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "true" | "1" | "t"))
}

fn is_off(value: Option<&str>) -> bool {
    value.is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "false" | "0" | "f"))
}

/// Resolves a path against the configuration folder, as Fabric does.
fn in_config_folder(path: Option<&str>, folder: Option<&str>) -> Option<String> {
    let path = path?;
    match folder {
        _ if path.starts_with('/') => Some(path.to_owned()),
        Some(folder) => Some(format!("{}/{path}", folder.trim_end_matches('/'))),
        None => Some(format!("/etc/hyperledger/fabric/{path}")),
    }
}
