//! `fabcert rules` and `fabcert explain`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::OutputForm;
use super::output;
use crate::audit::{Confidence, RULES, Rule, Source};
use crate::ca::ErrorCode;
use crate::explain::{Explained, explain as explanation, near};
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

/// List the rules of the audit.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  List the rules, one on each line:
    fabcert rules

  Print the page docs/rules.md, or all that is known about each rule as JSON:
    fabcert rules --markdown
    fabcert rules --output json")]
pub(super) struct RulesArgs {
    /// Print the documentation of all rules as Markdown
    #[arg(long, env = "FABCERT_MARKDOWN")]
    markdown: bool,
}

/// Explain a rule of the audit, an error code of a Fabric CA, or a line of a log.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  Explain a rule:
    fabcert explain san-gateway-missing

  Explain error code 20 of a Fabric CA:
    fabcert explain 20

  Explain a line from the log of a peer or from fabric-ca-client:
    fabcert explain \"$(tail -1 peer.log)\"")]
pub(super) struct ExplainArgs {
    /// Rule, error code of a Fabric CA, or line of a log
    #[arg(value_name = "RULE|CODE|TEXT")]
    what: String,
}

#[derive(Serialize)]
struct RuleEntry {
    id: &'static str,
    title: &'static str,
    rationale: &'static str,
    remedy: &'static str,
    severity: &'static str,
    confidence: &'static str,
    sources: Vec<String>,
    refusals: &'static [u8],
}

impl RuleEntry {
    fn of(rule: &Rule) -> Self {
        Self {
            id: rule.id,
            title: rule.title,
            rationale: rule.rationale,
            remedy: rule.remedy,
            severity: rule.severity.as_str(),
            confidence: match rule.confidence {
                Confidence::Certain => "certain",
                Confidence::Likely => "likely",
            },
            sources: rule.sources.iter().map(Source::words).collect(),
            refusals: rule.refusals,
        }
    }
}

pub(super) fn rules(args: &RulesArgs, form: OutputForm) -> Result<ExitCode, Error> {
    if form == OutputForm::Json {
        let rules: Vec<RuleEntry> = RULES.iter().map(|r| RuleEntry::of(r)).collect();
        output::print_json(&serde_json::json!({"schema_version": 1, "rules": rules}))?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.markdown {
        output::document(&page())?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = RULES.iter().map(|r| r.id.len()).max().unwrap_or_default();
    let mut lines = Lines::new();
    for rule in RULES {
        lines.hanging(width + 11, format_args!("{:width$}  {:7}  {}", rule.id, rule.severity.as_str(), rule.title));
    }
    output::print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

/// The documentation of all rules as Markdown.
fn page() -> String {
    use std::fmt::Write as _;

    let mut out = String::from(
        "# The rules of `fabcert audit`\n\nMade by `fabcert rules --markdown`; a test holds this page against the rules. \"Refusals\" are the numbers under which\nverdicts name what Fabric itself refuses.\n\n| rule | level | what |\n|---|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(out, "| [{0}](#{0}) | {1} | {2} |", rule.id, rule.severity.as_str(), rule.title);
    }
    for rule in RULES {
        let entry = RuleEntry::of(rule);
        let _ = write!(
            out,
            "\n## {}\n\n{}: {}. {}\n\n*Remedy:* {}\n\n*Source:* {}",
            entry.id,
            capital(entry.severity),
            entry.title,
            entry.rationale,
            entry.remedy,
            entry.sources.join("; ")
        );
        if !entry.refusals.is_empty() {
            let numbers: Vec<String> = entry.refusals.iter().map(ToString::to_string).collect();
            let _ = write!(out, "; refusals {}", numbers.join(", "));
        }
        out.push('\n');
    }
    out
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

pub(super) fn explain(args: &ExplainArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let text = args.what.trim();
    match explanation(text) {
        Some(Explained::Rule(rule)) => explain_rule(rule, form),
        Some(Explained::Code(code)) => explain_code(code, form),
        None => Err(unknown(text)),
    }
}

/// The error for a text that explains nothing.
fn unknown(text: &str) -> Error {
    if text.parse::<i64>().is_ok() {
        return Error::new(ErrorKind::Input, format!("{text} is not an error code of a Fabric CA (0 to 82)"))
            .with_help("fabcert rules lists the rules of the audit");
    }
    let nearest: Vec<&str> = near(text).into_iter().map(|rule| rule.id).collect();
    let hint = if nearest.is_empty() {
        "fabcert rules lists the rules".to_owned()
    } else {
        format!("did you mean {}?", nearest.join(", "))
    };
    Error::new(
        ErrorKind::Input,
        format!("\"{text}\" is not a rule or an error code of a Fabric CA, and does not contain one"),
    )
    .with_help(hint)
}

fn explain_rule(rule: &Rule, form: OutputForm) -> Result<ExitCode, Error> {
    let entry = RuleEntry::of(rule);
    match form {
        OutputForm::Json => output::print_json(&serde_json::json!({"schema_version": 1, "rule": entry}))?,
        OutputForm::Human => output::print(
            Lines::new()
                .line(format_args!("{} ({}, {})", entry.id, entry.severity, entry.confidence))
                .gap()
                .line(format_args!("{}", capital(entry.title)))
                .gap()
                .hanging(0, format_args!("{}", entry.rationale))
                .gap()
                .hanging(8, format_args!("remedy: {}", entry.remedy))
                .hanging(8, format_args!("source: {}", entry.sources.join("; "))),
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

fn explain_code(entry: &ErrorCode, form: OutputForm) -> Result<ExitCode, Error> {
    let retry = entry.class.kind() == ErrorKind::Unreachable;
    match form {
        OutputForm::Json => output::print_json(&serde_json::json!({
            "schema_version": 1,
            "code": {"code": entry.code, "cause": entry.cause, "next_step": entry.next_step, "retry": retry},
        }))?,
        OutputForm::Human => output::print(
            Lines::new()
                .line(format_args!("Fabric CA error code {}", entry.code))
                .gap()
                .hanging(7, format_args!("cause: {}", entry.cause))
                .hanging(7, format_args!("next:  {}", entry.next_step))
                .line(format_args!("retry: {}", if retry { "yes, the cause may pass" } else { "no" })),
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_page_in_the_repository_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
        #[allow(clippy::disallowed_methods, reason = "a test reads the repository")]
        let in_repository = std::fs::read_to_string(path).unwrap_or_default();
        assert!(in_repository == page(), "docs/rules.md differs from `fabcert rules --markdown`: generate it again");
    }
}
