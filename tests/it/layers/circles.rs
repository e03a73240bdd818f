//! Circles of files that use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::SourceFile;

/// The crate as files that use each other. What a `mod.rs` passes on (`pub use`) leads to where it is defined.
pub(super) struct Graph<'a> {
    by_module: BTreeMap<Vec<String>, &'a SourceFile>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(files: &'a [SourceFile]) -> Self {
        let module = |file: &SourceFile| if file.path == "src/lib.rs" { Vec::new() } else { file.module.clone() };
        Self { by_module: files.iter().map(|file| (module(file), file)).collect() }
    }

    /// Whether `module` is a file, or a folder with files.
    fn is_module(&self, module: &[String]) -> bool {
        self.by_module.keys().any(|m| m.starts_with(module))
    }

    /// The file in which the path from the crate's root leads to an item.
    fn file_of(&self, path: &[String], seen: &mut BTreeSet<Vec<String>>) -> Option<&'a SourceFile> {
        if !seen.insert(path.to_vec()) {
            return None;
        }
        let depth = (0..=path.len()).rev().find(|n| self.is_module(&path[..*n]))?;
        let (module, rest) = path.split_at(depth);
        let file = self.by_module.get(module).copied();
        let (Some(file), Some(item)) = (file, rest.first()) else { return file };
        // The module passes it on: it is defined elsewhere.
        for passed in &file.scanned.passed_on {
            if passed.name.rsplit("::").next() == Some(item)
                && let Some(inner) = self.whole_path(file, &passed.name)
                && inner != path
            {
                return self.file_of(&inner, seen);
            }
        }
        Some(file)
    }

    /// The path from the crate's root of one as `file` writes it; `None` for other crates.
    fn whole_path(&self, file: &SourceFile, path: &str) -> Option<Vec<String>> {
        if let Some(inner) = file.in_crate(path) {
            return Some(inner.split("::").map(str::to_owned).collect());
        }
        // A child, as `mod.rs` names it: `chain::verify`, `self::chain::verify`.
        let path = path.trim_start_matches("self::");
        let first = path.split("::").next()?.to_owned();
        let own = if file.path == "src/lib.rs" { Vec::new() } else { file.module.clone() };
        let child = [own.as_slice(), &[first]].concat();
        (self.is_module(&child)).then(|| [own, path.split("::").map(str::to_owned).collect()].concat())
    }

    /// The files that each file uses. A `mod.rs` is the folder's front door and not a file of its own: what it defines
    /// belongs to the whole folder.
    pub(super) fn arrows(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let is_door = |file: &SourceFile| file.path.ends_with("/mod.rs") || file.path == "src/lib.rs";
        for file in self.by_module.values().filter(|file| !is_door(file)) {
            let to = arrows.entry(&file.path).or_default();
            for path in file.scanned.paths.iter().filter(|path| !file.scanned.passed_on.contains(path)) {
                let used = self.whole_path(file, &path.name).and_then(|p| self.file_of(&p, &mut BTreeSet::new()));
                let used = used.filter(|used| !is_door(used) && used.path != file.path);
                to.extend(used.map(|used| used.path.as_str()));
            }
        }
        arrows
    }
}

/// Every circle: the files that reach each other, more than one.
pub(super) fn circles<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reached = |from: &'a str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for to in arrows.get(file).into_iter().flatten() {
                if seen.insert(*to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, to) in &reach {
        if to.contains(file) {
            found.insert(
                to.iter().copied().filter(|other| reach.get(other).is_some_and(|r| r.contains(file))).collect(),
            );
        }
    }
    found.into_iter().collect()
}

#[test]
fn a_circle_is_found_through_what_a_module_passes_on() {
    let files = [
        SourceFile::new("src/lib.rs", "pub use a::Thing;\n"),
        SourceFile::new("src/a/mod.rs", "mod thing;\nmod other;\npub use thing::Thing;\n"),
        SourceFile::new("src/a/thing.rs", "use super::other::f;\n"),
        SourceFile::new("src/a/other.rs", "use crate::b::g;\n"),
        SourceFile::new("src/b.rs", "use crate::Thing;\nuse std::io::Read;\n"),
        SourceFile::new("src/c.rs", "fn f() { crate::a::Thing::new() }\n"),
    ];
    let arrows = Graph::new(&files).arrows();
    assert_eq!(arrows["src/c.rs"], BTreeSet::from(["src/a/thing.rs"]));
    assert!(!arrows.contains_key("src/a/mod.rs"), "a front door is not a file of its own");
    assert_eq!(circles(&arrows), [BTreeSet::from(["src/a/other.rs", "src/a/thing.rs", "src/b.rs"])]);
}
