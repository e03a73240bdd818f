//! Which Services select which workloads.
//!
//! Services and workloads that cannot be distinguished share one list: ten thousand Services that each select ten thousand
//! workloads are one link, not a hundred million.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::meta::Labels;
use super::near::Candidates;
use super::network::Network;
use super::selector::selects;

/// Services that select the same workloads.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) services: Vec<usize>,
    pub(super) workloads: Arc<[usize]>,
}

/// One list for each Service or workload; equal ones may be shared.
type Lists = Vec<Arc<[usize]>>;

/// Workloads with the same labels and namespace.
struct Class<'a> {
    labels: &'a Labels,
    namespace: Option<&'a str>,
    workloads: Vec<usize>,
}

struct Classes<'a> {
    all: Vec<Class<'a>>,
    /// By label, then by namespace.
    by_label: HashMap<(&'a str, &'a str), HashMap<Option<&'a str>, Vec<usize>>>,
}

impl<'a> Classes<'a> {
    fn of(network: &'a Network) -> Self {
        let mut all: Vec<Class<'a>> = Vec::new();
        let mut known: HashMap<(&Labels, Option<&str>), usize> = HashMap::new();
        let mut by_label: HashMap<(&str, &str), HashMap<Option<&str>, Vec<usize>>> = HashMap::new();
        for (w, workload) in network.workloads.iter().enumerate() {
            let (labels, namespace) = (&workload.labels, workload.meta.namespace.as_deref());
            let class = *known.entry((labels, namespace)).or_insert_with(|| {
                for (key, value) in labels {
                    let of_label = by_label.entry((key.as_str(), value.as_str())).or_default();
                    of_label.entry(namespace).or_default().push(all.len());
                }
                all.push(Class { labels, namespace, workloads: Vec::new() });
                all.len() - 1
            });
            all[class].workloads.push(w);
        }
        Self { all, by_label }
    }

    /// The classes that a selector matches in a namespace; `None` for any namespace. In order.
    fn matching(&self, selector: &Labels, namespace: Option<Option<&str>>) -> Vec<usize> {
        let may = |own: Option<&str>| namespace.is_none_or(|n| super::meta::same_namespace(n, own));
        // Of one label, those in this namespace and those without one.
        let count = |pair: &HashMap<Option<&str>, Vec<usize>>| match namespace {
            Some(Some(n)) => [Some(n), None].iter().filter_map(|n| pair.get(n)).map(Vec::len).sum(),
            _ => pair.values().map(Vec::len).sum::<usize>(),
        };
        let mut rarest: Option<(usize, &HashMap<Option<&str>, Vec<usize>>)> = None;
        for (key, value) in selector {
            let Some(found) = self.by_label.get(&(key.as_str(), value.as_str())) else { return Vec::new() };
            let count = count(found);
            if rarest.is_none_or(|(least, _)| count < least) {
                rarest = Some((count, found));
            }
        }
        let Some((_, found)) = rarest else { return Vec::new() };
        let candidates: Vec<usize> = match namespace {
            Some(Some(n)) => [Some(n), None].iter().filter_map(|n| found.get(n)).flatten().copied().collect(),
            _ => found.values().flatten().copied().collect(),
        };
        let fits = |c: &usize| may(self.all[*c].namespace) && selects(selector, self.all[*c].labels);
        let mut fitting: Vec<usize> = candidates.into_iter().filter(fits).collect();
        fitting.sort_unstable();
        fitting
    }
}

/// Groups the Services by the workloads that they select: of those without a namespace, the nearest to the Service.
/// `in_namespace`: only workloads that may be in the Service's namespace.
pub(super) fn groups(network: &Network, in_namespace: bool) -> Vec<Group> {
    let classes = Classes::of(network);
    let mut by_selector: HashMap<(&Labels, Option<&str>), Vec<usize>> = HashMap::new();
    let mut by_classes: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (s, service) in network.services.iter().enumerate() {
        let namespace = service.meta.namespace.as_deref().filter(|_| in_namespace);
        let found = by_selector
            .entry((&service.selector, namespace))
            .or_insert_with(|| classes.matching(&service.selector, in_namespace.then_some(namespace)));
        if !found.is_empty() {
            by_classes.entry(found.clone()).or_default().push(s);
        }
    }
    let mut groups = Vec::new();
    for (found, services) in by_classes {
        let mut workloads: Vec<usize> = found.iter().flat_map(|c| classes.all[*c].workloads.iter().copied()).collect();
        workloads.sort_unstable();
        let candidates = Candidates::new(&workloads, |w| &network.workloads[w].meta);
        for (from, services) in by_place(&candidates, services, |s| &network.services[s].meta.at.path) {
            groups.push(Group { services, workloads: candidates.nearest(from).into() });
        }
    }
    groups
}

/// Splits objects by the choice that candidates give for their files; each part with one such file.
fn by_place<'a>(
    candidates: &Candidates,
    objects: Vec<usize>,
    path: impl Fn(usize) -> &'a Path,
) -> Vec<(&'a Path, Vec<usize>)> {
    let mut parts: BTreeMap<Option<&Path>, (&Path, Vec<usize>)> = BTreeMap::new();
    for object in objects {
        let from = path(object);
        parts.entry(candidates.place(from)).or_insert_with(|| (from, Vec::new())).1.push(object);
    }
    parts.into_values().collect()
}

/// Links Services and workloads: of several objects that differ only in their file, the nearest to each other. Returns the
/// workloads that each Service selects; the Services that select each workload; and these once more, those with the
/// fewest workloads first, then by name and namespace.
pub(super) fn link(network: &Network) -> (Lists, Lists, Lists) {
    let groups = groups(network, true);
    let mut groups_of: Vec<Vec<usize>> = vec![Vec::new(); network.workloads.len()];
    for (g, group) in groups.iter().enumerate() {
        group.workloads.iter().for_each(|w| groups_of[*w].push(g));
    }
    let mut by_groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (w, of) in groups_of.into_iter().enumerate() {
        by_groups.entry(of).or_default().push(w);
    }
    let none: Arc<[usize]> = Arc::new([]);
    let mut selecting = vec![Arc::clone(&none); network.workloads.len()];
    // Groups of which a workload has lost a Service to a nearer one.
    let mut is_cut = vec![false; groups.len()];
    for (of, workloads) in by_groups {
        let mut services: Vec<usize> = of.iter().flat_map(|g| groups[*g].services.iter().copied()).collect();
        services.sort_unstable();
        let candidates = Candidates::new(&services, |s| &network.services[s].meta);
        for (from, workloads) in by_place(&candidates, workloads, |w| &network.workloads[w].meta.at.path) {
            let near: Arc<[usize]> = candidates.nearest(from).into();
            if near.len() < services.len() {
                of.iter().for_each(|g| is_cut[*g] = true);
            }
            workloads.into_iter().for_each(|w| selecting[w] = Arc::clone(&near));
        }
    }
    let mut selected = vec![none; network.services.len()];
    let mut single: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (group, is_cut) in groups.iter().zip(is_cut) {
        for s in &group.services {
            if is_cut {
                single.insert(*s, Vec::new());
            } else {
                selected[*s] = Arc::clone(&group.workloads);
            }
        }
    }
    if !single.is_empty() {
        for (w, services) in selecting.iter().enumerate() {
            for s in services.iter() {
                single.entry(*s).and_modify(|of| of.push(w));
            }
        }
        single.into_iter().for_each(|(s, of)| selected[s] = of.into());
    }
    let ranked = ranked(network, &selected, &selecting);
    (selected, selecting, ranked)
}

fn ranked(network: &Network, selected: &[Arc<[usize]>], selecting: &[Arc<[usize]>]) -> Lists {
    let mut known: HashMap<*const usize, Arc<[usize]>> = HashMap::new();
    let rank = |s: &usize| {
        let meta = &network.services[*s].meta;
        (selected[*s].len(), &meta.name, &meta.namespace)
    };
    let of = |services: &Arc<[usize]>| {
        let ranked = known.entry(services.as_ptr()).or_insert_with(|| {
            let mut ranked = services.to_vec();
            ranked.sort_by_key(rank);
            ranked.into()
        });
        Arc::clone(ranked)
    };
    selecting.iter().map(of).collect()
}
