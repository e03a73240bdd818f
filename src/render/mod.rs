//! Renders the manifests of an organisation: its peers, the gateway Service, the disruption budget and the network
//! policy.
//!
//! Pure: takes an [`Organisation`], returns documents. Every name is validated first, so no value can break out of its
//! line.

mod cluster;
mod enrolment;
mod peer;
mod shared;

use std::borrow::Cow;

use crate::pki::name::HostName;
use crate::text::yaml::scalar;

pub(crate) use cluster::ProxyMode;

/// The organisation to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organisation {
    /// Its name, used in its labels: `org1`.
    pub(crate) name: Label,
    /// Its MSP id: `Org1MSP`.
    pub(crate) msp_id: String,
    /// Namespace.
    pub(crate) namespace: Label,
    /// The cluster's DNS domain.
    pub(crate) cluster_domain: HostName,
    /// Its peers.
    pub(crate) peers: Vec<Label>,
    /// The Service in front of them.
    pub(crate) gateway: Label,
    /// The gateway's external name, through an Ingress that passes TLS through.
    pub(crate) external_host: Option<HostName>,
    /// The class of that Ingress.
    pub(crate) ingress_class: Label,
    /// Deployments or StatefulSets.
    pub(crate) workload: WorkloadKind,
    /// The storage of identity and ledger.
    pub(crate) storage: Storage,
    /// The peer's image.
    pub(crate) peer_image: String,
    /// fabcert's image.
    pub(crate) fabcert_image: String,
    /// The CA's URL.
    pub(crate) ca_url: String,
    /// The `ConfigMap` with the trust anchors for the CA, in key `ca.pem`.
    pub(crate) ca_anchors: Label,
    /// Whether a `NetworkPolicy` is rendered.
    pub(crate) network_policy: bool,
    /// Whether an agent runs beside each peer, enrols it and renews its certificates; otherwise an init container enrols it.
    pub(crate) sidecar: bool,
}

/// The kind of resource that runs a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkloadKind {
    /// A Deployment with the Recreate strategy.
    Deployment,
    /// A `StatefulSet` of one pod.
    StatefulSet,
}

/// The storage of identity and ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A persistent volume claim.
    Claim {
        /// The size as a Kubernetes quantity: `10Gi`.
        size: String,
        /// The storage class; the cluster's default if `None`.
        class: Option<Label>,
    },
    /// An `emptyDir`, deleted with the pod: for trials.
    EmptyDir,
}

/// A name of a Kubernetes object that is also a host name (RFC 1123 label).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label(String);

/// An invalid [`Label`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid name of a Kubernetes object \"{0}\"; expected lower-case letters, digits and dashes, at most 63, starting with a letter and not ending with a dash"
)]
pub(crate) struct NoLabel(String);

impl std::str::FromStr for Label {
    type Err = NoLabel;

    fn from_str(text: &str) -> Result<Self, NoLabel> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        if plain && ends && text.len() <= 63 { Ok(Self(text.to_owned())) } else { Err(NoLabel(text.to_owned())) }
    }
}

impl Label {
    /// The name as a YAML scalar: `on` would be a boolean.
    fn scalar(&self) -> Cow<'_, str> {
        scalar(&self.0)
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// The file's name.
    pub(crate) file: String,
    /// YAML, one document or many.
    pub(crate) text: String,
}

/// Renders the manifests of an organisation: one file for each peer, and one for the shared objects.
pub(crate) fn render(organisation: &Organisation) -> Vec<Rendered> {
    let mut files =
        vec![Rendered { file: format!("{}-gateway.yaml", organisation.name), text: shared::render(organisation) }];
    for index in 0..organisation.peers.len() {
        let file = format!("{}.yaml", organisation.peers[index]);
        files.push(Rendered { file, text: peer::render(organisation, index) });
    }
    files
}

/// Renders the configuration of a KIND cluster with a proxy mode, for `kind create cluster --config`, not for
/// `kubectl`.
pub(crate) fn kind_cluster(mode: ProxyMode) -> Rendered {
    // In a separate folder, because `kubectl apply -f` on the folder of the manifests does not know this kind.
    Rendered { file: "kind/cluster.yaml".to_owned(), text: cluster::render(mode) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_valid_kubernetes_names() {
        for good in ["org1", "a", "org1-peer1"] {
            assert_eq!(good.parse::<Label>().unwrap().to_string(), good);
        }
        for bad in ["", "Org1", "1org", "a-", "-a", "a.b", "a b", "a\nb", &"a".repeat(64)] {
            assert!(bad.parse::<Label>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_yaml_takes_for_booleans_are_quoted() {
        assert_eq!("on".parse::<Label>().unwrap().scalar(), "\"on\"");
        assert_eq!("on-a".parse::<Label>().unwrap().scalar(), "on-a");
    }
}
