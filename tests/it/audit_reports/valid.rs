//! Whether a report is valid in its form, whatever is in it.

use super::formats::{parse_metrics, parse_xml};
use super::platforms::{cells, command_of, plain};
use super::{OURS, holds, json, sarif};

/// Every form of a report.
pub(crate) const FORMS: [&str; 9] =
    ["human", "json", "jsonl", "sarif", "junit", "github", "gitlab", "prometheus", "markdown"];

/// Fails unless a reader of the form takes the text, and a terminal shows it as it is.
pub(crate) fn check(form: &str, text: &str) {
    let is_active =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.chars().any(is_active), "{form}: a character that a terminal acts on");
    match form {
        "human" => {}
        "json" => holds(OURS, &json(text)),
        "jsonl" => text.lines().for_each(|line| assert!(json(line).is_object(), "{line}")),
        "sarif" => holds(sarif::SARIF, &json(text)),
        "junit" => drop(parse_xml(text).unwrap()),
        "github" => text.lines().for_each(|line| {
            let (name, properties, message) = command_of(line);
            assert!(["error", "warning", "notice"].contains(&name) && !message.is_empty(), "{line}");
            assert!(properties.iter().all(|(key, value)| !value.is_empty() && ["file", "line", "title"].contains(key)));
        }),
        "gitlab" => {
            for entry in json(text).as_array().unwrap() {
                let path = entry["location"]["path"].as_str().unwrap();
                assert!(!path.is_empty() && entry["fingerprint"].is_string() && entry["description"].is_string());
            }
        }
        "prometheus" => assert!(!parse_metrics(text).unwrap().is_empty()),
        "markdown" => {
            for row in text.lines().filter(|line| line.starts_with('|')).skip(2) {
                let cells = cells(row);
                assert_eq!(cells.len(), 7, "{row}");
                cells[2..6].iter().for_each(|cell| drop(plain(cell)));
                assert!(!row.contains(['@', '$']) && !row.contains("://") && !row.contains("www."), "{row}");
            }
        }
        form => panic!("{form} has no reader"),
    }
}
