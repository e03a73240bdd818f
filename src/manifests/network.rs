//! All manifests together: the links between Services, routes, diallers, mounts and workloads.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::approval::{Approval, FabricCaIssuer};
use super::backend::Backend;
use super::certificate::{Certificate, Issuer};
use super::config_map::ConfigMap;
use super::dial::Dial;
use super::fabric::FabricNode;
use super::inbound::Inbound;
use super::index::{Index, Twins};
use super::links;
use super::manifest::{Manifest, Object};
use super::namespace;
use super::near::{Candidates, MOST_ALIKE};
use super::profile::Profile;
use super::proxy::KubeProxy;
use super::route::{Gateway, Passthrough, Route, RouteHost};
use super::secret::Secret;
use super::service::{Exposure, Service, Target};
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
    /// Issuers of a Fabric CA.
    pub(crate) fabric_ca_issuers: Vec<FabricCaIssuer>,
    /// Who may approve requests of cert-manager.
    pub(crate) approvals: Vec<Approval>,
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
    pub(crate) selected: Vec<Arc<[usize]>>,
    /// The Services that select each workload; same length as `workloads`.
    pub(crate) selecting: Vec<Arc<[usize]>>,
    /// The same Services in the order in which their names are reported.
    pub(super) ranked: Vec<Arc<[usize]>>,
    /// What leads to each Service.
    pub(super) inbound: Inbound,
    /// The members of each Service; same length as `services`.
    members: Vec<Arc<[usize]>>,
    pub(super) index: Index,
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
            fabric_ca_issuers: Vec::new(),
            approvals: Vec::new(),
            secrets: Vec::new(),
            config_maps: Vec::new(),
            proxies: Vec::new(),
            profiles: Vec::new(),
            dials: Vec::new(),
            selected: Vec::new(),
            selecting: Vec::new(),
            ranked: Vec::new(),
            inbound: Inbound::default(),
            members: Vec::new(),
            index: Index::default(),
        };
        let mut gateways = Vec::new();
        let mut twins = Twins::default();
        for object in manifests.into_iter().flat_map(|m| m.objects) {
            network.add(object, &mut twins, &mut gateways);
        }
        network.dials = network.all_dials();
        let is_cut = namespace::infer(&mut network);
        network.dials_take_namespaces();
        network.routes_take_hosts(&gateways);
        network.index = Index::of(
            &network.services,
            &network.workloads,
            &network.routes,
            &network.certificates,
            &network.secrets,
            &network.config_maps,
        );
        (network.selected, network.selecting, network.ranked) = links::link(&network.services, &network.workloads);
        network.nodes = (0..network.workloads.len()).map(|w| network.node(w)).collect();
        network.index.count_nodes(&network.workloads, &network.nodes);
        network.members = network.all_members();
        network.inbound = network.all_inbound();
        network.inbound.is_cut |= is_cut;
        network
    }

    /// Adds an object, unless an equal one is there.
    fn add(&mut self, object: Object, twins: &mut Twins, gateways: &mut Vec<Gateway>) {
        match object {
            Object::Service(service) => {
                let known = twins.of(&service.meta, &service.selector);
                if !known.iter().any(|i| self.services[*i].is_twin(&service)) {
                    known.push(self.services.len());
                    self.services.push(service);
                }
            }
            Object::Workload(workload) => {
                let known = twins.of(&workload.meta, &workload.labels);
                if !known.iter().any(|i| self.workloads[*i].is_twin(&workload)) {
                    known.push(self.workloads.len());
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
                let known = twins.of(&certificate.meta, certificate.requested.texts());
                if !known.iter().any(|i| self.certificates[*i].is_twin(&certificate)) {
                    known.push(self.certificates.len());
                    self.certificates.push(certificate);
                }
            }
            Object::Issuer(issuer) => self.issuers.push(issuer),
            Object::FabricCaIssuer(issuer) => self.fabric_ca_issuers.push(issuer),
            Object::Approval(approval) => self.approvals.push(approval),
            Object::KubeProxy(proxy) => self.proxies.push(proxy),
            Object::Profile(profile) => self.profiles.push(profile),
        }
    }

    /// Gives routes without hosts the hosts and the TLS mode of their gateways.
    fn routes_take_hosts(&mut self, gateways: &[Gateway]) {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, gateway) in gateways.iter().enumerate() {
            by_name.entry(gateway.meta.name.as_str()).or_default().push(index);
        }
        for route in &mut self.routes {
            let own: BTreeSet<usize> =
                route.gateways.iter().filter_map(|name| by_name.get(name.as_str())).flatten().copied().collect();
            let mut known: HashSet<String> = HashSet::new();
            for gateway in own.into_iter().map(|index| &gateways[index]) {
                if route.passthrough == Passthrough::Elsewhere {
                    route.passthrough = gateway.passthrough;
                }
                if route.hostless.is_empty() {
                    continue;
                }
                if known.is_empty() {
                    known.extend(route.hosts.iter().map(|h| h.host.text.clone()));
                }
                for host in &gateway.hosts {
                    if known.insert(host.text.clone()) {
                        // Findings about the host belong to the route's file.
                        let host = super::Word { text: host.text.clone(), line: route.meta.at.line };
                        route.hosts.push(RouteHost { host, backends: route.hostless.clone() });
                    }
                }
            }
        }
    }

    /// The members of a Service: the nodes with TLS that it leads to, in order.
    pub(crate) fn members(&self, s: usize) -> &[usize] {
        &self.members[s]
    }

    /// The members of every Service. Services with the same workloads and ports share their list.
    fn all_members(&self) -> Vec<Arc<[usize]>> {
        let mut known: HashMap<_, Arc<[usize]>> = HashMap::new();
        let mut of = |(s, selected): (usize, &Arc<[usize]>)| {
            let ports: Vec<(bool, u16, &Target)> =
                self.services[s].ports.iter().map(|p| (p.is_tcp, p.port, &p.target)).collect();
            let members = known.entry((selected.as_ptr(), ports)).or_insert_with(|| {
                selected.iter().copied().filter(|w| self.is_member(s, *w)).collect::<Vec<_>>().into()
            });
            Arc::clone(members)
        };
        self.selected.iter().enumerate().map(&mut of).collect()
    }

    /// The Services that the backends of a route refer to.
    pub(crate) fn behind(&self, route: &Route, backends: &[Backend]) -> Vec<usize> {
        let mut found = Vec::new();
        for backend in backends {
            let namespace = backend.namespace.as_deref().or(route.meta.namespace.as_deref());
            found.extend(self.index.services.nearest(&backend.service.text, namespace, &route.meta.at.path));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The workload of a pod by its DNS name behind a headless Service: `POD.H`, `POD.H.N`, `POD.H.N.svc`,
    /// `POD.H.N.svc.DOMAIN`.
    pub(super) fn pod(&self, host: &str, from: Option<&str>) -> Option<usize> {
        self.pod_most(host, from).0
    }

    /// As [`Self::pod`], and whether none was found and some may have been left out because there are too many.
    pub(super) fn pod_most(&self, host: &str, from: Option<&str>) -> (Option<usize>, bool) {
        let Some((pod, rest)) = host.split_once('.') else { return (None, false) };
        let (services, mut is_cut) = self.resolve_most(rest, from);
        for s in services {
            let meta = &self.services[s].meta;
            let governs = |w: &usize| {
                self.workloads[*w].governing_service.as_deref() == Some(meta.name.as_str())
                    && self.selected[s].binary_search(w).is_ok()
            };
            let (pods, is_cut_here) = self.index.with_pod(pod, meta.namespace.as_deref(), &self.workloads);
            if let Some(w) = pods.into_iter().find(governs) {
                return (Some(w), false);
            }
            is_cut |= is_cut_here;
        }
        (None, is_cut)
    }

    /// The Services that `host` resolves to from a namespace: `S`, `S.N`, `S.N.svc`, `S.N.svc.DOMAIN`, or an external
    /// name of a Service.
    pub(crate) fn resolve(&self, host: &str, from: Option<&str>) -> Vec<usize> {
        self.resolve_most(host, from).0
    }

    /// As [`Self::resolve`], and whether some may have been left out because there are too many.
    pub(super) fn resolve_most(&self, host: &str, from: Option<&str>) -> (Vec<usize>, bool) {
        let labels: Vec<&str> = host.split('.').collect();
        let (namespace, fits) = match labels.as_slice() {
            [_] => (from, true),
            [_, namespace] | [_, namespace, "svc"] => (Some(*namespace), true),
            [_, namespace, "svc", domain @ ..] => (Some(*namespace), domain.join(".") == self.settings.cluster_domain),
            _ => (None, false),
        };
        let (mut found, mut is_cut) = (Vec::new(), false);
        if fits {
            (found, is_cut) = self.behind_aliases(self.index.services.within(labels[0], namespace));
        }
        if labels.len() > 1 {
            let external = self.index.external.get(&host.to_ascii_lowercase());
            found.extend(external.into_iter().flatten().take(MOST_ALIKE));
        }
        found.sort_unstable();
        found.dedup();
        is_cut |= found.len() >= MOST_ALIKE;
        (found, is_cut)
    }

    /// Whether `host` resolves to a Service.
    pub(super) fn resolves(&self, host: &str, from: Option<&str>) -> bool {
        let name = host.split('.').next().unwrap_or(host);
        (self.index.services.get(name).is_some() || self.index.external.contains_key(&host.to_ascii_lowercase()))
            && !self.resolve(host, from).is_empty()
    }

    /// As [`Self::resolve_most`], and of the Services without a namespace only the nearest to a file.
    pub(super) fn resolve_near(&self, host: &str, from: Option<&str>, file: &Path) -> (Vec<usize>, bool) {
        let labels: Vec<&str> = host.splitn(4, '.').collect();
        let namespace = match labels.as_slice() {
            [_] => Some(from),
            [_, namespace] | [_, namespace, "svc"] => Some(Some(*namespace)),
            [_, namespace, "svc", domain] if *domain == self.settings.cluster_domain => Some(Some(*namespace)),
            _ => None,
        };
        match namespace {
            Some(namespace)
                if !self.index.aliases.contains(labels[0])
                    && !self.index.external.contains_key(&host.to_ascii_lowercase()) =>
            {
                let found = self.index.services.nearest(labels[0], namespace, file);
                let is_cut = found.len() >= MOST_ALIKE;
                (found, is_cut)
            }
            _ => {
                let (found, is_cut) = self.resolve_most(host, from);
                (Candidates::new(&found, |s| &self.services[s].meta).nearest(file), is_cut)
            }
        }
    }

    /// The Services, with those of type `ExternalName` replaced by the Services behind their hosts, through at most five;
    /// and whether some may have been left out.
    fn behind_aliases(&self, mut services: Vec<usize>) -> (Vec<usize>, bool) {
        let (mut found, mut hosts) = (Vec::new(), HashSet::new());
        let mut is_cut = services.len() >= MOST_ALIKE;
        for _ in 0..=5 {
            let mut next = Vec::new();
            for s in services {
                let Exposure::ExternalName(host) = &self.services[s].exposure else {
                    found.push(s);
                    continue;
                };
                let mut labels = host.text.split('.');
                if let (Some(name), Some(namespace)) = (labels.next(), labels.next())
                    && hosts.insert((name, namespace))
                    && next.len() < MOST_ALIKE
                {
                    next.extend(self.index.services.within(name, Some(namespace)));
                    is_cut |= next.len() >= MOST_ALIKE;
                }
            }
            services = next;
        }
        is_cut |= !services.is_empty();
        (found, is_cut)
    }
}
