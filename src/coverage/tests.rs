//! Decisions of the rules about manifests, each with the input on either side of it.

use std::path::Path;

use super::{Covered, check};
use crate::audit::model::finding::Findings;
use crate::coverage::mapped::Mapped;
use crate::manifests::{Manifest, Network, Settings, Variables};
use crate::policy::MemberEntry;
use crate::text::Pattern;

/// The network of these files.
fn network(files: &[(&str, &str)]) -> Network {
    let read =
        |(path, text): &(&str, &str)| Manifest::read(Path::new(path), text, &Variables::new()).expect("a manifest");
    let settings = Settings { namespace: None, cluster_domain: "cluster.local".to_owned() };
    Network::new(files.iter().map(read), settings)
}

/// The messages of the findings of a rule in these files.
fn of_files(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Findings::new();
    check(&Covered::new(network(files), Mapped::default()), &mut findings);
    findings.into_vec().into_iter().filter(|f| f.rule == rule).map(|f| f.message).collect()
}

/// The same of objects in one file.
fn found(rule: &str, objects: &[&str]) -> Vec<String> {
    of_files(rule, &[("m.yaml", &objects.join("---\n"))])
}

/// A peer in the namespace `x`, whose certificate is in the Secret of its name.
fn peer(name: &str, labels: &str, spec: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: x}}\nspec:\n  {spec}\n  template:\n    metadata: {{labels: \
         {{{labels}}}}}\n    spec:\n      containers:\n        - name: peer\n          ports: [{{containerPort: 7051, name: grpc}}]\n          env: \
         [{{name: CORE_PEER_LISTENADDRESS, value: \"0.0.0.0:7051\"}}, {{name: CORE_PEER_TLS_CERT_FILE, value: /t/tls.crt}}]\n          \
         volumeMounts: [{{name: t, mountPath: /t}}]\n      volumes: [{{name: t, secret: {{secretName: {name}}}}}]\n"
    )
}

fn service(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: x}}\nspec: {{{spec}}}\n")
}

fn certificate(secret: &str, spec: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {secret}-tls, namespace: x}}\nspec: {{secretName: {secret}, {spec}}}\n"
    )
}

#[test]
fn port_that_leads_nowhere_is_reported_for_pods_that_stay_and_are_described() {
    let gateway = service("gw", "selector: {org: o}, ports: [{port: 7051}]");
    let beside = |kind: &str, api: &str| {
        format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: beside, namespace: x}}\nspec: {{template: {{metadata: {{labels: {{org: o}}}}, spec: \
             {{containers: [{{name: c, ports: [{{containerPort: 1}}]}}]}}}}}}\n"
        )
    };
    let one = peer("p", "org: o", "");
    for (kind, api, count) in [("Deployment", "apps/v1", 1), ("Job", "batch/v1", 0)] {
        let messages = found("gateway-port-mismatch", &[&one, &gateway, &beside(kind, api)]);
        assert_eq!(messages.len(), count, "{kind}: {messages:?}");
    }
    // The manifests do not contain the containers of an operator.
    let operated =
        "apiVersion: hlf.kungfusoftware.es/v1alpha1\nkind: FabricPeer\nmetadata: {name: q, namespace: x}\nspec: {}\n";
    let named = service("gw", "selector: {release: q}, ports: [{port: 7051, targetPort: grpc}]");
    assert_eq!(network(&[("m.yaml", &[operated, &named].join("---\n"))]).members(0).len(), 1);
    assert_eq!(found("gateway-port-mismatch", &[operated, &named]), [""; 0]);
}

#[test]
fn gateway_with_one_member_is_reported_unless_it_is_meant_for_that_member() {
    let ports = "ports: [{port: 7051}]";
    for (spec, selector, count) in [("replicas: 1", "org: o", 1), ("replicas: 2", "org: o", 0), ("", "app: p", 0)] {
        let one = peer("p", "org: o, app: p", spec);
        let gateway = service("o-gateway", &format!("selector: {{{selector}}}, {ports}"));
        assert_eq!(found("gateway-single-member", &[&one, &gateway]).len(), count, "{spec} {selector}");
    }
}

#[test]
fn session_affinity_matters_from_two_members_on() {
    let gateway = service("gw", "selector: {org: o}, sessionAffinity: ClientIP, ports: [{port: 7051}]");
    let [one, two] = ["p", "q"].map(|name| peer(name, "org: o", ""));
    assert_eq!(found("gateway-session-affinity", &[&one, &gateway]), [""; 0]);
    assert_eq!(found("gateway-session-affinity", &[&one, &two, &gateway]).len(), 1);
}

#[test]
fn names_inside_the_pod_are_not_missed() {
    let (one, own) = (peer("p", "app: p", ""), service("gw", "selector: {app: p}, ports: [{port: 7051}]"));
    let messages = found("san-short-only", &[&one, &own, &certificate("p", "dnsNames: [gw]")]);
    assert!(messages.len() == 1 && messages[0].contains("gw.x.svc"), "{messages:?}");
    assert!(!messages[0].contains("localhost") && !messages[0].contains("127.0.0.1"), "{messages:?}");
}

#[test]
fn key_of_an_orderer_is_that_of_its_own_namespace() {
    let orderer = peer("o", "app: o", "").replace("CORE_PEER_LISTENADDRESS", "ORDERER_GENERAL_LISTENADDRESS");
    let own = certificate("o", "dnsNames: [o]");
    let other = own.replace("namespace: x", "namespace: y");
    assert_eq!(found("rotation-policy", &[&orderer, &own]).len(), 1);
    assert_eq!(found("rotation-policy", &[&orderer, &other]), [""; 0]);
}

#[test]
fn override_in_other_letters_hides_nothing() {
    for (name, count) in [("gw", 0), ("GW", 0), ("other", 1)] {
        let profile = format!(
            "{{\"version\": \"1.0\", \"peers\": {{\"p\": {{\"url\": \"grpcs://Gw:7051\", \"grpcOptions\": {{\"ssl-target-name-override\": \
             \"{name}\"}}}}}}}}"
        );
        assert_eq!(found("override-hides-name", &[&profile]).len(), count, "{name}");
    }
}

#[test]
fn name_is_dead_if_the_manifests_show_that_nothing_answers_to_it() {
    let (one, own) = (peer("p", "app: p", ""), service("gw", "selector: {app: p}, ports: [{port: 7051}]"));
    for (spec, count) in [
        ("dnsNames: [gw, old]", 1),
        ("commonName: OLD, dnsNames: [gw, old]", 0),
        ("dnsNames: [gw, localhost]", 0),
        // No route shows which outer names exist.
        ("dnsNames: [gw, old.example.com]", 0),
        ("dnsNames: [gw, old.x.svc]", 1),
    ] {
        assert_eq!(found("san-dead-name", &[&one, &own, &certificate("p", spec)]).len(), count, "{spec}");
    }
    let many: Vec<String> = (0..101).map(|i| certificate("p", &format!("dnsNames: [gw, old{i}]"))).collect();
    let all: Vec<&str> = [&one, &own].into_iter().chain(&many).map(String::as_str).collect();
    assert_eq!(found("input-skipped", &all).len(), 1);
    assert_eq!(found("san-dead-name", &all), [""; 0], "not all of what leads to it is known");
}

#[test]
fn service_whose_pods_a_nearer_one_selects_is_not_misspelt() {
    let open = |text: String| text.replace(", namespace: x", "");
    let one = open(peer("p", "app: p", ""));
    let gateway =
        |port: &str| open(service("gw", &format!("selector: {{app: p}}, ports: [{{name: {port}, port: 7051}}]")));
    let near = ("a/p.yaml", [one, gateway("a")].join("---\n"));
    let files = [(near.0, near.1.as_str()), ("b/gw.yaml", &gateway("b"))];
    assert!(network(&files).selected.iter().any(|selected| selected.is_empty()));
    assert_eq!(of_files("selector-matches-nothing", &files), [""; 0]);
}

#[test]
fn ca_of_a_year_is_long_enough() {
    for (duration, count) in [("8760h", 0), ("8759h", 1)] {
        let ca = certificate("ca", &format!("isCA: true, duration: {duration}"));
        assert_eq!(found("ca-lifetime-short", &[&ca]).len(), count, "{duration}");
    }
}

#[test]
fn folder_without_a_certificate_is_not_that_of_a_member() {
    let entry = MemberEntry { workload: "p".to_owned(), tls: Pattern::parse("p/tls").expect("a pattern"), line: 3 };
    let network = network(&[("m.yaml", &peer("p", "app: p", ""))]);
    for (holds_one, count) in [(true, 0), (false, 1)] {
        let (mut mapped, mut findings) = (Mapped::default(), Findings::new());
        let entries = std::slice::from_ref(&entry);
        mapped.note(Path::new("p/tls"), holds_one, &[], entries).expect("few ways to match");
        mapped.tell_stale(entries, Path::new("fabcert.yaml"), &network, &mut findings);
        assert_eq!(findings.into_vec().len(), count, "{holds_one}");
    }
}
