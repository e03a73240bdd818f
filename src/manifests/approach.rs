//! Finds the dials, routes and aliases that lead to each Service.

use std::collections::{HashMap, HashSet};

use super::backend::Backend;
use super::dial::Dialler;
use super::inbound::{Inbound, Leads};
use super::near::MOST_ALIKE;
use super::network::Network;
use super::service::Exposure;

/// Of equal dials and routes, more than these add nothing: a name keeps fewer reasons.
const EQUAL: usize = 12;

impl Network {
    /// What leads to each Service.
    pub(super) fn all_inbound(&self) -> Inbound {
        Inbound::of(self)
    }
}

impl Inbound {
    pub(super) fn of(network: &Network) -> Self {
        let mut inbound = Self { services: vec![Leads::default(); network.services.len()], ..Self::default() };
        inbound.take_dials(network);
        inbound.take_routes(network);
        inbound.take_aliases(network);
        inbound
    }

    fn take_dials(&mut self, network: &Network) {
        let mut equal: HashMap<(usize, &str, Option<usize>), usize> = HashMap::new();
        for (d, dial) in network.dials.iter().enumerate() {
            let (services, is_cut) = network.resolve_near(&dial.host, dial.namespace.as_deref(), &dial.at.path);
            self.is_cut |= is_cut;
            if services.is_empty() {
                let (pod, is_cut) = network.pod_most(&dial.host, dial.namespace.as_deref());
                self.is_cut |= is_cut;
                if let Some(w) = pod {
                    self.pods_dialled.entry(w).or_default().push(d);
                }
            }
            for s in services {
                let service = &network.services[s];
                let port = dial.port.and_then(|number| service.ports.iter().position(|p| p.port == number));
                let seen = equal.entry((s, dial.host.as_str(), port)).or_default();
                *seen += 1;
                let leads = &mut self.services[s];
                if *seen <= EQUAL {
                    leads.dials.push(d);
                }
                let dialled = &mut leads.dialled;
                dialled.count += 1;
                dialled.short += usize::from(!dial.host.contains('.'));
                let is_elsewhere = dial.namespace.is_some() && dial.namespace != service.meta.namespace;
                dialled.elsewhere += usize::from(is_elsewhere);
                if matches!(dial.from, Dialler::Channel(_)) {
                    dialled.channel += 1;
                } else {
                    *dialled.at.entry(dial.at.clone()).or_default() += 1;
                }
            }
        }
    }

    fn take_routes(&mut self, network: &Network) {
        let mut equal: HashMap<(usize, &str, Vec<Option<usize>>), usize> = HashMap::new();
        for (r, route) in network.routes.iter().enumerate() {
            for (h, host) in route.hosts.iter().enumerate() {
                let mut by_name: HashMap<&str, (Vec<&Backend>, usize)> = HashMap::new();
                for backend in &host.backends {
                    by_name.entry(&backend.service.text).or_default().0.push(backend);
                }
                for s in network.behind(route, &host.backends) {
                    let service = &network.services[s];
                    let Some((own, found)) = by_name.get_mut(service.meta.name.as_str()) else { continue };
                    *found += 1;
                    self.is_cut |= *found >= MOST_ALIKE;
                    let own = own.iter();
                    let ports = own.map(|b| {
                        let wanted = service.port(Some(b.port.as_ref()?))?;
                        service.ports.iter().position(|p| std::ptr::eq(p, wanted))
                    });
                    let seen = equal.entry((s, host.host.text.as_str(), ports.collect())).or_default();
                    *seen += 1;
                    if *seen <= EQUAL {
                        self.services[s].routes.push((r, h));
                    }
                }
            }
        }
    }

    fn take_aliases(&mut self, network: &Network) {
        for (a, alias) in network.services.iter().enumerate() {
            if let Exposure::ExternalName(host) = &alias.exposure {
                let host = host.text.to_ascii_lowercase();
                let (services, is_cut) = network.resolve_most(&host, alias.meta.namespace.as_deref());
                self.is_cut |= is_cut;
                for s in services {
                    self.services[s].aliases.push(a);
                }
            }
        }
        let mut by_address: HashMap<&str, Vec<usize>> = HashMap::new();
        for (s, service) in network.services.iter().enumerate() {
            let addresses: HashSet<&str> = service.addresses.iter().map(String::as_str).collect();
            for address in addresses {
                by_address.entry(address).or_default().push(s);
            }
        }
        let mut equal: HashMap<(&str, &str), usize> = HashMap::new();
        for (w, workload) in network.workloads.iter().enumerate() {
            for (index, (address, host)) in workload.host_aliases.iter().enumerate() {
                let Some(services) = by_address.get(address.as_str()) else { continue };
                let seen = equal.entry((address, host.text.as_str())).or_default();
                *seen += 1;
                if *seen <= EQUAL {
                    self.is_cut |= services.len() > MOST_ALIKE;
                    for s in services.iter().take(MOST_ALIKE) {
                        self.services[*s].host_aliases.push((w, index));
                    }
                }
            }
        }
    }
}
