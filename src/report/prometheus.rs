//! The Prometheus text format, for the node exporter's textfile collector.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape::prometheus as label;
use crate::audit::{Report, Severity};

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let s = &report.summary;
    gauge(&mut out, "fabcert_audit_subjects", "Files, folders and endpoints audited", s.subjects);
    gauge(&mut out, "fabcert_audit_certificates", "Certificates in them", s.certificates);
    gauge(&mut out, "fabcert_audit_suppressed", "Findings hidden by a baseline or an ignore", s.suppressed);
    head(&mut out, "fabcert_audit_findings", "Findings by severity");
    for (severity, count) in [(Severity::Error, s.errors), (Severity::Warning, s.warnings), (Severity::Note, s.notes)] {
        let _ = writeln!(out, "fabcert_audit_findings{{severity=\"{}\"}} {count}", severity.as_str());
    }
    let mut counts: BTreeMap<(&str, &str, String), usize> = BTreeMap::new();
    for f in &report.findings {
        *counts.entry((f.rule, f.severity.as_str(), f.path.to_string_lossy().into_owned())).or_default() += 1;
    }
    head(&mut out, "fabcert_audit_rule_findings", "Findings by rule and path");
    for ((rule, severity, path), count) in counts {
        let _ = writeln!(
            out,
            "fabcert_audit_rule_findings{{path=\"{}\",rule=\"{rule}\",severity=\"{severity}\"}} {count}",
            label(&path)
        );
    }
    for (name, help, of) in [
        ("fabcert_audit_gateway_members", "Members of the gateway that are known", GatewayCount::Members),
        ("fabcert_audit_gateway_answering", "Members that answer to the gateway's name", GatewayCount::Answering),
    ] {
        if report.gateways.is_empty() {
            break;
        }
        head(&mut out, name, help);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for gateway in &report.gateways {
            *counts.entry(&gateway.name).or_default() += match of {
                GatewayCount::Members => gateway.members,
                GatewayCount::Answering => gateway.answering,
            };
        }
        for (gateway, count) in counts {
            let _ = writeln!(out, "{name}{{gateway=\"{}\"}} {count}", label(gateway));
        }
    }
    head(&mut out, "fabcert_audit_verdict_refused", "Whether Fabric refuses the subject (1) or takes it (0)");
    // Paths that differ only in bytes that are no UTF-8 look the same here; a series that stands twice breaks the file.
    let mut refused: BTreeMap<(String, &str), bool> = BTreeMap::new();
    for subject in &report.subjects {
        for (name, verdict) in subject.verdicts.entries() {
            let Some(verdict) = verdict else { continue };
            *refused.entry((subject.path.to_string_lossy().into_owned(), name)).or_default() |= verdict.is_refusal();
        }
    }
    for ((path, name), refused) in refused {
        let _ = writeln!(
            out,
            "fabcert_audit_verdict_refused{{path=\"{}\",verdict=\"{name}\"}} {}",
            label(&path),
            u8::from(refused)
        );
    }
    out
}

#[derive(Clone, Copy)]
enum GatewayCount {
    Members,
    Answering,
}

fn gauge(out: &mut String, name: &str, help: &str, value: usize) {
    head(out, name, help);
    let _ = writeln!(out, "{name} {value}");
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}
