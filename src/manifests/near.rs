//! Objects of one name that name no namespace: they are hardly meant for one namespace, so that each is linked to what stands
//! nearest to it in the folders.

use std::collections::HashMap;
use std::path::Path;

use super::meta::Meta;

/// How near two files are: the same file, then by the folders that they share.
fn nearness(a: &Path, b: &Path) -> usize {
    if a == b {
        return usize::MAX;
    }
    a.components().zip(b.components()).take_while(|(a, b)| a == b).count()
}

/// Candidates without those that name no namespace while one of the same name is nearer to `from`.
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
    fn one_of_each_name_stays_and_what_names_its_namespace_does_too() {
        let all = [
            meta("org1/gw.yaml", "gw", None),
            meta("org2/gw.yaml", "gw", None),
            meta("org2/other.yaml", "other", None),
            meta("org3/gw.yaml", "gw", Some("org3")),
        ];
        let near = |from: &str| nearest(Path::new(from), vec![0, 1, 2, 3], |c| &all[c]);
        assert_eq!(near("org1/peer.yaml"), [0, 2, 3]);
        assert_eq!(near("org2/gw.yaml"), [1, 2, 3]);
        assert_eq!(near("elsewhere.yaml"), [0, 1, 2, 3], "no one is nearer");
        assert_eq!(near("org3/peer.yaml"), [2, 3]);
    }
}
