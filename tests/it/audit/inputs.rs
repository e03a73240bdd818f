//! What the audit looks at, and how it takes what is broken.

use std::os::unix::fs::symlink;
use std::process::Command;

use base64::Engine as _;

use super::scene::{Scene, found};
use crate::command::fabcert;

#[test]
fn a_healthy_folder_is_silent_and_a_missing_name_is_an_error() {
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1", "org1-peer-gateway-svc"]);
    scene.tls_folder("peer2/tls", "org1-peer2", &["org1-peer2"]);
    let plain = scene.audit("", &[]);
    assert_eq!((plain.code, found(&plain)), (0, vec![]), "{plain:?}");
    let gateway = scene.audit("", &["--gateway-service", "org1-peer-gateway-svc"]);
    assert_eq!((gateway.code, found(&gateway)), (1, vec!["san-gateway-missing server.crt".to_owned()]), "{gateway:?}");
    let finding = &gateway.json()["findings"][0];
    assert_eq!(finding["names"], serde_json::json!(["org1-peer-gateway-svc"]));
    assert!(finding["path"].as_str().unwrap().contains("peer2"));
    assert_eq!((finding["line"].as_i64(), finding["severity"].as_str()), (Some(1), Some("error")));
    let clients: Vec<_> = gateway.json()["subjects"].as_array().unwrap().clone();
    let verdicts: Vec<&str> = clients.iter().map(|s| s["verdicts"]["client"]["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["accept", "refuse"]);
    assert_eq!(scene.audit("", &["--gateway-service", "org1-peer-gateway-svc", "--fail-on", "never"]).code, 0);
    assert_eq!(scene.audit("", &["--gateway-service", "org1-peer-gateway-svc", "-W", "san-gateway-missing"]).code, 0);
}

#[test]
fn a_server_s_key_beside_its_anchors_is_a_tls_folder_whose_certificate_is_missing() {
    let scene = Scene::new();
    scene.tls_folder("peer1/tls", "org1-peer1", &["org1-peer1"]);
    std::fs::remove_file(scene.path("peer1/tls/server.crt")).unwrap();
    let ran = scene.audit("peer1", &[]);
    let subject = &ran.json()["subjects"][0];
    assert_eq!((ran.code, &subject["kind"]), (1, &"tls".into()), "{ran:?}");
    let server = &subject["verdicts"]["server"];
    assert_eq!((&server["verdict"], &server["rule"]), (&"refuse".into(), &"tls-file-missing".into()), "{ran:?}");
}

#[test]
fn nothing_to_look_at_is_3_a_missing_path_4_and_a_wrong_flag_2() {
    let scene = Scene::new();
    scene.write("empty/readme.txt", "nothing here");
    assert_eq!(scene.audit("empty", &[]).code, 3);
    assert_eq!(scene.audit("empty/readme.txt", &[]).code, 3);
    assert_eq!(scene.audit("no-such-path", &[]).code, 4);
    assert_eq!(scene.audit("no-such-*", &[]).code, 4);
    assert_eq!(scene.audit("empty", &["-A", "no-such-rule"]).code, 2);
    assert_eq!(fabcert(&["audit"], None).code, 2);
}

#[test]
fn every_block_is_read_with_its_line_also_behind_text_and_a_byte_order_mark() {
    let scene = Scene::new();
    let (one, _) = scene.server("a", &["a"]);
    let (two, _) = scene.server("b", &["b"]);
    let text = format!("\u{feff}subject=a\r\n{}\nnoise\n{two}", one.replace('\n', "\r\n"));
    scene.write("bundle.pem", &text);
    let ran = scene.audit("bundle.pem", &["--expect-san", "x"]);
    let report = ran.json();
    assert_eq!(report["summary"]["certificates"], 2);
    let second = 1 + text.lines().position(|l| l == "noise").unwrap() + 1;
    let places: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|f| (f["block"].as_u64(), f["line"].as_u64())).collect();
    assert_eq!(places, [(Some(1), Some(2)), (Some(2), Some(second as u64))], "{report}");
}

#[test]
fn der_and_standard_input_are_read() {
    let scene = Scene::new();
    let (pem, _) = scene.server("a", &["a"]);
    let body: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    scene.write("a.der", base64::engine::general_purpose::STANDARD.decode(body).unwrap());
    assert_eq!(scene.audit("a.der", &[]).json()["summary"]["certificates"], 1);
    let path = scene.write("a.pem", &pem);
    let ran = Command::new(env!("CARGO_BIN_EXE_fabcert"))
        .args(["audit", "--output", "json", "--no-policy", "-"])
        .env_clear()
        .stdin(std::fs::File::open(path).unwrap())
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(
        (report["summary"]["certificates"].as_u64(), report["subjects"][0]["path"].as_str()),
        (Some(1), Some("-"))
    );
}

#[test]
fn what_is_broken_is_a_finding_and_no_end() {
    let scene = Scene::new();
    scene.tls_folder("good/tls", "a", &["a"]);
    let (pem, _) = scene.server("a", &["a"]);
    scene.write("bad/cut.pem", &pem[..pem.len() / 2]);
    scene.write("bad/letters.pem", pem.replacen("MII", "M!I", 1));
    scene.write("docs/example.md", "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n");
    symlink("nowhere", scene.path("bad/dangling.pem")).unwrap();
    let fifo = scene.path("bad/pipe.pem");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let ran = scene.audit("", &[]);
    assert_eq!(
        found(&ran),
        [
            "input-skipped pipe.pem",
            "input-unreadable cut.pem",
            "input-unreadable dangling.pem",
            "input-unreadable letters.pem"
        ],
        "an example in a text is no certificate"
    );
    assert_eq!(ran.json()["summary"]["certificates"], 2, "the rest is audited all the same");
}

#[test]
fn links_that_lead_in_circles_and_deep_folders_end() {
    let scene = Scene::new();
    scene.tls_folder("a/tls", "a", &["a"]);
    symlink("..", scene.path("a/up")).unwrap();
    symlink(".", scene.path("a/self")).unwrap();
    let deep = scene.path(&format!("deep/{}", "d/".repeat(500)));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("leaf.pem"), scene.server("b", &["b"]).0).unwrap();
    let report = scene.audit("", &[]).json();
    assert_eq!(report["summary"]["subjects"], 2, "{report}");
}

#[test]
fn kubernetes_folders_are_read_once_and_through_their_links() {
    let scene = Scene::new();
    scene.tls_folder("pod/..2026_11_23/x", "a", &["a"]);
    std::fs::rename(scene.path("pod/..2026_11_23/x/server.crt"), scene.path("pod/..2026_11_23/tls.crt")).unwrap();
    std::fs::rename(scene.path("pod/..2026_11_23/x/server.key"), scene.path("pod/..2026_11_23/tls.key")).unwrap();
    std::fs::rename(scene.path("pod/..2026_11_23/x/ca.crt"), scene.path("pod/..2026_11_23/ca.crt")).unwrap();
    symlink("..2026_11_23", scene.path("pod/..data")).unwrap();
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        symlink(format!("..data/{name}"), scene.path(&format!("pod/{name}"))).unwrap();
    }
    let report = scene.audit("pod", &["--expect-san", "a"]).json();
    assert_eq!(
        (report["summary"]["subjects"].as_u64(), report["subjects"][0]["kind"].as_str()),
        (Some(1), Some("tls"))
    );
    assert_eq!(report["subjects"][0]["verdicts"]["client"]["verdict"], "accept");
}

#[test]
fn patterns_and_exclusions_choose_files() {
    let scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.write(&format!("certs/{name}.pem"), scene.server(name, &[name]).0);
    }
    let subjects = |path: &str, more: &[&str]| scene.audit(path, more).json()["summary"]["subjects"].as_u64();
    assert_eq!(subjects("certs/?.pem", &[]), Some(3));
    assert_eq!(subjects("**/b.pem", &[]), Some(1));
    let excluded = Command::new(env!("CARGO_BIN_EXE_fabcert"))
        .args(["audit", "--output", "json", ".", "--exclude", "certs/b.pem,certs/c*"])
        .current_dir(scene.dir())
        .env_clear()
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&excluded.stdout).unwrap();
    assert_eq!(report["subjects"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["subjects"][0]["path"], "certs/a.pem", "paths are relative to the working directory");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let scene = Scene::new();
    for i in 0..40 {
        scene.tls_folder(&format!("n{i}/tls"), &format!("node{i}"), &[&format!("node{i}")]);
    }
    let one = scene.audit("", &["--expect-san", "x", "--jobs", "1"]);
    let four = scene.audit("", &["--expect-san", "x", "--jobs", "4"]);
    assert_eq!(one.code, 1);
    assert!(one.stdout == four.stdout);
}

#[test]
fn a_large_file_without_a_certificate_is_passed_over() {
    let scene = Scene::new();
    let file = std::fs::File::create(scene.path("large.bin")).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    scene.tls_folder("a/tls", "a", &["a"]);
    let mut text = "x".repeat(64).into_bytes();
    text.push(b'\n');
    let mut many = text.repeat(40_000);
    many.extend(scene.server("b", &["b"]).0.into_bytes());
    scene.write("large.pem", many);
    let report = scene.audit("", &[]).json();
    assert_eq!((report["summary"]["subjects"].as_u64(), report["findings"].as_array().unwrap().len()), (Some(2), 0));
}

#[test]
fn inspect_says_what_is_there_and_never_shows_a_key() {
    let scene = Scene::new();
    scene.tls_folder("a/tls", "org1-peer1", &["org1-peer1"]);
    let path = scene.path("a/tls").display().to_string();
    let text = fabcert(&["inspect", &path], None);
    assert!(text.code == 0 && text.stdout.contains("DNS:org1-peer1") && text.stdout.contains("serverAuth"), "{text:?}");
    let key = std::fs::read_to_string(scene.path("a/tls/server.key")).unwrap();
    assert!(!text.stdout.contains(key.lines().nth(1).unwrap()));
    let json = fabcert(&["inspect", "--output", "json", &path], None).json();
    assert_eq!(json["subjects"][0]["keys"][0]["belongs_to"], format!("{path}/server.crt"));
}
