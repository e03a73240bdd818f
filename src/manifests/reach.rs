//! The names that lead to a node, each with its reasons, and the target of a name.

use super::backend::Backend;
use super::dial::{Dial, Dialler};
use super::fabric::{FabricNode, named_port};
use super::meta::At;
use super::network::Network;
use super::service::{Exposure, ServicePort, Target};
use crate::pki::name::{SanName, matches_as_go};

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
    /// The members of a Service: the nodes with TLS that it leads to, in order.
    pub(crate) fn members(&self, s: usize) -> Vec<usize> {
        let is_member =
            |w: &usize| self.node_with_tls(*w).is_some_and(|node| self.reached(s, *w, node) == Reached::Tls);
        self.selected[s].iter().copied().filter(is_member).collect()
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
    pub(crate) fn needed(&self, w: usize) -> Vec<Needed> {
        let Some(node) = self.node_with_tls(w) else { return Vec::new() };
        let mut names = Names(Vec::new());
        // The node's own Service first, in any order of files.
        let mut services = self.selecting[w].clone();
        services.sort_by_key(|s| {
            (self.selected[*s].len(), &self.services[*s].meta.name, &self.services[*s].meta.namespace)
        });
        for s in &services {
            let reached = self.reached(*s, w, node);
            if reached != Reached::Beside {
                self.of_service(*s, w, (node, reached), &mut names);
            }
        }
        self.of_itself(w, node, &mut names);
        names.0
    }

    fn of_service(&self, s: usize, w: usize, (node, reached): (&FabricNode, Reached), names: &mut Names) {
        let service = &self.services[s];
        let (name, meta) = (&service.meta.name, &service.meta);
        let is_tls = reached == Reached::Tls;
        let need = if is_tls && self.short_form_is_used(s, w) { Need::Required } else { Need::Advised };
        names.put(name, need, Some(s), format!("{meta} selects it"), &meta.at);
        for d in &self.dialled[s] {
            let dial = &self.dials[*d];
            let port = dial.port.map(super::PortRef::Number);
            if is_tls && self.leads_to_tls(s, port.as_ref(), w, node) {
                names.put(&dial.host, Need::Required, Some(s), format!("{} dials it", dial.by), &dial.at);
            }
        }
        for (r, h) in &self.routed[s] {
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
        let service = &self.services[s];
        for alias in &self.services {
            if let Exposure::ExternalName(host) = &alias.exposure {
                let from = alias.meta.namespace.as_deref();
                if self.resolve(&host.text.to_ascii_lowercase(), from).contains(&s) {
                    let words = format!("{} is an alias for {}", alias.meta, service.meta);
                    names.put(&alias.meta.name, Need::Required, Some(s), words, &alias.meta.at.line(host.line));
                }
            }
        }
        for workload in &self.workloads {
            for (ip, host) in &workload.host_aliases {
                if service.addresses.contains(ip) {
                    let words = format!("a host alias of {} for {}", workload.meta, service.meta);
                    names.put(&host.text, Need::Required, Some(s), words, &workload.meta.at.line(host.line));
                }
            }
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
        for (_, d) in self.pods_dialled.iter().filter(|(of, _)| *of == w) {
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
            let known = !self.resolve(&endpoint.host, from).is_empty() || self.pod(&endpoint.host, from).is_some();
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
        let dials: Vec<&Dial> = self.dialled[s].iter().map(|d| &self.dials[*d]).collect();
        if dials.is_empty() || dials.iter().any(|d| !d.host.contains('.')) {
            return true;
        }
        let elsewhere = |d: &Dial| d.namespace.is_some() && d.namespace != meta.namespace;
        let own = self.nodes[w].iter().flat_map(|node| &node.endpoints).map(|e| &e.at).collect::<Vec<_>>();
        let is_announced = |d: &Dial| own.contains(&&d.at) || matches!(d.from, Dialler::Channel(_));
        let says_otherwise = dials.iter().any(|d| is_announced(d)) && !dials.iter().all(|d| is_announced(d));
        if !dials.iter().all(|d| elsewhere(d)) && !says_otherwise {
            return true;
        }
        let others = self.nodes.iter().enumerate().filter(|(other, node)| *other != w && node.is_some());
        others.map(|(other, _)| &self.workloads[other].meta).any(|other| other.may_share_namespace(meta))
    }

    /// `S.N`, `S.N.svc`, `S.N.svc.DOMAIN`: the forms that the cluster's DNS resolves from other namespaces.
    fn long_forms(&self, name: &str, namespace: &str) -> [String; 3] {
        let domain = &self.settings.cluster_domain;
        [format!("{name}.{namespace}"), format!("{name}.{namespace}.svc"), format!("{name}.{namespace}.svc.{domain}")]
    }

    /// The target of a name in a workload's certificate. `needed` is [`Network::needed`] of the workload.
    pub(crate) fn lead(&self, name: &str, w: usize, needed: &[Needed]) -> Lead {
        let name = name.trim().to_ascii_lowercase();
        let workload = &self.workloads[w];
        let held = [SanName::from_certificate_dns(&name)];
        let is_needed = |n: &Needed| {
            let needed = n.name.to_string();
            // A route for `*.domain` leads every host of the domain to this node.
            needed == name || matches_as_go(&held, &needed) || matches_as_go(std::slice::from_ref(&n.name), &name)
        };
        if needed.iter().any(is_needed) {
            return Lead::Here;
        }
        let is_own = |s: &usize| self.selecting[w].contains(s);
        let (first, rest) = name.split_once('.').unwrap_or((name.as_str(), ""));
        let mut labels = rest.split('.');
        let in_cluster = rest.is_empty() || !rest.contains('.') || labels.nth(1) == Some("svc");
        let namespace = rest.split('.').next().filter(|n| !n.is_empty());
        let fits = |own: Option<&str>| namespace.is_none_or(|n| own.is_none_or(|own| own == n));
        if in_cluster
            && self.services_named(first).any(|s| is_own(&s) && fits(self.services[s].meta.namespace.as_deref()))
        {
            return Lead::Here;
        }
        let own_name = first == workload.meta.name && in_cluster && fits(workload.meta.namespace.as_deref());
        let aliases =
            || self.workloads.iter().flat_map(|o| &o.host_aliases).any(|(_, h)| h.text.eq_ignore_ascii_case(&name));
        let is_id = || self.nodes[w].as_ref().is_some_and(|n| n.id.as_deref() == Some(name.as_str()));
        if (own_name && workload.operated.is_some())
            || self.pod(&name, None) == Some(w)
            || workload.pod_names().contains(&name)
            || is_id()
            || aliases()
        {
            return Lead::Here;
        }
        let from = workload.meta.namespace.as_deref();
        if let Some(s) = self.resolve(&name, from).first() {
            return Lead::Elsewhere(self.services[*s].meta.to_string());
        }
        let hosts = self.routes.iter().flat_map(|r| r.hosts.iter().map(move |h| (r, h)));
        let answers = |host: &str| {
            host.eq_ignore_ascii_case(&name) || matches_as_go(&[SanName::from_certificate_dns(host)], &name)
        };
        let found = hosts.into_iter().find(|(_, h)| answers(&h.host.text));
        match found {
            Some((route, _)) => Lead::Elsewhere(route.meta.to_string()),
            None => Lead::Nowhere,
        }
    }

    /// Whether a name has a form that only the cluster's DNS resolves.
    pub(crate) fn is_in_cluster(&self, name: &str) -> bool {
        let labels: Vec<&str> = name.split('.').collect();
        let is_namespace = |text: &str| {
            let of_services = self.services.iter().map(|s| &s.meta);
            of_services.chain(self.workloads.iter().map(|w| &w.meta)).any(|m| m.namespace.as_deref() == Some(text))
        };
        match labels.as_slice() {
            [_] => true,
            [_, namespace] => is_namespace(namespace),
            _ => labels.contains(&"svc"),
        }
    }

    /// Whether the manifests have routes to Fabric nodes, so that an external name without a route leads nowhere.
    pub(crate) fn knows_outside(&self) -> bool {
        let leads = |s: usize| self.selected[s].is_empty() || !self.members(s).is_empty();
        let is_outside = |(r, h): &(usize, usize)| !self.is_in_cluster(&self.routes[*r].hosts[*h].host.text);
        self.routed.iter().enumerate().any(|(s, routes)| routes.iter().any(is_outside) && leads(s))
    }
}

struct Names(Vec<Needed>);

impl Names {
    /// The maximum number of reasons for one name.
    const REASONS: usize = 6;

    /// Adds a name, unless a certificate cannot have it.
    fn put(&mut self, text: &str, need: Need, service: Option<usize>, words: String, at: &At) {
        let Ok(name) = text.parse::<SanName>() else { return };
        let reason = Reason { words, at: at.clone() };
        match self.0.iter_mut().find(|n| n.name == name) {
            Some(known) => {
                known.service = known.service.or(service);
                if need > known.need {
                    (known.need, known.service) = (need, service.or(known.service));
                    known.reasons.insert(0, reason);
                } else if known.reasons.len() < Self::REASONS && !known.reasons.contains(&reason) {
                    known.reasons.push(reason);
                }
            }
            None => self.0.push(Needed { name, need, service, reasons: vec![reason] }),
        }
    }
}
