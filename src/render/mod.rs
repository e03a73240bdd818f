//! Manifests for an organisation: its peers, the gateway Service in front of them, and what keeps them apart.
//!
//! Pure: an [`Organisation`] in, documents out. Every name was parsed before, so that no value can break out of its line.

mod cluster;
mod peer;
mod shared;

use crate::pki::name::HostName;

pub use cluster::ProxyMode;

/// What is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its name, which its labels bear: `org1`.
    pub name: Label,
    /// Its MSP id: `Org1MSP`.
    pub msp_id: String,
    /// Namespace.
    pub namespace: Label,
    /// The cluster's DNS domain.
    pub cluster_domain: HostName,
    /// Its peers.
    pub peers: Vec<Label>,
    /// The Service in front of them.
    pub gateway: Label,
    /// The gateway's name outside, through an Ingress that lets TLS through.
    pub external_host: Option<HostName>,
    /// The class of that Ingress.
    pub ingress_class: Label,
    /// Deployments or StatefulSets.
    pub workload: WorkloadKind,
    /// Where identity and ledger live.
    pub storage: Storage,
    /// The peer's image.
    pub peer_image: String,
    /// fabcert's image.
    pub fabcert_image: String,
    /// The CA's URL.
    pub ca_url: String,
    /// The `ConfigMap` with the anchors for the connection to the CA, key `ca.pem`.
    pub ca_anchors: Label,
    /// Whether a `NetworkPolicy` is rendered.
    pub network_policy: bool,
}

/// What runs a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// A Deployment, replaced whole.
    Deployment,
    /// A `StatefulSet` of one pod.
    StatefulSet,
}

/// Where identity and ledger live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A persistent volume of a size, of a class.
    Claim {
        /// As Kubernetes writes quantities: `10Gi`.
        size: String,
        /// The cluster's default when left out.
        class: Option<Label>,
    },
    /// Gone with the pod: for trials.
    EmptyDir,
}

/// A name of a Kubernetes object that is also a host name (RFC 1123 label).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(String);

/// A text that is no [`Label`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no name of a Kubernetes object: lower-case letters, digits and dashes, 63 at most, first a letter")]
pub struct NoLabel(String);

impl std::str::FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        if plain && ends && text.len() <= 63 { Ok(Self(text.to_owned())) } else { Err(NoLabel(text.to_owned())) }
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The file's name.
    pub file: String,
    /// YAML, one document or many.
    pub text: String,
}

/// The manifests of an organisation: a file for each peer, and one for what they share.
pub fn render(organisation: &Organisation) -> Vec<Rendered> {
    let mut files =
        vec![Rendered { file: format!("{}-gateway.yaml", organisation.name), text: shared::render(organisation) }];
    for index in 0..organisation.peers.len() {
        let file = format!("{}.yaml", organisation.peers[index]);
        files.push(Rendered { file, text: peer::render(organisation, index) });
    }
    files
}

/// The configuration of a KIND cluster with a proxy mode; for `kind create cluster --config`, not for `kubectl`.
pub fn kind_cluster(mode: ProxyMode) -> Rendered {
    // In a folder of its own: kubectl apply -f on the folder of the manifests knows no such kind.
    Rendered { file: "kind/cluster.yaml".to_owned(), text: cluster::render(mode) }
}

/// A text as a YAML scalar that cannot be anything else.
fn quoted(text: &str) -> String {
    let escaped = text.chars().flat_map(|c| match c {
        '"' | '\\' => vec!['\\', c],
        c if c.is_control() => Vec::new(),
        c => vec![c],
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_kubernetes_takes() {
        for good in ["org1", "a", "org1-peer1"] {
            assert_eq!(good.parse::<Label>().unwrap().to_string(), good);
        }
        for bad in ["", "Org1", "1org", "a-", "-a", "a.b", "a b", "a\nb", &"a".repeat(64)] {
            assert!(bad.parse::<Label>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_value_breaks_out_of_its_line() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\cd\"");
    }
}
