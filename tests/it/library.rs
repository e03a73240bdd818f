//! The library does what the commands do.

use serde_json::{Value, json};

use fabcert::audit::catalogue::{Rule, SAN_GATEWAY_MISSING, SAN_MISSING, SERVED_NOT_ON_DISK, Severity};
use fabcert::{ErrorKind, Timestamp};

use crate::audit::live::{balance, serve};
use crate::audit::scene::Scene;
use crate::command::command;
use crate::coverage::organisation::{Organisation, SET};
use crate::reserved::nobody;

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
    let severity = |rule: &Rule| report.findings().find(|f| f.is_of(rule)).map(|f| f.severity);
    assert_eq!(severity(&SAN_MISSING), Some(Severity::Warning), "the level of the policy counts");
    assert_eq!(severity(&SAN_GATEWAY_MISSING), Some(Severity::Error));
    assert!(report.summary.suppressed > 0, "the ignore of the policy counts");
    let kinds: Vec<String> = report.subjects().map(|s| json!(s.kind).as_str().unwrap().to_owned()).collect();
    for kind in ["msp", "tls", "manifest"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind} is not in {kinds:?}");
    }
}

/// The report of a live audit, made by a spawned task: the future must be `Send`.
fn live(request: fabcert::AuditRequest) -> Result<fabcert::audit::Report, fabcert::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(request.run_live()).await.unwrap() })
}

#[test]
fn a_live_audit_by_the_library_gives_the_report_of_the_command() {
    let scene = Scene::new();
    let gateway = "org1-peer-gateway-svc";
    let (good, good_key) = scene.server("org1-peer1", &["org1-peer1", gateway]);
    let (bad, bad_key) = scene.server("org1-peer2", &["org1-peer2"]);
    scene.tls_folder("tree/org1-peer3/tls", "org1-peer3", &["org1-peer3", gateway]);
    let root = scene.write("root.pem", scene.root());
    let balanced = format!("127.0.0.1:{}", balance(vec![serve(&good, &good_key), serve(&bad, &bad_key)]));
    let closed = nobody().to_string();
    let tree = scene.path("tree");
    let (tree, root_path) = (tree.to_str().unwrap(), root.to_str().unwrap());
    let args = ["audit", tree, "--no-policy", "--output", "json", "--at", AT, "--tls-ca", root_path];
    let more = ["--connect", &balanced, "--server-name", gateway, "--samples", "6"];
    let request = || fabcert::audit([tree], Timestamp::parse_rfc3339(AT).unwrap()).connect(&balanced);

    let by_command = printed(&[&args[..], &more].concat());
    let report = live(request().server_name(gateway).samples(6).tls_ca_file(&root)).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), by_command);
    assert_eq!((report.gateways[0].members, report.gateways[0].answering), (2, 1), "{by_command}");
    assert!(report.findings().any(|f| f.is_of(&SERVED_NOT_ON_DISK)), "{by_command}");

    let more = ["--connect", &balanced, "--server-name", gateway, "--member", &closed, "--dial-timeout", "1s"];
    let by_command = printed(&[&args[..], &more].concat());
    let limit = std::time::Duration::from_secs(1);
    let request = request().server_name(gateway).member(&closed).dial_timeout(limit).tls_ca_pem(scene.root());
    let report = live(request).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), by_command);
    assert_eq!(report.gateways[0].unreachable, [closed]);
}

#[test]
fn live_endpoints_are_not_left_out_in_silence_and_are_checked_before_they_are_dialled() {
    let now = Timestamp::parse_rfc3339(AT).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let request = || fabcert::audit(["testdata/certs"], now).connect(&endpoint);
    assert_eq!(request().run().unwrap_err().kind(), ErrorKind::Usage);
    let named = fabcert::audit(["testdata/certs"], now).server_name("org1-peer-gateway-svc");
    assert_eq!(named.run().unwrap_err().kind(), ErrorKind::Usage);
    let kind = |request: fabcert::AuditRequest| live(request).unwrap_err().kind();
    assert_eq!(kind(request().connect("https://host")), ErrorKind::Usage);
    assert_eq!(kind(request().server_name("*.example.com")), ErrorKind::Input);
    assert_eq!(kind(request().tls_ca_pem("no PEM")), ErrorKind::Input);
    assert_eq!(kind(request().tls_ca_file("missing.pem")), ErrorKind::Io);
    assert_eq!(kind(request().policy_file("missing.yaml")), ErrorKind::Input);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "it was dialled");
}

#[test]
fn a_fix_by_the_library_changes_what_the_command_changes() {
    let tree = || {
        let org = Organisation::new();
        org.change("peer-b.yaml", "    - acme-gateway\n", "").write("fabcert.yaml", "version: 1\n");
        org
    };
    let (left, right) = (tree(), tree());
    let (policy, dir) = (left.path("fabcert.yaml"), left.path(""));
    let args = ["audit", dir.to_str().unwrap(), "--policy", policy.to_str().unwrap(), "--at", AT, "--output", "json"];
    let by_command = printed(&[&args[..], &SET, &["--fix"]].concat());
    let report = fabcert::audit([right.path("")], Timestamp::parse_rfc3339(AT).unwrap())
        .policy_file(right.path("fabcert.yaml"))
        .variable("NS", "acme")
        .variable("DOMAIN", "acme.example")
        .fix()
        .run()
        .unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), by_command);
    assert_eq!(report.summary.errors, 0);
    let text = |org: &Organisation| std::fs::read_to_string(org.path("peer-b.yaml")).unwrap();
    assert_eq!(text(&right), text(&left));
    assert!(text(&right).contains("    - acme-gateway\n"));
}

#[test]
fn debug_output_of_a_request_shows_no_standard_input() {
    let key = || b"a key".to_vec();
    let shown = [
        format!("{:?}", fabcert::audit(["-"], Timestamp::from_unix(0)).stdin(key())),
        format!("{:?}", fabcert::names(["-"]).stdin(key())),
    ];
    for shown in shown {
        assert!(shown.contains("5 bytes") && !shown.contains("107, 101, 121"), "{shown}");
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
