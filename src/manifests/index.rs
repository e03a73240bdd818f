//! The objects of a network by name, namespace and label.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::certificate::Certificate;
use super::config_map::ConfigMap;
use super::fabric::FabricNode;
use super::meta::Meta;
use super::near::{MOST_ALIKE, Named};
use super::route::Route;
use super::secret::Secret;
use super::service::{Exposure, Service};
use super::workload::Workload;
use crate::pki::name::{SanName, matches_as_go};

/// Objects by what others refer to them with.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Services.
    pub(super) services: Named,
    /// Names of `ExternalName` Services.
    pub(super) aliases: HashSet<String>,
    /// Services by their external hosts, in lower case.
    pub(super) external: HashMap<String, Vec<usize>>,
    /// `ConfigMap`s.
    pub(super) config_maps: Named,
    /// Secrets.
    pub(super) secrets: Named,
    /// Certificates of cert-manager, by their Secret and name: see [`Index::certificate_keys`].
    pub(super) certificates: Named,
    /// The keys of the Certificates that request each Secret.
    requesting: HashMap<String, Vec<String>>,
    /// The hosts of routes: the first route with each.
    hosts: HashMap<String, usize>,
    /// The namespaces of Services and workloads.
    pub(super) namespaces: HashSet<String>,
    /// The names in host aliases of workloads, in lower case.
    pub(super) host_aliases: HashSet<String>,
    /// Workloads by name, those with numbered pods only.
    numbered: Named,
    /// Other workloads by the name of their pod.
    pods: Named,
    nodes: NodeCounts,
}

/// The nodes by namespace.
#[derive(Clone, Debug, Default)]
struct NodeCounts {
    all: usize,
    open: usize,
    by_namespace: HashMap<String, usize>,
}

impl Index {
    pub(super) fn of(
        services: &[Service],
        workloads: &[Workload],
        routes: &[Route],
        certificates: &[Certificate],
        secrets: &[Secret],
        config_maps: &[ConfigMap],
    ) -> Self {
        let mut index = Self {
            services: Named::new(services.iter().map(|s| &s.meta).enumerate()),
            config_maps: Named::new(config_maps.iter().map(|m| &m.meta).enumerate()),
            secrets: Named::new(secrets.iter().map(|s| &s.meta).enumerate()),
            ..Self::default()
        };
        for (s, service) in services.iter().enumerate() {
            if matches!(service.exposure, Exposure::ExternalName(_)) {
                index.aliases.insert(service.meta.name.clone());
            }
            for host in &service.external_hosts {
                index.external.entry(host.text.to_ascii_lowercase()).or_default().push(s);
            }
        }
        let mut keyed = Vec::new();
        for (c, certificate) in certificates.iter().enumerate() {
            // A NUL is in no name.
            let key = format!("{}\0{}", certificate.secret_name, certificate.meta.name);
            keyed.push((key, c, &certificate.meta));
        }
        let mut known = HashSet::new();
        for (key, c, _) in &keyed {
            if known.insert(key.clone()) {
                index.requesting.entry(certificates[*c].secret_name.clone()).or_default().push(key.clone());
            }
        }
        index.certificates = Named::keyed(keyed);
        for (r, route) in routes.iter().enumerate() {
            for host in &route.hosts {
                index.hosts.entry(host.host.text.to_ascii_lowercase()).or_insert(r);
            }
        }
        let metas = services.iter().map(|s| &s.meta).chain(workloads.iter().map(|w| &w.meta));
        index.namespaces = metas.filter_map(|m| m.namespace.clone()).collect();
        let (mut numbered, mut pods) = (Vec::new(), Vec::new());
        for (w, workload) in workloads.iter().enumerate() {
            index.host_aliases.extend(workload.host_aliases.iter().map(|(_, host)| host.text.to_ascii_lowercase()));
            if workload.has_numbered_pods() {
                numbered.push((w, &workload.meta));
            } else {
                pods.extend(workload.pod_names().into_iter().map(|pod| (pod, w, &workload.meta)));
            }
        }
        index.numbered = Named::new(numbered);
        index.pods = Named::keyed(pods);
        index
    }

    /// The keys in `certificates` of the Certificates that request a Secret.
    pub(super) fn certificate_keys(&self, secret: &str) -> &[String] {
        self.requesting.get(secret).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first route that leads a host somewhere, also by a wildcard.
    pub(super) fn route_of(&self, host: &str) -> Option<usize> {
        let wildcard = host.split_once('.').map(|(_, domain)| format!("*.{domain}"));
        let covers = |pattern: &String| matches_as_go(&[SanName::from_certificate_dns(pattern)], host);
        let found = [Some(host.to_owned()), wildcard.filter(covers)].into_iter().flatten();
        found.filter_map(|host| self.hosts.get(&host).copied()).min()
    }

    /// The workloads with a pod of this name, which may be in the namespace, in order; and whether some may have been left
    /// out because there are too many.
    pub(super) fn with_pod(&self, pod: &str, namespace: Option<&str>, workloads: &[Workload]) -> (Vec<usize>, bool) {
        let mut found = self.pods.within(pod, namespace);
        let mut is_cut = found.len() >= MOST_ALIKE;
        if let Some((name, _)) = pod.rsplit_once('-') {
            let numbered = self.numbered.within(name, namespace);
            is_cut |= numbered.len() >= MOST_ALIKE;
            found.extend(numbered.into_iter().filter(|w| workloads[*w].has_pod(pod)));
        }
        found.sort_unstable();
        (found, is_cut)
    }

    /// Counts the nodes, once they are known.
    pub(super) fn count_nodes(&mut self, workloads: &[Workload], nodes: &[Option<FabricNode>]) {
        let mut counts = NodeCounts::default();
        for (workload, _) in workloads.iter().zip(nodes).filter(|(_, node)| node.is_some()) {
            counts.all += 1;
            match &workload.meta.namespace {
                Some(namespace) => *counts.by_namespace.entry(namespace.clone()).or_default() += 1,
                None => counts.open += 1,
            }
        }
        self.nodes = counts;
    }

    /// The number of nodes.
    pub(super) fn node_count(&self) -> usize {
        self.nodes.all
    }

    /// The number of nodes that may be in the namespace of an object.
    pub(super) fn nodes_near(&self, meta: &Meta) -> usize {
        match &meta.namespace {
            None => self.nodes.all,
            Some(namespace) => self.nodes.open + self.nodes.by_namespace.get(namespace).copied().unwrap_or(0),
        }
    }
}

/// Objects that may be equal: of one kind, name and namespace, and with equal hashes of a part of their content.
#[derive(Debug, Default)]
pub(super) struct Twins(HashMap<(String, String, Option<String>, u64), Vec<usize>>);

impl Twins {
    /// The known objects with the same kind, name and namespace and an equal `part`.
    pub(super) fn of(&mut self, meta: &Meta, part: impl Hash) -> &mut Vec<usize> {
        let mut hasher = DefaultHasher::new();
        part.hash(&mut hasher);
        self.0.entry((meta.kind.clone(), meta.name.clone(), meta.namespace.clone(), hasher.finish())).or_default()
    }
}
