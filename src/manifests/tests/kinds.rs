//! Each kind of workload, and the environment that makes it a Fabric node.

use super::{advised, network, peer, required, service, variable};
use crate::manifests::FabricKind;

fn pod(kind: &str, api: &str, wrap: &str, env: &str) -> String {
    let inner = format!(
        "metadata: {{labels: {{app: n}}}}\nspec:\n  containers:\n    - name: main\n      env:\n        - {{name: {env}, value: \"x\"}}\n"
    );
    let head = format!("apiVersion: {api}\nkind: {kind}\n");
    if wrap.is_empty() {
        return head + &inner.replacen("metadata: {", "metadata: {name: n, ", 1);
    }
    let depth = wrap.split('.').count();
    let keys: String = wrap.split('.').enumerate().map(|(i, key)| "  ".repeat(i) + key + ":\n").collect();
    let indent = "  ".repeat(depth);
    head + "metadata: {name: n}\n" + &keys + &inner.lines().map(|l| indent.clone() + l + "\n").collect::<String>()
}

#[test]
fn every_kind_of_workload_except_jobs_can_be_a_node() {
    for (kind, api, wrap, is_node) in [
        ("Deployment", "apps/v1", "spec.template", true),
        ("StatefulSet", "apps/v1", "spec.template", true),
        ("DaemonSet", "apps/v1", "spec.template", true),
        ("ReplicaSet", "apps/v1", "spec.template", true),
        ("ReplicationController", "v1", "spec.template", true),
        ("DeploymentConfig", "apps.openshift.io/v1", "spec.template", true),
        ("Pod", "v1", "", true),
        ("Job", "batch/v1", "spec.template", false),
        ("CronJob", "batch/v1", "spec.jobTemplate.spec.template", false),
    ] {
        for (env, role) in [("CORE_PEER_ID", FabricKind::Peer), ("ORDERER_GENERAL_LISTENPORT", FabricKind::Orderer)] {
            let network = network(&[&pod(kind, api, wrap, env)]);
            assert_eq!(network.workloads[0].labels["app"], "n", "{kind}");
            let node = network.nodes[0].as_ref().map(|n| n.kind);
            assert_eq!(node, is_node.then_some(role), "{kind} {env}");
        }
    }
}

#[test]
fn the_environment_decides_whether_a_workload_is_a_node() {
    let own = service("n", "", "selector: {app: n}");
    for (env, selected, expected) in [
        ("CORE_PEER_LOCALMSPID", true, true),
        // Only the peer command.
        ("CORE_PEER_LOCALMSPID", false, false),
        ("CORE_PEER_TLS_CERT_FILE", false, true),
        ("CORE_CHAINCODE_ID_NAME", true, false),
        ("FABRIC_CA_SERVER_CA_NAME", true, false),
        ("ORDERER_CA", true, false),
        ("PEER", true, false),
    ] {
        let text = pod("Deployment", "apps/v1", "spec.template", env);
        let texts: Vec<&str> = if selected { vec![&text, &own] } else { vec![&text] };
        assert_eq!(network(&texts).nodes[0].is_some(), expected, "{env}");
    }
}

#[test]
fn a_node_without_tls_needs_no_names() {
    let own = service("a", "x", "selector: {app: a}");
    for (value, needs) in [("true", true), ("false", false), ("False", false)] {
        let one = peer("a", "x", "app: a", &variable("CORE_PEER_TLS_ENABLED", value));
        assert_eq!(!required(&network(&[&one, &own]), "a").is_empty(), needs, "{value}");
    }
}

#[test]
fn announced_names_are_required() {
    let own = service("a", "x", "selector: {app: a}");
    for (name, value, expected) in [
        ("CORE_PEER_ADDRESS", "a:7051", &["a"][..]),
        ("CORE_PEER_ADDRESS", "0.0.0.0:7051", &["a"]),
        ("CORE_PEER_ADDRESS", "127.0.0.1:7051", &["a"]),
        ("CORE_PEER_ADDRESS", "$(POD_IP):7051", &["a"]),
        ("CORE_PEER_ADDRESS", "peer.example.com:7051", &["a", "peer.example.com"]),
        ("CORE_PEER_GOSSIP_EXTERNALENDPOINT", "peer.example.com:443", &["a", "peer.example.com"]),
        ("CORE_PEER_GOSSIP_EXTERNALENDPOINT", "a.x.svc.cluster.local:7051", &["a", "a.x.svc.cluster.local"]),
        ("CORE_PEER_GOSSIP_BOOTSTRAP", "b:7051", &["a"]),
        ("CORE_PEER_CHAINCODEADDRESS", "cc.example.com:7052", &["a"]),
    ] {
        let one = peer("a", "x", "app: a", &variable(name, value));
        assert_eq!(required(&network(&[&one, &own]), "a"), expected, "{name}={value}");
    }
    let one = peer("a", "x", "app: a", &variable("CORE_PEER_CHAINCODEADDRESS", "cc.example.com:7052"));
    assert!(advised(&network(&[&one, &own]), "a").contains(&"cc.example.com".to_owned()));
    let (b, b_own) = (
        peer("b", "x", "app: b", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", "a.x:7051")),
        service("b", "x", "selector: {app: b}"),
    );
    let network = network(&[&one, &own, &b, &b_own]);
    assert_eq!(required(&network, "a"), ["a", "a.x"], "another peer bootstraps from it");
    assert_eq!(required(&network, "b"), ["b"]);
}

#[test]
fn stateful_set_pods_have_names_behind_a_headless_service() {
    let set = peer("a", "x", "app: a", "")
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("spec:\n  template", "spec:\n  replicas: 2\n  serviceName: h\n  template");
    let headless = service("h", "x", "clusterIP: None, selector: {app: a}, ports: [{port: 7051}]");
    let names = advised(&network(&[&set, &headless]), "a");
    for name in ["a-0.h", "a-1.h.x", "a-0.h.x.svc", "a-1.h.x.svc.cluster.local", "h.x.svc", "localhost"] {
        assert!(names.contains(&name.to_owned()), "{name} is not in {names:?}");
    }
    assert!(!names.contains(&"a-2.h".to_owned()));
    let dialler = peer("b", "x", "app: b", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", "a-1.h:7051"));
    assert_eq!(required(&network(&[&set, &headless, &dialler]), "a"), ["h", "a-1.h"]);
    let not_governing = service("g", "x", "selector: {app: a}, ports: [{port: 7051}]");
    assert!(!advised(&network(&[&set, &not_governing]), "a").iter().any(|n| n.starts_with("a-0.")));
}

#[test]
fn operator_objects_are_nodes_with_their_requested_names() {
    let hlf = "apiVersion: hlf.kungfusoftware.es/v1alpha1\nkind: FabricPeer\nmetadata: {name: org1-peer0, namespace: x}\nspec:\n  \
               istio: {hosts: [peer0.example.com], port: 443}\n  secret:\n    enrollment:\n      tls:\n        csr:\n          hosts:\n            \
               - localhost\n            - org1-peer0\n            - gw\n";
    let gateway = service("gw", "x", "selector: {app: hlf-peer}, ports: [{port: 7051}]");
    let network = network(&[hlf, &gateway]);
    assert_eq!(required(&network, "org1-peer0"), ["gw", "peer0.example.com"]);
    let [crate::manifests::Holding::Requested(requested)] = &network.holdings(0)[..] else { panic!() };
    let names: Vec<(&str, usize)> = requested.names.iter().map(|n| (n.text.as_str(), n.line)).collect();
    assert_eq!((requested.at.line, names), (10, vec![("localhost", 11), ("org1-peer0", 12), ("gw", 13)]));
    let ibp =
        "apiVersion: ibp.com/v1beta1\nkind: IBPPeer\nmetadata: {name: p1, namespace: x}\nspec: {domain: example.com}\n";
    let network = super::network(&[ibp]);
    assert_eq!(required(&network, "p1"), ["x-p1-peer.example.com"]);
    let elsewhere = ibp.replace("spec: {", "spec: {mspID: Org1MSP, peerExternalEndpoint: 'peer.outside.example:443', ");
    let gateway = service("gw", "x", "selector: {orgname: Org1MSP}, ports: [{port: 7051}]");
    let network = super::network(&[&elsewhere, &gateway]);
    assert_eq!(required(&network, "p1"), ["gw", "peer.outside.example", "x-p1-peer.example.com"]);
    let [crate::manifests::Holding::Requested(requested)] = &network.holdings(0)[..] else { panic!() };
    assert_eq!(requested.names.iter().map(|n| n.text.as_str()).collect::<Vec<_>>(), ["x-p1-peer.example.com"]);
}

#[test]
fn an_ibp_ordering_service_is_one_node_per_orderer() {
    let cluster = "apiVersion: ibp.com/v1beta1\nkind: IBPOrderer\nmetadata: {name: ord, namespace: x}\nspec:\n  domain: example.com\n  \
                   clusterSize: 2\n  clustersecret:\n    - enrollment: {tls: {csr: {hosts: [ordnode1]}}}\n    - enrollment:\n        tls:\n          \
                   csr:\n            hosts:\n              - ordnode2\n";
    let all = service(
        "all",
        "x",
        "selector: {parent: ord, app.kubernetes.io/instance: fabricorderer}, ports: [{port: 7050}]",
    );
    let second = service("second", "x", "selector: {app: ordnode2, creator: fabric}, ports: [{port: 7050}]");
    let network = network(&[cluster, &all, &second]);
    assert_eq!(required(&network, "ordnode1"), ["all", "x-ordnode1-orderer.example.com"]);
    assert_eq!(required(&network, "ordnode2"), ["second", "all", "x-ordnode2-orderer.example.com"]);
    let [crate::manifests::Holding::Requested(requested)] = &network.holdings(1)[..] else { panic!() };
    let names: Vec<&str> = requested.names.iter().map(|n| n.text.as_str()).collect();
    assert_eq!((requested.at.line, names), (12, vec!["ordnode2", "x-ordnode2-orderer.example.com"]));
    let one = cluster.replace("clusterSize: 2", "number: 1").replace("name: ord,", "name: ordnode1,");
    assert_eq!(
        super::network(&[&one]).workloads.iter().map(|w| w.meta.name.as_str()).collect::<Vec<_>>(),
        ["ordnode1"]
    );
}

#[test]
fn fabric_operator_pods_have_the_operator_labels() {
    let peer =
        "apiVersion: ibp.com/v1beta1\nkind: IBPPeer\nmetadata: {name: p1, namespace: x}\nspec: {mspID: Org1MSP}\n";
    let selector = "selector: {app.kubernetes.io/instance: fabricpeer, app.kubernetes.io/managed-by: fabric-operator, \
                    app.kubernetes.io/name: fabric, creator: fabric, orgname: Org1MSP}, ports: [{port: 7051}]";
    assert_eq!(required(&network(&[peer, &service("gw", "x", selector)]), "p1"), ["gw"]);
}

#[test]
fn a_pod_of_the_peer_command_is_not_a_node() {
    let cli = |command: &str, name: &str| {
        let text = peer("cli", "x", "app: cli", "").replace("name: CORE_PEER_LISTENADDRESS", &format!("name: {name}"));
        text.replace("        - name: peer\n", &format!("        - name: peer\n{command}"))
    };
    let (sleep, node) =
        ("          command: [sh, -c, sleep 9]\n", "          command: [sh, -c, 'cp x y; peer node start']\n");
    for (command, variable, ports, expected) in [
        (sleep, "CORE_PEER_ID", "", false),
        (sleep, "CORE_PEER_TLS_CERT_FILE", "{port: 80}", false),
        (sleep, "CORE_PEER_ADDRESS", "{port: 80}", false),
        ("", "CORE_PEER_ADDRESS", "", false),
        ("", "CORE_PEER_ADDRESS", "{port: 80}", false),
        // A script may start the peer.
        (sleep, "CORE_PEER_ID", "{port: 7051}", true),
        ("", "CORE_PEER_ADDRESS", "{port: 443, targetPort: 7051}", true),
        ("", "CORE_PEER_ID", "", true),
        (node, "CORE_PEER_ID", "", true),
        (sleep, "CORE_PEER_GOSSIP_USELEADERELECTION", "", true),
    ] {
        let text = cli(command, variable);
        let own = service("s", "x", &format!("selector: {{app: cli}}, ports: [{ports}]"));
        let network = if ports.is_empty() { network(&[&text]) } else { network(&[&text, &own]) };
        assert_eq!(network.nodes[0].is_some(), expected, "{command} {variable} {ports}");
    }
}
