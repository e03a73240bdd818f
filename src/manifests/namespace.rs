//! Infers the namespace of objects that do not name one from the objects linked to them.
//!
//! `kubectl -n NS apply` can put such objects into any namespace, so the links are the only evidence.

use std::collections::{BTreeSet, HashMap};

use super::links::groups;
use super::meta::Meta;
use super::near::{MOST_ALIKE, Named};
use super::network::Network;

/// Upper bound of rounds: the longest chain of links (route, Service, workload, Certificate) is shorter.
const ROUNDS: usize = 6;

/// Sets the namespace of each object without one if its linked objects all name the same namespace. Returns whether a
/// name led to so many Services that some were left out.
pub(super) fn infer(network: &mut Network) -> bool {
    if let Some(namespace) = network.settings.namespace.clone() {
        for meta in metas(network) {
            meta.namespace.get_or_insert_with(|| namespace.clone());
        }
        return false;
    }
    let dialled = dialled(network);
    let mut is_cut = false;
    for _ in 0..ROUNDS {
        let found;
        // A later round may reach what an earlier one left out.
        (found, is_cut) = round(network, &dialled);
        if found.is_empty() {
            break;
        }
        for (kind, index, namespace) in found {
            meta_of(network, kind, index).namespace = Some(namespace);
        }
    }
    is_cut
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
    let services = Named::new(network.services.iter().map(|s| &s.meta).enumerate());
    let full = |host: &str| {
        let mut labels = host.splitn(4, '.');
        let (name, namespace) = (labels.next()?, labels.next()?);
        let is_full = labels.next() == Some("svc")
            && labels.next().is_none_or(|domain| domain == network.settings.cluster_domain);
        let [service] = *services.get(name)?.all() else { return None };
        let is_open = network.services[service].meta.namespace.is_none();
        (is_full && is_open).then(|| (service, namespace.to_owned()))
    };
    network.dials.iter().filter_map(|d| full(&d.host)).collect()
}

/// Passes the namespace of each linked object to the other end. An object that receives exactly one namespace takes it. Also
/// returns whether a route led to so many Services that some were left out.
fn round(network: &Network, dialled: &[(usize, String)]) -> (Vec<(Kind, usize, String)>, bool) {
    let (mut given, mut is_cut) = (Given::default(), false);
    for (s, namespace) in dialled {
        given.take(Kind::Service, *s, &network.services[*s].meta, namespace);
    }
    for group in groups(&network.services, &network.workloads, false) {
        let services = group.services.iter().map(|s| (Kind::Service, *s, &network.services[*s].meta));
        let workloads = group.workloads.iter().map(|w| (Kind::Workload, *w, &network.workloads[*w].meta));
        given.link_each(&services.collect::<Vec<_>>(), &workloads.collect::<Vec<_>>());
    }
    let services = Named::new(network.services.iter().map(|s| &s.meta).enumerate());
    for (r, route) in network.routes.iter().enumerate() {
        for backend in route.hosts.iter().flat_map(|h| &h.backends).chain(&route.hostless) {
            let Some(named) = services.get(&backend.service.text) else { continue };
            let near = named.open_near(None, &route.meta.at.path, MOST_ALIKE);
            let open = near.iter().take(MOST_ALIKE).map(|s| (Kind::Service, *s, &network.services[*s].meta));
            is_cut |= near.len() > MOST_ALIKE && (backend.namespace.is_some() || route.meta.namespace.is_some());
            // A route that names the namespace of its backend may be in another one.
            if let Some(namespace) = &backend.namespace {
                open.for_each(|(kind, s, meta)| given.take(kind, s, meta, namespace));
                continue;
            }
            match &route.meta.namespace {
                Some(namespace) => open.for_each(|(kind, s, meta)| given.take(kind, s, meta, namespace)),
                None => {
                    // The second one shows that the namespace is open.
                    for namespace in named.namespaces().take(2) {
                        given.take(Kind::Route, r, &route.meta, namespace);
                    }
                }
            }
        }
    }
    let (mut mounted, mut mapped): (Mounts<'_>, Mounts<'_>) = Default::default();
    for (w, workload) in network.workloads.iter().enumerate() {
        workload.mounted(true).for_each(|name| mounted.entry(name).or_default().push(w));
        let environment = workload.containers.iter().flat_map(|c| c.env_from.iter().map(|e| e.config_map.as_str()));
        workload.mounted(false).chain(environment).for_each(|name| mapped.entry(name).or_default().push(w));
    }
    let mut secrets: HashMap<&str, Vec<(Kind, usize, &Meta)>> = HashMap::new();
    for (c, certificate) in network.certificates.iter().enumerate() {
        let one = (Kind::Certificate, c, &certificate.meta);
        secrets.entry(certificate.secret_name.as_str()).or_default().push(one);
    }
    for (s, secret) in network.secrets.iter().enumerate() {
        secrets.entry(secret.meta.name.as_str()).or_default().push((Kind::Secret, s, &secret.meta));
    }
    let mut maps: HashMap<&str, Vec<(Kind, usize, &Meta)>> = HashMap::new();
    for (m, map) in network.config_maps.iter().enumerate() {
        maps.entry(map.meta.name.as_str()).or_default().push((Kind::ConfigMap, m, &map.meta));
    }
    for (users, named) in [(mounted, secrets), (mapped, maps)] {
        for (name, workloads) in users {
            let Some(named) = named.get(name) else { continue };
            let workloads = workloads.iter().map(|w| (Kind::Workload, *w, &network.workloads[*w].meta));
            given.link_all(&workloads.collect::<Vec<_>>(), named);
        }
    }
    (given.only_ones(), is_cut)
}

/// Workloads by the name of an object that they use.
type Mounts<'a> = HashMap<&'a str, Vec<usize>>;

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

    /// Links each object of one list with each of the other.
    fn link_each(&mut self, some: &[(Kind, usize, &Meta)], others: &[(Kind, usize, &Meta)]) {
        for (from, to) in [(some, others), (others, some)] {
            // The second one shows that the namespace is open.
            let namespaces: BTreeSet<&str> = from.iter().filter_map(|(_, _, meta)| meta.namespace.as_deref()).collect();
            for namespace in namespaces.into_iter().take(2) {
                for (kind, index, meta) in to {
                    self.take(*kind, *index, meta, namespace);
                }
            }
        }
    }

    /// Links workloads to all objects of one name, unless these are in several namespaces.
    fn link_all(&mut self, workloads: &[(Kind, usize, &Meta)], named: &[(Kind, usize, &Meta)]) {
        let known: BTreeSet<&String> = named.iter().filter_map(|(_, _, meta)| meta.namespace.as_ref()).collect();
        if known.len() < 2 {
            self.link_each(workloads, named);
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
