//! The namespace of what names none.

use super::{advised, network, network_in, peer, service};

/// The namespace of the first Service after everything is linked.
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
fn it_is_the_one_that_the_objects_linked_to_it_name() {
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
fn without_one_the_longer_forms_are_not_known() {
    let (own, bare) = (service("a", "", "selector: {app: a}"), peer("a", "", "app: a", ""));
    assert_eq!(advised(&network(&[&own, &bare]), "a"), ["localhost", "127.0.0.1"]);
    let names = advised(&network_in(&[&own, &bare], Some("z")), "a");
    assert_eq!(names[..3], ["a.z", "a.z.svc", "a.z.svc.cluster.local"]);
}
