//! The reports of real audits, against the schemas and grammars of those who read them.

mod exposition;
mod formats;
mod junit;
mod platforms;
mod sarif;
mod tree;
pub(crate) mod valid;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use self::tree::Tree;
use crate::audit::live::serve;
use crate::audit::scene::Scene;
use crate::command::command;
use crate::coverage::organisation::{Organisation, SET};
use crate::reserved::nobody;
use crate::verdicts::unpack;

/// Audits everything below `dir` and finds errors.
fn audit(dir: &Path, form: &str) -> String {
    audit_to(1, dir, form, &["--gateway-service", "org1-peer-gateway-svc", "--no-policy"])
}

/// Audits everything below `dir`, named from there, as of the day at which the recorded cases were judged.
fn audit_to(code: i32, dir: &Path, form: &str, more: &[&str]) -> String {
    let args = [&["audit", ".", "--format", form, "--at", "2026-11-23T05:00:00Z"][..], more].concat();
    let output = command(&args, &[]).current_dir(dir).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What reports are tried on: paths and subjects that mean something to some form, every recorded folder, manifests of
/// which one lacks the gateway's name, and a gateway with a member that lacks it and one that is not there.
struct Everything {
    tree: Tree,
    recorded: [TempDir; 2],
    manifests: Organisation,
    members: String,
}

impl Everything {
    fn new() -> Self {
        let tree = Tree::new();
        tree.add_odd();
        let scene = Scene::new();
        let (cert, key) = scene.server("org1-peer1", &["org1-peer1"]);
        let gone = nobody();
        let members = format!("127.0.0.1:{},{gone}", serve(&cert, &key));
        let manifests = Organisation::new();
        manifests.change("peer-a.yaml", "    - acme-gateway\n", "");
        let crl = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/corpus/crl/e01-300.der");
        std::fs::copy(crl, manifests.path("a.crl")).unwrap();
        let block = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/channel/raft.block");
        std::fs::copy(block, manifests.path("supply.block")).unwrap();
        Self { tree, recorded: [unpack("msp-cases.tar.gz"), unpack("tls-cases.tar.gz")], manifests, members }
    }

    /// The report of each audit in a form.
    fn reports(&self, form: &str) -> Vec<String> {
        let live = ["--no-policy", "--server-name", "org1-peer-gateway-svc", "--member", &self.members];
        let mut reports =
            vec![audit_to(1, self.tree.faultless().path(), form, &live), audit(self.tree.dir.path(), form)];
        let set = [&["--no-policy"], &SET[..]].concat();
        reports.push(audit_to(1, &self.manifests.path(""), form, &set));
        reports.extend(self.recorded.iter().map(|dir| audit(dir.path(), form)));
        reports
    }
}

/// What a judge that reads `document` says against it; `None` when it takes it.
pub(crate) fn objection(judge: &mut Command, document: &str) -> Option<String> {
    let judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = judge.spawn().expect("the judge starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A judge that has seen enough closes its end.
    let _ = stdin.write_all(document.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the judge ends");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Fails with every place at which `instance` breaks the schema.
fn holds(schema: &str, instance: &Value) {
    // The pattern of languages in OASIS's schema has a bracket too many, which is no regular expression in ECMA 262.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}\\\\]?$");
    let validator = jsonschema::options().should_validate_formats(true).build(&json(&schema)).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(instance).take(9).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const OURS: &str = include_str!("../../docs/schema/audit.json");

#[test]
fn json_follows_its_schema_whatever_was_found() {
    let mut kinds = BTreeSet::new();
    for report in Everything::new().reports("json") {
        let report = json(&report);
        holds(OURS, &report);
        let findings = report["findings"].as_array().unwrap();
        let counted = |severity: &str| findings.iter().filter(|f| f["severity"] == severity).count();
        for (key, severity) in [("errors", "error"), ("warnings", "warning"), ("notes", "note")] {
            assert_eq!(report["summary"][key], counted(severity), "{key}");
        }
        let subjects = report["subjects"].as_array().unwrap();
        assert_eq!(report["summary"]["subjects"], subjects.len());
        kinds.extend(subjects.iter().map(|s| s["kind"].as_str().unwrap().to_owned()));
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["certificate", "channel", "crl", "csr", "endpoint", "manifest", "msp", "tls"]
    );
}

#[test]
fn the_schema_refuses_what_breaks_the_contract() {
    let validator = jsonschema::validator_for(&json(OURS)).unwrap();
    let tree = Tree::new();
    let report = json(&audit(tree.dir.path(), "json"));
    assert!(validator.is_valid(&report));
    for (pointer, bad) in [
        ("/schema_version", serde_json::json!(2)),
        ("/summary/errors", serde_json::json!(-1)),
        ("/findings/0/line", serde_json::json!(0)),
        ("/findings/0/fingerprint", serde_json::json!("AB")),
        ("/subjects/0/kind", serde_json::json!("folder")),
        ("/subjects/0/verdicts", serde_json::json!({"peer": {"verdict": "refuse", "rule": null, "reason": null}})),
    ] {
        let mut broken = report.clone();
        *broken.pointer_mut(pointer).unwrap() = bad;
        assert!(!validator.is_valid(&broken), "{pointer}");
    }
}

#[test]
fn a_file_whose_name_is_no_utf_8_is_reported_in_every_form() {
    use std::os::unix::ffi::OsStrExt as _;
    let tree = Tree::new();
    let odd = tree.dir.path().join(std::ffi::OsStr::from_bytes(b"odd-\xff.pem"));
    std::fs::copy(tree.dir.path().join(tree::HOSTILE), odd).unwrap();
    for form in ["human", "json", "jsonl", "sarif", "junit", "github", "gitlab", "prometheus", "markdown"] {
        let text = audit(tree.dir.path(), form);
        let wanted = if form == "sarif" { "odd-%EF%BF%BD.pem" } else { "odd-\u{fffd}.pem" };
        assert!(text.contains(wanted), "{form}: {text}");
    }
}
