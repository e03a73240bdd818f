//! One small report in each format, with texts that have a meaning in some format.

use super::*;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;
use crate::audit::{Severity, SubjectKind, SubjectReport, Verdict, Verdicts, rule_by_id};
use crate::text::escape::is_active;

/// Line ends, quotes, `<&>`, `::`, `|`, percent, comma, backslash, and control characters of terminals.
const HOSTILE: &str = "a\n::error::b\r\"c' <&> ::error:: | 50%, \\n `d` \u{1b}[2J\u{85}\u{202e} ##[group]";

fn report() -> Report {
    let mut found = Findings::new();
    let mut find = |id: &str, at: &Location, message: &str, severity: Severity| {
        let rule = rule_by_id(id).expect("a rule");
        // Titles and remedies of rules may change; these reports must not.
        found.report(rule, at, message).remedy("fix it").severity(severity).add();
    };
    let at = |path: &str, block, line| Location { path: path.into(), block, line };
    find("expired", &at("peer1/tls/server.crt", Some(2), Some(14)), "it ended", Severity::Error);
    find("key-mode", &Location::whole("peer1/msp/keystore/k_sk"), "mode 0644", Severity::Warning);
    find("key-mode", &at("/etc/k.pem", Some(1), Some(1)), "mode 0640", Severity::Note);
    let hostile = at(&format!("dir/{HOSTILE}.pem"), None, None);
    found
        .report(rule_by_id("san-missing").expect("a rule"), &hostile, format!("it lacks {HOSTILE}"))
        .subject(&format!("CN={HOSTILE}"))
        .names([HOSTILE.to_owned()])
        .remedy(format!("issue {HOSTILE}"))
        .add();
    let mut report = Report::new();
    found.into_vec().iter().for_each(|finding| report.find(finding));
    let refuse = |reason: &str| Some(Verdict::Refuse { rule: "expired", reason: reason.to_owned() });
    let subject = |path: &str, kind, role, verdicts| SubjectReport { path: path.into(), kind, role, verdicts };
    let (peer, orderer) = (Some(Verdict::Accept), refuse(HOSTILE));
    report.subjects = [
        subject(
            "peer1/msp",
            SubjectKind::Msp,
            Some("peer"),
            Verdicts::Msp { peer, orderer, channel: None, member: refuse("it ended") },
        ),
        subject(
            &format!("dir/{HOSTILE}"),
            SubjectKind::Tls,
            None,
            Verdicts::Tls { server: Some(Verdict::Accept), client: None },
        ),
        subject("good.pem", SubjectKind::Certificate, None, Verdicts::None),
    ]
    .into_iter()
    .collect();
    (report.summary.subjects, report.summary.certificates, report.summary.suppressed) = (3, 5, 1);
    report
}

fn text(format: Format, report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    render(format, report, style, &mut out).expect("memory");
    String::from_utf8(out).expect("text")
}

#[test]
fn no_text_breaks_out_of_any_format() {
    let report = report();
    for format in Format::ALL {
        let text = text(format, &report, Style::default());
        assert!(text.ends_with('\n'), "{format:?}");
        assert!(!text.contains(|c: char| c != '\n' && is_active(c)), "{format:?}: {text}");
        assert!(
            format == Format::Github || !text.lines().any(|line| line.trim_start().starts_with("::")),
            "{format:?}"
        );
        // The texts of rules and the version may change.
        let text = if format == Format::Sarif { without_rules(&text) } else { text };
        insta::assert_snapshot!(format.as_str(), text);
    }
    insta::assert_snapshot!("human_coloured", text(Format::Human, &report, Style { colour: true }));
}

fn without_rules(text: &str) -> String {
    let mut log: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let driver = &mut log["runs"][0]["tool"]["driver"];
    driver["semanticVersion"] = "[version]".into();
    for rule in driver["rules"].as_array_mut().expect("rules") {
        *rule = rule["id"].clone();
    }
    serde_json::to_string_pretty(&log).expect("JSON") + "\n"
}

#[test]
fn report_without_findings_is_valid_in_every_format() {
    let report = Report::new();
    for format in Format::ALL {
        assert_eq!(text(format, &report, Style::default()).is_empty(), format == Format::Github, "{format:?}");
    }
}

#[test]
fn sarif_keeps_the_most_severe_results_and_reports_the_rest() {
    let rule = |id: &str| rule_by_id(id).expect("a rule");
    let mut found = Findings::new();
    for number in 0..sarif::MOST_RESULTS {
        found.report(rule("key-mode"), &Location::whole(format!("{number}.pem")), "mode 0644").add();
    }
    found.report(rule("expired"), &Location::whole("last.pem"), "it ended").add();
    let found = found.into_vec();
    let mut report = Report::new();
    for finding in &found {
        report.find(finding);
    }
    let run = |report: &Report| -> serde_json::Value {
        let log: serde_json::Value =
            serde_json::from_str(&text(Format::Sarif, report, Style::default())).expect("JSON");
        log["runs"][0].clone()
    };
    let cut = run(&report);
    let results = cut["results"].as_array().expect("results");
    assert_eq!((results.len(), &results[0]["ruleId"]), (25_000, &"expired".into()));
    let reported = &cut["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(reported, "1 of 25001 findings are left out, the least severe");
    let mut fewer = Report::new();
    for finding in &found[1..] {
        fewer.find(finding);
    }
    let whole = run(&fewer);
    assert_eq!(whole["results"].as_array().map(Vec::len), Some(25_000));
    assert!(whole.get("invocations").is_none());
}
