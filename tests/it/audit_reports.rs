//! The reports of real audits, against the schemas and grammars of those who read them.

mod formats;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use self::formats::{Element, parse_metrics, parse_xml};
use self::tree::Tree;
use crate::command::command;
use crate::verdicts::unpack;

/// Audits everything below `dir`, named from there, as of the day at which the recorded cases were judged.
fn audit(dir: &Path, form: &str) -> String {
    let gateway = ["--gateway-service", "org1-peer-gateway-svc", "--no-policy", "--at", "2026-11-23T05:00:00Z"];
    let args = [&["audit", ".", "--format", form][..], &gateway].concat();
    let output = command(&args, &[]).current_dir(dir).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
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
const SARIF: &str = include_str!("../../testdata/schema/sarif-2.1.0.json");

#[test]
fn json_follows_its_schema_for_every_recorded_folder() {
    let tree = Tree::new();
    let mut kinds = BTreeSet::new();
    for dir in [tree.dir.path(), unpack("msp-cases.tar.gz").path(), unpack("tls-cases.tar.gz").path()] {
        let report = json(&audit(dir, "json"));
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
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["certificate", "csr", "msp", "tls"]);
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
fn sarif_follows_the_schema_of_oasis_and_names_file_and_line() {
    for dir in [unpack("msp-cases.tar.gz"), unpack("tls-cases.tar.gz")] {
        holds(SARIF, &json(&audit(dir.path(), "sarif")));
    }
    let tree = Tree::new();
    let log = json(&audit(tree.dir.path(), "sarif"));
    holds(SARIF, &log);
    let run = &log["runs"][0];
    let mut lines = BTreeMap::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let path = decode(place["artifactLocation"]["uri"].as_str().unwrap());
        assert!(tree.dir.path().join(&path).exists(), "{path}");
        if result["ruleId"] == "san-gateway-missing" {
            lines.insert(path, place["region"]["startLine"].as_u64().unwrap());
        }
    }
    let begins = |name: &str| {
        let text = std::fs::read_to_string(tree.dir.path().join(name)).unwrap();
        text.lines().position(|l| l == "-----BEGIN CERTIFICATE-----").unwrap() as u64 + 1
    };
    for name in [tree::SERVER, tree::HOSTILE] {
        assert!(begins(name) > 1);
        assert_eq!(lines.get(name), Some(&begins(name)), "{name}: {lines:?}");
    }
}

/// A URI's path with its percent forms undone.
fn decode(uri: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), uri.bytes());
    while let Some(b) = rest.next() {
        let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
        bytes.push(if b == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { b });
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn fingerprints_of_sarif_survive_a_renewal() {
    let tree = Tree::new();
    let fingerprints = || -> BTreeSet<String> {
        let log = json(&audit(tree.dir.path(), "sarif"));
        let results = log["runs"][0]["results"].as_array().unwrap();
        // Only what does not hang on the bytes of one issue: a signature, say, differs each time.
        let names = results.iter().filter(|r| r["ruleId"] == "san-gateway-missing");
        names.map(|r| r["partialFingerprints"]["fabcert/v1"].as_str().unwrap().to_owned()).collect()
    };
    let before = fingerprints();
    let old = std::fs::read(tree.dir.path().join(tree::SERVER)).unwrap();
    tree.renew();
    assert_ne!(old, std::fs::read(tree.dir.path().join(tree::SERVER)).unwrap());
    assert!(!before.is_empty());
    assert_eq!(before, fingerprints());
}

#[test]
fn junit_is_well_formed_counts_right_and_holds_what_readers_know() {
    let tree = Tree::new();
    for dir in [tree.dir.path(), unpack("msp-cases.tar.gz").path()] {
        let root = parse_xml(&audit(dir, "junit")).unwrap();
        assert_eq!(
            (root.name.as_str(), root.keys()),
            ("testsuites", vec!["errors", "failures", "name", "tests", "time"])
        );
        let [suite] = &root.children[..] else { panic!("one suite") };
        assert_eq!(suite.name, "testsuite");
        assert_eq!(suite.keys(), ["errors", "failures", "name", "skipped", "tests", "time"]);
        for case in &suite.children {
            assert_eq!((case.name.as_str(), case.keys()), ("testcase", vec!["classname", "name", "time"]));
            assert!(case.children.len() <= 1);
            for child in &case.children {
                let keys: &[&str] = if child.name == "failure" { &["message", "type"] } else { &[] };
                assert!(["failure", "system-out"].contains(&child.name.as_str()));
                assert_eq!((child.keys(), child.children.len()), (keys.to_vec(), 0));
                assert!(!child.text.is_empty());
            }
        }
        let failed = |case: &&Element| case.children.iter().any(|c| c.name == "failure");
        for counted in [&root, suite] {
            assert_eq!(counted.attributes["tests"], suite.children.len().to_string());
            assert_eq!(counted.attributes["failures"], suite.children.iter().filter(failed).count().to_string());
        }
    }
    let root = parse_xml(&audit(tree.dir.path(), "junit")).unwrap();
    assert!(root.children[0].children.iter().any(|case| case.attributes["classname"] == tree::HOSTILE));
}

#[test]
fn prometheus_text_has_heads_before_samples_and_no_series_twice() {
    let tree = Tree::new();
    for dir in [tree.dir.path(), unpack("msp-cases.tar.gz").path(), unpack("tls-cases.tar.gz").path()] {
        let report = json(&audit(dir, "json"));
        let series = parse_metrics(&audit(dir, "prometheus")).unwrap();
        let of = |severity: &str| series[&format!("fabcert_audit_findings{{severity={severity:?}}}")];
        for (key, severity) in [("errors", "error"), ("warnings", "warning"), ("notes", "note")] {
            assert_eq!(report["summary"][key].as_f64(), Some(of(severity)), "{key}");
        }
        assert!(series.keys().any(|k| k.starts_with("fabcert_audit_verdict_refused{")));
    }
    let series = parse_metrics(&audit(tree.dir.path(), "prometheus")).unwrap();
    assert!(series.keys().any(|k| k.contains(&format!("path={:?}", tree::HOSTILE))), "{series:?}");
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
