//! `fabcert rules` and `fabcert explain`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::OutputForm;
use super::output;
use crate::audit::{Confidence, RULES, Rule, Source, rule_by_id};
use crate::ca::error_code;
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
        lines.line(format_args!("{:width$}  {:7}  {}", rule.id, rule.severity.as_str(), rule.title));
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
    if let Some(rule) = rule_by_id(text) {
        return explain_rule(rule, form);
    }
    // A number in a longer line may be something else, for example an HTTP status.
    if let Some(code) = code_in(text).filter(|code| error_code(*code).is_some() || text.parse() == Ok(*code)) {
        return explain_code(code, form);
    }
    if let Some(rule) = RULES.iter().find(|r| text.contains(r.id)) {
        return explain_rule(rule, form);
    }
    if let Some(rule) = rule_of_message(text) {
        return explain_rule(rule, form);
    }
    let near = near(text);
    let hint = if near.is_empty() {
        "fabcert rules lists the rules".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    Err(Error::new(
        ErrorKind::Input,
        format!("\"{text}\" is not a rule or an error code of a Fabric CA, and does not contain one"),
    )
    .with_help(hint))
}

/// The rules whose ids share the most words with `text`.
fn near(text: &str) -> Vec<&'static str> {
    let shared = |id: &str| id.split('-').filter(|part| part.len() > 2 && text.contains(part)).count();
    let mut near: Vec<&str> = RULES.iter().map(|r| r.id).filter(|id| shared(id) > 0).collect();
    near.sort_by_key(|id| std::cmp::Reverse(shared(id)));
    near.truncate(5);
    near
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
                .line(format_args!("{}", entry.rationale))
                .gap()
                .line(format_args!("remedy: {}", entry.remedy))
                .line(format_args!("source: {}", entry.sources.join("; "))),
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

fn explain_code(code: i64, form: OutputForm) -> Result<ExitCode, Error> {
    let Some(entry) = error_code(code) else {
        return Err(Error::new(
            ErrorKind::Input,
            format!("{code} is not an error code of a Fabric CA; expected 0 to 82"),
        )
        .with_help("fabcert rules lists the rules of the audit"));
    };
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
                .line(format_args!("cause: {}", entry.cause))
                .line(format_args!("next:  {}", entry.next_step))
                .line(format_args!("retry: {}", if retry { "yes, the cause may pass" } else { "no" })),
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The error code in a text: the text itself, or as servers and clients print it: `"code":20`, `Code: 20`, `Response from server:
/// Error Code: 20`.
fn code_in(text: &str) -> Option<i64> {
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    let lower = text.to_ascii_lowercase();
    let at = lower.find("code")?;
    let digits: String = lower[at + 4..]
        .trim_start_matches(|c: char| !c.is_ascii_digit() && c.is_ascii_punctuation() || c == ' ')
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// Parts of messages, each with the rule that explains it. The first match counts.
const MESSAGES: [(&str, &str); 50] = [
    // Certificates that ingress controllers serve if they end TLS.
    ("ingress.local", "tls-passthrough-missing"),
    ("Ingress Controller Fake Certificate", "tls-passthrough-missing"),
    ("traefik.default", "tls-passthrough-missing"),
    ("could not load signing certificate from directory", "msp-layout"),
    ("no signing certificate found", "msp-folder-empty"),
    ("could not load a valid ca certificate", "msp-layout"),
    ("no ca certificate found", "msp-folder-empty"),
    ("failed unmarshalling configuration file", "config-unusable"),
    ("administrators must be declared", "admins-missing"),
    ("KeyMaterial not found", "key-missing"),
    ("signing identity expired", "expired"),
    ("certificate has expired or is not yet valid", "expired"),
    ("certifiersIdentifier does not match", "nodeou-wrong-ca"),
    ("does not have an OU that resolves to", "nodeou-missing"),
    ("not a combination of them", "nodeou-ambiguous"),
    ("not in root or intermediate certs", "config-ou-ca"),
    ("certificate has been revoked", "cert-revoked"),
    ("the supplied identity is not valid: x509: certificate signed by unknown authority", "chain-broken"),
    ("certificate signed by unknown authority", "root-mismatch"),
    ("certificate is valid for", "san-missing"),
    ("doesn't contain any IP SANs", "san-missing"),
    ("legacy Common Name field", "san-none"),
    ("private key does not match public key", "key-mismatch"),
    ("incompatible key usage", "eku-server-missing"),
    // Node and Java.
    ("does not match certificate's altnames", "san-missing"),
    ("No subject alternative", "san-missing"),
    ("No name matching", "san-missing"),
    ("self-signed certificate in certificate chain", "root-mismatch"),
    ("unable to verify the first certificate", "chain-incomplete"),
    ("PKIX path building failed", "root-mismatch"),
    ("failed loading intermediate ca certs", "msp-layout"),
    ("failed loading TLS ca certs", "msp-layout"),
    ("failed loading crls", "msp-layout"),
    ("failed loading configuration file", "config-unusable"),
    ("did not have the CA attribute", "ca-constraints"),
    ("Subject Key Identifier extension", "ca-ski-missing"),
    ("only supports a single validation chain", "chain-ambiguous"),
    ("failed to traverse certificate verification chain", "root-not-self-signed"),
    ("Parent certificate should be a leaf", "inner-ca-issues"),
    ("Certificate Authority equals true", "leaf-is-ca"),
    ("RSA is not supported", "key-unfit"),
    ("Ed25519 is not supported", "key-unfit"),
    ("Unsupported 'SignKey' provided", "signing-key-public"),
    ("unhandled critical extension", "ext-critical-unknown"),
    ("name constraints", "name-constraints"),
    ("too many intermediates for path length", "path-length"),
    ("none of the identity's organizational units", "ou-identifier-unmet"),
    ("could not parse RevocationList", "crl-unusable"),
    ("Authority Key Identifier for crl", "crl-unusable"),
    ("could not load a valid admin certificate", "msp-layout"),
];

/// The rule for a message of a peer, an orderer or a client.
fn rule_of_message(text: &str) -> Option<&'static Rule> {
    MESSAGES.iter().find(|(words, _)| text.contains(words)).and_then(|(_, id)| rule_by_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_messages_of_servers_and_clients() {
        for (text, code) in [
            ("20", Some(20)),
            ("Response from server: Error Code: 73 - Incorrect password", Some(73)),
            (r#"{"errors":[{"code":19,"message":"CA 'x' does not exist"}]}"#, Some(19)),
            ("nothing", None),
            ("exit code unknown", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }

    #[test]
    fn messages_of_fabric_are_explained_by_rules() {
        let line = "x509: certificate is valid for org1-peer1, not org1-peer-gateway-svc";
        assert_eq!(rule_of_message(line).map(|r| r.id), Some("san-missing"));
        let line = "x509: certificate is valid for ingress.local, not org1-peer1.example.com";
        assert_eq!(rule_of_message(line).map(|r| r.id), Some("tls-passthrough-missing"), "the peer does not answer");
        assert!(rule_of_message("all is well").is_none());
    }

    #[test]
    fn every_message_has_an_existing_rule() {
        for (words, id) in MESSAGES {
            assert_eq!(rule_of_message(words).map(|r| r.id), Some(id), "{words}");
        }
    }

    #[test]
    fn nearest_rules_come_first() {
        assert_eq!(near("san-gateway").first(), Some(&"san-gateway-missing"));
        assert_eq!(near("zzz"), Vec::<&str>::new());
    }

    #[test]
    fn rules_page_in_the_repository_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
        #[allow(clippy::disallowed_methods, reason = "a test reads the repository")]
        let in_repository = std::fs::read_to_string(path).unwrap_or_default();
        assert!(in_repository == page(), "docs/rules.md differs from `fabcert rules --markdown`: generate it again");
    }
}
