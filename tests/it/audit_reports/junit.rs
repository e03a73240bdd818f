//! `JUnit`, against the schema of Jenkins' xUnit plugin and a reader of our own that is stricter.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::formats::{Element, parse_xml};
use super::tree::{self, Tree};
use super::{Everything, audit, audit_to, objection};
use crate::real::tools::{self, Tool};
use crate::verdicts::unpack;

/// What the schema has against a document.
fn broken(xmllint: &Path, document: &str) -> Option<String> {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/schema/junit-10.xsd");
    objection(Command::new(xmllint).args(["--noout", "--nonet", "--schema", schema, "-"]), document)
}

/// The elements with a name below an element, itself included.
fn count(element: &Element, name: &str) -> usize {
    usize::from(element.name == name) + element.children.iter().map(|c| count(c, name)).sum::<usize>()
}

#[test]
fn junit_follows_the_schema_of_jenkins_whatever_was_found() {
    let Some(xmllint) = tools::find(Tool::Xmllint) else { return };
    let tree = Tree::new();
    let good = audit_to(0, tree.faultless().path(), "junit", &["--no-policy"]);
    assert_eq!(broken(&xmllint, &good), None);
    let good = parse_xml(&good).unwrap();
    assert!(count(&good, "testcase") > 1 && count(&good, "failure") + count(&good, "system-out") == 0);
    tree.write("peer1/msp/notes.txt", "renew in May");
    let every = audit(tree.dir.path(), "junit");
    assert_eq!(broken(&xmllint, &every), None);
    for part in ["type=\"error\"", "type=\"warning\"", "<system-out>note["] {
        assert!(every.contains(part), "{part}: {every}");
    }
    // What an ignore hides is no test case.
    tree.write("fabcert.yaml", "version: 1\nignore:\n  - {rule: san-gateway-missing, reason: moves next week}\n");
    let hidden = audit_to(1, tree.dir.path(), "junit", &["--gateway-service", "org1-peer-gateway-svc"]);
    assert_eq!(broken(&xmllint, &hidden), None);
    assert!(every.contains("san-gateway-missing") && !hidden.contains("san-gateway-missing"), "{hidden}");
    for report in Everything::new().reports("junit") {
        assert_eq!(broken(&xmllint, &report), None);
    }
}

#[test]
fn the_schema_refuses_a_broken_report() {
    let Some(xmllint) = tools::find(Tool::Xmllint) else { return };
    let tree = Tree::new();
    let report = audit(tree.dir.path(), "junit");
    for (from, to) in [
        ("<testcase name=", "<testcase title="),
        ("<failure ", "<failure level=\"x\" "),
        ("</testcase>", "<fix/></testcase>"),
        (" tests=", " test="),
        ("time=\"0\"", "time=\"0 s\""),
        ("&lt;b&gt;", "<b>"),
        ("san-gateway-missing", "san\u{1}"),
    ] {
        assert!(report.contains(from), "{from}");
        assert!(broken(&xmllint, &report.replace(from, to)).is_some(), "{from} -> {to}");
    }
}

#[test]
fn no_two_test_cases_bear_the_same_names() {
    for report in Everything::new().reports("junit") {
        let root = parse_xml(&report).unwrap();
        let mut seen = BTreeSet::new();
        for case in &root.children[0].children {
            let names = ["classname", "name"].map(|key| case.attributes[key].clone());
            assert!(seen.insert(names.clone()), "twice: {names:?}");
        }
    }
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
