//! The Prometheus text format, as Prometheus' own parser and linter read it and as a reader of our own that is stricter.

use std::path::Path;
use std::process::Command;

use super::formats::parse_metrics;
use super::tree::{self, Tree};
use super::{Everything, audit, audit_to, json, objection};
use crate::real::tools::{self, Tool};
use crate::verdicts::unpack;

/// What the node exporter or `promtool check metrics` has against an exposition.
fn broken(oracle: &Path, text: &str) -> Option<String> {
    objection(&mut Command::new(oracle), text)
}

#[test]
fn prometheus_itself_takes_the_metrics_and_its_linter_is_content() {
    let Some(oracle) = tools::find(Tool::MetricsOracle) else { return };
    let nothing = audit_to(0, Tree::new().faultless().path(), "prometheus", &["--no-policy"]);
    assert_eq!(broken(&oracle, &nothing), None);
    let reports = Everything::new().reports("prometheus");
    assert!(reports[0].contains("fabcert_audit_gateway_members{"), "{}", reports[0]);
    for text in reports {
        assert_eq!(broken(&oracle, &text), None);
    }
}

#[test]
fn prometheus_refuses_spoilt_metrics() {
    let Some(oracle) = tools::find(Tool::MetricsOracle) else { return };
    let tree = Tree::new();
    let text = audit(tree.dir.path(), "prometheus");
    let series = "fabcert_audit_findings{severity=\"error\"} ";
    for (what, from, to) in [
        ("no help", "# HELP fabcert_audit_findings Findings by severity\n", String::new()),
        (
            "no type that there is",
            "# TYPE fabcert_audit_findings gauge",
            "# TYPE fabcert_audit_findings level".to_owned(),
        ),
        ("a gauge as a counter", "fabcert_audit_findings", "fabcert_audit_findings_total".to_owned()),
        ("a series twice", series, format!("{series}7\n{series}")),
        ("a quote in a label", "severity=\"error\"", "severity=\"er\"ror\"".to_owned()),
        ("no value", series, format!("{series}many")),
    ] {
        assert!(text.contains(from), "{what}");
        assert!(broken(&oracle, &text.replace(from, &to)).is_some(), "{what}");
    }
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
