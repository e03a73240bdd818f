//! `fabcert.yaml`, baselines, several reports at once.

use std::process::Command;

use super::scene::Scene;
use crate::command::Ran;

/// Runs `fabcert audit` in the scene's own folder.
fn audit(scene: &Scene, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_fabcert"))
        .arg("audit")
        .args(args)
        .current_dir(scene.dir())
        .env_clear()
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn two_peers() -> Scene {
    let scene = Scene::new();
    for (node, more) in [("peer1", "gateway"), ("peer2", "other")] {
        scene.tls_folder(&format!("org1/{node}/tls"), node, &[node, more]);
    }
    scene
}

#[test]
fn a_policy_expects_by_path_ignores_for_a_reason_and_ends_on_its_day() {
    let scene = two_peers();
    let policy = |until: &str| {
        let text = format!(
            "version: 1\nexpect:\n  - path: org1/{{node}}/tls\n    names: [\"{{node}}\"]\n    gateway_services: [gateway]\nignore:\n  - rule: san-gateway-missing\n    path: org1/peer2\n    reason: moves next week\n    until: {until}\n"
        );
        scene.write("fabcert.yaml", text);
    };
    policy("2026-12-31");
    let hidden = audit(&scene, &["--output", "json", "--at", "2026-11-23T00:00:00Z", "."]);
    let summary = hidden.json()["summary"].clone();
    assert_eq!((hidden.code, summary["suppressed"].as_u64()), (0, Some(1)), "{hidden:?}");
    policy("2026-11-01");
    let over = audit(&scene, &["--output", "json", "--at", "2026-11-23T00:00:00Z", "--fail-on", "error", "org1"]);
    let report = over.json();
    let found: Vec<(&str, &str, Option<u64>)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["severity"] == "error")
        .map(|f| (f["rule"].as_str().unwrap(), f["path"].as_str().unwrap(), f["line"].as_u64()))
        .collect();
    assert_eq!(over.code, 1);
    assert!(found.contains(&("san-gateway-missing", "org1/peer2/tls/server.crt", Some(1))), "{found:?}");
    assert!(found.contains(&("ignore-expired", "fabcert.yaml", Some(7))), "{found:?}");
}

#[test]
fn a_broken_policy_is_4_with_its_line() {
    let scene = two_peers();
    scene.write("fabcert.yaml", "version: 1\nexpected: []\n");
    let ran = audit(&scene, &["."]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("fabcert.yaml:2"), "{ran:?}");
}

#[test]
fn init_writes_a_policy_that_what_stands_there_meets() {
    let scene = two_peers();
    assert_eq!(audit(&scene, &["--init", "."]).code, 0);
    let text = std::fs::read_to_string(scene.path("fabcert.yaml")).unwrap();
    assert!(text.contains("org1/{node}/tls") && text.contains("# - gateway  # held by 1 of 2"), "{text}");
    assert_eq!(audit(&scene, &["."]).code, 0);
    assert_eq!(audit(&scene, &["--init", "."]).code, 4, "a policy that stands is not overwritten");
}

#[test]
fn a_baseline_hides_what_was_there_survives_renewal_and_shows_what_is_new() {
    let scene = two_peers();
    let expect = ["--expect-san", "gateway", "."];
    assert_eq!(audit(&scene, &expect).code, 1);
    assert_eq!(audit(&scene, &[&["--write-baseline", "base.json"], &expect[..]].concat()).code, 0);
    let with = [&["--baseline", "base.json"], &expect[..]].concat();
    assert_eq!(audit(&scene, &with).code, 0);
    // A renewal changes key, serial number and dates, and no fingerprint.
    scene.tls_folder("org1/peer2/tls", "peer2", &["peer2", "other"]);
    assert_eq!(audit(&scene, &with).code, 0);
    scene.tls_folder("org1/peer3/tls", "peer3", &["peer3"]);
    assert_eq!(audit(&scene, &with).code, 1);
    scene.tls_folder("org1/peer3/tls", "peer3", &["peer3", "gateway"]);
    scene.tls_folder("org1/peer2/tls", "peer2", &["peer2", "gateway"]);
    let fixed = audit(&scene, &[&["--output", "json"], &with[..]].concat());
    assert!(fixed.code == 0 && fixed.stdout.contains("baseline-stale"), "{fixed:?}");
}

#[test]
fn what_levels_and_ignores_hide_is_not_in_a_baseline() {
    let scene = two_peers();
    scene.write(
        "fabcert.yaml",
        "version: 1\nlevels: {san-short-only: allow}\nignore:\n  - {rule: san-missing, names: [gateway], reason: a test}\n  - {rule: expired, reason: a test}\n",
    );
    let expect = ["--expect-san", "gateway,elsewhere", "-A", "key-mode", "."];
    let written = audit(&scene, &[&["--write-baseline", "base.json"], &expect[..]].concat());
    assert_eq!(written.code, 0, "{written:?}");
    let text = std::fs::read_to_string(scene.path("base.json")).unwrap();
    assert!(text.contains("san-missing") && !text.contains("ignore-stale"), "{text}");
    let again = audit(&scene, &[&["--baseline", "base.json", "--output", "json"], &expect[..]].concat());
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("ignore-stale") && !again.stdout.contains("baseline-stale"), "{again:?}");
}

#[test]
fn several_reports_are_written_in_one_run() {
    let scene = two_peers();
    let formats = ["--format", "human", "--format", "sarif=out.sarif", "--format", "junit=out.xml"];
    let ran = audit(&scene, &[&formats[..], &["--expect-san", "gateway", "."]].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("error[san-missing] org1/peer2/tls/server.crt:1"), "{ran:?}");
    let sarif: serde_json::Value = serde_json::from_slice(&std::fs::read(scene.path("out.sarif")).unwrap()).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "org1/peer2/tls/server.crt");
    assert!(std::fs::read_to_string(scene.path("out.xml")).unwrap().contains("<failure type=\"error\""));
    let two = audit(&scene, &["--format", "human", "--format", "json", "."]);
    assert_eq!(two.code, 2, "two reports cannot share standard output");
}

#[test]
fn a_copy_of_a_folder_is_no_second_role_of_its_key() {
    let scene = two_peers();
    for file in ["server.crt", "server.key", "ca.crt"] {
        let from = scene.path(&format!("org1/peer1/tls/{file}"));
        let to = scene.path(&format!("copy/tls/{file}"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    let ran = audit(&scene, &["--output", "json", "."]);
    assert!(!ran.stdout.contains("same-key-two-roles"), "{ran:?}");
}
