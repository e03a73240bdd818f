//! SARIF, against OASIS's schema and what GitHub's code scanning asks of it beyond.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tree::{self, Tree};
use super::{Everything, audit, holds, json};
use crate::verdicts::unpack;

pub(super) const SARIF: &str = include_str!("../../../testdata/schema/sarif-2.1.0.json");

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
        names.map(|r| r["partialFingerprints"].to_string()).collect()
    };
    let before = fingerprints();
    let old = std::fs::read(tree.dir.path().join(tree::SERVER)).unwrap();
    tree.renew();
    assert_ne!(old, std::fs::read(tree.dir.path().join(tree::SERVER)).unwrap());
    assert!(!before.is_empty());
    assert_eq!(before, fingerprints());
}

/// <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support>
#[test]
fn github_takes_each_result_and_knows_it_again() {
    for report in Everything::new().reports("sarif") {
        let log = json(&report);
        holds(SARIF, &log);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).unwrap().to_owned();
        for rule in rules {
            for part in ["shortDescription", "fullDescription"] {
                assert!(text(&rule[part]["text"]).chars().count() <= 1024, "{rule}");
            }
            let help = &rule["help"];
            assert!(text(&help["text"]).contains("Remedy: ") && text(&help["markdown"]).contains("**Remedy:** "));
            is_level(&rule["defaultConfiguration"]["level"]);
            assert!(["very-high", "medium"].contains(&rule["properties"]["precision"].as_str().unwrap()));
            let severity = rule["properties"]["problem.severity"].as_str().unwrap();
            assert!(["error", "warning", "recommendation"].contains(&severity));
            assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 20);
        }
        let ids: BTreeSet<String> = rules.iter().map(|r| text(&r["id"])).collect();
        assert_eq!(ids.len(), rules.len());
        let (mut known, mut used) = (BTreeSet::new(), BTreeSet::new());
        for result in run["results"].as_array().unwrap() {
            used.insert(text(&result["ruleId"]));
            assert_eq!(rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()]["id"], result["ruleId"]);
            is_level(&result["level"]);
            text(&result["message"]["text"]);
            let [location] = &result["locations"].as_array().unwrap()[..] else { panic!("one location: {result}") };
            let place = &location["physicalLocation"];
            is_relative(&text(&place["artifactLocation"]["uri"]));
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
            assert_eq!(text(&result["partialFingerprints"]["fabcert/v1"]).len(), 64);
            let hash = text(&result["partialFingerprints"]["primaryLocationLineHash"]);
            assert!(known.insert(hash), "two alerts would be one: {result}");
        }
        assert_eq!(ids, used, "no rule that nothing refers to");
    }
}

fn is_level(level: &Value) {
    assert!(["error", "warning", "note"].contains(&level.as_str().unwrap()), "{level}");
}

/// Whether it is a relative reference of RFC 3986 that stays below its base.
fn is_relative(uri: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let mut rest = uri.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = match (first, more) {
            (b'%', [a, b, more @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => more,
            (b, more) if plain(*b) => more,
            _ => panic!("no URI: {uri}"),
        };
    }
    assert!(!uri.starts_with('/') && uri.split('/').all(|part| part != ".."), "{uri}");
}
