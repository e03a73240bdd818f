//! The names that lead to a node, each with its reasons.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::PortRef;
use super::backend::Backend;
use super::fabric::FabricNode;
use super::meta::At;
use super::near::MOST_ALIKE;
use super::network::Network;
use super::reach::Reached;
use super::service::Exposure;
use crate::pki::name::SanName;

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

impl Network {
    /// The names that a workload's TLS certificate should have, in a stable order; empty if it is not a node with TLS.
    /// Of the nodes of one set of manifests each has at most [`Network::most_names`].
    pub(crate) fn needed(&self, w: usize) -> Vec<Needed> {
        let mut names = Names { most: self.most_names(), ..Names::default() };
        // A full list leaves further names out.
        let _ = self.collect(w, &mut names);
        names.list
    }

    /// Collects the names of a workload; `None` if the list is full before all are in it.
    fn collect(&self, w: usize, names: &mut Names) -> Option<()> {
        let Some(node) = self.node_with_tls(w) else { return Some(()) };
        // The node's own Service first, in any order of files.
        for s in self.ranked[w].iter() {
            names.look(1 + self.services[*s].ports.len())?;
            let reached = self.reached(*s, w, node);
            if reached != Reached::Beside {
                self.of_service(*s, w, (node, reached), names)?;
            }
        }
        self.of_itself(w, node, names)
    }

    /// Whether names of a workload were left out of `needed`, its [`Network::needed`].
    pub(crate) fn has_left_out(&self, w: usize, needed: &[Needed]) -> bool {
        // The names inside the pod come last.
        self.node_with_tls(w).is_some()
            && !needed.iter().any(|n| n.service.is_none() && n.name.to_string() == "127.0.0.1")
    }

    /// The most names that are derived for one node: 200,000 for all nodes together, and fifty for each. Manifests in
    /// which every Service selects every node would need more names than fit into memory.
    pub(crate) fn most_names(&self) -> usize {
        (200_000 / self.index.node_count().max(1)).max(50)
    }

    /// What was left out of the links between names and Services, in words.
    pub(crate) fn left_out(&self) -> Option<String> {
        let words = format!(
            "a dial, route or alias leads to {MOST_ALIKE} Services or pods or more, or through more than five aliases; only the \
             first were compared"
        );
        self.inbound.is_cut.then_some(words)
    }

    fn of_service(&self, s: usize, w: usize, (node, reached): (&FabricNode, Reached), names: &mut Names) -> Option<()> {
        let service = &self.services[s];
        let (name, meta, ports) = (&service.meta.name, &service.meta, service.ports.len());
        let is_tls = reached == Reached::Tls;
        let need = if is_tls && self.short_form_is_used(s, w) { Need::Required } else { Need::Advised };
        names.put(name, need, Some(s), format_args!("{meta} selects it"), &meta.at)?;
        let inbound = &self.inbound.services[s];
        for d in inbound.dials.iter().filter(|_| is_tls) {
            names.look(ports)?;
            let dial = &self.dials[*d];
            let port = dial.port.map(PortRef::Number);
            if self.leads_to_tls(s, port.as_ref(), w, node) {
                names.put(&dial.host, Need::Required, Some(s), format_args!("{} dials it", dial.by), &dial.at)?;
            }
        }
        for (r, h) in inbound.routes.iter().filter(|_| is_tls) {
            let (route, host) = (&self.routes[*r], &self.routes[*r].hosts[*h]);
            names.look(ports.saturating_mul(host.backends.len()))?;
            let leads = |b: &Backend| b.service.text == *name && self.leads_to_tls(s, b.port.as_ref(), w, node);
            if host.backends.iter().any(leads) {
                let words = format_args!("{} leads to {meta}", route.meta);
                names.put(&host.host.text, Need::Required, Some(s), words, &route.meta.at.line(host.host.line))?;
            }
        }
        if is_tls {
            for host in &service.external_hosts {
                let words = format_args!("an external name of {meta}");
                names.put(&host.text, Need::Required, Some(s), words, &meta.at.line(host.line))?;
            }
            self.aliases(s, names)?;
        }
        let namespace = meta.namespace.as_ref().or(self.workloads[w].meta.namespace.as_ref());
        if let Some(namespace) = namespace {
            for form in self.long_forms(name, namespace) {
                let words = format_args!("{meta}, from other namespaces");
                names.put(&form, Need::Advised, Some(s), words, &meta.at)?;
            }
        }
        if service.exposure == Exposure::Headless && self.workloads[w].governing_service.as_ref() == Some(name) {
            self.pods(s, w, names)?;
        }
        Some(())
    }

    /// Adds the names of `ExternalName` Services and host aliases for a Service.
    fn aliases(&self, s: usize, names: &mut Names) -> Option<()> {
        let (service, inbound) = (&self.services[s], &self.inbound.services[s]);
        for alias in inbound.aliases.iter().map(|a| &self.services[*a]) {
            if let Exposure::ExternalName(host) = &alias.exposure {
                let words = format_args!("{} is an alias for {}", alias.meta, service.meta);
                names.put(&alias.meta.name, Need::Required, Some(s), words, &alias.meta.at.line(host.line))?;
            }
        }
        for (w, index) in &inbound.host_aliases {
            let workload = &self.workloads[*w];
            let (_, host) = &workload.host_aliases[*index];
            let words = format_args!("a host alias of {} for {}", workload.meta, service.meta);
            names.put(&host.text, Need::Required, Some(s), words, &workload.meta.at.line(host.line))?;
        }
        Some(())
    }

    fn pods(&self, s: usize, w: usize, names: &mut Names) -> Option<()> {
        let (service, workload) = (&self.services[s], &self.workloads[w]);
        let namespace = service.meta.namespace.as_ref().or(workload.meta.namespace.as_ref());
        for pod in workload.pod_names() {
            let short = format!("{pod}.{}", service.meta.name);
            let words = format_args!("a pod of {} behind {}", workload.meta, service.meta);
            names.put(&short, Need::Advised, Some(s), words, &workload.meta.at)?;
            for form in namespace.iter().flat_map(|ns| self.long_forms(&short, ns)) {
                names.put(&form, Need::Advised, Some(s), words, &workload.meta.at)?;
            }
        }
        for d in self.inbound.pods_dialled.get(&w).into_iter().flatten() {
            let dial = &self.dials[*d];
            names.put(&dial.host, Need::Required, Some(s), format_args!("{} dials it", dial.by), &dial.at)?;
        }
        Some(())
    }

    /// Adds the names that the node announces, the routes of its operator, and the loopback names.
    fn of_itself(&self, w: usize, node: &FabricNode, names: &mut Names) -> Option<()> {
        let workload = &self.workloads[w];
        let (meta, from) = (&workload.meta, workload.meta.namespace.as_deref());
        for endpoint in &node.endpoints {
            // A host that belongs to a Service is required of that Service's members instead.
            let known = self.resolves(&endpoint.host, from) || self.pod(&endpoint.host, from).is_some();
            let need = if endpoint.chaincode_only || !node.is_server { Need::Advised } else { Need::Required };
            if endpoint.chaincode_only || !known {
                let words = format_args!("{meta}, {}", endpoint.variable);
                names.put(&endpoint.host, need, None, words, &endpoint.at)?;
            }
        }
        if let Some(operated) = &workload.operated {
            for host in &operated.hosts {
                let words = format_args!("an external host of {meta}");
                names.put(&host.text, Need::Required, None, words, &meta.at.line(host.line))?;
            }
            names.put(&meta.name, Need::Advised, None, format_args!("the Service of {meta}"), &meta.at)?;
        }
        for name in ["localhost", "127.0.0.1"] {
            names.put(name, Need::Advised, None, format_args!("probes and commands inside the pod"), &meta.at)?;
        }
        Some(())
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
}

/// The names of a node, while they are collected.
#[derive(Default)]
struct Names {
    list: Vec<Needed>,
    by_name: HashMap<SanName, usize>,
    most: usize,
    /// The number of names, Services and ports looked at, repeated ones included.
    looked_at: usize,
}

impl Names {
    /// The maximum number of reasons for one name.
    const REASONS: usize = 6;

    /// Counts a look at `count` objects; `None` if no more are looked at.
    const fn look(&mut self, count: usize) -> Option<()> {
        self.looked_at = self.looked_at.saturating_add(count);
        if self.looked_at <= 16 * self.most { Some(()) } else { None }
    }

    /// Adds a name, unless a certificate cannot have it; `None` if the list is full.
    fn put(
        &mut self,
        text: &str,
        need: Need,
        service: Option<usize>,
        words: fmt::Arguments<'_>,
        at: &At,
    ) -> Option<()> {
        self.look(1)?;
        let Ok(name) = text.parse::<SanName>() else { return Some(()) };
        let reason = || Reason { words: words.to_string(), at: at.clone() };
        let Some(known) = self.by_name.get(&name).map(|index| &mut self.list[*index]) else {
            if self.list.len() >= self.most {
                return None;
            }
            self.by_name.insert(name.clone(), self.list.len());
            self.list.push(Needed { name, need, service, reasons: vec![reason()] });
            return Some(());
        };
        known.service = known.service.or(service);
        if need > known.need {
            (known.need, known.service) = (need, service.or(known.service));
            known.reasons.insert(0, reason());
        } else if known.reasons.len() < Self::REASONS {
            let reason = reason();
            if !known.reasons.contains(&reason) {
                known.reasons.push(reason);
            }
        }
        Some(())
    }
}
