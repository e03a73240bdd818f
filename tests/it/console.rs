//! What surrounds a command: colours, variables, the files of reports, and inputs that lead nowhere.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::audit::scene::{Scene, found};
use crate::command::{Ran, command, fabcert, fabcert_in};

/// Runs `fabcert` in a folder.
fn run_in(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let output = command(args, variables).current_dir(dir).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn colours_reach_the_report_and_never_the_log() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    let folder = scene.path("tls");
    let args = ["audit", "--no-policy", text(&folder), "--expect-san", "gateway", "-vv", "--color"];
    let coloured = fabcert(&[&args[..], &["always"]].concat(), None);
    assert_eq!(coloured.code, 1, "{coloured:?}");
    assert!(coloured.stdout.starts_with("\u{1b}["), "{coloured:?}");
    assert!(!coloured.stderr.contains('\u{1b}') && !coloured.stderr.contains("ansi"), "{coloured:?}");
    let plain = fabcert(&[&args[..], &["never"]].concat(), None);
    assert!(plain.stdout.starts_with("error[san-missing]"), "{plain:?}");
}

#[test]
fn a_failure_is_an_event_where_the_log_is_made_of_events() {
    for quiet in [&[][..], &["-q"]] {
        let ran = fabcert(&[&["audit", "/no/such/path", "--log-format", "json"], quiet].concat(), None);
        let event: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        assert_eq!((ran.code, event["level"].as_str()), (4, Some("ERROR")));
        assert_eq!(event["fields"]["message"], "/no/such/path does not exist");
        assert_eq!(event["fields"]["exit_code"], 4);
        assert!(event["fields"]["help"].is_string(), "{event}");
    }
}

#[test]
fn variables_are_taken_as_manifests_set_them() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    scene.write("fabcert.yaml", "version: 9\n");
    let audit = |variables: &[(&str, &str)]| run_in(scene.dir(), &["audit", "tls"], variables);
    assert_eq!(audit(&[]).code, 4, "the policy is none");
    for yes in ["1", "yes", "true", "on"] {
        assert_eq!(audit(&[("FABCERT_NO_POLICY", yes)]).code, 0, "{yes}");
    }
    for no in ["0", "no", "false", ""] {
        assert_eq!(audit(&[("FABCERT_NO_POLICY", no)]).code, 4, "{no}");
    }
    let empty = [("FABCERT_NO_POLICY", "1"), ("FABCERT_AT", ""), ("FABCERT_JOBS", ""), ("FABCERT_FORMAT", "")];
    assert_eq!(audit(&empty).code, 0, "an empty variable is not set");
    assert_eq!(audit(&[("FABCERT_NO_POLICY", "perhaps")]).code, 2);
}

#[test]
fn a_policy_or_baseline_that_is_not_there_cannot_be_used() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    for flag in ["--policy", "--baseline"] {
        for path in ["none.yaml", "tls"] {
            let ran = run_in(scene.dir(), &["audit", "tls", flag, path], &[]);
            assert_eq!(ran.code, 4, "{flag} {path}: {ran:?}");
            assert!(ran.stderr.contains(path) && ran.stderr.contains("help: "), "{ran:?}");
        }
    }
}

#[test]
fn a_level_on_the_command_line_goes_over_the_policys() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    scene.write("fabcert.yaml", "version: 1\nlevels: {san-missing: allow}\n");
    let audit = |more: &[&str]| run_in(scene.dir(), &[&["audit", "tls", "--expect-san", "x"], more].concat(), &[]);
    assert_eq!(audit(&[]).code, 0);
    assert_eq!(audit(&["-D", "san-missing"]).code, 1);
    let warned = audit(&["-W", "san-missing"]);
    assert!(warned.stdout.contains("warning[san-missing]"), "{warned:?}");
}

#[test]
fn a_first_policy_needs_no_path_and_is_met_by_what_it_was_made_from() {
    let scene = Scene::new();
    scene.tls_folder("peers/peer1/tls", "peer1", &["peer1", "gateway"]);
    let made = run_in(scene.dir(), &["audit", "--init"], &[]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(std::fs::read_to_string(scene.path("fabcert.yaml")).unwrap().contains("gateway"));
    assert_eq!(run_in(scene.dir(), &["audit", "."], &[]).code, 0);
    assert_eq!(run_in(scene.dir(), &["audit"], &[]).code, 2, "an audit does need one");
    let below = scene.path("peers/peer1");
    scene.tls_folder("other/tls", "peer2", &["peer2"]);
    let outside = run_in(&below, &["audit", "--init", "../../other", "--policy", "fabcert.yaml"], &[]);
    assert_eq!(outside.code, 4, "{outside:?}");
    assert!(!below.join("fabcert.yaml").exists(), "it could not be read");
    let named = run_in(&below, &["audit", "--init", "../../other", "--policy", "../../other/own.yaml"], &[]);
    assert_eq!(named.code, 0, "{named:?}");
    let by_it = |more: &[&str]| {
        run_in(&below, &[&["audit", "../../other", "--policy", "../../other/own.yaml"], more].concat(), &[])
    };
    assert_eq!(by_it(&[]).code, 0);
    let own = scene.path("other/own.yaml");
    std::fs::write(&own, std::fs::read_to_string(&own).unwrap().replace("- peer2", "- peer9")).unwrap();
    let missed = by_it(&["--output", "json"]);
    assert_eq!(missed.code, 1, "{missed:?}");
    assert_eq!(missed.json()["findings"][0]["path"], "tls/server.crt", "relative to the policy's folder");
}

#[test]
fn an_audit_of_a_part_says_nothing_of_ignores_for_another() {
    let scene = Scene::new();
    scene.tls_folder("a/tls", "peer1", &["peer1"]);
    scene.tls_folder("b/tls", "peer2", &["peer2"]);
    let ignore = |path: &str, until: &str| format!("  - {{rule: expired, path: {path}, reason: known{until}}}\n");
    let ignores = [ignore("b/**", ""), ignore("\"*/tls\"", ""), ignore("b/tls", ", until: 2020-01-01")].concat();
    scene.write("fabcert.yaml", format!("version: 1\nignore:\n{ignores}"));
    let stale = |path: &str| {
        let ran = run_in(scene.dir(), &["audit", "--output", "json", path], &[]);
        let lines = |rule: &str| {
            let findings = ran.json()["findings"].as_array().unwrap().clone();
            let of_rule = findings.into_iter().filter(|f| f["rule"] == rule);
            of_rule.map(|f| f["line"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        (lines("ignore-stale"), lines("ignore-expired"))
    };
    assert_eq!(stale("a"), (vec![4], vec![5]), "that for b is not asked; one past its day always is");
    assert_eq!(stale("./b"), (vec![3, 4], vec![5]));
    assert_eq!(stale("."), (vec![3, 4], vec![5]));
}

#[test]
fn reports_go_to_files_of_their_own() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    let audit = |more: &[&str]| run_in(scene.dir(), &[&["audit", "--no-policy", "tls"], more].concat(), &[]);
    for usage in [&["--format", "sarif="][..], &["--format", "sarif=a", "--format", "json=a"]] {
        assert_eq!(audit(usage).code, 2, "{usage:?}");
    }
    let missing = audit(&["--format", "json=none/report.json"]);
    assert_eq!(missing.code, 5, "{missing:?}");
    assert!(missing.stderr.contains("cannot write none/report.json"), "{missing:?}");
    assert!(missing.stderr.contains("mkdir -p none"), "{missing:?}");
    let piped = audit(&["--format", "json=/dev/stdout"]);
    assert_eq!((piped.code, piped.json()["schema_version"].as_u64()), (0, Some(1)));
    // A shell may lead it to a file, which holds something already.
    let log = scene.path("log");
    std::fs::write(&log, "before\n").unwrap();
    let out = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    let args = ["audit", "--no-policy", "tls", "--format", "jsonl=/dev/stdout"];
    assert!(command(&args, &[]).current_dir(scene.dir()).stdout(out).status().unwrap().success());
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("before\n") && text.lines().count() > 1, "{text}");
}

#[test]
fn a_remedy_is_a_line_that_a_shell_takes() {
    let scene = Scene::new();
    scene.tls_folder("a tls", "peer1", &["peer1"]);
    let ran = scene.audit("a tls", &["--expect-san", "gateway"]);
    let remedy = ran.json()["findings"][0]["remedy"].as_str().unwrap().to_owned();
    let words = Command::new("sh")
        .args(["-c", &format!("fabcert() {{ printf '%s\\n' \"$@\"; }}\n{remedy}")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    let dir = scene.path("a tls");
    let expected = ["enroll", "--san", "gateway", "--tls-dir", text(&dir)];
    assert_eq!(words.lines().collect::<Vec<_>>(), expected, "{remedy}");
}

#[test]
fn what_answers_without_tls_is_said_in_plain_words() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut client, b"220 no TLS here\r\n");
            let _ = std::io::Read::read(&mut client, &mut [0; 512]);
        }
    });
    let ran = fabcert(&["audit", "--output", "json", "--connect", &endpoint], None);
    assert_eq!(ran.code, 6, "{ran:?}");
    let message = ran.json()["findings"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the server does not speak TLS"), "{message}");
}

#[test]
fn certificates_for_a_connection_are_looked_at_before_it_is_made() {
    let scene = Scene::new();
    let (cert, _) = scene.server("client", &["client"]);
    let (_, key) = scene.server("other", &["other"]);
    let (cert, key) = (scene.write("client.pem", cert), scene.write("other.key", key));
    let dial = |more: &[&str]| fabcert(&[&["audit", "--connect", "127.0.0.1:1"], more].concat(), None);
    let ran = dial(&["--client-cert", text(&cert), "--client-key", text(&key)]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("client.pem") && ran.stderr.contains("other.key"), "{ran:?}");
    assert_eq!(dial(&["--tls-ca", text(&key)]).code, 4, "a key is no anchor");
    for name in ["*.fabric", "a@b.example"] {
        assert_eq!(dial(&["--server-name", name]).code, 4, "{name} is no name to dial");
    }
}

#[test]
fn endpoints_that_are_asked_for_one_name_are_one_gateway() {
    let scene = Scene::new();
    let serve = |names: &[&str]| {
        let (cert, key) = scene.server("peer", names);
        format!("127.0.0.1:{}", crate::audit::live::serve(&cert, &key))
    };
    let (good, bad) = (serve(&["gateway"]), serve(&["other"]));
    let ran = fabcert(
        &["audit", "--output", "json", "--server-name", "gateway", "--connect", &good, "--connect", &bad],
        None,
    );
    let gateways = ran.json()["gateways"].clone();
    assert_eq!(gateways.as_array().map(Vec::len), Some(1), "{gateways}");
    assert_eq!((gateways[0]["members"].as_u64(), gateways[0]["answering"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn manifest_that_is_named_and_broken_or_too_large_to_be_read_fails_the_audit() {
    let scene = Scene::new();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c";
    scene.write("k8s/broken.yaml", manifest);
    assert_eq!(scene.audit("k8s/broken.yaml", &[]).code, 1);
    scene.write("values.txt", format!("{manifest}}}\n"));
    assert_eq!(scene.audit("values.txt", &[]).code, 0, "a manifest by any name");
    let huge = format!("{manifest}}}\ndata:\n  k: {}\n", "x".repeat(33 << 20));
    scene.write("k8s/huge.yaml", huge);
    let ran = scene.audit("k8s", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(found(&ran).contains(&"input-skipped huge.yaml".to_owned()), "{ran:?}");
    std::fs::remove_file(scene.path("k8s/broken.yaml")).unwrap();
    let alone = scene.audit("k8s", &[]);
    assert_eq!((alone.code, found(&alone)), (1, vec!["input-skipped huge.yaml".to_owned()]), "{alone:?}");
    assert_eq!(alone.json()["findings"][0]["severity"], "error", "{alone:?}");
    assert_eq!(scene.audit("k8s/huge.yaml", &[]).code, 1, "named");
    assert_eq!(scene.audit("k8s", &["--exclude", "**/huge.yaml"]).code, 3, "nothing else is there");
}

#[test]
fn a_block_that_is_too_large_to_be_read_fails_the_audit() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    for size in [17 << 20, 33 << 20] {
        scene.write("genesis.block", vec![0x0a; size]);
        let ran = scene.audit(".", &[]);
        assert_eq!((ran.code, found(&ran)), (1, vec!["input-skipped genesis.block".to_owned()]), "{size}: {ran:?}");
    }
}

#[test]
fn a_key_that_is_there_and_cannot_be_read_is_not_called_missing() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    let key = scene.path("tls/server.key");
    std::fs::remove_file(&key).unwrap();
    // Not even root reads that.
    std::os::unix::fs::symlink("server.key", &key).unwrap();
    let report = scene.audit("tls", &[]).json();
    let error = report["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "error").unwrap();
    assert_eq!(error["rule"], "input-unreadable", "{report}");
    assert!(error["message"].as_str().unwrap().contains("a peer does not start"), "{report}");
    assert!(error["remedy"].as_str().unwrap().contains(text(&key)), "{report}");
    assert_eq!(report["subjects"][0]["verdicts"]["server"]["rule"], "input-unreadable");
}

#[test]
fn inspecting_shows_every_usage_and_what_is_in_a_manifest() {
    let scene = Scene::new();
    scene.tls_folder("tls", "peer1", &["peer1"]);
    let seen = fabcert_in(&["inspect", "--output", "json", text(&scene.path("tls"))], &[]).json();
    let usages = &seen["subjects"][0]["certificates"];
    assert_eq!(usages[0]["key_usage"], serde_json::json!(["digitalSignature"]));
    assert_eq!(usages[0]["extended_key_usage"], serde_json::json!(["serverAuth", "clientAuth"]));
    let service = scene.write("svc.yaml", "# one\napiVersion: v1\nkind: Service\nmetadata: {name: gw, namespace: n}\n");
    let seen = fabcert_in(&["inspect", text(&service)], &[]);
    assert!(seen.stdout.contains("Service gw, namespace n (line 2)"), "{seen:?}");
    let junk = scene.write("junk", "nothing");
    let none = fabcert_in(&["inspect", text(&junk)], &[]);
    assert_eq!(none.code, 3, "{none:?}");
}
