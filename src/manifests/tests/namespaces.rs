//! The namespace of objects that do not name one.

use super::{advised, network, network_in, network_of, peer, required, service, variable};

/// The namespace of the first Service after linking.
fn namespace(texts: &[&str], given: Option<&str>) -> Option<String> {
    network_in(texts, given).services[0].meta.namespace.clone()
}

const INGRESS: &str = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: x}\nspec: {rules: [{host: h, http: {paths: [{backend: {service: {name: a}}}]}}]}\n";

fn with_certificate(namespace: &str) -> String {
    let mounts = "          volumeMounts: [{name: t, mountPath: /tls}]\n      volumes: [{name: t, secret: {secretName: a-tls}}]\n";
    let certificate = format!(
        "---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: c, namespace: {namespace}}}\nspec: {{secretName: a-tls, dnsNames: [a]}}\n"
    );
    peer("a", "", "app: a", mounts) + &certificate
}

#[test]
fn linked_objects_give_the_namespace() {
    let (own, bare) = (service("a", "", "selector: {app: a}"), peer("a", "", "app: a", ""));
    let there = |ns: &str| peer("a", ns, "app: a", "");
    for (texts, given, expected) in [
        (vec![own.as_str(), &bare], None, None),
        (vec![&own, &bare], Some("z"), Some("z")),
        (vec![&own, &there("x")], None, Some("x")),
        (vec![&own, &there("x")], Some("z"), Some("z")),
        (vec![&own, &there("x"), &there("y")], None, None),
        (vec![&own, &bare, INGRESS], None, Some("x")),
        (vec![&own, &with_certificate("w")], None, Some("w")),
        (vec![&service("a", "v", "selector: {app: a}"), &bare], Some("z"), Some("v")),
    ] {
        assert_eq!(namespace(&texts, given).as_deref(), expected, "{texts:?} {given:?}");
    }
}

#[test]
fn without_a_namespace_there_are_no_long_forms() {
    let (own, bare) = (service("a", "", "selector: {app: a}"), peer("a", "", "app: a", ""));
    assert_eq!(advised(&network(&[&own, &bare]), "a"), ["localhost", "127.0.0.1"]);
    let names = advised(&network_in(&[&own, &bare], Some("z")), "a");
    assert_eq!(names[..3], ["a.z", "a.z.svc", "a.z.svc.cluster.local"]);
}

#[test]
fn a_dialled_full_name_gives_the_namespace() {
    let (own, bare) = (service("a", "", "selector: {app: a}"), peer("a", "", "app: a", ""));
    let dialler =
        |host: &str| peer("b", "", "app: b", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", &format!("{host}:7051")));
    for (host, expected) in [
        ("a.x.svc.cluster.local", Some("x")),
        ("a.x.svc", Some("x")),
        ("a.x.svc.other.domain", None),
        // This may be a host of any domain.
        ("a.x", None),
        ("b.x.svc", None),
    ] {
        assert_eq!(namespace(&[&own, &bare, &dialler(host)], None).as_deref(), expected, "{host}");
    }
    let other = service("a", "", "selector: {app: other}");
    assert_eq!(namespace(&[&own, &other, &dialler("a.x.svc")], None), None, "it is ambiguous");
    let another = peer("c", "", "app: c", &variable("CORE_PEER_GOSSIP_BOOTSTRAP", "a.y.svc:7051"));
    assert_eq!(namespace(&[&own, &dialler("a.x.svc"), &another], None), None);
}

#[test]
fn an_object_in_two_namespaces_is_ambiguous() {
    let (w, v) = (with_certificate("w"), with_certificate("v"));
    let (_, other) = v.split_once("---\n").unwrap();
    assert_eq!(network(&[&w]).holdings(0).len(), 1);
    assert_eq!(network(&[&w, other]).holdings(0), []);
    assert_eq!(network_in(&[&w, other], Some("v")).holdings(0).len(), 1);
    let own = service("a", "v", "selector: {app: a}");
    assert_eq!(network(&[&w, other, &own]).holdings(0).len(), 1, "its Service decides");
}

#[test]
fn objects_of_one_name_without_a_namespace_link_to_the_nearest() {
    let ingress =
        |host: &str| INGRESS.replace(", namespace: x", "").replace("host: h", &format!("host: {host}.example.com"));
    let own = service("a", "", "selector: {app: a}, ports: [{port: 7051}]");
    let bare = peer("a", "", "app: a", "");
    // Another peer of the same name, so they cannot share a namespace.
    let other = bare.replace("0.0.0.0:7051", "0.0.0.0:7050").replace("containerPort: 7051", "containerPort: 7050");
    let other_own = own.replace("port: 7051", "port: 7050");
    let (one, two) = (ingress("one"), ingress("two"));
    let files = [
        ("org1/peer.yaml", bare.as_str()),
        ("org1/gateway/service.yaml", &own),
        ("org1/gateway/route.yaml", &one),
        ("org2/peer.yaml", &other),
        ("org2/service.yaml", &other_own),
        ("org2/route.yaml", &two),
    ];
    let network = network_of(&files);
    let hosts = |w: usize| {
        let needed = network.needed(w).into_iter().map(|n| n.name.to_string());
        needed.filter(|n| n.ends_with("example.com")).collect::<Vec<_>>()
    };
    assert_eq!((hosts(0), hosts(1)), (vec!["one.example.com".to_owned()], vec!["two.example.com".to_owned()]));
    assert_eq!([network.members(0), network.members(1)], [[0], [1]]);
    assert_eq!(required(&network_of(&files[..3]), "a"), ["a", "one.example.com"]);
}
