//! Nodes that operators make from kinds of their own: bevel-operator-fabric (`FabricPeer`, `FabricOrdererNode`) and
//! fabric-operator (`IBPPeer`, `IBPOrderer`).
//!
//! The Services that an operator makes are not in the manifests, so nothing is asked of a certificate on their account; hosts
//! that lead to the node from outside, and Services of the manifests that select its pods, do count.

use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use super::fabric::FabricKind;
use super::meta::{Labels, Meta};
use super::requested::Requested;
use super::workload::{Operated, Workload};
use crate::yaml::Node;

/// Where a FabricPeer and a FabricOrdererNode keep the hosts of their routes.
const HOSTS: [&[&str]; 6] = [
    &["spec", "istio", "hosts"],
    &["spec", "gatewayApi", "hosts"],
    &["spec", "traefik", "hosts"],
    &["spec", "adminIstio", "hosts"],
    &["spec", "adminGatewayApi", "hosts"],
    &["spec", "adminTraefik", "hosts"],
];

/// The node that an operator's object stands for.
pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Workload> {
    let node = match kind {
        "FabricPeer" | "IBPPeer" => FabricKind::Peer,
        "FabricOrdererNode" | "IBPOrderer" => FabricKind::Orderer,
        _ => return None,
    };
    let meta = Meta::read(document, kind, path);
    // Fabric CA's TLS enrolment: `tls` with bevel's operator `component` beside it, `enrollment.tls` with both.
    let lists: [&[&str]; 3] = [
        &["spec", "secret", "enrollment", "tls", "csr", "hosts"],
        &["spec", "secret", "enrollment", "tls", "csrHosts"],
        &["spec", "hosts"],
    ];
    let (key_line, mut names) = requested(document, &lists);
    let mut hosts: Vec<Word> = HOSTS.iter().flat_map(|path| Word::list(document, path)).collect();
    let mut labels = Labels::new();
    if kind.starts_with("IBP") {
        // fabric-operator pkg/offering/base/peer/peer.go: the labels of its pods.
        labels.extend([("app".to_owned(), meta.name.clone())]);
        labels.extend(document.text_at(&["spec", "mspID"]).map(|id| ("orgname".to_owned(), id.to_owned())));
        let part = if node == FabricKind::Peer { "peer" } else { "orderer" };
        let domain = document.text_at(&["spec", "domain"]).unwrap_or_default();
        // The operator names its route <namespace>-<name>-peer.<domain>, and puts that name into the certificate itself.
        let own = format!("-{}-{part}.{domain}", meta.name);
        let endpoint = Word::at(document, &["spec", "peerExternalEndpoint"])
            .or_else(|| Word::at(document, &["spec", "externalAddress"]))
            .map(|w| Word { text: w.text.rsplit_once(':').map_or(w.text.as_str(), |(host, _)| host).to_owned(), ..w });
        let made = meta.namespace.as_ref().map(|ns| Word { text: format!("{ns}{own}"), line: key_line });
        for host in endpoint.into_iter().chain(made.filter(|_| !domain.is_empty())) {
            if host.text.ends_with(&own) {
                names.push(host.clone());
            }
            hosts.push(host);
        }
    } else {
        // bevel-operator-fabric charts/hlf-peer/templates/_helpers.tpl, labels.standard.
        let app = if node == FabricKind::Peer { "hlf-peer" } else { "hlf-ordnode" };
        labels.extend([("app".to_owned(), app.to_owned()), ("release".to_owned(), meta.name.clone())]);
    }
    let operated = Operated {
        kind: node,
        requested: Requested { by: meta.to_string(), at: meta.at.line(key_line), names },
        hosts: hosts.into_iter().filter(|h| h.text != "*").collect(),
    };
    Some(Workload {
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
    })
}

/// The names of all lists, and the line of the first list's key.
fn requested(document: &Node, lists: &[&[&str]]) -> (usize, Vec<Word>) {
    let mut line = None;
    let mut names = Vec::new();
    for path in lists {
        let [parents @ .., last] = path else { continue };
        let key = document.entries_at(parents).iter().find(|(k, _)| k.text() == Some(last));
        line = line.or_else(|| key.map(|(k, _)| k.line));
        names.extend(Word::list(document, path));
    }
    (line.unwrap_or(document.line), names)
}
