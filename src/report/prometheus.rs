//! The Prometheus text format, for the node exporter's textfile collector.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::audit::ledger::{Sorter, Word, word};
use crate::audit::{Report, Severity};
use crate::text::escape::{Shown, prometheus as label};

pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let s = &report.summary;
    gauge(out, "fabcert_audit_subjects", "Files, folders and endpoints audited", s.subjects)?;
    gauge(out, "fabcert_audit_certificates", "Certificates in them", s.certificates)?;
    gauge(out, "fabcert_audit_suppressed", "Findings hidden by a baseline or an ignore", s.suppressed)?;
    head(out, "fabcert_audit_findings", "Findings by severity")?;
    for (severity, count) in [(Severity::Error, s.errors), (Severity::Warning, s.warnings), (Severity::Note, s.notes)] {
        writeln!(out, "fabcert_audit_findings{{severity=\"{}\"}} {count}", severity.as_str())?;
    }
    findings(report, out)?;
    gateways(report, out)?;
    verdicts(report, out)
}

fn findings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    head(out, "fabcert_audit_rule_findings", "Findings by rule and path")?;
    let series =
        report.findings.iter().map(|f| Series { rule: f.rule, severity: f.severity.as_str(), path: path(&f.path) });
    let sorted = series.collect::<Sorter<_>>().sorted();
    let mut sorted = sorted.iter().peekable();
    while let Some(series) = sorted.next() {
        let mut count = 1;
        while sorted.next_if_eq(&series).is_some() {
            count += 1;
        }
        let Series { rule, severity, path } = &series;
        writeln!(
            out,
            "fabcert_audit_rule_findings{{path=\"{}\",rule=\"{rule}\",severity=\"{severity}\"}} {count}",
            label(path)
        )?;
    }
    Ok(())
}

fn gateways(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for (name, help, of) in [
        ("fabcert_audit_gateway_members", "Known members of the gateway", GatewayCount::Members),
        ("fabcert_audit_gateway_answering", "Members that answer to the gateway's name", GatewayCount::Answering),
    ] {
        if report.gateways.is_empty() {
            break;
        }
        head(out, name, help)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for gateway in &report.gateways {
            *counts.entry(&gateway.name).or_default() += match of {
                GatewayCount::Members => gateway.members,
                GatewayCount::Answering => gateway.answering,
            };
        }
        for (gateway, count) in counts {
            writeln!(out, "{name}{{gateway=\"{}\"}} {count}", label(gateway))?;
        }
    }
    Ok(())
}

fn verdicts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    head(out, "fabcert_audit_verdict_refused", "Whether Fabric refuses the subject (1) or accepts it (0)")?;
    let mut judged = Sorter::default();
    for subject in report.subjects.iter() {
        for (name, verdict) in subject.verdicts.entries() {
            let Some(verdict) = verdict else { continue };
            let path = path(&subject.path);
            judged.push(Judged { path, name, refused: verdict.is_refusal() });
        }
    }
    // Paths that differ only in bytes that are not UTF-8 have equal labels here; a repeated series makes the file
    // invalid. The last of them is a refusal if any is.
    let judged = judged.sorted();
    let mut judged = judged.iter().peekable();
    while let Some(one) = judged.next() {
        if judged.peek().is_some_and(|next| next.path == one.path && next.name == one.name) {
            continue;
        }
        writeln!(
            out,
            "fabcert_audit_verdict_refused{{path=\"{}\",verdict=\"{}\"}} {}",
            label(&one.path),
            one.name,
            u8::from(one.refused)
        )?;
    }
    Ok(())
}

/// A path as a label shows it. Equal labels form one series: a repeated series makes the file invalid.
fn path(path: &std::path::Path) -> String {
    Shown(path.display()).to_string()
}

/// A counted finding.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Series {
    #[serde(with = "word")]
    rule: Word,
    #[serde(with = "word")]
    severity: Word,
    path: String,
}

/// A verdict on a path.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Judged {
    path: String,
    #[serde(with = "word")]
    name: Word,
    refused: bool,
}

#[derive(Clone, Copy)]
enum GatewayCount {
    Members,
    Answering,
}

fn gauge(out: &mut dyn Write, name: &str, help: &str, value: usize) -> io::Result<()> {
    head(out, name, help)?;
    writeln!(out, "{name} {value}")
}

fn head(out: &mut dyn Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}
