//! Chooses between objects that have the same name and no namespace: they are probably for different namespaces, so
//! each object is linked to the nearest file.
//!
//! Two files are the nearer, the more folders they share; a file is nearest to itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::meta::Meta;

/// The most objects that one name leads to. Where everything has the same name and no namespace, each of N names would
/// lead to N objects.
pub(super) const MOST_ALIKE: usize = 500;

/// Objects by name, and those of a name by namespace and by place, so that a choice does not look at all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Named(HashMap<String, Namesakes>);

impl Named {
    /// Arranges objects; `all` gives each with its index.
    pub(super) fn new<'a>(all: impl IntoIterator<Item = (usize, &'a Meta)>) -> Self {
        Self::keyed(all.into_iter().map(|(index, meta)| (meta.name.clone(), index, meta)))
    }

    /// Arranges objects by another text than their name. Those under one text must have one name.
    pub(super) fn keyed<'a>(all: impl IntoIterator<Item = (String, usize, &'a Meta)>) -> Self {
        let mut named: HashMap<String, Namesakes> = HashMap::new();
        for (key, index, meta) in all {
            named.entry(key).or_default().add(index, meta);
        }
        Self(named)
    }

    /// The objects of one name.
    pub(super) fn get(&self, name: &str) -> Option<&Namesakes> {
        self.0.get(name)
    }

    /// The objects of a name that may be in a namespace; an unknown namespace matches any. In order; at most
    /// [`MOST_ALIKE`].
    pub(super) fn within(&self, name: &str, namespace: Option<&str>) -> Vec<usize> {
        self.get(name).map(|found| found.within(namespace)).unwrap_or_default()
    }

    /// As [`Self::within`], and of those without a namespace only the nearest to `from`.
    pub(super) fn nearest(&self, name: &str, namespace: Option<&str>, from: &Path) -> Vec<usize> {
        let mut found = self.get(name).map(|found| found.nearest(namespace, from, MOST_ALIKE)).unwrap_or_default();
        found.truncate(MOST_ALIKE);
        found
    }

    /// Whether [`Self::nearest`] leaves some out.
    pub(super) fn leaves_out(&self, name: &str, namespace: Option<&str>, from: &Path) -> bool {
        let most = MOST_ALIKE + 1;
        self.get(name)
            .is_some_and(|found| found.all.len() >= most && found.nearest(namespace, from, most).len() >= most)
    }
}

/// The objects of one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesakes {
    all: Vec<usize>,
    by_namespace: BTreeMap<String, Vec<(usize, Arc<Path>)>>,
    /// Those without a namespace.
    open: Vec<usize>,
    /// Those without a namespace, by file and by each folder above it.
    open_in: HashMap<PathBuf, Vec<usize>>,
    /// Every file, and each folder above it.
    places: HashSet<PathBuf>,
}

impl Namesakes {
    fn add(&mut self, index: usize, meta: &Meta) {
        self.all.push(index);
        if let Some(namespace) = &meta.namespace {
            self.by_namespace.entry(namespace.clone()).or_default().push((index, Arc::clone(&meta.at.path)));
        } else {
            self.open.push(index);
            for place in meta.at.path.ancestors() {
                self.open_in.entry(place.to_owned()).or_default().push(index);
            }
        }
        self.places.extend(meta.at.path.ancestors().map(Path::to_owned));
    }

    /// All of them.
    pub(super) fn all(&self) -> &[usize] {
        &self.all
    }

    /// The namespaces that they name, each once.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.by_namespace.keys().map(String::as_str)
    }

    /// Those that may be in a namespace; an unknown one matches any. The first [`MOST_ALIKE`].
    fn within(&self, namespace: Option<&str>) -> Vec<usize> {
        let Some(namespace) = namespace else { return self.all.iter().copied().take(MOST_ALIKE).collect() };
        let named = self.of(namespace).map(|(index, _)| *index).take(MOST_ALIKE);
        let mut found: Vec<usize> = named.chain(self.open.iter().copied().take(MOST_ALIKE)).collect();
        found.sort_unstable();
        found.truncate(MOST_ALIKE);
        found
    }

    fn of(&self, namespace: &str) -> impl Iterator<Item = &(usize, Arc<Path>)> {
        self.by_namespace.get(namespace).into_iter().flatten()
    }

    /// Those that may be in a namespace, and of those without one the nearest to `from`. At most the first `most` of each
    /// kind are looked at.
    fn nearest(&self, namespace: Option<&str>, from: &Path, most: usize) -> Vec<usize> {
        let named: &mut dyn Iterator<Item = &(usize, Arc<Path>)> = match namespace {
            Some(namespace) => &mut self.of(namespace),
            None => &mut self.by_namespace.values().flatten(),
        };
        let mut found: Vec<usize> = named.take(most).map(|(index, _)| *index).collect();
        found.extend(self.open_near(namespace, from, most).iter().take(most));
        found.sort_unstable();
        found
    }

    /// Those without a namespace than which none is nearer to `from`, of all that may be in `namespace`; of those that
    /// name it, the first `most` are looked at.
    pub(super) fn open_near(&self, namespace: Option<&str>, from: &Path, most: usize) -> &[usize] {
        // The first is the file itself, the others are the folders above it.
        let place = from.ancestors().find(|place| self.open_in.contains_key(*place));
        let best = place.map_or(0, |place| nearness(from, place));
        let best_of_all = match namespace {
            None => from.ancestors().find(|p| self.places.contains(*p)).map_or(0, |place| nearness(from, place)),
            Some(namespace) => {
                self.of(namespace).take(most).map(|(_, path)| nearness(from, path)).fold(best, usize::max)
            }
        };
        match place {
            _ if best < best_of_all => &[],
            Some(place) if best > 0 => self.open_in.get(place).map(Vec::as_slice).unwrap_or_default(),
            // Nothing is shared with any of them.
            _ => &self.open,
        }
    }
}

/// How near two files are: first the same file, then the number of shared folders.
fn nearness(a: &Path, b: &Path) -> usize {
    if a == b {
        return usize::MAX;
    }
    a.components().zip(b.components()).take_while(|(a, b)| a == b).count()
}

/// A set of objects of several names, from which the nearest are chosen for many files.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Those that stay wherever the file is: they have a namespace, or a name of their own.
    fixed: Vec<usize>,
    /// Names that several have, at least one of them without a namespace.
    shared: Vec<Namesakes>,
}

impl Candidates {
    /// Arranges objects.
    pub(super) fn new<'a>(all: &[usize], meta: impl Fn(usize) -> &'a Meta) -> Self {
        let mut counts: HashMap<&str, (usize, bool)> = HashMap::new();
        for index in all {
            let meta = meta(*index);
            let count = counts.entry(meta.name.as_str()).or_default();
            *count = (count.0 + 1, count.1 || meta.namespace.is_none());
        }
        let is_shared = |meta: &Meta| counts.get(meta.name.as_str()).is_some_and(|(count, open)| *count > 1 && *open);
        let mut fixed = Vec::new();
        let mut shared: BTreeMap<&str, Namesakes> = BTreeMap::new();
        for index in all {
            let meta = meta(*index);
            if is_shared(meta) {
                shared.entry(meta.name.as_str()).or_default().add(*index, meta);
            } else {
                fixed.push(*index);
            }
        }
        Self { fixed, shared: shared.into_values().collect() }
    }

    /// Files for which the choice is the same: the file itself where one of the objects is in it, else its folder;
    /// `None` if the choice does not depend on the file.
    pub(super) fn place<'a>(&self, from: &'a Path) -> Option<&'a Path> {
        if self.shared.is_empty() {
            return None;
        }
        let is_in = |names: &Namesakes| names.places.contains(from);
        Some(if self.shared.iter().any(is_in) { from } else { from.parent().unwrap_or(from) })
    }

    /// Those that stay for a file: all but those without a namespace than which one of the same name is nearer. In
    /// order.
    pub(super) fn nearest(&self, from: &Path) -> Vec<usize> {
        let mut found = self.fixed.clone();
        found.extend(self.shared.iter().flat_map(|names| names.nearest(None, from, usize::MAX)));
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifests::At;

    fn meta(path: &str, name: &str, namespace: Option<&str>) -> Meta {
        Meta {
            kind: "Service".into(),
            name: name.into(),
            namespace: namespace.map(str::to_owned),
            labels: super::super::Labels::new(),
            annotations: Vec::new(),
            at: At { path: Arc::from(Path::new(path)), line: 1 },
        }
    }

    #[test]
    fn the_nearest_of_each_name_and_all_with_a_namespace_are_kept() {
        let all = [
            meta("org1/gw.yaml", "gw", None),
            meta("org2/gw.yaml", "gw", None),
            meta("org2/other.yaml", "other", None),
            meta("org3/gw.yaml", "gw", Some("org3")),
        ];
        let near = |from: &str| nearest(Path::new(from), vec![0, 1, 2, 3], |c| &all[c]);
        assert_eq!(near("org1/peer.yaml"), [0, 2, 3]);
        assert_eq!(near("org2/gw.yaml"), [1, 2, 3]);
        assert_eq!(near("elsewhere.yaml"), [0, 1, 2, 3], "all are equally near");
        assert_eq!(near("org3/peer.yaml"), [2, 3]);
    }

    /// The same choice in plain steps: removes candidates without a namespace if one of the same name is nearer to `from`.
    fn nearest<'a>(from: &Path, candidates: Vec<usize>, meta: impl Fn(usize) -> &'a Meta) -> Vec<usize> {
        if candidates.len() < 2 {
            return candidates;
        }
        let near = |c: &usize| nearness(from, &meta(*c).at.path);
        let mut best: HashMap<&str, usize> = HashMap::new();
        for c in &candidates {
            let known = best.entry(meta(*c).name.as_str()).or_default();
            *known = near(c).max(*known);
        }
        let stays = |c: &usize| meta(*c).namespace.is_some() || best.get(meta(*c).name.as_str()) == Some(&near(c));
        candidates.into_iter().filter(stays).collect()
    }

    fn path() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "a.yaml",
            "b.yaml",
            "x/a.yaml",
            "x/b.yaml",
            "x/y/a.yaml",
            "z/a.yaml",
            "/x/a.yaml",
            "-",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arranged_objects_give_the_same_choice(
            all in prop::collection::vec(
                (path(), prop::sample::select(vec!["gw", "p"]), prop::sample::select(vec![None, Some("m"), Some("n")])),
                0..7,
            ),
            from in path(),
            namespace in prop::sample::select(vec![None, Some("m"), Some("n"), Some("o")]),
        ) {
            let all: Vec<Meta> = all.into_iter().map(|(path, name, namespace)| meta(path, name, namespace)).collect();
            let from = Path::new(from);
            let may = |c: &usize| namespace.is_none_or(|n| all[*c].namespace.as_deref().is_none_or(|own| own == n));
            let named = Named::new(all.iter().enumerate());
            for name in ["gw", "p"] {
                let within: Vec<usize> = (0..all.len()).filter(|c| all[*c].name == name && may(c)).collect();
                prop_assert_eq!(&named.within(name, namespace), &within);
                prop_assert_eq!(named.nearest(name, namespace, from), nearest(from, within, |c| &all[c]));
            }
            let every: Vec<usize> = (0..all.len()).collect();
            let candidates = Candidates::new(&every, |c| &all[c]);
            prop_assert_eq!(candidates.nearest(from), nearest(from, every, |c| &all[c]));
            if let Some(place) = candidates.place(from) {
                let twin = if place == from { place.to_owned() } else { place.join("new.yaml") };
                prop_assert_eq!(candidates.nearest(&twin), candidates.nearest(from), "{:?} and {:?}", from, twin);
            }
        }
    }
}
