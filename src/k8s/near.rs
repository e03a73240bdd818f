//! Objects of one kind and name that name no namespace: they cannot be of one namespace, so that each is linked to what stands
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

/// Of candidates with the same kind and name and without a namespace, those that are nearest to `from`; all others stay.
pub(super) fn nearest<'a>(from: &Path, candidates: Vec<usize>, meta: impl Fn(usize) -> &'a Meta) -> Vec<usize> {
    if candidates.len() < 2 {
        return candidates;
    }
    let mut best: HashMap<(&str, &str), usize> = HashMap::new();
    let open = |c: usize| Some(meta(c)).filter(|m| m.namespace.is_none());
    for meta in candidates.iter().filter_map(|c| open(*c)) {
        let near = nearness(from, &meta.at.path);
        let known = best.entry((meta.kind.as_str(), meta.name.as_str())).or_default();
        *known = near.max(*known);
    }
    let is_nearest = |c: &usize| {
        open(*c).is_none_or(|m| best.get(&(m.kind.as_str(), m.name.as_str())) == Some(&nearness(from, &m.at.path)))
    };
    candidates.into_iter().filter(is_nearest).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::k8s::At;

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
    }
}
