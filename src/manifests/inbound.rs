//! What leads to each Service: dials, routes and aliases.

use std::collections::HashMap;

use super::meta::At;

/// What leads to the Services and to single pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbound {
    /// By Service.
    pub(super) services: Vec<Leads>,
    /// The dials of pods of a `StatefulSet`, by workload.
    pub(super) pods_dialled: HashMap<usize, Vec<usize>>,
    /// Whether a name led to so many Services or pods that some were left out.
    pub(super) is_cut: bool,
}

/// What leads to a Service. Of equal entries the first are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Leads {
    /// Dials.
    pub(super) dials: Vec<usize>,
    /// All dials, counted.
    pub(super) dialled: Dialled,
    /// Hosts of routes, as route and host.
    pub(super) routes: Vec<(usize, usize)>,
    /// `ExternalName` Services.
    pub(super) aliases: Vec<usize>,
    /// Host aliases of workloads, as workload and alias.
    pub(super) host_aliases: Vec<(usize, usize)>,
}

/// The dials of a Service, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Dialled {
    pub(super) count: usize,
    /// Those of its short form.
    pub(super) short: usize,
    /// Those from other namespaces.
    pub(super) elsewhere: usize,
    /// The addresses in channel configurations.
    pub(super) channel: usize,
    /// The others, by place.
    pub(super) at: HashMap<At, usize>,
}
