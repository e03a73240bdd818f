//! All manifests together: the links between Services, routes, diallers, mounts and workloads.

use std::collections::HashMap;

use super::backend::Backend;
use super::certificate::{Certificate, Issuer};
use super::config_map::ConfigMap;
use super::container::EnvSource;
use super::dial::Dial;
use super::fabric::{FabricNode, Variable};
use super::manifest::{Manifest, Object};
use super::meta::{At, same_namespace};
use super::namespace;
use super::near::nearest;
use super::profile::Profile;
use super::proxy::KubeProxy;
use super::route::{Gateway, Passthrough, Route, RouteHost};
use super::secret::Secret;
use super::selector::selects;
use super::service::{Exposure, Service};
use super::workload::Workload;

/// Settings for deriving names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The namespace of objects that do not name one.
    pub(crate) namespace: Option<String>,
    /// The cluster's DNS domain, usually `cluster.local`.
    pub(crate) cluster_domain: String,
}

/// All manifests together.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// How names are derived.
    pub(crate) settings: Settings,
    /// Services.
    pub(crate) services: Vec<Service>,
    /// Workloads.
    pub(crate) workloads: Vec<Workload>,
    /// The Fabric node in each workload, if any; same length as `workloads`.
    pub(crate) nodes: Vec<Option<FabricNode>>,
    /// Routes from outside the cluster.
    pub(crate) routes: Vec<Route>,
    /// Certificates of cert-manager.
    pub(crate) certificates: Vec<Certificate>,
    /// Issuers of cert-manager.
    pub(crate) issuers: Vec<Issuer>,
    /// Secrets.
    pub(crate) secrets: Vec<Secret>,
    /// ConfigMaps.
    pub(crate) config_maps: Vec<ConfigMap>,
    /// Settings of kube-proxy.
    pub(crate) proxies: Vec<KubeProxy>,
    /// Connection profiles.
    pub(crate) profiles: Vec<Profile>,
    /// Dialled hosts.
    pub(crate) dials: Vec<Dial>,
    /// The workloads that each Service selects; same length as `services`.
    pub(crate) selected: Vec<Vec<usize>>,
    /// The Services that select each workload; same length as `workloads`.
    pub(crate) selecting: Vec<Vec<usize>>,
    /// The dials that lead to each Service; same length as `services`.
    pub(super) dialled: Vec<Vec<usize>>,
    /// The dials of pods of a `StatefulSet`, by workload and dial.
    pub(super) pods_dialled: Vec<(usize, usize)>,
    /// The hosts of routes that lead to each Service, as route and host; same length as `services`.
    pub(super) routed: Vec<Vec<(usize, usize)>>,
    services_by_name: HashMap<String, Vec<usize>>,
    config_maps_by_name: HashMap<String, Vec<usize>>,
    workloads_by_label: HashMap<(String, String), Vec<usize>>,
}

impl Network {
    /// Combines manifests. An object that occurs in several of them counts once.
    pub(crate) fn new(manifests: impl IntoIterator<Item = Manifest>, settings: Settings) -> Self {
        let mut network = Self {
            settings,
            services: Vec::new(),
            workloads: Vec::new(),
            nodes: Vec::new(),
            routes: Vec::new(),
            certificates: Vec::new(),
            issuers: Vec::new(),
            secrets: Vec::new(),
            config_maps: Vec::new(),
            proxies: Vec::new(),
            profiles: Vec::new(),
            dials: Vec::new(),
            selected: Vec::new(),
            selecting: Vec::new(),
            dialled: Vec::new(),
            pods_dialled: Vec::new(),
            routed: Vec::new(),
            services_by_name: HashMap::new(),
            config_maps_by_name: HashMap::new(),
            workloads_by_label: HashMap::new(),
        };
        let mut gateways = Vec::new();
        for object in manifests.into_iter().flat_map(|m| m.objects) {
            network.add(object, &mut gateways);
        }
        network.index();
        network.dials = network.all_dials();
        namespace::infer(&mut network);
        network.dials_take_namespaces();
        network.routes_take_hosts(&gateways);
        network.link();
        network.nodes = (0..network.workloads.len()).map(|w| network.node(w)).collect();
        network.lead_in();
        network
    }

    fn add(&mut self, object: Object, gateways: &mut Vec<Gateway>) {
        match object {
            Object::Service(service) => {
                let known = self.services_by_name.get(&service.meta.name).into_iter().flatten();
                let twin = known.map(|i| &self.services[*i]).any(|s| s.is_twin(&service));
                if !twin {
                    self.services_by_name.entry(service.meta.name.clone()).or_default().push(self.services.len());
                    self.services.push(service);
                }
            }
            Object::Workload(workload) => {
                if !self.workloads.iter().any(|w| w.is_twin(&workload)) {
                    self.workloads.push(*workload);
                }
            }
            Object::Route(route) => self.routes.push(route),
            Object::Gateway(gateway) => gateways.push(gateway),
            Object::Secret(secret) => self.secrets.push(secret),
            Object::ConfigMap(map) => {
                self.profiles.extend(map.profiles.iter().cloned());
                self.config_maps.push(map);
            }
            Object::Certificate(certificate) => {
                if !self.certificates.iter().any(|c| c.is_twin(&certificate)) {
                    self.certificates.push(certificate);
                }
            }
            Object::Issuer(issuer) => self.issuers.push(issuer),
            Object::KubeProxy(proxy) => self.proxies.push(proxy),
            Object::Profile(profile) => self.profiles.push(profile),
        }
    }

    fn index(&mut self) {
        for (index, map) in self.config_maps.iter().enumerate() {
            self.config_maps_by_name.entry(map.meta.name.clone()).or_default().push(index);
        }
        for (index, workload) in self.workloads.iter().enumerate() {
            for (key, value) in &workload.labels {
                self.workloads_by_label.entry((key.clone(), value.clone())).or_default().push(index);
            }
        }
    }

    /// The workloads that match a Service's selector, in any namespace.
    pub(super) fn selected_anywhere<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = usize> + 'a {
        let first = service.selector.iter().next().map(|(k, v)| (k.clone(), v.clone()));
        let fitting = first.and_then(|pair| self.workloads_by_label.get(&pair)).into_iter().flatten();
        fitting.copied().filter(|w| selects(&service.selector, &self.workloads[*w].labels))
    }

    pub(super) fn services_named<'a>(&'a self, name: &str) -> impl Iterator<Item = usize> + 'a {
        self.services_by_name.get(name).into_iter().flatten().copied()
    }

    pub(super) fn config_maps_named<'a>(&'a self, name: &str) -> impl Iterator<Item = usize> + 'a {
        self.config_maps_by_name.get(name).into_iter().flatten().copied()
    }

    /// Gives routes without hosts the hosts and the TLS mode of their gateways.
    fn routes_take_hosts(&mut self, gateways: &[Gateway]) {
        for route in &mut self.routes {
            let names = &route.gateways;
            let own = gateways.iter().filter(|g| names.contains(&g.meta.name));
            for gateway in own {
                if route.passthrough == Passthrough::Elsewhere {
                    route.passthrough = gateway.passthrough;
                }
                if route.hostless.is_empty() {
                    continue;
                }
                for host in &gateway.hosts {
                    if !route.hosts.iter().any(|h| h.host.text == host.text) {
                        // Findings about the host belong to the route's file.
                        let host = super::Word { text: host.text.clone(), line: route.meta.at.line };
                        route.hosts.push(RouteHost { host, backends: route.hostless.clone() });
                    }
                }
            }
        }
    }

    fn link(&mut self) {
        let mut selecting = vec![Vec::new(); self.workloads.len()];
        for (s, service) in self.services.iter().enumerate() {
            let may = |w: &usize| service.meta.may_share_namespace(&self.workloads[*w].meta);
            let found = self.selected_anywhere(service).filter(may).collect();
            for w in nearest(&service.meta.at.path, found, |w| &self.workloads[w].meta) {
                selecting[w].push(s);
            }
        }
        self.selected = vec![Vec::new(); self.services.len()];
        for (w, services) in selecting.into_iter().enumerate() {
            let services = nearest(&self.workloads[w].meta.at.path, services, |s| &self.services[s].meta);
            for s in &services {
                self.selected[*s].push(w);
            }
            self.selecting.push(services);
        }
    }

    /// Finds the dials and routes that lead to each Service.
    fn lead_in(&mut self) {
        self.dialled = vec![Vec::new(); self.services.len()];
        self.routed = vec![Vec::new(); self.services.len()];
        for d in 0..self.dials.len() {
            let dial = &self.dials[d];
            let services = self.resolve(&dial.host, dial.namespace.as_deref());
            let services = nearest(&dial.at.path, services, |s| &self.services[s].meta);
            if services.is_empty() {
                self.pods_dialled.extend(self.pod(&dial.host, dial.namespace.as_deref()).map(|w| (w, d)));
            }
            for s in services {
                self.dialled[s].push(d);
            }
        }
        for r in 0..self.routes.len() {
            for h in 0..self.routes[r].hosts.len() {
                for s in self.behind(&self.routes[r], &self.routes[r].hosts[h].backends) {
                    self.routed[s].push((r, h));
                }
            }
        }
    }

    /// The Services that the backends of a route refer to.
    pub(crate) fn behind(&self, route: &Route, backends: &[Backend]) -> Vec<usize> {
        let mut found = Vec::new();
        for backend in backends {
            let namespace = backend.namespace.as_deref().or(route.meta.namespace.as_deref());
            let fits = |s: &usize| same_namespace(self.services[*s].meta.namespace.as_deref(), namespace);
            let named = self.services_named(&backend.service.text).filter(fits).collect();
            found.extend(nearest(&route.meta.at.path, named, |s| &self.services[s].meta));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The workload of a pod by its DNS name behind a headless Service: `POD.H`, `POD.H.N`, `POD.H.N.svc`,
    /// `POD.H.N.svc.DOMAIN`.
    pub(super) fn pod(&self, host: &str, from: Option<&str>) -> Option<usize> {
        let (pod, rest) = host.split_once('.')?;
        self.resolve(rest, from).into_iter().find_map(|s| {
            let governs = |w: &&usize| {
                let workload = &self.workloads[**w];
                workload.governing_service.as_deref() == Some(self.services[s].meta.name.as_str())
                    && workload.pod_names().iter().any(|name| name == pod)
            };
            self.selected[s].iter().find(governs).copied()
        })
    }

    /// The environment of a container; its own variables override those taken from whole objects.
    fn environment(&self, workload: &Workload, container: usize) -> Vec<Variable> {
        let mut out: Vec<Variable> = Vec::new();
        let mut put = |name: String, value: &str, at: At| {
            out.retain(|v| v.name != name);
            out.push(Variable { name, value: value.to_owned(), at });
        };
        let maps = |name: &str| {
            let may = |i: &usize| self.config_maps[*i].meta.may_share_namespace(&workload.meta);
            let found = self.config_maps_named(name).filter(may).collect();
            let near = nearest(&workload.meta.at.path, found, |i| &self.config_maps[i].meta);
            near.into_iter().map(|i| &self.config_maps[i]).collect::<Vec<_>>()
        };
        let container = &workload.containers[container];
        for from in &container.env_from {
            for map in maps(&from.config_map) {
                for (key, word) in &map.variables {
                    put(format!("{}{key}", from.prefix), &word.text, map.meta.at.line(word.line));
                }
            }
        }
        for variable in &container.env {
            match &variable.source {
                EnvSource::Value(value) => put(variable.name.clone(), value, workload.meta.at.line(variable.line)),
                EnvSource::ConfigMap { name, key } => {
                    for map in maps(name) {
                        if let Some((_, word)) = map.variables.iter().find(|(k, _)| k == key) {
                            put(variable.name.clone(), &word.text, map.meta.at.line(word.line));
                        }
                    }
                }
                EnvSource::Elsewhere => {}
            }
        }
        out
    }

    fn node(&self, w: usize) -> Option<FabricNode> {
        let workload = &self.workloads[w];
        if let Some(operated) = &workload.operated {
            return Some(FabricNode::operated(operated.kind));
        }
        if matches!(workload.meta.kind.as_str(), "Job" | "CronJob") {
            return None;
        }
        let containers = workload.containers.iter().enumerate();
        let nodes = containers.filter_map(|(c, one)| FabricNode::of(c, one, &self.environment(workload, c)));
        // A pod may also have a helper container with the node's variables.
        let nodes: Vec<FabricNode> = nodes.collect();
        let server = nodes.iter().position(|n| n.is_server);
        let found = nodes.into_iter().nth(server.unwrap_or(0))?;
        // A pod with only the `peer` command's variables is not a node, unless a Service leads to a port where a peer
        // listens.
        let leads = |s: &usize| {
            let mut targets = self.services[*s].ports.iter().map(|p| self.target(p, w));
            targets.len() == 0 || targets.any(|target| target.is_none_or(|number| found.listens_at(number)))
        };
        (found.is_server || self.selecting[w].iter().any(leads)).then_some(found)
    }

    /// The Services that `host` resolves to from a namespace: `S`, `S.N`, `S.N.svc`, `S.N.svc.DOMAIN`, or an external
    /// name of a Service.
    pub(crate) fn resolve(&self, host: &str, from: Option<&str>) -> Vec<usize> {
        let labels: Vec<&str> = host.split('.').collect();
        let (namespace, fits) = match labels.as_slice() {
            [_] => (from, true),
            [_, namespace] | [_, namespace, "svc"] => (Some(*namespace), true),
            [_, namespace, "svc", domain @ ..] => (Some(*namespace), domain.join(".") == self.settings.cluster_domain),
            _ => (None, false),
        };
        let mut found = Vec::new();
        if fits {
            for s in self.services_named(labels[0]) {
                if same_namespace(self.services[s].meta.namespace.as_deref(), namespace) {
                    found.extend(self.behind_alias(s, 0));
                }
            }
        }
        let outside = |s: &&usize| self.services[**s].external_hosts.iter().any(|h| h.text.eq_ignore_ascii_case(host));
        if labels.len() > 1 {
            let all: Vec<usize> = (0..self.services.len()).collect();
            found.extend(all.iter().filter(outside));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Resolves a Service of type `ExternalName` to the Services behind its host.
    fn behind_alias(&self, s: usize, depth: usize) -> Vec<usize> {
        match &self.services[s].exposure {
            Exposure::ExternalName(host) if depth < 4 => {
                let labels: Vec<&str> = host.text.split('.').collect();
                let [name, namespace, ..] = labels.as_slice() else { return Vec::new() };
                let fits = |i: &usize| same_namespace(self.services[*i].meta.namespace.as_deref(), Some(*namespace));
                let next: Vec<usize> = self.services_named(name).filter(fits).collect();
                next.into_iter().flat_map(|i| self.behind_alias(i, depth + 1)).collect()
            }
            Exposure::ExternalName(_) => Vec::new(),
            _ => vec![s],
        }
    }
}
