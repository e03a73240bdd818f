//! What the commands say, whole, with what differs from run to run made the same: a change of a word is seen.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec, Running};

use crate::command::{Ran, command, fabcert};
use crate::enroll::faults::now;
use crate::enroll::scene::text;
use crate::real::transport;

/// What differs from run to run, and what stands for it.
const VARYING: [(&str, &str); 9] = [
    (r" \\\n +", " "),
    (r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, in \d+ days", "[day] to [day], in [n] days"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    (r"127-0-0-1-\d+", "127-0-0-1-[port]"),
    (r"\b[0-9a-f]{64}\b", "[SKI]"),
    (r"serial [0-9a-f]{20,}", "serial [serial]"),
    (r#""serial": "[0-9a-f]+""#, r#""serial": "[serial]""#),
    (r"(BEGIN CERTIFICATE REQUEST-----(\n|\\n))[A-Za-z0-9+/=\n\\]+", "$1[base64]$2"),
];

/// Compares a text with its snapshot; `dir` is the test's own folder.
fn same(name: &str, dir: &Path, output: &str) {
    let output = output.replace(dir.to_str().unwrap(), "[dir]");
    insta::with_settings!({ filters => VARYING.to_vec() }, {
        insta::assert_snapshot!(name, output);
    });
}

/// Everything that a run gives: exit code and both streams.
fn whole(ran: &Ran) -> String {
    format!("exit code {}\n--- standard output\n{}--- standard error\n{}", ran.code, ran.stdout, ran.stderr)
}

/// A dev CA, a folder, and the anchor in it.
struct Scene {
    ca: Running,
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let peer = IdentitySpec::new("org1-peer1", "peerpw", "peer");
        let ca = DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("anchor.pem"), ca.tls_anchor_pem()).unwrap();
        Self { ca, dir }
    }

    fn path(&self, name: &str) -> String {
        text(&self.dir.path().join(name))
    }

    fn enroll(&self, secret: &str, more: &[&str]) -> Ran {
        let (anchor, msp, tls) = (self.path("anchor.pem"), self.path("msp"), self.path("tls"));
        let mut args = vec!["enroll", "--url", self.ca.url(), "--id", "org1-peer1", "--tls-ca", &anchor];
        args.extend([
            "--hostname",
            "org1-peer1",
            "--gateway-service",
            "org1-peer-gateway-svc",
            "--namespace",
            "fabric",
        ]);
        args.extend(["--msp-dir", &msp, "--tls-dir", &tls, "--role", "peer"]);
        args.extend(more);
        fabcert(&args, Some(secret))
    }

    /// Has the CA sign a CSR as a registrar elsewhere would.
    fn sign(&self, csr: &str, cert: &str, chain: &str) {
        let csr = std::fs::read_to_string(csr).unwrap();
        let body = serde_json::json!({ "certificate_request": csr, "hosts": ["org1-peer1"], "profile": "tls" });
        let (port, anchor) = (self.ca.addr().port(), self.dir.path().join("anchor.pem"));
        let answer = transport::post(port, &anchor, "/enroll", ("org1-peer1", "peerpw"), &body.to_string()).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let signed = BASE64.decode(answer["result"]["Cert"].as_str().unwrap()).unwrap();
        std::fs::write(cert, signed).unwrap();
        std::fs::write(chain, self.ca.chain_pem()).unwrap();
    }

    /// The same run in both forms of output.
    fn both_forms(&self, name: &str, run: impl Fn(&[&str]) -> Ran) {
        for (form, more) in [("human", &[][..]), ("json", &["--output", "json"][..])] {
            same(&format!("{name}_{form}"), self.dir.path(), &whole(&run(more)));
        }
    }
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let scene = Scene::new();
    scene.both_forms("dry_run", |form| scene.enroll("peerpw", &[&["--dry-run"], form].concat()));
}

#[test]
fn a_first_run_says_what_it_made_and_a_second_that_nothing_is_to_be_done() {
    let (human, json) = (Scene::new(), Scene::new());
    same("first_run_human", human.dir.path(), &whole(&human.enroll("peerpw", &[])));
    same("first_run_json", json.dir.path(), &whole(&json.enroll("peerpw", &["--output", "json"])));
    human.both_forms("unchanged", |form| human.enroll("peerpw", form));
    human.both_forms("name_missing_dry_run", |form| {
        human.enroll("peerpw", &[&["--san", "org1-peer1.example.com", "--dry-run"], form].concat())
    });
}

#[test]
fn a_refusal_says_why_and_that_it_is_remembered() {
    let scene = Scene::new();
    same("refused_at_first", scene.dir.path(), &whole(&scene.enroll("wrong", &[])));
    scene.both_forms("refused", |form| scene.enroll("wrong", form));
}

#[test]
fn an_answer_that_is_not_as_asked_says_what_was_expected_and_what_came() {
    for fault in ["drop-one-san", "other-key", "wrong-profile"] {
        let scene = Scene::new();
        scene.ca.set_fault(fault.parse::<fabcert::devca::Fault>().unwrap());
        scene.both_forms(&format!("not_as_asked_{fault}"), |form| scene.enroll("peerpw", form));
    }
}

#[test]
fn a_csr_its_installation_and_the_way_back_say_where_things_are() {
    let scene = Scene::new();
    let tls = scene.path("tls");
    let names = ["--id", "org1-peer1", "--tls-dir", &tls, "--san", "org1-peer1"];
    let run = |command: &[&str], more: &[&str], form: &[&str]| fabcert(&[command, more, form].concat(), None);
    let out = scene.path("org1-peer1.csr");
    scene.both_forms("csr_to_standard_output", |form| run(&["csr"], &names, form));
    scene.both_forms("csr_to_a_file", |form| run(&["csr", "--out", &out], &names, form));

    let (cert, chain) = (scene.path("org1-peer1.pem"), scene.path("chain.pem"));
    let given = ["--cert", &cert, "--chain", &chain];
    scene.both_forms("install", |form| {
        assert_eq!(run(&["csr", "--force", "--out", &out], &names, &[]).code, 0);
        scene.sign(&out, &cert, &chain);
        run(&["install"], &[&names[..], &given].concat(), form)
    });
    scene.both_forms("install_again", |form| run(&["install"], &[&names[..], &given].concat(), form));
    let other = scene.path("other");
    let elsewhere = ["--id", "org1-peer1", "--tls-dir", &other];
    scene.both_forms("install_without_a_key", |form| run(&["install"], &[&elsewhere[..], &given].concat(), form));
    scene.both_forms("rollback", |form| run(&["rollback", "--tls-dir", &tls], &[], form));
    let msp = scene.path("msp");
    scene.both_forms("rollback_of_nothing", |form| run(&["rollback", "--msp-dir", &msp], &[], form));
}

/// The run with a standard output that takes nothing: the exit code and what standard error says.
fn unprinted(args: &[&str], secret: Option<&str>) -> (Option<i32>, String) {
    let variables: Vec<(&str, &str)> = secret.iter().map(|secret| ("FABCERT_SECRET", *secret)).collect();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(args, &variables).stdout(full).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error_that_says_what_is_done() {
    let scene = Scene::new();
    let path = |name: &str| scene.path(name);
    let (anchor, msp, tls, out) = (path("anchor.pem"), path("msp"), path("tls"), path("a.csr"));
    let (cert, chain, anchors, render) = (path("a.pem"), path("chain.pem"), path("anchors.pem"), path("manifests"));
    let named = ["--id", "org1-peer1", "--tls-dir", &tls, "--san", "org1-peer1"];
    let enroll = [&["enroll", "--url", scene.ca.url(), "--tls-ca", &anchor, "--msp-dir", &msp], &named[..]].concat();
    let fails = |args: &[&str], done: &str| {
        for form in [&[][..], &["--output", "json"]] {
            let (code, stderr) = unprinted(&[args, form].concat(), Some("peerpw"));
            assert_eq!(code, Some(5), "{args:?}: {stderr}");
            assert!(
                stderr.contains("cannot write to standard output\n") && stderr.contains(done),
                "{args:?}: {stderr}"
            );
        }
    };
    fails(&[&enroll[..], &["--force"]].concat(), &format!("the identity org1-peer1 is installed in {msp} and {tls}\n"));
    fails(&enroll, &format!("the identity org1-peer1 is up to date in {msp} and {tls}\n"));
    fails(&[&["csr", "--force", "--out", &out], &named[..]].concat(), &format!("the CSR is in {out}\n"));
    fails(&[&["csr"], &named[..]].concat(), "the key of the CSR is stored");
    scene.sign(&out, &cert, &chain);
    let (code, stderr) = unprinted(&[&["install", "--cert", &cert, "--chain", &chain], &named[..]].concat(), None);
    assert!(code == Some(5) && stderr.contains(&format!("org1-peer1 is installed in {tls}\n")), "{stderr}");
    fails(&["rollback", "--tls-dir", &tls], &format!("restored {tls}"));
    fails(
        &["ca", "info", "--url", scene.ca.url(), "--tls-ca", &anchor, "--out", &anchors, "--force"],
        &format!("the certificates are in {anchors}\n"),
    );
    let baseline = path("baseline.json");
    fails(&["audit", &tls, "--write-baseline", &baseline], &format!("the baseline is in {baseline}\n"));
    let (policy, expected) = (path("fabcert.yaml"), format!("the policy is in {}\n", path("fabcert.yaml")));
    let (code, stderr) = unprinted(&["audit", &tls, "--init", "--policy", &policy], None);
    assert!(code == Some(5) && stderr.contains(&expected), "{stderr}");
    let organisation = ["--org", "org1", "--namespace", "fabric", "--ca-url", "https://ca", "--fabcert-image", "i"];
    fails(
        &[&["render", "--out", &render, "--force"], &organisation[..]].concat(),
        &format!("the manifests are in {render}\n"),
    );
}

#[test]
fn the_demo_tells_its_story() {
    let dir = tempfile::tempdir().unwrap();
    for (form, more) in [("human", &[][..]), ("json", &["--output", "json"][..])] {
        let demo = text(&dir.path().join("demo"));
        let ran = fabcert(&[&["demo", "--dir", &demo], more].concat(), None);
        same(&format!("demo_{form}"), dir.path(), &whole(&ran));
    }
}

#[test]
fn a_dev_ca_says_what_it_is_and_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let anchor = text(&dir.path().join("anchor.pem"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_fabcert"))
        .args(["dev-ca", "--listen", "127.0.0.1:0", "--ca-name", "org1-ca,org1-tlsca", "--anchor-out", &anchor])
        .args(["--fault", "slow=3"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !said.contains("\ntry: ") && lines.read_line(&mut said).unwrap() > 0 {}
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    same("dev_ca", dir.path(), &said);
}
