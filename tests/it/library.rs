//! The library does what the commands do.

use serde_json::{Value, json};

use fabcert::Timestamp;
use fabcert::audit::catalogue::{Rule, SAN_GATEWAY_MISSING, SAN_MISSING, Severity};

use crate::audit::scene::Scene;
use crate::command::command;

const EXAMPLE: &str = include_str!("../../testdata/names/example.yaml");
const AT: &str = "2026-11-24T00:00:00Z";

/// MSP folder, TLS folder, manifests and a policy in one tree.
fn tree() -> Scene {
    let scene = Scene::new();
    scene.tls_folder("org1-peer1/tls", "org1-peer1", &["org1-peer1", "org1-peer-gateway-svc"]);
    scene.tls_folder("org1-peer2/tls", "org1-peer2", &["org1-peer2"]);
    let (cert, _) = scene.server("org1-peer1", &[]);
    scene.write("org1-peer1/msp/signcerts/cert.pem", cert);
    scene.write("org1-peer1/msp/cacerts/ca.pem", scene.root());
    scene.write("k8s/example.yaml", EXAMPLE);
    scene.write(
        "fabcert.yaml",
        "version: 1\nexpect:\n  - {path: '{node}/tls', names: ['{node}']}\nmembers:\n  - {workload: '{node}', tls: '{node}/tls'}\nlevels: {san-missing: warning}\nignore:\n  - {rule: san-short-only, reason: nobody dials it}\n",
    );
    scene
}

fn printed(args: &[&str]) -> Value {
    let output = command(args, &[]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn an_audit_by_the_library_gives_the_report_of_the_command() {
    let scene = tree();
    let policy = scene.path("fabcert.yaml");
    // The working directory of a test belongs to all of them, so paths are absolute here.
    let dir = scene.dir().to_str().unwrap();
    let by_command = printed(&[
        "audit",
        dir,
        "--policy",
        policy.to_str().unwrap(),
        "--output",
        "json",
        "--at",
        AT,
        "--set",
        "DOMAIN=example.com",
        "--gateway-service",
        "org1-peer-gateway-svc",
        "--namespace",
        "fabric",
        "--expect-san",
        "localhost",
        "--fabric-version",
        "1.4.3",
    ]);
    let report = fabcert::audit([dir], Timestamp::parse_rfc3339(AT).unwrap())
        .policy_file(&policy)
        .variable("DOMAIN", "example.com")
        .gateway_service("org1-peer-gateway-svc")
        .namespace("fabric")
        .expect_san("localhost")
        .channel_rules(fabcert::msp::ChannelRules::V1_4_3)
        .jobs(2)
        .run()
        .unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), by_command);
    let severity = |rule: &Rule| report.findings.iter().find(|f| f.is_of(rule)).map(|f| f.severity);
    assert_eq!(severity(&SAN_MISSING), Some(Severity::Warning), "the level of the policy counts");
    assert_eq!(severity(&SAN_GATEWAY_MISSING), Some(Severity::Error));
    assert!(report.summary.suppressed > 0, "the ignore of the policy counts");
    let kinds: Vec<String> = report.subjects.iter().map(|s| json!(s.kind).as_str().unwrap().to_owned()).collect();
    for kind in ["msp", "tls", "manifest"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind} is not in {kinds:?}");
    }
}

#[test]
fn names_by_the_library_are_those_of_the_command() {
    let scene = tree();
    let k8s = scene.path("k8s");
    let by_command = printed(&["names", k8s.to_str().unwrap(), "--set", "DOMAIN=example.com", "--output", "json"]);
    let found = fabcert::names([&k8s]).variable("DOMAIN", "example.com").read().unwrap();
    let workloads: Vec<Value> = found
        .nodes
        .iter()
        .map(|node| {
            let names = node.names.iter().map(|n| {
                let reasons = n
                    .reasons
                    .iter()
                    .map(|r| json!({"reason": r.words, "path": r.at.path.display().to_string(), "line": r.at.line}));
                let need = format!("{:?}", n.need).to_lowercase();
                json!({"name": n.name.to_string(), "need": need, "reasons": reasons.collect::<Vec<_>>()})
            });
            json!({
                "workload": node.workload, "kind": node.kind, "namespace": node.namespace, "role": node.role,
                "path": node.path.display().to_string(), "line": node.line, "names": names.collect::<Vec<_>>(),
            })
        })
        .collect();
    assert_eq!(Value::from(workloads), by_command["workloads"]);
    assert_eq!(found.nodes.len(), 2);
    assert!(found.nodes[1].names.iter().any(|n| n.name.to_string() == "gateway.example.com"));
}
