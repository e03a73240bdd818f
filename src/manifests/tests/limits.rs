//! Limits on names and links, and inputs that reach them.

use super::{network, network_of, peer, required, service, variable};
use crate::manifests::{Network, near::MOST_ALIKE};

/// `count` peers behind one gateway, and other objects.
fn gateway(count: usize, peer_has: &str, spec: &str, others: Vec<String>) -> Network {
    let peers = (0..count).map(|i| peer(&format!("p{i}"), "x", "app: all", peer_has));
    let gateway = [service("gw", "x", &format!("selector: {{app: all}}, ports: [{{port: 7051}}]{spec}"))];
    network(&[&peers.chain(gateway).chain(others).collect::<Vec<_>>().join("---\n")])
}

#[test]
fn no_kind_of_name_goes_beyond_the_most_of_a_node() {
    const NODES: usize = 2000;
    let many = |object: &dyn Fn(usize) -> String| (0..200).map(object).collect::<Vec<_>>();
    let alias = |i: usize| service(&format!("a{i}"), "x", "type: ExternalName, externalName: gw.x.svc.cluster.local");
    let host_alias = |i: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: c{i}, namespace: x}}\nspec:\n  hostAliases: [{{ip: 10.0.0.1, hostnames: \
             [h{i}.example.com]}}]\n  containers: [{{name: c}}]\n"
        )
    };
    let external: Vec<String> = (0..200).map(|i| format!("e{i}.example.com")).collect();
    let annotated = service("gw2", "x", "selector: {app: all}, type: LoadBalancer, ports: [{port: 7051}]").replace(
        "namespace: x}",
        &format!(
            "namespace: x, annotations: {{external-dns.alpha.kubernetes.io/hostname: \"{}\"}}}}",
            external.join(",")
        ),
    );
    let route = |i: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i{i}, namespace: x}}\nspec: {{rules: [{{host: \
             r{i}.example.com, http: {{paths: [{{backend: {{service: {{name: gw, port: {{number: 7051}}}}}}}}]}}}}]}}\n"
        )
    };
    let other = |i: usize| service(&format!("s{i}"), "x", "selector: {app: all}, ports: [{port: 7051}]");
    for (kind, spec, others) in [
        ("Services", "", many(&other)),
        ("aliases", "", many(&alias)),
        ("host aliases", ", clusterIP: 10.0.0.1", many(&host_alias)),
        ("external hosts", "", vec![annotated]),
        ("routes", "", many(&route)),
    ] {
        let network = gateway(NODES, "", spec, others);
        let needed = network.needed(0);
        assert_eq!((needed.len(), network.most_names()), (100, 100), "{kind}");
        assert!(network.has_left_out(0, &needed), "{kind}");
    }
    let network = gateway(NODES, "", "", Vec::new());
    assert!(!network.has_left_out(0, &network.needed(0)), "a gateway alone");
}

#[test]
fn names_beyond_the_most_of_a_node_are_reported_as_left_out() {
    let others = (1..30).map(|i| service(&format!("s{i}"), "x", "selector: {app: all}, ports: [{port: 7051}]"));
    let network = gateway(30, "", "", others.collect());
    let needed = network.needed(0);
    assert_eq!((needed.len(), network.has_left_out(0, &needed)), (30 * 4 + 2, false));
    assert!(network.has_left_out(0, &needed[..100]));
    assert_eq!(network.most_names(), 200_000 / 30);
}

#[test]
fn aliases_that_lead_to_each_other_end() {
    let alias = |i: usize| {
        let one = service(
            "a",
            "b",
            &format!("type: ExternalName, externalName: a.b.svc.cluster.local, selector: {{i: i{i}}}"),
        );
        [one, service(&format!("a{i}"), "b", "type: ExternalName, externalName: a.b")]
    };
    let mut objects: Vec<String> = (0..300).flat_map(alias).collect();
    objects.push(peer("p", "b", "app: p", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", "a:7051")));
    let network = network(&[&objects.join("---\n")]);
    assert!(network.resolve("a", Some("b")).is_empty());
    let chained = super::network(&[
        &service("a", "x", "type: ExternalName, externalName: b.x.svc"),
        &service("b", "x", "type: ExternalName, externalName: c.x.svc"),
        &service("c", "x", "selector: {app: p}"),
        &peer("p", "x", "app: p", ""),
    ]);
    assert_eq!(required(&chained, "p"), ["c", "a", "b"]);
}

#[test]
fn a_name_leads_to_a_limited_number_of_services() {
    let one = |i: usize| {
        let bootstrap = variable("CORE_PEER_GOSSIP_BOOTSTRAP", "gw:7051");
        let selector = format!("selector: {{app: p{i}}}, ports: [{{port: 7051}}]");
        [peer(&format!("p{i}"), "", &format!("app: p{i}"), &bootstrap), service("gw", "", &selector)].join("---\n")
    };
    let all: Vec<String> = (0..=MOST_ALIKE).map(one).collect();
    let together = network(&[&all.join("---\n")]);
    assert_eq!(together.resolve("gw", None).len(), MOST_ALIKE);
    assert!(together.left_out().is_some());
    // Each in a folder of its own leads to its own.
    let paths: Vec<String> = (0..all.len()).map(|i| format!("org{i}/m.yaml")).collect();
    let files: Vec<(&str, &str)> = paths.iter().zip(&all).map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let apart = network_of(&files);
    assert_eq!(apart.left_out(), None);
    assert!(required(&apart, "p7").contains(&"gw".to_owned()));
}

#[test]
fn aliases_beyond_the_limits_are_reported_as_left_out() {
    let alias = |from: &str, to: &str, more: &str| {
        service(from, "x", &format!("type: ExternalName, externalName: {to}.x.svc.cluster.local{more}"))
    };
    // The limit cuts within a chain that ends in one Service.
    let both = |count: usize| {
        let aliases = (0..count).map(|i| alias("b", "c", &format!(", selector: {{i: i{i}}}")));
        let objects = [alias("a", "b", ""), service("c", "x", "selector: {app: p}"), peer("p", "x", "app: p", "")];
        network(&[&aliases.chain(objects).collect::<Vec<_>>().join("---\n")])
    };
    assert!(both(MOST_ALIKE + 1).left_out().is_some());
    assert_eq!(both(MOST_ALIKE - 1).left_out(), None);
    let chain = |count: usize| {
        let aliases = (0..count).map(|i| alias(&format!("a{i}"), &format!("a{}", i + 1), ""));
        let end = service(&format!("a{count}"), "x", "selector: {app: p}");
        network(&[&aliases.chain([end, peer("p", "x", "app: p", "")]).collect::<Vec<_>>().join("---\n")])
    };
    assert_eq!(chain(6).left_out(), None);
    assert!(chain(7).left_out().is_some());
}

#[test]
fn services_that_a_route_gives_no_namespace_are_reported_as_left_out() {
    let route = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: x}\nspec: {rules: [{host: h.example.com, \
                 http: {paths: [{backend: {service: {name: gw, port: {number: 7051}}}}]}}]}\n";
    let of = |count: usize| {
        let services =
            (0..count).map(|i| service("gw", "", &format!("selector: {{app: p{i}}}, ports: [{{port: 7051}}]")));
        let manifest = services.chain([route.to_owned()]).collect::<Vec<_>>().join("---\n");
        let network = network(&[&manifest]);
        let open = network.services.iter().filter(|s| s.meta.namespace.is_none()).count();
        (open, network.left_out().is_some())
    };
    assert_eq!(of(MOST_ALIKE - 1), (0, false));
    let (open, is_cut) = of(10 * MOST_ALIKE);
    assert!(open > 0 && is_cut, "{open}");
}

#[test]
fn objects_of_one_name_beyond_the_limit_are_reported_as_left_out() {
    let mounting = |kind: &str| {
        let source = match kind {
            "Secret" => "secret: {secretName: c}",
            _ => "configMap: {name: c}",
        };
        format!(
            "{}          volumeMounts: [{{name: v, mountPath: /tls}}]\n      volumes: [{{name: v, {source}}}]\n",
            peer("p", "", "app: p", &variable("CORE_PEER_TLS_CERT_FILE", "/tls/tls.crt"))
        )
    };
    let from = peer("p", "", "app: p", "          envFrom: [{configMapRef: {name: c}}]\n");
    let single = peer(
        "p",
        "",
        "app: p",
        "            - {name: CORE_PEER_ID, valueFrom: {configMapKeyRef: {name: c, key: k}}}\n",
    );
    let object = |kind: &str| match kind {
        "Certificate" => {
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: d}\nspec: {secretName: c}\n"
        }
        "Secret" => "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\n",
        _ => "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
    };
    for (kind, user) in [
        ("Secret", mounting("Secret")),
        ("Certificate", mounting("Secret")),
        ("ConfigMap", mounting("ConfigMap")),
        ("ConfigMap", from),
        ("ConfigMap", single),
    ] {
        // Certificates that differ in nothing are one.
        let one = |i: usize| match kind {
            "Certificate" => object(kind).replace("secretName: c", &format!("secretName: c, dnsNames: [n{i}]")),
            _ => object(kind).to_owned(),
        };
        let crowded = |count: usize, place: &dyn Fn(usize) -> String| {
            let files: Vec<(String, String)> = (0..count).map(|i| (place(i), one(i))).collect();
            let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
            let network = network_of(&files.chain([("org7/p.yaml", user.as_str())]).collect::<Vec<_>>());
            network.crowded().into_iter().map(|(words, _)| words).collect::<Vec<_>>()
        };
        let alike = |_: usize| "all.yaml".to_owned();
        assert_eq!(crowded(MOST_ALIKE, &alike), [""; 0], "{kind}");
        let found = crowded(MOST_ALIKE + 1, &alike);
        assert!(found.len() == 1 && found[0].contains(kind) && found[0].contains("\"c\""), "{kind}: {found:?}");
        // The one beside the workload is meant.
        assert_eq!(crowded(MOST_ALIKE + 1, &|i| format!("org{i}/c.yaml")), [""; 0], "{kind}");
    }
}

#[test]
fn pods_of_one_name_beyond_the_limit_are_reported_as_left_out() {
    // The last one is behind the Service.
    let of = |count: usize, is_numbered: bool| {
        let set = |i: usize| {
            let kind = if is_numbered { "StatefulSet" } else { "Deployment" };
            let governed = if i + 1 == count { "gw" } else { "other" };
            let more = if is_numbered {
                format!("  serviceName: {governed}\n  replicas: 200\n  template:")
            } else {
                "  template:".to_owned()
            };
            let pod = if is_numbered {
                "    spec:\n".to_owned()
            } else {
                format!("    spec:\n      hostname: p-150\n      subdomain: {governed}\n")
            };
            peer("p", "", &format!("app: {governed}, i: i{i}"), "")
                .replace("Deployment", kind)
                .replace("  template:", &more)
                .replace("    spec:\n", &pod)
        };
        let gateway = service("gw", "", "clusterIP: None, selector: {app: gw}, ports: [{port: 7051}]");
        let dialling = peer("d", "", "app: d", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", "p-150.gw:7051"));
        network(&[&(0..count).map(set).chain([gateway, dialling]).collect::<Vec<_>>().join("---\n")])
    };
    for is_numbered in [true, false] {
        let few = of(10, is_numbered);
        assert_eq!(few.left_out(), None, "{is_numbered}");
        let last = few.workloads.iter().rposition(|w| w.meta.name == "p").expect("a workload");
        let needed = few.needed(last).into_iter().any(|n| n.name.to_string() == "p-150.gw");
        assert!(needed, "the pod beyond the first hundred is dialled: {is_numbered}");
        assert!(of(MOST_ALIKE + 1, is_numbered).left_out().is_some(), "{is_numbered}");
    }
}
