//! Services.

use std::path::Path;
use std::sync::Arc;

use super::document::{Word, port};
use super::meta::{Labels, Meta, labels};
use crate::text::yaml::Node;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Name, namespace, place.
    pub(crate) meta: Meta,
    /// How it is exposed.
    pub(crate) exposure: Exposure,
    /// The labels that it selects pods by; an empty selector selects nothing.
    pub(crate) selector: Labels,
    /// The line of `selector`.
    pub(crate) selector_line: usize,
    /// Its ports.
    pub(crate) ports: Vec<ServicePort>,
    /// The line of `sessionAffinity: ClientIP`.
    pub(crate) client_ip_affinity: Option<usize>,
    /// Its fixed addresses.
    pub(crate) addresses: Vec<String>,
    /// External names that lead to it: from external-dns, or the host name of its load balancer.
    pub(crate) external_hosts: Vec<Word>,
}

/// How a Service is exposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// One address inside the cluster.
    ClusterIp,
    /// No cluster address: its name resolves to the pods.
    Headless,
    /// A port on every node.
    NodePort,
    /// An address outside the cluster.
    LoadBalancer,
    /// An alias for a host.
    ExternalName(Word),
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServicePort {
    /// Its name.
    pub(crate) name: Option<String>,
    /// Its number.
    pub(crate) port: u16,
    /// Whether it speaks TCP, as Fabric does.
    pub(crate) is_tcp: bool,
    /// The pod port; the same number if not given.
    pub(crate) target: Target,
    /// Its line.
    pub(crate) line: usize,
}

/// A port of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// By number, which need not be declared.
    Number(u16),
    /// By the name of a container's port.
    Name(String),
}

impl Target {
    fn of(node: &Node) -> Option<Self> {
        let text = node.text().filter(|t| !t.is_empty())?;
        Some(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

impl Service {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let meta = Meta::read(document, kind, path);
        let exposure = match document.text_at(&["spec", "type"]) {
            Some("ExternalName") => Word::at(document, &["spec", "externalName"]).map(Exposure::ExternalName),
            Some("LoadBalancer") => Some(Exposure::LoadBalancer),
            Some("NodePort") => Some(Exposure::NodePort),
            _ if document.text_at(&["spec", "clusterIP"]) == Some("None") => Some(Exposure::Headless),
            _ => Some(Exposure::ClusterIp),
        };
        let mut external_hosts = Vec::new();
        for (key, word) in &meta.annotations {
            if matches!(
                key.as_str(),
                "external-dns.alpha.kubernetes.io/hostname" | "external-dns.alpha.kubernetes.io/internal-hostname"
            ) {
                // external-dns accepts a trailing dot, which clients remove.
                let hosts = word.text.split(',').map(|h| h.trim().trim_end_matches('.')).filter(|h| !h.is_empty());
                external_hosts.extend(hosts.map(|h| Word { text: h.to_owned(), line: word.line }));
            }
        }
        for ingress in document.items_at(&["status", "loadBalancer", "ingress"]) {
            external_hosts.extend(Word::at(ingress, &["hostname"]));
        }
        let mut addresses: Vec<String> =
            Word::list(document, &["spec", "clusterIPs"]).into_iter().map(|w| w.text).collect();
        addresses.extend(Word::list(document, &["spec", "externalIPs"]).into_iter().map(|w| w.text));
        for key in ["clusterIP", "loadBalancerIP"] {
            addresses.extend(document.text_at(&["spec", key]).filter(|a| *a != "None").map(str::to_owned));
        }
        let affinity = document.find(&["spec", "sessionAffinity"]).filter(|n| n.text() == Some("ClientIP"));
        Self {
            exposure: exposure.unwrap_or(Exposure::ClusterIp),
            selector: labels(document, &["spec", "selector"]),
            selector_line: document.find(&["spec", "selector"]).map_or(document.line, |n| key_line(document, n)),
            ports: document.items_at(&["spec", "ports"]).iter().filter_map(ServicePort::read).collect(),
            client_ip_affinity: affinity.map(|n| n.line),
            addresses,
            external_hosts,
            meta,
        }
    }

    /// Whether both describe the same Service equally, apart from their position.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        let port = |p: &ServicePort| (p.name.clone(), p.port, p.target.clone());
        let hosts = |s: &Self| s.external_hosts.iter().map(|h| h.text.clone()).collect::<Vec<_>>();
        let alias = |s: &Self| match &s.exposure {
            Exposure::ExternalName(host) => Some(host.text.clone()),
            _ => None,
        };
        self.meta.is_twin(&other.meta)
            && self.selector == other.selector
            && std::mem::discriminant(&self.exposure) == std::mem::discriminant(&other.exposure)
            && alias(self) == alias(other)
            && self.addresses == other.addresses
            && hosts(self) == hosts(other)
            && self.ports.iter().map(port).eq(other.ports.iter().map(port))
    }

    /// The port that a backend names, or the only one.
    pub(crate) fn port(&self, wanted: Option<&super::PortRef>) -> Option<&ServicePort> {
        match wanted {
            Some(super::PortRef::Number(number)) => self.ports.iter().find(|p| p.port == *number),
            Some(super::PortRef::Name(name)) => self.ports.iter().find(|p| p.name.as_deref() == Some(name)),
            None if self.ports.len() == 1 => self.ports.first(),
            None => None,
        }
    }
}

impl ServicePort {
    fn read(node: &Node) -> Option<Self> {
        let number = port(node.get("port"))?;
        Some(Self {
            name: node.text_at(&["name"]).map(str::to_owned),
            port: number,
            is_tcp: node.text_at(&["protocol"]).is_none_or(|protocol| protocol == "TCP"),
            target: node.get("targetPort").and_then(Target::of).unwrap_or(Target::Number(number)),
            line: node.line,
        })
    }
}

/// The line of the key of a value of `spec`: a mapping begins on the line below its key.
fn key_line(document: &Node, value: &Node) -> usize {
    let entries = document.entries_at(&["spec"]);
    entries.iter().find(|(_, v)| std::ptr::eq(v, value)).map_or(value.line, |(key, _)| key.line)
}
