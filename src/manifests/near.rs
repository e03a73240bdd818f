//! Chooses between objects that have the same name and no namespace: they are probably for different namespaces, so
//! each object is linked to the nearest file.

use std::collections::HashMap;
use std::path::Path;

use super::meta::Meta;

/// How near two files are: first the same file, then the number of shared folders.
fn nearness(a: &Path, b: &Path) -> usize {
    if a == b {
        return usize::MAX;
    }
    a.components().zip(b.components()).take_while(|(a, b)| a == b).count()
}

/// Removes candidates without a namespace if one of the same name is nearer to `from`.
pub(super) fn nearest<'a>(from: &Path, candidates: Vec<usize>, meta: impl Fn(usize) -> &'a Meta) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
}
