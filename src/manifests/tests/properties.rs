//! Properties of every set of manifests.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{network, peer, service, variable};
use crate::manifests::{Need, Network};
use crate::pki::name::{NameIndex, SanName};

/// A peer, Service or route with few possible names, so that objects match each other.
fn object() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let namespace = || prop::sample::select(vec!["", "x", "y"]);
    let org = || prop::sample::select(vec!["o", "p"]);
    let host = prop::sample::select(vec![
        "a:7051",
        "b.x:7051",
        "c.y.svc:7051",
        "gw.x.svc.cluster.local:7051",
        "out.example:443",
    ]);
    prop_oneof![
        (name(), namespace(), org(), host).prop_map(|(n, ns, org, host)| {
            peer(n, ns, &format!("app: {n}, org: {org}"), &variable("CORE_PEER_GOSSIP_BOOTSTRAP", host))
        }),
        (name(), namespace()).prop_map(|(n, ns)| service(n, ns, &format!("selector: {{app: {n}}}, ports: [{{port: 7051}}]"))),
        (namespace(), org()).prop_map(|(ns, org)| service("gw", ns, &format!("selector: {{org: {org}}}, ports: [{{port: 7051}}]"))),
        (name(), namespace()).prop_map(|(n, ns)| {
            let ns = if ns.is_empty() { "x" } else { ns };
            format!("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: {ns}}}\nspec: {{rules: [{{host: {n}.example, http: {{paths: [{{backend: {{service: {{name: {n}}}}}}}]}}}}]}}\n")
        }),
    ]
}

type Summary = BTreeSet<(String, Option<String>, Vec<(String, bool)>)>;

/// Every workload with its names, independent of the order of files.
fn summary(network: &Network) -> Summary {
    let of = |w: usize| {
        let meta = &network.workloads[w].meta;
        let mut names: Vec<(String, bool)> =
            network.needed(w).iter().map(|n| (n.name.to_string(), n.need == Need::Required)).collect();
        names.sort();
        (meta.name.clone(), meta.namespace.clone(), names)
    };
    (0..network.workloads.len()).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_do_not_depend_on_the_order_of_the_files(texts in prop::collection::vec(object(), 1..9), turn in 0usize..9) {
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut turned = refs.clone();
        turned.rotate_left(turn % refs.len());
        turned.reverse();
        prop_assert_eq!(summary(&network(&refs)), summary(&network(&turned)));
        let joined = texts.join("---\n");
        prop_assert_eq!(summary(&network(&refs)), summary(&network(&[&joined])), "nor on how they are split");
        let twice = [&refs[..], &refs[..]].concat();
        prop_assert_eq!(summary(&network(&refs)), summary(&network(&twice)), "nor on copies");
    }

    #[test]
    fn every_name_is_valid_unique_and_leads_back(texts in prop::collection::vec(object(), 1..9)) {
        let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
        let network = network(&refs);
        for w in 0..network.workloads.len() {
            let needed = network.needed(w);
            let index = NameIndex::new(needed.iter().map(|n| &n.name));
            let names: BTreeSet<String> = needed.iter().map(|n| n.name.to_string()).collect();
            prop_assert_eq!(names.len(), needed.len());
            for name in &needed {
                let text = name.name.to_string();
                prop_assert_eq!(text.parse::<SanName>().ok(), Some(name.name.clone()));
                prop_assert_eq!(network.lead(&text, w, &index), crate::manifests::Lead::Here);
                prop_assert!(!name.reasons.is_empty());
            }
        }
    }
}
