//! `fabcert render`: Kubernetes takes it, the audit finds nothing in it, and its init container enrols.

use std::io::Write as _;
use std::process::{Command, Stdio};

use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec};
use serde_json::Value;

use super::organisation::{audit_in, reported};
use crate::command::{Ran, fabcert};
use crate::enroll::faults::now;
use crate::real::tools::{Tool, find};

const BASE: [&str; 9] = [
    "render",
    "--org",
    "org1",
    "--namespace",
    "fabric",
    "--ca-url",
    "https://org1-ca:7054",
    "--fabcert-image",
    "registry.example/fabcert:1",
];

fn rendered(more: &[&str]) -> Ran {
    fabcert(&[&BASE[..], more].concat(), None)
}

/// Every choice with every other.
fn matrix() -> Vec<Vec<&'static str>> {
    let mut all = vec![Vec::new()];
    let choices: [&[&[&str]]; 6] = [
        &[&[], &["--workload", "statefulset"]],
        &[&[], &["--storage", "empty-dir"], &["--storage-class", "fast", "--storage-size", "500Mi"]],
        &[&[], &["--external-host", "gateway.org1.example.com"]],
        &[&[], &["--no-network-policy"], &["--sidecar"]],
        &[&[], &["--peer", "a,b,c"], &["--peers", "1"]],
        &[&[], &["--cluster-domain", "k8s.example", "--gateway-service", "gw", "--msp-id", "Org.1_MSP"]],
    ];
    for choice in choices {
        all = all.iter().flat_map(|before: &Vec<&str>| choice.iter().map(move |c| [before, *c].concat())).collect();
    }
    all
}

#[test]
fn kubernetes_takes_every_document_and_the_audit_finds_nothing() {
    let oracle = find(Tool::ManifestOracle);
    for more in matrix() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("k8s").display().to_string();
        let ran = rendered(&[&more[..], &["--out", &out]].concat());
        assert_eq!(ran.code, 0, "{more:?}: {ran:?}");
        let domain: &[&str] = if more.contains(&"k8s.example") { &["--cluster-domain", "k8s.example"] } else { &[] };
        let found = reported(&audit_in(dir.path(), "k8s", domain));
        let expected: &[&str] = if more.contains(&"--peers") { &["gateway-single-member warning"] } else { &[] };
        assert_eq!(found.len(), expected.len(), "{more:?}: {found:?}");
        assert!(found.iter().zip(expected).all(|(f, e)| f.starts_with(e)), "{more:?}: {found:?}");
        let Some(oracle) = &oracle else { continue };
        let text = rendered(&more).stdout;
        let mut child =
            Command::new(oracle).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let answer = child.wait_with_output().unwrap();
        assert!(answer.status.success(), "{more:?}: {}", String::from_utf8_lossy(&answer.stderr));
        assert_eq!(String::from_utf8(answer.stdout).unwrap().lines().count(), text.matches("\nkind: ").count());
    }
}

#[test]
fn the_judges_would_say_no() {
    let text = rendered(&["--external-host", "gateway.org1.example.com"]).stdout;
    let lacking = text.replacen("            - --gateway-service\n            - org1-peer-gateway-svc\n", "", 1);
    assert_ne!(text, lacking);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("all.yaml"), lacking).unwrap();
    let found = reported(&audit_in(dir.path(), ".", &["-A", "san-short-only"]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("san-gateway-missing error all.yaml:") && found[0].ends_with(" org1-peer-gateway-svc"),
        "{found:?}"
    );
    let Some(oracle) = find(Tool::ManifestOracle) else { return };
    let mut child =
        Command::new(oracle).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.replacen("runAsNonRoot", "runAsNoRoot", 1).as_bytes()).unwrap();
    assert!(!child.wait().unwrap().success());
}

#[test]
fn the_default_rendering_is_frozen() {
    insta::assert_snapshot!(rendered(&["--peers", "1", "--external-host", "gateway.org1.example.com"]).stdout);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().display().to_string();
    for (mode, says) in [("iptables", "random"), ("ipvs", "1.43"), ("nftables", "1.33")] {
        assert_eq!(rendered(&["--kind-proxy-mode", mode, "--out", &out, "--force"]).code, 0);
        let text = std::fs::read_to_string(dir.path().join("kind/cluster.yaml")).unwrap();
        assert!(text.contains(&format!("kubeProxyMode: {mode}\n")) && text.contains(says), "{text}");
        if let Some(oracle) = find(Tool::ManifestOracle) {
            let file = std::fs::File::open(dir.path().join("kind/cluster.yaml")).unwrap();
            assert!(Command::new(oracle).stdin(file).stdout(Stdio::null()).status().unwrap().success());
        }
    }
    let list = rendered(&["--output", "json"]).json();
    assert_eq!((&list["kind"], list["items"].as_array().unwrap().len()), (&"List".into(), 9));
}

#[test]
fn the_rendered_sidecar_is_frozen() {
    let ran = rendered(&["--peer", "p1", "--sidecar", "--storage", "empty-dir", "--external-host", "gw.example.com"]);
    let peer = ran.stdout.split("---\n").last().unwrap();
    insta::assert_snapshot!(peer);
    assert!(ran.stderr.contains("each new pod enrols again"), "{}", ran.stderr);
    assert!(!rendered(&["--sidecar"]).stderr.contains("each new pod"));
}

#[test]
fn what_cannot_be_rendered_is_refused_and_nothing_is_overwritten() {
    for (more, code) in [
        (&["--peer", "A"][..], 4),
        (&["--peer", "a,a"], 4),
        (&["--peer", "a", "--gateway-service", "a"], 4),
        (&["--external-host", "*.example.com"], 4),
        (&["--external-host", "a b"], 4),
        (&["--storage-size", "much"], 4),
        (&["--msp-id", "a\nb"], 4),
        (&["--peer-image", "a: b"], 4),
        (&["--peers", "0"], 2),
        (&["--kind-proxy-mode", "ipvs"], 2),
        (&["--workload", "pod"], 2),
    ] {
        assert_eq!(rendered(more).code, code, "{more:?}");
    }
    let secret =
        ["render", "--org", "o", "--namespace", "n", "--fabcert-image", "i", "--ca-url", "https://a:hidden@ca"];
    let ran = fabcert(&secret, None);
    assert!(ran.code == 4 && !ran.stderr.contains("hidden"), "{ran:?}");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().display().to_string();
    std::fs::write(dir.path().join("org1-peer2.yaml"), "mine").unwrap();
    assert_eq!(rendered(&["--out", &out]).code, 4);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "none of them is written");
    assert_eq!(rendered(&["--out", &out, "--force"]).code, 0);
}

/// The arguments of a peer's init container.
fn init_args(items: &Value, peer: &str) -> Vec<String> {
    let all = items["items"].as_array().unwrap();
    let of = |i: &&Value| i["metadata"]["name"] == peer && i["spec"]["template"].is_object();
    let container = &all.iter().find(of).unwrap()["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(container["command"], serde_json::json!(["fabcert"]));
    container["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_init_container_enrols_once_for_each_volume() {
    let spec = IdentitySpec::new("org1-peer1", "peerpw", "peer");
    let ca = DevCa::spawn_thread(DevCaConfig::new(now).with_identity(spec)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.tls_anchor_pem()).unwrap();
    std::fs::write(dir.path().join("secret"), "peerpw\n").unwrap();
    for workload in ["deployment", "statefulset"] {
        let list = rendered(&["--workload", workload, "--external-host", "gw.example.com", "--output", "json"]).json();
        let here = |path: &str| dir.path().join(workload).join(path).display().to_string();
        let args: Vec<String> = init_args(&list, "org1-peer1")
            .into_iter()
            .map(|arg| match arg.as_str() {
                "https://org1-ca:7054" => ca.url().to_owned(),
                "/secret/secret" => dir.path().join("secret").display().to_string(),
                "/ca/ca.pem" => dir.path().join("ca.pem").display().to_string(),
                "/identity/msp" => here("msp"),
                "/identity/tls" => here("tls"),
                _ => arg,
            })
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).chain(["--output", "json"]).collect();
        let first = fabcert(&args, None);
        assert_eq!((first.code, &first.json()["action"]), (0, &"enrolled".into()), "{first:?}");
        let again = fabcert(&args, None);
        assert_eq!((again.code, &again.json()["action"]), (0, &"unchanged".into()), "{again:?}");
        let expected = "org1-peer1,org1-peer-gateway-svc.fabric.svc.cluster.local,gw.example.com,localhost,127.0.0.1";
        let audit = fabcert(&["audit", "--no-policy", &here("."), "--expect-san", expected], None);
        assert_eq!(audit.code, 0, "{audit:?}");
    }
}
