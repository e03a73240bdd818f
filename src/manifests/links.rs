//! Which Services select which workloads.
//!
//! Services and workloads that cannot be distinguished share one list: ten thousand Services that each select ten thousand
//! workloads are one link, not a hundred million.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::meta::Labels;
use super::near::Candidates;
use super::selector::selects;
use super::service::Service;
use super::workload::Workload;

/// Services that select the same workloads.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) services: Vec<usize>,
    pub(super) workloads: Arc<[usize]>,
}

/// One list for each Service or workload; equal ones may be shared.
type Lists = Vec<Arc<[usize]>>;

/// Workloads with the same namespace and the same labels, apart from those that no selector names.
struct Class<'a> {
    /// The labels of the first.
    labels: &'a Labels,
    workloads: Vec<usize>,
}

/// Labels in order.
type Pairs<'a> = Vec<(&'a String, &'a String)>;

/// Classes by their namespace.
type ByNamespace<'a> = HashMap<Option<&'a str>, Vec<usize>>;

struct Classes<'a> {
    all: Vec<Class<'a>>,
    /// By label, then by namespace.
    by_label: HashMap<(&'a str, &'a str), ByNamespace<'a>>,
}

impl<'a> Classes<'a> {
    fn of(workloads: &'a [Workload], services: &'a [Service]) -> Self {
        let mut all: Vec<Class<'a>> = Vec::new();
        let named: HashSet<(&String, &String)> = services.iter().flat_map(|s| &s.selector).collect();
        let mut known: HashMap<(Pairs<'_>, Option<&str>), usize> = HashMap::new();
        let mut by_label: HashMap<(&str, &str), ByNamespace<'_>> = HashMap::new();
        for (w, workload) in workloads.iter().enumerate() {
            let (labels, namespace) = (&workload.labels, workload.meta.namespace.as_deref());
            let pairs: Pairs<'_> = labels.iter().filter(|pair| named.contains(pair)).collect();
            let class = *known.entry((pairs.clone(), namespace)).or_insert_with(|| {
                for (key, value) in pairs {
                    let of_label = by_label.entry((key.as_str(), value.as_str())).or_default();
                    of_label.entry(namespace).or_default().push(all.len());
                }
                all.push(Class { labels, workloads: Vec::new() });
                all.len() - 1
            });
            all[class].workloads.push(w);
        }
        Self { all, by_label }
    }

    /// The classes that a selector matches in a namespace; an unknown one matches any. In order.
    fn matching<'b>(&'b self, selector: &'b Labels, namespace: Option<&'b str>) -> Vec<usize> {
        let count = |label: &'b ByNamespace<'a>| within(label, namespace).into_iter().map(Vec::len).sum::<usize>();
        let mut rarest: Option<(usize, &'b ByNamespace<'a>)> = None;
        for (key, value) in selector {
            let Some(label) = self.by_label.get(&(key.as_str(), value.as_str())) else { return Vec::new() };
            let count = count(label);
            if rarest.is_none_or(|(fewest, _)| count < fewest) {
                rarest = Some((count, label));
            }
        }
        let Some((_, label)) = rarest else { return Vec::new() };
        let mut fitting: Vec<usize> = within(label, namespace).into_iter().flatten().copied().collect();
        fitting.retain(|c| selects(selector, self.all[*c].labels));
        fitting.sort_unstable();
        fitting
    }
}

/// Of the classes with one label, those in a namespace and those without one; all of them if it is unknown.
fn within<'a>(label: &'a ByNamespace<'a>, namespace: Option<&'a str>) -> Vec<&'a Vec<usize>> {
    match namespace {
        Some(_) => [namespace, None].iter().filter_map(|n| label.get(n)).collect(),
        None => label.values().collect(),
    }
}

/// Groups the Services by the workloads that they select: of those without a namespace, the nearest to the Service.
/// `in_namespace`: only workloads that may be in the Service's namespace.
pub(super) fn groups(services: &[Service], workloads: &[Workload], in_namespace: bool) -> Vec<Group> {
    let classes = Classes::of(workloads, services);
    let mut by_selector: BTreeMap<(&Labels, Option<&str>), Vec<usize>> = BTreeMap::new();
    for (s, service) in services.iter().enumerate() {
        let namespace = service.meta.namespace.as_deref().filter(|_| in_namespace);
        by_selector.entry((&service.selector, namespace)).or_default().push(s);
    }
    let mut by_classes: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for ((selector, namespace), selecting) in by_selector {
        let found = classes.matching(selector, namespace);
        if !found.is_empty() {
            by_classes.entry(found).or_default().extend(selecting);
        }
    }
    let mut groups = Vec::new();
    for (found, selecting) in by_classes {
        let mut selected: Vec<usize> = found.iter().flat_map(|c| classes.all[*c].workloads.iter().copied()).collect();
        selected.sort_unstable();
        let candidates = Candidates::new(&selected, |w| &workloads[w].meta);
        for (from, services) in by_place(&candidates, selecting, |s| &services[s].meta.at.path) {
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
pub(super) fn link(services: &[Service], workloads: &[Workload]) -> (Lists, Lists, Lists) {
    let groups = groups(services, workloads, true);
    let mut groups_of: Vec<Vec<usize>> = vec![Vec::new(); workloads.len()];
    for (g, group) in groups.iter().enumerate() {
        for w in group.workloads.iter() {
            groups_of[*w].push(g);
        }
    }
    let mut by_groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (w, of) in groups_of.into_iter().enumerate() {
        by_groups.entry(of).or_default().push(w);
    }
    let none: Arc<[usize]> = Arc::new([]);
    let mut selecting = vec![Arc::clone(&none); workloads.len()];
    // Groups of which a workload has lost a Service to a nearer one.
    let mut is_cut = vec![false; groups.len()];
    for (of, selected) in by_groups {
        let mut all: Vec<usize> = of.iter().flat_map(|g| groups[*g].services.iter().copied()).collect();
        all.sort_unstable();
        let candidates = Candidates::new(&all, |s| &services[s].meta);
        for (from, alike) in by_place(&candidates, selected, |w| &workloads[w].meta.at.path) {
            let near: Arc<[usize]> = candidates.nearest(from).into();
            if near.len() < all.len() {
                for g in &of {
                    is_cut[*g] = true;
                }
            }
            for w in alike {
                selecting[w] = Arc::clone(&near);
            }
        }
    }
    let mut selected = vec![none; services.len()];
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
        for (w, near) in selecting.iter().enumerate() {
            for s in near.iter() {
                single.entry(*s).and_modify(|of| of.push(w));
            }
        }
        for (s, of) in single {
            selected[s] = of.into();
        }
    }
    let ranked = ranked(services, &selected, &selecting);
    (selected, selecting, ranked)
}

fn ranked(services: &[Service], selected: &[Arc<[usize]>], selecting: &[Arc<[usize]>]) -> Lists {
    let mut known: HashMap<*const usize, Arc<[usize]>> = HashMap::new();
    let rank = |s: &usize| {
        let meta = &services[*s].meta;
        (selected[*s].len(), &meta.name, &meta.namespace)
    };
    let of = |own: &Arc<[usize]>| {
        let ranked = known.entry(own.as_ptr()).or_insert_with(|| {
            let mut ranked = own.to_vec();
            ranked.sort_by_key(rank);
            ranked.into()
        });
        Arc::clone(ranked)
    };
    selecting.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::{Manifest, Network, Settings, Variables};

    #[test]
    fn labels_that_no_selector_names_do_not_distinguish_workloads() {
        let pod = |i: usize, role: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: x, labels: {{app: all, role: {role}, own: p{i}}}}}\nspec: \
                 {{containers: [{{name: c}}]}}\n"
            )
        };
        let service =
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: x}\nspec: {selector: {app: all, role: a}}\n";
        let mut objects: Vec<String> = (0..50).map(|i| pod(i, if i < 20 { "a" } else { "b" })).collect();
        objects.push(service.to_owned());
        let manifest =
            Manifest::read(Path::new("m.yaml"), &objects.join("---\n"), &Variables::new()).expect("manifests");
        let settings = Settings { namespace: None, cluster_domain: "cluster.local".to_owned() };
        let network = Network::new([manifest], settings);
        assert_eq!(Classes::of(&network.workloads, &network.services).all.len(), 2);
        assert_eq!(*network.selected[0], *(0..20).collect::<Vec<_>>());
    }
}
