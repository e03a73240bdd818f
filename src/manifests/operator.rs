//! Nodes of operators: bevel-operator-fabric (`FabricPeer`, `FabricOrdererNode`) and fabric-operator (`IBPPeer`,
//! `IBPOrderer`).
//!
//! The Services that an operator makes are not in the manifests, so their names are not required. External hosts that
//! lead to the node are, and so are Services in the manifests that select its pods.

use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use super::fabric::FabricKind;
use super::meta::{Labels, Meta};
use super::requested::Requested;
use super::workload::{Operated, Workload};
use crate::text::yaml::Node;

/// Upper bound of the nodes of an ordering service.
const MOST_NODES: usize = 100;

/// The route hosts of a FabricPeer and a FabricOrdererNode.
const HOSTS: [&[&str]; 6] = [
    &["spec", "istio", "hosts"],
    &["spec", "gatewayApi", "hosts"],
    &["spec", "traefik", "hosts"],
    &["spec", "adminIstio", "hosts"],
    &["spec", "adminGatewayApi", "hosts"],
    &["spec", "adminTraefik", "hosts"],
];

/// Reads the nodes of an operator's object: one, or the number that an `IBPOrderer` makes.
pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Vec<Workload> {
    let meta = Meta::read(document, kind, path);
    match kind {
        "FabricPeer" => vec![bevel(document, meta, FabricKind::Peer)],
        "FabricOrdererNode" => vec![bevel(document, meta, FabricKind::Orderer)],
        "IBPPeer" => vec![ibp(document, meta, FabricKind::Peer, document.find(&["spec", "secret"]))],
        "IBPOrderer" => orderers(document, &meta),
        _ => Vec::new(),
    }
}

fn bevel(document: &Node, meta: Meta, kind: FabricKind) -> Workload {
    let (mut key_line, mut names) = requested(document.find(&["spec", "secret"]));
    key_line = key_line.or_else(|| line_of(document.get("spec"), "hosts"));
    names.extend(Word::list(document, &["spec", "hosts"]));
    let hosts = HOSTS.iter().flat_map(|path| Word::list(document, path)).collect();
    // bevel-operator-fabric charts/hlf-peer/templates/_helpers.tpl, labels.standard.
    let app = if kind == FabricKind::Peer { "hlf-peer" } else { "hlf-ordnode" };
    let labels = labels(&[("app", app), ("release", &meta.name)]);
    workload(document, meta, kind, labels, (key_line, names), hosts)
}

/// The nodes of an ordering service: fabric-operator makes one object for each, `NAMEnode1` and so on.
fn orderers(document: &Node, meta: &Meta) -> Vec<Workload> {
    let number = |key: &str| document.text_at(&["spec", key]).and_then(|n| n.parse::<usize>().ok());
    if number("number").is_some() {
        return vec![ibp(document, meta.clone(), FabricKind::Orderer, document.find(&["spec", "secret"]))];
    }
    let secrets = document.items_at(&["spec", "clustersecret"]);
    let named = |at: usize| Meta { name: format!("{}node{at}", meta.name), ..meta.clone() };
    let nodes = 1..=number("clusterSize").unwrap_or(1).min(MOST_NODES);
    nodes.map(|at| ibp(document, named(at), FabricKind::Orderer, secrets.get(at - 1))).collect()
}

/// A node of fabric-operator; `secret` is its enrolment.
fn ibp(document: &Node, meta: Meta, kind: FabricKind, secret: Option<&Node>) -> Workload {
    let (key_line, mut names) = requested(secret);
    let key_line = key_line.unwrap_or(document.line);
    let part = if kind == FabricKind::Peer { "peer" } else { "orderer" };
    // fabric-operator pkg/offering/base/peer/peer.go and orderer/node.go, GetLabels, without OPERATOR_LABEL_PREFIX.
    let instance = format!("fabric{part}");
    let mut labels = labels(&[
        ("app", &meta.name),
        ("creator", "fabric"),
        ("app.kubernetes.io/name", "fabric"),
        ("app.kubernetes.io/instance", &instance),
        ("app.kubernetes.io/managed-by", "fabric-operator"),
    ]);
    match (kind, document.text_at(&["spec", "mspID"]), meta.name.rsplit_once("node")) {
        (FabricKind::Peer, Some(id), _) => drop(labels.insert("orgname".to_owned(), id.to_owned())),
        (FabricKind::Orderer, _, Some((cluster, node))) => {
            labels.insert("orderingservice".to_owned(), cluster.to_owned());
            labels.insert("parent".to_owned(), cluster.to_owned());
            labels.insert("orderingnode".to_owned(), format!("node{node}"));
        }
        _ => {}
    }
    let domain = document.text_at(&["spec", "domain"]).unwrap_or_default();
    // The operator names its route <namespace>-<name>-peer.<domain>, and adds that name to the certificate itself.
    let own = format!("-{}-{part}.{domain}", meta.name);
    let endpoint = Word::at(document, &["spec", "peerExternalEndpoint"])
        .or_else(|| Word::at(document, &["spec", "externalAddress"]))
        .map(|w| Word { text: w.text.rsplit_once(':').map_or(w.text.as_str(), |(host, _)| host).to_owned(), ..w });
    let made = meta.namespace.as_ref().map(|ns| Word { text: format!("{ns}{own}"), line: key_line });
    let mut hosts = Vec::new();
    for host in endpoint.into_iter().chain(made.filter(|_| !domain.is_empty())) {
        if host.text.ends_with(&own) {
            names.push(host.clone());
        }
        hosts.push(host);
    }
    workload(document, meta, kind, labels, (Some(key_line), names), hosts)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn workload(
    document: &Node,
    meta: Meta,
    kind: FabricKind,
    labels: Labels,
    (key_line, names): (Option<usize>, Vec<Word>),
    hosts: Vec<Word>,
) -> Workload {
    let operated = Operated {
        kind,
        requested: Requested { by: meta.to_string(), at: meta.at.line(key_line.unwrap_or(document.line)), names },
        hosts: hosts.into_iter().filter(|h| h.text != "*").collect(),
    };
    Workload {
        labels,
        replicas: document.text_at(&["spec", "replicas"]).and_then(|n| n.parse().ok()).unwrap_or(1),
        containers: Vec::new(),
        init_containers: Vec::new(),
        volumes: Vec::new(),
        governing_service: None,
        hostname: None,
        host_aliases: Vec::new(),
        operated: Some(operated),
        meta,
    }
}

/// The names for Fabric CA's TLS enrolment, and the line of the key of the first list.
fn requested(secret: Option<&Node>) -> (Option<usize>, Vec<Word>) {
    let Some(tls) = secret.and_then(|s| s.find(&["enrollment", "tls"])) else { return (None, Vec::new()) };
    let mut names = Word::list(tls, &["csr", "hosts"]);
    names.extend(Word::list(tls, &["csrHosts"]));
    (line_of(tls.get("csr"), "hosts").or_else(|| line_of(Some(tls), "csrHosts")), names)
}

fn line_of(parent: Option<&Node>, key: &str) -> Option<usize> {
    parent?.entries()?.iter().find(|(k, _)| k.text() == Some(key)).map(|(k, _)| k.line)
}
