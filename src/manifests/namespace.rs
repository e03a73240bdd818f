//! Infers the namespace of objects that do not name one from the objects linked to them.
//!
//! `kubectl -n NS apply` can put such objects into any namespace, so the links are the only evidence.

use std::collections::BTreeSet;

use super::meta::Meta;
use super::near::nearest;
use super::network::Network;

/// Upper bound of rounds: the longest chain of links (route, Service, workload, Certificate) is shorter.
const ROUNDS: usize = 6;

/// Sets the namespace of each object without one if its linked objects all name the same namespace.
pub(super) fn infer(network: &mut Network) {
    if let Some(namespace) = network.settings.namespace.clone() {
        for meta in metas(network) {
            meta.namespace.get_or_insert_with(|| namespace.clone());
        }
        return;
    }
    let dialled = dialled(network);
    for _ in 0..ROUNDS {
        let found = round(network, &dialled);
        if found.is_empty() {
            return;
        }
        for (kind, index, namespace) in found {
            meta_of(network, kind, index).namespace = Some(namespace);
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Service,
    Workload,
    Route,
    Certificate,
    Secret,
    ConfigMap,
}

/// Services without a namespace that are dialled by their full name, which contains it. Skips names that several
/// Services have.
fn dialled(network: &Network) -> Vec<(usize, String)> {
    let full = |host: &str| {
        let mut labels = host.splitn(4, '.');
        let (name, namespace) = (labels.next()?, labels.next()?);
        let is_full = labels.next() == Some("svc")
            && labels.next().is_none_or(|domain| domain == network.settings.cluster_domain);
        let mut services = network.services_named(name);
        let (service, other) = (services.next()?, services.next());
        let is_open = other.is_none() && network.services[service].meta.namespace.is_none();
        (is_full && is_open).then(|| (service, namespace.to_owned()))
    };
    network.dials.iter().filter_map(|d| full(&d.host)).collect()
}

/// Passes the namespace of each linked object to the other end. An object that receives exactly one namespace takes it.
fn round(network: &Network, dialled: &[(usize, String)]) -> Vec<(Kind, usize, String)> {
    let mut given = Given::default();
    for (s, namespace) in dialled {
        given.take(Kind::Service, *s, &network.services[*s].meta, namespace);
    }
    for (s, service) in network.services.iter().enumerate() {
        let selected = network.selected_anywhere(service).collect();
        for w in nearest(&service.meta.at.path, selected, |w| &network.workloads[w].meta) {
            let workload = &network.workloads[w];
            given.link((Kind::Service, s, &service.meta), (Kind::Workload, w, &workload.meta));
        }
    }
    for (r, route) in network.routes.iter().enumerate() {
        for backend in route.hosts.iter().flat_map(|h| &h.backends).chain(&route.hostless) {
            let named = network.services_named(&backend.service.text).collect();
            for s in nearest(&route.meta.at.path, named, |s| &network.services[s].meta) {
                let service = &network.services[s];
                match &backend.namespace {
                    // A route that names the namespace of its backend may be in another one.
                    Some(namespace) => given.take(Kind::Service, s, &service.meta, namespace),
                    None => given.link((Kind::Service, s, &service.meta), (Kind::Route, r, &route.meta)),
                }
            }
        }
    }
    for (w, workload) in network.workloads.iter().enumerate() {
        let this = (Kind::Workload, w, &workload.meta);
        for name in workload.mounted(true) {
            let asked = network.certificates.iter().enumerate().filter(|(_, c)| c.secret_name == name);
            let secrets = network.secrets.iter().enumerate().filter(|(_, s)| s.meta.name == name);
            let asked = asked.map(|(i, c)| (Kind::Certificate, i, &c.meta));
            given.link_all(this, asked.chain(secrets.map(|(i, s)| (Kind::Secret, i, &s.meta))).collect());
        }
        let environment = workload.containers.iter().flat_map(|c| c.env_from.iter().map(|e| e.config_map.as_str()));
        for name in workload.mounted(false).chain(environment) {
            let maps = network.config_maps_named(name).map(|i| (Kind::ConfigMap, i, &network.config_maps[i].meta));
            given.link_all(this, maps.collect());
        }
    }
    given.only_ones()
}

#[derive(Default)]
struct Given(std::collections::BTreeMap<(u8, usize), (Option<Kind>, BTreeSet<String>)>);

impl Given {
    fn take(&mut self, kind: Kind, index: usize, meta: &Meta, namespace: &str) {
        if meta.namespace.is_none() {
            let entry = self.0.entry((kind as u8, index)).or_default();
            entry.0 = Some(kind);
            entry.1.insert(namespace.to_owned());
        }
    }

    fn link(&mut self, a: (Kind, usize, &Meta), b: (Kind, usize, &Meta)) {
        if let Some(namespace) = &a.2.namespace {
            self.take(b.0, b.1, b.2, namespace);
        }
        if let Some(namespace) = &b.2.namespace {
            self.take(a.0, a.1, a.2, namespace);
        }
    }

    /// Links to all objects of one name, unless they are in several namespaces.
    fn link_all(&mut self, this: (Kind, usize, &Meta), named: Vec<(Kind, usize, &Meta)>) {
        let known: BTreeSet<&String> = named.iter().filter_map(|(_, _, meta)| meta.namespace.as_ref()).collect();
        if known.len() < 2 {
            for one in named {
                self.link(this, one);
            }
        }
    }

    fn only_ones(self) -> Vec<(Kind, usize, String)> {
        let one = |((_, index), (kind, names)): ((u8, usize), (Option<Kind>, BTreeSet<String>))| {
            let mut names = names.into_iter();
            match (kind, names.next(), names.next()) {
                (Some(kind), Some(name), None) => Some((kind, index, name)),
                _ => None,
            }
        };
        self.0.into_iter().filter_map(one).collect()
    }
}

fn meta_of(network: &mut Network, kind: Kind, index: usize) -> &mut Meta {
    match kind {
        Kind::Service => &mut network.services[index].meta,
        Kind::Workload => &mut network.workloads[index].meta,
        Kind::Route => &mut network.routes[index].meta,
        Kind::Certificate => &mut network.certificates[index].meta,
        Kind::Secret => &mut network.secrets[index].meta,
        Kind::ConfigMap => &mut network.config_maps[index].meta,
    }
}

fn metas(network: &mut Network) -> impl Iterator<Item = &mut Meta> {
    let services = network.services.iter_mut().map(|o| &mut o.meta);
    let workloads = network.workloads.iter_mut().map(|o| &mut o.meta);
    let routes = network.routes.iter_mut().map(|o| &mut o.meta);
    let certificates = network.certificates.iter_mut().map(|o| &mut o.meta);
    let secrets = network.secrets.iter_mut().map(|o| &mut o.meta);
    let config_maps = network.config_maps.iter_mut().map(|o| &mut o.meta);
    services.chain(workloads).chain(routes).chain(certificates).chain(secrets).chain(config_maps)
}
