//! The members of a Service as separate endpoints: behind one address they cannot be distinguished from outside.

use super::network::Network;
use super::service::Exposure;

impl Network {
    /// Returns the host and port of each member of the Services that `host` resolves to: its own Service, or the names
    /// of its pods behind a headless one. `port` is the port that clients dial.
    pub(crate) fn member_endpoints(&self, host: &str, port: u16) -> Vec<(String, u16)> {
        let mut found = Vec::new();
        for s in self.resolve(host, self.settings.namespace.as_deref()) {
            let dialled = self.services[s].ports.iter().find(|p| p.port == port);
            for w in self.members(s).iter().copied() {
                let target = dialled.and_then(|p| self.target(p, w)).unwrap_or(port);
                for endpoint in self.own_endpoints(s, w, target) {
                    if !found.contains(&endpoint) {
                        found.push(endpoint);
                    }
                }
            }
        }
        found
    }

    fn own_endpoints(&self, gateway: usize, w: usize, target: u16) -> Vec<(String, u16)> {
        let workload = &self.workloads[w];
        let mut own: Vec<usize> =
            self.selecting[w].iter().copied().filter(|o| *o != gateway && *self.selected[*o] == [w]).collect();
        // A Service with the workload's name comes first.
        own.sort_by_key(|o| self.services[*o].meta.name != workload.meta.name);
        for o in own {
            let service = &self.services[o];
            let leads = |p: &&super::ServicePort| self.target(p, w) == Some(target);
            let port = service.ports.iter().find(leads).map(|p| p.port);
            let host = self.full_name(&service.meta.name, service.meta.namespace.as_deref());
            let governs = workload.governing_service.as_ref() == Some(&service.meta.name);
            match port {
                _ if service.exposure == Exposure::Headless && governs => {
                    return workload.pod_names().iter().map(|pod| (format!("{pod}.{host}"), target)).collect();
                }
                // A headless Service leads to the pods themselves, at their own ports.
                Some(_) if service.exposure == Exposure::Headless => return vec![(host, target)],
                Some(port) => return vec![(host, port)],
                None => {}
            }
        }
        Vec::new()
    }

    fn full_name(&self, name: &str, namespace: Option<&str>) -> String {
        match namespace.or(self.settings.namespace.as_deref()) {
            Some(namespace) => format!("{name}.{namespace}.svc.{}", self.settings.cluster_domain),
            None => name.to_owned(),
        }
    }
}
