//! The names that lead to a node, each with its reasons, and the target of a name.

use std::collections::{HashMap, HashSet};

use super::backend::Backend;
use super::fabric::{FabricNode, named_port};
use super::meta::At;
use super::network::Network;
use super::service::{Exposure, ServicePort, Target};
use crate::pki::name::{NameIndex, SanName};

/// A name that a node's TLS certificate should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The name.
    pub name: SanName,
    /// Whether the certificate must have it.
    pub need: Need,
    /// The Service that it leads through, as an index of [`Network::services`].
    pub(crate) service: Option<usize>,
    /// The uses of the name, each with its position.
    pub reasons: Vec<Reason>,
}

/// Whether a certificate must have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Need {
    /// Nothing in the manifests dials it.
    Advised,
    /// Something dials it, or leads to it.
    Required,
}

/// Why a name is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// In words: `Service org1-peer-gateway-svc selects it`.
    pub words: String,
    /// Its position.
    pub at: At,
}

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
enum Reached {
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

    fn reached(&self, s: usize, w: usize, node: &FabricNode) -> Reached {
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
    fn leads_to_tls(&self, s: usize, port: Option<&super::PortRef>, w: usize, node: &FabricNode) -> bool {
        let port = port.and_then(|p| self.services[s].port(Some(p)));
        port.is_none_or(|p| self.reached_at(p, w, node) == Reached::Tls)
    }

    /// Whether a backend of a route leads to the TLS of a member of its Service.
    pub(crate) fn routes_to_tls(&self, s: usize, backend: &Backend, w: usize) -> bool {
        self.node_with_tls(w).is_some_and(|node| self.leads_to_tls(s, backend.port.as_ref(), w, node))
    }

    /// The names that a workload's TLS certificate should have, in a stable order; empty if it is not a node with TLS.
    /// Of the nodes of one set of manifests each has at most [`Network::most_names`].
    pub(crate) fn needed(&self, w: usize) -> Vec<Needed> {
        let Some(node) = self.node_with_tls(w) else { return Vec::new() };
        let mut names = Names { most: self.most_names(), ..Names::default() };
        // The node's own Service first, in any order of files.
        for s in self.ranked[w].iter() {
            if names.is_full() {
                break;
            }
            let reached = self.reached(*s, w, node);
            if reached == Reached::Beside {
                names.looked_at += 1;
            } else {
                self.of_service(*s, w, (node, reached), &mut names);
            }
        }
        if !names.is_full() {
            self.of_itself(w, node, &mut names);
        }
        names.list
    }

    /// Whether names of a workload were left out of `needed`, its [`Network::needed`].
    pub(crate) fn has_left_out(&self, w: usize, needed: &[Needed]) -> bool {
        // The names inside the pod come last.
        self.node_with_tls(w).is_some()
            && !needed.iter().any(|n| n.service.is_none() && n.name.to_string() == "127.0.0.1")
    }

    /// The most names that are derived for one node: a million for all nodes together, and a hundred for each. Manifests
    /// in which every Service selects every node would need more names than fit into memory.
    pub(crate) fn most_names(&self) -> usize {
        (1_000_000 / self.index.node_count().max(1)).max(100)
    }

    fn of_service(&self, s: usize, w: usize, (node, reached): (&FabricNode, Reached), names: &mut Names) {
        let service = &self.services[s];
        let (name, meta) = (&service.meta.name, &service.meta);
        let is_tls = reached == Reached::Tls;
        let need = if is_tls && self.short_form_is_used(s, w) { Need::Required } else { Need::Advised };
        names.put(name, need, Some(s), format!("{meta} selects it"), &meta.at);
        let inbound = &self.inbound.services[s];
        for d in &inbound.dials {
            if names.is_full() {
                return;
            }
            let dial = &self.dials[*d];
            let port = dial.port.map(super::PortRef::Number);
            if is_tls && self.leads_to_tls(s, port.as_ref(), w, node) {
                names.put(&dial.host, Need::Required, Some(s), format!("{} dials it", dial.by), &dial.at);
            }
        }
        for (r, h) in &inbound.routes {
            if names.is_full() {
                return;
            }
            let (route, host) = (&self.routes[*r], &self.routes[*r].hosts[*h]);
            let leads = |b: &Backend| b.service.text == *name && self.leads_to_tls(s, b.port.as_ref(), w, node);
            if is_tls && host.backends.iter().any(leads) {
                let words = format!("{} leads to {meta}", route.meta);
                names.put(&host.host.text, Need::Required, Some(s), words, &route.meta.at.line(host.host.line));
            }
        }
        if is_tls {
            for host in &service.external_hosts {
                names.put(
                    &host.text,
                    Need::Required,
                    Some(s),
                    format!("an external name of {meta}"),
                    &meta.at.line(host.line),
                );
            }
            self.aliases(s, names);
        }
        let namespace = meta.namespace.as_ref().or(self.workloads[w].meta.namespace.as_ref());
        if let Some(namespace) = namespace {
            for form in self.long_forms(name, namespace) {
                names.put(&form, Need::Advised, Some(s), format!("{meta}, from other namespaces"), &meta.at);
            }
        }
        if service.exposure == Exposure::Headless && self.workloads[w].governing_service.as_ref() == Some(name) {
            self.pods(s, w, names);
        }
    }

    /// Adds the names of `ExternalName` Services and host aliases for a Service.
    fn aliases(&self, s: usize, names: &mut Names) {
        let (service, inbound) = (&self.services[s], &self.inbound.services[s]);
        for alias in inbound.aliases.iter().map(|a| &self.services[*a]) {
            if let Exposure::ExternalName(host) = &alias.exposure {
                let words = format!("{} is an alias for {}", alias.meta, service.meta);
                names.put(&alias.meta.name, Need::Required, Some(s), words, &alias.meta.at.line(host.line));
            }
        }
        for (w, index) in &inbound.host_aliases {
            let workload = &self.workloads[*w];
            let (_, host) = &workload.host_aliases[*index];
            let words = format!("a host alias of {} for {}", workload.meta, service.meta);
            names.put(&host.text, Need::Required, Some(s), words, &workload.meta.at.line(host.line));
        }
    }

    fn pods(&self, s: usize, w: usize, names: &mut Names) {
        let (service, workload) = (&self.services[s], &self.workloads[w]);
        let namespace = service.meta.namespace.as_ref().or(workload.meta.namespace.as_ref());
        for pod in workload.pod_names() {
            let short = format!("{pod}.{}", service.meta.name);
            let words = format!("a pod of {} behind {}", workload.meta, service.meta);
            names.put(&short, Need::Advised, Some(s), words.clone(), &workload.meta.at);
            for form in namespace.iter().flat_map(|ns| self.long_forms(&short, ns)) {
                names.put(&form, Need::Advised, Some(s), words.clone(), &workload.meta.at);
            }
        }
        for d in self.inbound.pods_dialled.get(&w).into_iter().flatten() {
            let dial = &self.dials[*d];
            names.put(&dial.host, Need::Required, Some(s), format!("{} dials it", dial.by), &dial.at);
        }
    }

    /// Adds the names that the node announces, the routes of its operator, and the loopback names.
    fn of_itself(&self, w: usize, node: &FabricNode, names: &mut Names) {
        let workload = &self.workloads[w];
        let from = workload.meta.namespace.as_deref();
        for endpoint in &node.endpoints {
            // A host that belongs to a Service is required of that Service's members instead.
            let known = self.resolves(&endpoint.host, from) || self.pod(&endpoint.host, from).is_some();
            let need = if endpoint.chaincode_only || !node.is_server { Need::Advised } else { Need::Required };
            if endpoint.chaincode_only || !known {
                names.put(
                    &endpoint.host,
                    need,
                    None,
                    format!("{}, {}", workload.meta, endpoint.variable),
                    &endpoint.at,
                );
            }
        }
        if let Some(operated) = &workload.operated {
            for host in &operated.hosts {
                let words = format!("an external host of {}", workload.meta);
                names.put(&host.text, Need::Required, None, words, &workload.meta.at.line(host.line));
            }
            names.put(
                &workload.meta.name,
                Need::Advised,
                None,
                format!("the Service of {}", workload.meta),
                &workload.meta.at,
            );
        }
        for name in ["localhost", "127.0.0.1"] {
            names.put(name, Need::Advised, None, "probes and commands inside the pod".to_owned(), &workload.meta.at);
        }
    }

    /// Whether the short form of a Service's name is in use, which is assumed unless the manifests show otherwise. They
    /// do for a node without another one in its namespace if every dial comes from other namespaces, or if the node or
    /// a channel announces a longer form and all dials use one.
    fn short_form_is_used(&self, s: usize, w: usize) -> bool {
        let meta = &self.services[s].meta;
        let dialled = &self.inbound.services[s].dialled;
        if dialled.count == 0 || dialled.short > 0 {
            return true;
        }
        let own: HashSet<&At> = self.nodes[w].iter().flat_map(|node| &node.endpoints).map(|e| &e.at).collect();
        let announced = dialled.channel + own.iter().filter_map(|at| dialled.at.get(*at)).sum::<usize>();
        let says_otherwise = announced > 0 && announced < dialled.count;
        if dialled.elsewhere < dialled.count && !says_otherwise {
            return true;
        }
        let is_near = self.nodes[w].is_some() && self.workloads[w].meta.may_share_namespace(meta);
        self.index.nodes_near(meta) > usize::from(is_near)
    }

    /// `S.N`, `S.N.svc`, `S.N.svc.DOMAIN`: the forms that the cluster's DNS resolves from other namespaces.
    fn long_forms(&self, name: &str, namespace: &str) -> [String; 3] {
        let domain = &self.settings.cluster_domain;
        [format!("{name}.{namespace}"), format!("{name}.{namespace}.svc"), format!("{name}.{namespace}.svc.{domain}")]
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
        let selecting = &self.selecting[w];
        let named = self.index.services.within(name, namespace);
        if named.len() < selecting.len() {
            named.iter().any(|s| selecting.binary_search(s).is_ok())
        } else {
            selecting.iter().any(|s| named.binary_search(s).is_ok())
        }
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

/// The names of a node, while they are collected.
#[derive(Default)]
struct Names {
    list: Vec<Needed>,
    by_name: HashMap<SanName, usize>,
    most: usize,
    /// The number of names and Services looked at, repeated ones included.
    looked_at: usize,
}

impl Names {
    /// The maximum number of reasons for one name.
    const REASONS: usize = 6;

    /// Whether no more names are derived.
    const fn is_full(&self) -> bool {
        self.list.len() >= self.most || self.looked_at >= 16 * self.most
    }

    /// Adds a name, unless a certificate cannot have it.
    fn put(&mut self, text: &str, need: Need, service: Option<usize>, words: String, at: &At) {
        self.looked_at += 1;
        let Ok(name) = text.parse::<SanName>() else { return };
        let reason = Reason { words, at: at.clone() };
        let Some(known) = self.by_name.get(&name).map(|index| &mut self.list[*index]) else {
            self.by_name.insert(name.clone(), self.list.len());
            self.list.push(Needed { name, need, service, reasons: vec![reason] });
            return;
        };
        known.service = known.service.or(service);
        if need > known.need {
            (known.need, known.service) = (need, service.or(known.service));
            known.reasons.insert(0, reason);
        } else if known.reasons.len() < Self::REASONS && !known.reasons.contains(&reason) {
            known.reasons.push(reason);
        }
    }
}
