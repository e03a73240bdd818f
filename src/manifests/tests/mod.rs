//! Tests of the derived names, table by table. The texts are as short as a case allows.

mod fix;
mod holdings;
mod kinds;
mod limits;
mod namespaces;
mod properties;
mod reach;
mod reading;
mod restarted;
mod routes;
mod selection;

use std::path::Path;

use super::{Manifest, Need, Network, Settings, Variables};

/// Reads a text that must be a manifest.
fn read(text: &str) -> Manifest {
    Manifest::read(Path::new("m.yaml"), text, &Variables::new()).unwrap_or_else(|| panic!("not a manifest: {text}"))
}

/// Combines files.
fn network_of(files: &[(&str, &str)]) -> Network {
    let settings = Settings { namespace: None, cluster_domain: "cluster.local".to_owned() };
    let read = |(path, text): &(&str, &str)| Manifest::read(Path::new(path), text, &Variables::new()).unwrap();
    Network::new(files.iter().map(read), settings)
}

/// Combines texts, each as a separate file.
fn network_in(texts: &[&str], namespace: Option<&str>) -> Network {
    let settings = Settings { namespace: namespace.map(str::to_owned), cluster_domain: "cluster.local".to_owned() };
    Network::new(texts.iter().map(|text| read(text)), settings)
}

fn network(texts: &[&str]) -> Network {
    network_in(texts, None)
}

/// The names that a workload must have, or those that are advised.
fn names(network: &Network, workload: &str, need: Need) -> Vec<String> {
    let w = network.workloads.iter().position(|w| w.meta.name == workload).unwrap();
    network.needed(w).into_iter().filter(|n| n.need == need).map(|n| n.name.to_string()).collect()
}

fn required(network: &Network, workload: &str) -> Vec<String> {
    names(network, workload, Need::Required)
}

fn advised(network: &Network, workload: &str) -> Vec<String> {
    names(network, workload, Need::Advised)
}

/// A peer's Deployment in a namespace, with these pod labels and additional variables.
fn peer(name: &str, namespace: &str, labels: &str, more: &str) -> String {
    let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}{namespace}}}\nspec:\n  template:\n    metadata: {{labels: {{{labels}}}}}\n    \
         spec:\n      containers:\n        - name: peer\n          ports: [{{containerPort: 7051, name: grpc}}, {{containerPort: 7052}}, {{containerPort: 9443}}]\n          \
         env:\n            - {{name: CORE_PEER_LISTENADDRESS, value: \"0.0.0.0:7051\"}}\n{more}"
    )
}

/// A variable of a peer, for the `more` argument of `peer`.
fn variable(name: &str, value: &str) -> String {
    format!("            - {{name: {name}, value: \"{value}\"}}\n")
}

fn service(name: &str, namespace: &str, spec: &str) -> String {
    let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}{namespace}}}\nspec: {{{spec}}}\n")
}
