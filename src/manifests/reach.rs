//! The part of a pod that a Service reaches, and the target of a name.

use super::backend::Backend;
use super::fabric::{FabricNode, named_port};
use super::network::Network;
use super::service::{ServicePort, Target};
use crate::pki::name::{NameIndex, SanName};

/// The target of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// This node.
    Here,
    /// Another object, in words.
    Elsewhere(String),
    /// Nothing in the manifests.
    Nowhere,
}

/// The part of a pod that a Service reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// Another process in the pod, such as a database, or metrics.
    Beside,
    /// Its port for chaincode.
    Chaincode,
    /// A port that the node serves with its TLS certificate.
    Tls,
}

impl Network {
    /// Whether a workload is a node with TLS that a Service leads to.
    pub(super) fn is_member(&self, s: usize, w: usize) -> bool {
        self.node_with_tls(w).is_some_and(|node| self.reached(s, w, node) == Reached::Tls)
    }

    /// The node in a workload, if it serves TLS.
    pub(crate) fn node_with_tls(&self, w: usize) -> Option<&FabricNode> {
        self.nodes[w].as_ref().filter(|node| node.tls)
    }

    /// The pod port that a Service port leads to; `None` if it is the name of an undeclared port.
    pub(crate) fn target(&self, port: &ServicePort, w: usize) -> Option<u16> {
        match &port.target {
            Target::Number(number) => Some(*number),
            Target::Name(name) => named_port(&self.workloads[w].containers, name),
        }
    }

    pub(super) fn reached(&self, s: usize, w: usize, node: &FabricNode) -> Reached {
        let ports = &self.services[s].ports;
        ports.iter().map(|port| self.reached_at(port, w, node)).max().unwrap_or(Reached::Tls)
    }

    fn reached_at(&self, port: &ServicePort, w: usize, node: &FabricNode) -> Reached {
        // Ports that the node's container declares do not count if the environment overrides them.
        let is_declared = |n: u16| {
            let containers = self.workloads[w].containers.iter().enumerate();
            let counts = |index: usize| index != node.container || !node.has_left(n);
            containers.into_iter().any(|(index, c)| counts(index) && c.ports.iter().any(|p| p.number == n))
        };
        match self.target(port, w) {
            _ if !port.is_tcp => Reached::Beside,
            Some(number) if node.serves_tls_at(number) => Reached::Tls,
            Some(number) if node.listens_at(number) => Reached::Chaincode,
            Some(number) if is_declared(number) || node.operations_port == Some(number) => Reached::Beside,
            Some(_) if !node.listens_at(port.port) && self.may_be_beside(w, node) => Reached::Beside,
            // The port is probably for the node but does not reach it; a rule reports that.
            _ => Reached::Tls,
        }
    }

    /// Whether another container of the pod declares no ports, so that any port may belong to it.
    pub(crate) fn may_be_beside(&self, w: usize, node: &FabricNode) -> bool {
        let containers = self.workloads[w].containers.iter().enumerate();
        containers.into_iter().any(|(index, c)| index != node.container && c.ports.is_empty())
    }

    /// Whether a port of a Service, as a dial or a route refers to it, leads to the node's TLS; true for no port or an
    /// unknown one.
    pub(super) fn leads_to_tls(&self, s: usize, port: Option<&super::PortRef>, w: usize, node: &FabricNode) -> bool {
        let port = port.and_then(|p| self.services[s].port(Some(p)));
        port.is_none_or(|p| self.reached_at(p, w, node) == Reached::Tls)
    }

    /// Whether a backend of a route leads to the TLS of a member of its Service.
    pub(crate) fn routes_to_tls(&self, s: usize, backend: &Backend, w: usize) -> bool {
        self.node_with_tls(w).is_some_and(|node| self.leads_to_tls(s, backend.port.as_ref(), w, node))
    }

    /// The target of a name in a workload's certificate. `needed` are the names of [`Network::needed`] of the workload.
    pub(crate) fn lead(&self, name: &str, w: usize, needed: &NameIndex) -> Lead {
        let name = name.trim().to_ascii_lowercase();
        let workload = &self.workloads[w];
        let held = SanName::from_certificate_dns(&name);
        // A route for `*.domain` leads every host of the domain to this node.
        if needed.holds(&held) || needed.is_matched_by(&held) || needed.matches_as_go(&name) {
            return Lead::Here;
        }
        let (first, rest) = name.split_once('.').unwrap_or((name.as_str(), ""));
        let mut labels = rest.split('.');
        let in_cluster = rest.is_empty() || !rest.contains('.') || labels.nth(1) == Some("svc");
        let namespace = rest.split('.').next().filter(|n| !n.is_empty());
        if in_cluster && self.is_selected_by(w, first, namespace) {
            return Lead::Here;
        }
        let fits = |own: Option<&str>| namespace.is_none_or(|n| own.is_none_or(|own| own == n));
        let own_name = first == workload.meta.name && in_cluster && fits(workload.meta.namespace.as_deref());
        let is_id = || self.nodes[w].as_ref().is_some_and(|n| n.id.as_deref() == Some(name.as_str()));
        if (own_name && workload.operated.is_some())
            || self.pod(&name, None) == Some(w)
            || workload.has_pod(&name)
            || is_id()
            || self.index.host_aliases.contains(&name)
        {
            return Lead::Here;
        }
        let from = workload.meta.namespace.as_deref();
        if let Some(s) = self.resolve(&name, from).first() {
            return Lead::Elsewhere(self.services[*s].meta.to_string());
        }
        match self.index.route_of(&name) {
            Some(r) => Lead::Elsewhere(self.routes[r].meta.to_string()),
            None => Lead::Nowhere,
        }
    }

    /// Whether a Service of this name selects a workload; of one namespace, if it is given.
    fn is_selected_by(&self, w: usize, name: &str, namespace: Option<&str>) -> bool {
        let Some(named) = self.index.services.get(name) else { return false };
        let (named, selecting) = (named.all(), &self.selecting[w]);
        let (fewer, more): (&[usize], &[usize]) =
            if named.len() < selecting.len() { (named, selecting) } else { (selecting, named) };
        let may_be_in = |s: &usize| {
            let own = self.services[*s].meta.namespace.as_deref();
            own.is_none() || namespace.is_none() || own == namespace
        };
        fewer.iter().any(|s| may_be_in(s) && more.binary_search(s).is_ok())
    }

    /// Whether a name has a form that only the cluster's DNS resolves.
    pub(crate) fn is_in_cluster(&self, name: &str) -> bool {
        let labels: Vec<&str> = name.split('.').collect();
        match labels.as_slice() {
            [_] => true,
            [_, namespace] => self.index.namespaces.contains(*namespace),
            _ => labels.contains(&"svc"),
        }
    }

    /// Whether the manifests have routes to Fabric nodes, so that an external name without a route leads nowhere.
    pub(crate) fn knows_outside(&self) -> bool {
        let leads = |s: usize| self.selected[s].is_empty() || !self.members(s).is_empty();
        let is_outside = |(r, h): &(usize, usize)| !self.is_in_cluster(&self.routes[*r].hosts[*h].host.text);
        let inbound = self.inbound.services.iter().enumerate();
        inbound.into_iter().any(|(s, to)| to.routes.iter().any(is_outside) && leads(s))
    }
}
