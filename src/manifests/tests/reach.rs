//! What a name, a port or a member leads to.

use super::{advised, network, peer, required, service, variable};
use crate::manifests::{Lead, Network, Passthrough};
use crate::pki::name::NameIndex;

fn orderer(more: &str) -> Network {
    let text = peer("o", "x", "app: o", more)
        .replace("CORE_PEER_LISTENADDRESS, value: \"0.0.0.0:7051\"", "ORDERER_GENERAL_LISTENPORT, value: \"7050\"");
    network(&[&text])
}

/// Whether the first node serves its TLS certificate at the port.
fn serves(network: &Network, port: u16) -> bool {
    network.nodes[0].as_ref().is_some_and(|node| node.serves_tls_at(port))
}

#[test]
fn default_port_for_operations_is_not_a_tls_port_although_no_container_declares_it() {
    let text = peer("a", "x", "app: a", "");
    let ports = text.lines().find(|line| line.contains("containerPort")).unwrap();
    let bare = text.replace(&format!("{ports}\n"), "");
    let to = |port: u16| service("s", "x", &format!("selector: {{app: a}}, ports: [{{port: {port}}}]"));
    assert_eq!(required(&network(&[&bare, &to(9443)]), "a"), [""; 0]);
    assert_eq!(required(&network(&[&bare, &to(7999)]), "a"), ["s"]);
}

#[test]
fn further_ports_of_an_orderer_serve_tls_if_they_are_switched_on() {
    let cluster = orderer(&variable("ORDERER_GENERAL_CLUSTER_LISTENPORT", "7052"));
    assert_eq!([7050, 7052, 9443].map(|port| serves(&cluster, port)), [true, true, false]);
    for part in ["ADMIN", "OPERATIONS"] {
        let address = variable(&format!("ORDERER_{part}_LISTENADDRESS"), "0.0.0.0:9443");
        for (value, is_served) in [("true", true), ("false", false), ("", false)] {
            let switch = variable(&format!("ORDERER_{part}_TLS_ENABLED"), value);
            assert_eq!(serves(&orderer(&(address.clone() + &switch)), 9443), is_served, "{part} {value}");
        }
        assert!(!serves(&orderer(&address), 9443), "{part}");
    }
}

#[test]
fn port_that_operations_took_over_is_not_left() {
    let moved = |operations: &str| {
        let more = variable("CORE_OPERATIONS_LISTENADDRESS", operations);
        let text = peer("a", "x", "app: a", &more).replace("0.0.0.0:7051", "0.0.0.0:9051");
        network(&[&text]).nodes[0].as_ref().unwrap().has_left(7051)
    };
    assert_eq!((moved("0.0.0.0:9443"), moved("127.0.0.1:7051")), (true, false));
}

#[test]
fn chaincode_with_the_variables_of_its_peer_is_not_a_node() {
    let text = |more: &str| peer("cc", "x", "app: cc", more);
    assert!(network(&[&text("")]).nodes[0].is_some());
    assert!(network(&[&text(&variable("CORE_CHAINCODE_ID_NAME", "cc:1"))]).nodes[0].is_none());
}

#[test]
fn name_leads_to_a_node_by_its_own_services_only() {
    let one = peer("a", "x", "app: a", "");
    let own = service("gw", "x", "selector: {app: a}, ports: [{port: 7051}]");
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: x}\nspec: {rules: [{host: '*.example.com', \
                   http: {paths: [{backend: {service: {name: other, port: {number: 1}}}}]}}]}\n";
    let network = network(&[&one, &own, ingress]);
    let lead = |name: &str| network.lead(name, 0, &NameIndex::default());
    for name in ["gw", "gw.x", "gw.x.svc", "GW.x.svc.cluster.local"] {
        assert_eq!(lead(name), Lead::Here, "{name}");
    }
    // No Service has the name of the workload, another namespace is another Service, and the last is outside.
    for name in ["a", "gw.y", "gw.y.svc", "gw.x.example"] {
        assert_eq!(lead(name), Lead::Nowhere, "{name}");
    }
    for (name, is_routed) in [("h.example.com", true), ("a.h.example.com", false), ("example.com", false)] {
        assert_eq!(matches!(lead(name), Lead::Elsewhere(_)), is_routed, "{name}");
    }
}

#[test]
fn only_routes_from_outside_to_nodes_show_which_outer_names_exist() {
    let one = peer("a", "x", "app: a", "");
    let own = service("gw", "x", "selector: {app: a}, ports: [{port: 7051}]");
    let web = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: x, labels: {app: web}}\nspec: {containers: [{name: c}]}\n";
    let front = service("front", "x", "selector: {app: web}, ports: [{port: 80}]");
    let absent = service("absent", "x", "selector: {app: absent}, ports: [{port: 7051}]");
    for (host, to, expected) in [
        ("gw.example.com", "gw", true),
        ("gw.x.svc", "gw", false),
        ("gw", "gw", false),
        ("www.example.com", "front", false),
        // Its pods may be nodes in other files.
        ("gw.example.com", "absent", true),
    ] {
        let ingress = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: x}}\nspec: {{rules: [{{host: {host}, http: \
             {{paths: [{{backend: {{service: {{name: {to}, port: {{number: 7051}}}}}}}}]}}}}]}}\n"
        );
        let network = network(&[&one, &own, web, &front, &absent, &ingress]);
        assert_eq!(network.knows_outside(), expected, "{host} to {to}");
    }
}

#[test]
fn each_member_is_dialled_by_a_service_of_its_own() {
    let peers = ["p1", "p2", "p3"].map(|name| peer(name, "x", &format!("org: o, app: {name}"), ""));
    let of = |name: &str, app: &str, more: &str| {
        service(name, "x", &format!("selector: {{app: {app}}}, ports: [{{port: 7051}}]{more}"))
    };
    let gateway = service("gw", "x", "selector: {org: o}, ports: [{port: 7051}]");
    let other = service("all", "x", "selector: {org: o}, ports: [{port: 7051}]");
    let services = [of("a-first", "p1", ""), of("p1", "p1", ""), of("bare", "p3", ", clusterIP: None"), gateway, other];
    let texts: Vec<&str> = peers.iter().chain(&services).map(String::as_str).collect();
    // The Service with the name of the member comes first; one of several members does not count; behind a headless
    // Service without a StatefulSet, pods have no names.
    let expected = ["p1", "bare"].map(|name| (format!("{name}.x.svc.cluster.local"), 7051));
    assert_eq!(network(&texts).member_endpoints("gw.x", 7051), expected);
    // Two Services of one name and one member.
    let twice = service("gw", "x", "selector: {org: o}, ports: [{name: grpc, port: 7051}]");
    let texts: Vec<&str> = texts.into_iter().chain([twice.as_str()]).collect();
    assert_eq!(network(&texts).member_endpoints("gw.x", 7051), expected);
}

#[test]
fn backend_of_an_old_ingress_is_read() {
    let text = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec: {backend: {serviceName: gw, servicePort: 7051}}\n";
    let network = network(&[text]);
    assert_eq!(network.routes[0].hostless.iter().map(|b| b.service.text.as_str()).collect::<Vec<_>>(), ["gw"]);
}

#[test]
fn gateway_decides_on_tls_only_where_its_route_does_not() {
    let gateway = |mode: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g}}\nspec: {{servers: [{{hosts: [h], tls: {{mode: {mode}}}}}]}}\n"
        )
    };
    let route = |rule: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v}}\nspec: {{hosts: [h], gateways: [g], {rule}: [{{route: []}}]}}\n"
        )
    };
    for (rule, mode, expected) in [
        ("tcp", "SIMPLE", Passthrough::Reencrypted),
        ("tcp", "PASSTHROUGH", Passthrough::Yes),
        ("tls", "SIMPLE", Passthrough::Yes),
    ] {
        assert_eq!(network(&[&route(rule), &gateway(mode)]).routes[0].passthrough, expected, "{rule} {mode}");
    }
}

#[test]
fn address_for_chaincode_is_advised_also_where_a_service_has_its_name() {
    let one = peer("a", "x", "app: a", &variable("CORE_PEER_CHAINCODEADDRESS", "other:7052"));
    let other = service("other", "x", "selector: {app: other}, ports: [{port: 7052}]");
    assert!(advised(&network(&[&one, &other]), "a").contains(&"other".to_owned()));
}

#[test]
fn every_dial_is_a_reason_for_a_name() {
    let client = |i: usize| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j{i}, namespace: x}}\nspec: {{template: {{spec: {{containers: [{{name: c, args: \
             [\"gw:7051\"]}}]}}}}}}\n"
        )
    };
    let clients: Vec<String> = (0..3).map(client).collect();
    let (one, own) = (peer("a", "x", "app: a", ""), service("gw", "x", "selector: {app: a}, ports: [{port: 7051}]"));
    let network = network(&[&[one, own], &clients[..]].concat().iter().map(String::as_str).collect::<Vec<_>>());
    let needed = network.needed(0);
    let gateway = needed.iter().find(|n| n.name.to_string() == "gw").unwrap();
    let words: Vec<&str> = gateway.reasons.iter().map(|reason| reason.words.as_str()).collect();
    assert!((0..3).all(|i| words.iter().any(|w| w.contains(&format!("j{i},")))), "{words:?}");
}
