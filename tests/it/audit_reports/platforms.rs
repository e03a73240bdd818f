//! GitLab's Code Quality, GitHub's annotations and Markdown, read as those who take them read them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::Tree;
use super::{Everything, audit_to, json};

/// Calls `check` with each report in a form and the same findings as the JSON report has them.
fn everywhere(form: &str, check: impl Fn(&str, &[Value])) {
    let all = Everything::new();
    for (report, plain) in all.reports(form).iter().zip(all.reports("json")) {
        check(report, json(&plain)["findings"].as_array().unwrap());
    }
}

/// <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>
#[test]
fn gitlab_takes_each_entry_and_tells_it_from_the_others() {
    everywhere("gitlab", |report, findings| {
        assert!(!report.starts_with('\u{feff}'), "GitLab refuses a byte order mark");
        let entries = json(report);
        let entries = entries.as_array().unwrap();
        assert_eq!(entries.len(), findings.len());
        let mut known = BTreeSet::new();
        for (entry, finding) in entries.iter().zip(findings) {
            let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).unwrap().to_owned();
            assert!(text(&entry["description"]).contains(finding["message"].as_str().unwrap()));
            assert_eq!(entry["check_name"], finding["rule"]);
            assert!(known.insert(text(&entry["fingerprint"])), "two entries would be one: {entry}");
            let severity = match finding["severity"].as_str().unwrap() {
                "error" => "critical",
                "warning" => "minor",
                _ => "info",
            };
            assert_eq!(entry["severity"], severity);
            let path = text(&entry["location"]["path"]);
            assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."), "{path}");
            assert!(!path.starts_with("./"), "{path}");
            assert!(entry["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        }
    });
    assert_eq!(json(&audit_to(0, Tree::new().faultless().path(), "gitlab", &["--no-policy"])), json("[]"));
}

/// A workflow command as the runner of GitHub Actions reads it: `::name key=value,key=value::message`.
pub(super) fn command_of(line: &str) -> (&str, Vec<(&str, String)>, String) {
    let (head, message) = line.strip_prefix("::").and_then(|l| l.split_once("::")).expect("a command");
    let (name, properties) = head.split_once(' ').expect("properties");
    let properties = properties.split(',').map(|p| p.split_once('=').expect("a value"));
    let plain = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
    let property = |text: &str| plain(text).replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
    (name, properties.map(|(k, v)| (k, property(v))).collect(), plain(message).replace("%25", "%"))
}

/// The text with every character that a terminal acts on spelled out; line ends have a form of their own there.
fn visible(text: &str) -> String {
    let is_active =
        |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t') || matches!(c, '\u{2028}' | '\u{202e}');
    text.chars().map(|c| if is_active(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

#[test]
fn each_annotation_is_one_line_that_the_runner_reads_back() {
    everywhere("github", |text, findings| {
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap().split(['\n', '\r']).collect();
        assert_eq!(lines.len(), findings.len());
        for (line, finding) in lines.iter().zip(findings) {
            let (name, properties, message) = command_of(line);
            let field = |key: &str| finding[key].as_str().unwrap();
            let level = if field("severity") == "note" { "notice" } else { field("severity") };
            let at = finding["line"].as_u64().unwrap_or(1).to_string();
            let title = format!("fabcert {}", field("rule"));
            assert_eq!(name, level);
            assert_eq!(properties, [("file", visible(field("path"))), ("line", at), ("title", title)]);
            let subject = finding["subject"].as_str().map(|s| format!("{s}: ")).unwrap_or_default();
            let message_of_finding = format!("{subject}{}\nfix: {}", field("message"), field("remedy"));
            assert_eq!(message, visible(&message_of_finding));
        }
    });
}

/// The cells of a row, where a backslash takes the meaning of a bar.
pub(super) fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut escaped) = (vec![String::new()], false);
    for c in row.chars() {
        match c {
            '|' if !escaped => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    cells
}

/// The text of a cell without its escapes; panics at what Markdown or HTML would take for its own.
pub(super) fn plain(cell: &str) -> String {
    // A character that GitHub or GitLab would act on is in an element of its own.
    let mut parts = cell.trim().split("<span>&#");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, after) = part.split_once(";</span>").expect("the end of the element");
        let c = char::from_u32(code.parse().expect("a number")).expect("a character");
        whole.push('\\');
        whole.push(c);
        whole.push_str(after);
    }
    let (mut out, mut chars) = (String::new(), whole.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().expect("something escaped")),
            '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' => panic!("{c} in {cell}"),
            c => out.push(c),
        }
    }
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[test]
fn each_finding_is_one_row_of_plain_text() {
    everywhere("markdown", |text, findings| {
        let mut rows: Vec<&str> = text.lines().filter(|l| l.starts_with('|')).collect();
        assert_eq!(cells(rows.remove(1)).len(), 7);
        assert_eq!(rows.remove(0), "| | rule | where | what | fix |");
        assert_eq!(rows.len(), findings.len());
        let all: BTreeSet<(String, String)> = rows
            .iter()
            .map(|row| {
                let cells = cells(row);
                assert_eq!(cells.len(), 7, "{row}");
                let [rule, _, _, remedy] = [2, 3, 4, 5].map(|at| plain(&cells[at]));
                (rule, remedy)
            })
            .collect();
        let shown = |text: &str| text.replace(char::is_control, " ").trim().to_owned();
        let told = |f: &Value| (f["rule"].as_str().unwrap().to_owned(), shown(f["remedy"].as_str().unwrap()));
        assert_eq!(all, findings.iter().map(told).collect());
    });
}
