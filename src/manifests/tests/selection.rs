//! The workloads that a Service selects, and the ports that it reaches in them.

use super::{advised, network, peer, required, service, variable};
use crate::manifests::Network;

/// The names of the workloads that a Service selects.
fn selected(texts: &[&str], name: &str) -> Vec<String> {
    let network = network(texts);
    let s = network.services.iter().position(|s| s.meta.name == name).unwrap();
    network.selected[s].iter().map(|w| network.workloads[*w].meta.name.clone()).collect()
}

/// Every one of `count` Services selects every one of `count` peers.
fn all_over_all(count: usize) -> Network {
    let objects = (0..count).flat_map(|i| {
        let selector = "selector: {app: all}, ports: [{port: 7051}]";
        [peer(&format!("p{i}"), "x", "app: all", ""), service(&format!("s{i}"), "x", selector)]
    });
    network(&[&objects.collect::<Vec<_>>().join("---\n")])
}

#[test]
fn services_and_workloads_that_are_alike_share_their_lists() {
    let network = all_over_all(300);
    assert_eq!((network.selected.len(), network.selected[0].len(), network.members(299).len()), (300, 300, 300));
    assert!(network.selected.iter().all(|list| std::sync::Arc::ptr_eq(list, &network.selected[0])));
    assert!(network.selecting.iter().all(|list| std::sync::Arc::ptr_eq(list, &network.selecting[0])));
    assert!((0..300).all(|s| network.members(s).as_ptr() == network.members(0).as_ptr()));
}

#[test]
fn a_service_selects_by_every_pair_in_its_own_namespace() {
    let peers = [
        peer("a", "x", "app: a, org: o", ""),
        peer("b", "x", "app: b, org: o", ""),
        peer("c", "y", "app: c, org: o", ""),
    ];
    for (namespace, selector, expected) in [
        ("x", "selector: {org: o}", &["a", "b"][..]),
        ("y", "selector: {org: o}", &["c"]),
        ("z", "selector: {org: o}", &[]),
        ("x", "selector: {org: o, app: a}", &["a"]),
        ("x", "selector: {org: o, app: c}", &[]),
        ("x", "selector: {}", &[]),
        ("x", "ports: [{port: 7051}]", &[]),
        ("x", "selector: {Org: o}", &[]),
    ] {
        let gateway = service("gw", namespace, selector);
        let texts: Vec<&str> = peers.iter().chain([&gateway]).map(String::as_str).collect();
        assert_eq!(selected(&texts, "gw"), expected, "{namespace}: {selector}");
    }
}

#[test]
fn an_unknown_namespace_matches_any() {
    let (known, unknown) = (peer("a", "x", "org: o", ""), peer("b", "", "org: o", ""));
    assert_eq!(selected(&[&known, &unknown, &service("gw", "x", "selector: {org: o}")], "gw"), ["a", "b"]);
    assert_eq!(selected(&[&known, &service("gw", "", "selector: {org: o}")], "gw"), ["a"]);
}

#[test]
fn the_same_object_twice_is_one() {
    let (one, gateway) = (peer("a", "x", "org: o", ""), service("gw", "x", "selector: {org: o}"));
    let network = network(&[&one, &gateway, &one, &gateway]);
    assert_eq!((network.workloads.len(), network.services.len()), (1, 1));
}

#[test]
fn only_services_to_the_tls_port_require_their_name() {
    let one = peer("a", "x", "app: a", &variable("CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443"));
    for (ports, expected) in [
        ("", true),
        ("ports: [{port: 7051}]", true),
        ("ports: [{port: 443, targetPort: 7051}]", true),
        ("ports: [{port: 443, targetPort: grpc}]", true),
        ("ports: [{port: 9443}]", false),
        ("ports: [{port: 7052}]", false),
        ("ports: [{port: 9443}, {port: 7051}]", true),
        ("ports: [{port: 7051, protocol: UDP}]", false),
        ("ports: [{port: 7051, protocol: TCP}]", true),
        // A separate fault, which does not reduce the required names.
        ("ports: [{port: 7999}]", true),
        ("ports: [{port: 443, targetPort: nowhere}]", true),
    ] {
        let gateway = service("gw", "x", &format!("selector: {{app: a}}, {ports}"));
        let network = network(&[&one, &gateway]);
        assert_eq!(required(&network, "a").contains(&"gw".to_owned()), expected, "{ports}");
    }
    let chaincode = service("cc", "x", "selector: {app: a}, ports: [{port: 7052}]");
    let names = advised(&network(&[&one, &chaincode]), "a");
    assert!(names.contains(&"cc".to_owned()) && names.contains(&"cc.x.svc".to_owned()), "{names:?}");
    let metrics = service("metrics", "x", "selector: {app: a}, ports: [{port: 9443}]");
    assert!(!advised(&network(&[&one, &metrics]), "a").contains(&"metrics".to_owned()));
    let with_tls = peer(
        "a",
        "x",
        "app: a",
        &(variable("CORE_OPERATIONS_LISTENADDRESS", "0.0.0.0:9443") + &variable("CORE_OPERATIONS_TLS_ENABLED", "true")),
    );
    assert_eq!(required(&network(&[&with_tls, &metrics]), "a"), ["metrics"]);
}

#[test]
fn dials_decide_which_forms_are_required() {
    let client = |namespace: &str, host: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app, namespace: {namespace}}}\nspec:\n  template:\n    spec:\n      \
             containers:\n        - name: app\n          env:\n            - {{name: PEER, value: \"grpcs://{host}:7051\"}}\n"
        )
    };
    let one = peer("a", "x", "app: a", "");
    let own = service("a", "x", "selector: {app: a}, ports: [{port: 7051}, {port: 9443}]");
    for (dial, expected) in [
        (String::new(), &["a"][..]),
        (client("x", "a"), &["a"]),
        (client("x", "a.x.svc"), &["a", "a.x.svc"]),
        // Its own namespace has no other node, and every client uses another form.
        (client("y", "a.x"), &["a.x"]),
        (client("y", "a.x.svc.cluster.local"), &["a.x.svc.cluster.local"]),
        // The short form in another namespace is another Service.
        (client("y", "a"), &["a"]),
        (client("y", "a.y"), &["a"]),
        (client("y", "a.x.svc.other.domain"), &["a"]),
    ] {
        let mut texts = vec![one.as_str(), own.as_str()];
        if !dial.is_empty() {
            texts.push(&dial);
        }
        assert_eq!(required(&network(&texts), "a"), expected, "{dial}");
    }
    // With another peer in the namespace the short form is assumed.
    let (other, outside) = (peer("b", "x", "app: b", ""), client("y", "a.x"));
    assert_eq!(required(&network(&[&one, &own, &other, &outside]), "a"), ["a", "a.x"]);
    // Metrics are not Fabric.
    let metrics = client("x", "a.x").replace(":7051", ":9443");
    assert_eq!(required(&network(&[&one, &own, &metrics]), "a"), ["a"]);
}

#[test]
fn a_peer_on_another_port_does_not_use_its_default_port() {
    let moved = peer("a", "x", "app: a", "").replace("0.0.0.0:7051", "0.0.0.0:9051");
    let with = |ports: &str| {
        moved.replace(
            "        - name: peer\n",
            &format!("        - {{name: other, image: c, ports: [{ports}]}}\n        - name: peer\n"),
        )
    };
    for (text, port, expected) in [
        (moved.clone(), 9051, true),
        // It does not reach the peer, which is a separate fault.
        (moved.clone(), 7051, true),
        (with("{containerPort: 7051}"), 7051, false),
        (with("{containerPort: 1}"), 7051, true),
    ] {
        let own = service("s", "x", &format!("selector: {{app: a}}, ports: [{{port: {port}}}]"));
        assert_eq!(required(&network(&[&text, &own]), "a").contains(&"s".to_owned()), expected, "{port} {text}");
    }
}

#[test]
fn a_container_without_declared_ports_may_own_any_port() {
    let alone = peer("a", "x", "app: a", "");
    let with = |ports: &str| {
        alone.replace(
            "        - name: peer\n",
            &format!("        - {{name: couch, image: c{ports}}}\n        - name: peer\n"),
        )
    };
    for (text, ports, expected) in [
        (alone.clone(), "{port: 5984}", true),
        (with(""), "{port: 5984}", false),
        (with(", ports: [{containerPort: 1}]"), "{port: 5984}", true),
        // The default port of a peer is for the peer.
        (with(""), "{port: 7051, targetPort: 7151}", true),
        (with(""), "{port: 7051}", true),
    ] {
        let own = service("s", "x", &format!("selector: {{app: a}}, ports: [{ports}]"));
        assert_eq!(required(&network(&[&text, &own]), "a").contains(&"s".to_owned()), expected, "{ports} {text}");
    }
}

#[test]
fn a_lone_node_dialled_by_long_forms_needs_no_short_form() {
    let full = "a.x.svc.cluster.local";
    let endpoint = variable("CORE_PEER_GOSSIP_EXTERNALENDPOINT", &format!("{full}:7051"));
    let one = peer("a", "x", "app: a", &endpoint);
    let own = service("a", "x", "selector: {app: a}, ports: [{port: 7051}]");
    let client = |host: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j, namespace: x}}\nspec: {{template: {{spec: {{containers: [{{name: c, args: [\"{host}:7051\"]}}]}}}}}}\n"
        )
    };
    let (long, short) = (client(full), client("a"));
    assert_eq!(required(&network(&[&one, &own, &long]), "a"), [full]);
    assert_eq!(required(&network(&[&one, &own, &long, &short]), "a"), ["a", full]);
    assert_eq!(required(&network(&[&one, &own]), "a"), ["a", full], "no client dials it");
    let beside = peer("b", "x", "app: b", "");
    assert_eq!(required(&network(&[&one, &own, &long, &beside]), "a"), ["a", full], "it is not alone");
    let channel = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m, namespace: x}}\ndata:\n  configtx.yaml: |\n    Addresses:\n      - {full}:7051\n"
    );
    let silent = peer("a", "x", "app: a", "");
    assert_eq!(required(&network(&[&silent, &own, &channel, &long]), "a"), [full], "a channel announces it too");
}
