//! Parses `fabcert.yaml`: unknown keys are errors, and every error has a line.

use std::path::Path;

use super::document::{ExpectEntry, Policy};
use super::ignore::Ignore;
use super::member::MemberEntry;
use crate::audit::catalogue::Severity;
use crate::audit::catalogue::rule_by_id;
use crate::pki::x509::NodeOu;
use crate::policy::levels::Level;
use crate::text::Pattern;
use crate::text::yaml::{self, Node};
use crate::{Error, ErrorKind, Timestamp};

/// An error in a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct PolicyError {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The problem.
    pub(crate) reason: String,
}

impl PolicyError {
    /// Converts into the error of a command, with the file name.
    pub(crate) fn in_file(self, path: &Path) -> Error {
        Error::new(ErrorKind::Input, format!("{}:{}: {}", path.display(), self.line, self.reason)).with_help(
            "the form of fabcert.yaml is in docs/policy.md; fabcert audit --init writes one from existing certificates",
        )
    }
}

type Result<T> = std::result::Result<T, PolicyError>;

fn refuse<T>(node: &Node, reason: impl Into<String>) -> Result<T> {
    Err(PolicyError { line: node.line, reason: reason.into() })
}

impl Policy {
    /// Parses a policy; `path` is the file as reported.
    ///
    /// # Errors
    /// If the text is not YAML, or contains an unknown key, rule or level, or an invalid pattern or date.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let documents = yaml::documents(text).map_err(|e| PolicyError { line: e.line, reason: e.reason })?;
        let mut policy = Self { path: path.to_owned(), ..Self::default() };
        let root = match documents.as_slice() {
            [] => return Ok(policy),
            [root] if root.is_null() => return Ok(policy),
            [root] => root,
            [_, second, ..] => return refuse(second, "expected a single document"),
        };
        let mut versioned = false;
        for (key, value) in entries(root, "the policy")? {
            match word(key)? {
                "version" => {
                    versioned = true;
                    if value.text() != Some("1") {
                        return refuse(value, "unsupported version; expected 1");
                    }
                }
                "expect" => policy.expect = items(value, "expect")?.iter().map(expect_entry).collect::<Result<_>>()?,
                "members" => policy.members = items(value, "members")?.iter().map(member).collect::<Result<_>>()?,
                "levels" => policy.levels = levels(value)?,
                "exclude" => policy.exclude = items(value, "exclude")?.iter().map(pattern).collect::<Result<_>>()?,
                "ignore" => policy.ignore = items(value, "ignore")?.iter().map(ignore).collect::<Result<_>>()?,
                other => {
                    return unknown(key, other, &["version", "expect", "members", "levels", "exclude", "ignore"]);
                }
            }
        }
        if !versioned {
            return refuse(root, "\"version: 1\" is missing");
        }
        Ok(policy)
    }
}

fn expect_entry(node: &Node) -> Result<ExpectEntry> {
    let mut path = None;
    let mut entry = ExpectEntry {
        path: Pattern::parse("**").map_err(|e| PolicyError { line: node.line, reason: e.to_string() })?,
        names: Vec::new(),
        gateway_services: Vec::new(),
        role: None,
        min_days_left: None,
        warn_days_left: None,
    };
    for (key, value) in entries(node, "an entry of expect")? {
        match word(key)? {
            "path" => path = Some(pattern(value)?),
            "names" => entry.names = words(value, "names")?,
            "gateway_services" => entry.gateway_services = words(value, "gateway_services")?,
            "role" => {
                let role: NodeOu = word(value)?
                    .parse()
                    .map_err(|e: crate::pki::x509::NoNodeOu| PolicyError { line: value.line, reason: e.to_string() })?;
                entry.role = Some(role);
            }
            "min_days_left" => entry.min_days_left = Some(days(value)?),
            "warn_days_left" => entry.warn_days_left = Some(days(value)?),
            other => {
                let known = ["path", "names", "gateway_services", "role", "min_days_left", "warn_days_left"];
                return unknown(key, other, &known);
            }
        }
    }
    match path {
        Some(path) => entry.path = path,
        None => return refuse(node, "an entry of expect needs a path (\"**\" is everything)"),
    }
    let known = entry.path.placeholders();
    for (text, line) in entry.names.iter().chain(&entry.gateway_services) {
        if let Some(open) = placeholders_in(text).find(|p| !known.contains(p)) {
            let reason = format!("\"{text}\": {{{open}}} is not a placeholder of the path \"{}\"", entry.path.as_str());
            return Err(PolicyError { line: *line, reason });
        }
    }
    Ok(entry)
}

fn member(node: &Node) -> Result<MemberEntry> {
    let (mut workload, mut tls) = (None, None);
    for (key, value) in entries(node, "an entry of members")? {
        match word(key)? {
            "workload" => workload = Some(word(value)?.to_owned()).filter(|w| !w.is_empty()),
            "tls" => tls = Some(pattern(value)?),
            other => return unknown(key, other, &["workload", "tls"]),
        }
    }
    let (workload, tls) = match (workload, tls) {
        (Some(workload), Some(tls)) => (workload, tls),
        (None, _) => return refuse(node, "an entry of members needs a workload"),
        (_, None) => return refuse(node, "an entry of members needs the path of its TLS folder or file, tls"),
    };
    let known = tls.placeholders();
    if let Some(open) = placeholders_in(&workload).find(|p| !known.contains(p)) {
        let reason = format!("\"{workload}\": {{{open}}} is not a placeholder of the path \"{}\"", tls.as_str());
        return refuse(node, reason);
    }
    Ok(MemberEntry { workload, tls, line: node.line })
}

fn placeholders_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn levels(node: &Node) -> Result<Vec<(String, Level)>> {
    let mut out = Vec::new();
    for (key, value) in entries(node, "levels")? {
        let rule = rule_id(key)?;
        let level = match word(value)? {
            "allow" => Level::Allow,
            "note" => Level::As(Severity::Note),
            "warning" => Level::As(Severity::Warning),
            "error" => Level::As(Severity::Error),
            other => {
                return refuse(value, format!("unknown level \"{other}\"; expected allow, note, warning or error"));
            }
        };
        out.push((rule, level));
    }
    Ok(out)
}

fn ignore(node: &Node) -> Result<Ignore> {
    let (mut rule, mut reason) = (None, None);
    let mut out =
        Ignore { rule: String::new(), path: None, subject: None, names: Vec::new(), until: None, line: node.line };
    for (key, value) in entries(node, "an entry of ignore")? {
        match word(key)? {
            "rule" => rule = Some(rule_id(value)?),
            "path" => out.path = Some(pattern(value)?),
            "subject" => out.subject = Some(word(value)?.to_owned()),
            "names" => out.names = words(value, "names")?.into_iter().map(|(name, _)| name).collect(),
            "reason" => reason = (!word(value)?.trim().is_empty()).then_some(()),
            "until" => out.until = Some(end_of_day(value)?),
            other => return unknown(key, other, &["rule", "path", "subject", "names", "reason", "until"]),
        }
    }
    match (rule, reason) {
        (Some(rule), Some(())) => Ok(Ignore { rule, ..out }),
        (None, _) => refuse(node, "an entry of ignore needs a rule"),
        (_, None) => refuse(node, "an entry of ignore needs a reason"),
    }
}

/// The last second of a day, UTC.
fn end_of_day(node: &Node) -> Result<Timestamp> {
    let text = word(node)?;
    match Timestamp::parse_rfc3339(&format!("{text}T23:59:59Z")) {
        Some(end) => Ok(end),
        None => refuse(node, format!("invalid day \"{text}\"; expected YYYY-MM-DD")),
    }
}

fn rule_id(node: &Node) -> Result<String> {
    let id = word(node)?;
    if rule_by_id(id).is_none() {
        return refuse(node, format!("unknown rule \"{id}\"; fabcert rules lists the rules"));
    }
    Ok(id.to_owned())
}

fn pattern(node: &Node) -> Result<Pattern> {
    Pattern::parse(word(node)?).or_else(|e| refuse(node, e.to_string()))
}

fn days(node: &Node) -> Result<i64> {
    let text = word(node)?;
    match text.parse::<i64>() {
        Ok(days) if (0..=36_500).contains(&days) => Ok(days),
        _ => refuse(node, format!("\"{text}\" is not a number of days")),
    }
}

fn entries<'a>(node: &'a Node, what: &str) -> Result<&'a [(Node, Node)]> {
    node.entries().map_or_else(|| refuse(node, format!("{what} is {}; expected a mapping", node.kind())), Ok)
}

fn items<'a>(node: &'a Node, what: &str) -> Result<&'a [Node]> {
    if node.is_null() {
        return Ok(&[]);
    }
    node.items().map_or_else(|| refuse(node, format!("{what} is {}; expected a list", node.kind())), Ok)
}

fn word(node: &Node) -> Result<&str> {
    node.text().map_or_else(|| refuse(node, format!("found {}; expected a single value", node.kind())), Ok)
}

fn words(node: &Node, what: &str) -> Result<Vec<(String, usize)>> {
    items(node, what)?.iter().map(|n| word(n).map(|text| (text.to_owned(), n.line))).collect()
}

fn unknown<T>(key: &Node, found: &str, known: &[&str]) -> Result<T> {
    refuse(key, format!("unknown key \"{found}\"; expected one of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
version: 1
expect:
  - path: peers/{node}/tls
    names:
      - \"{node}\"
      - org1-peer-gateway-svc
    role: peer
    min_days_left: 14
levels:
  expired: warning
ignore:
  - rule: expired
    path: old/**
    reason: kept for the record
    until: 2026-12-31
";

    fn parse(text: &str) -> Result<Policy> {
        Policy::parse(text, Path::new("fabcert.yaml"))
    }

    #[test]
    fn placeholders_are_replaced_from_the_path() {
        let policy = parse(GOOD).unwrap();
        let found = policy
            .expectation(&crate::audit::model::expectation::Expectation::default(), Path::new("peers/org1-peer2/tls"))
            .unwrap();
        let names: Vec<String> = found.names.iter().map(|n| n.name.to_string()).collect();
        assert_eq!(names, ["org1-peer2", "org1-peer-gateway-svc"]);
        assert_eq!(found.names[1].source.words(), "fabcert.yaml:6");
        assert_eq!((found.min_days_left, found.role), (14, Some(NodeOu::Peer)));
        let elsewhere = policy
            .expectation(&crate::audit::model::expectation::Expectation::default(), Path::new("orderers/o/tls"))
            .unwrap();
        assert_eq!(elsewhere, crate::audit::model::expectation::Expectation::default());
    }

    #[test]
    fn ignore_ends_after_the_last_second_of_its_day() {
        let policy = parse(GOOD).unwrap();
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(policy.ignore[0].line, 12);
        assert!(!policy.ignore[0].is_over(at("2026-12-31T23:59:59Z")));
        assert!(policy.ignore[0].is_over(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn members_match_by_path() {
        let text = "version: 1\nmembers:\n  - {workload: acme/peer1, tls: certs/p1.pem}\n  - workload: \"{org}-{node}\"\n    tls: \"{org}/{node}/tls\"\n";
        let members = parse(text).unwrap().members;
        let at = |m: usize, path: &str| members[m].workload_at(Path::new(path)).unwrap();
        assert_eq!((at(0, "certs/p1.pem"), at(0, "certs/p2.pem")), (Some("acme/peer1".into()), None));
        assert_eq!((at(1, "org1/peer1/tls"), at(1, "org1/peer1/msp")), (Some("org1-peer1".into()), None));
        assert_eq!([members[0].line, members[1].line], [3, 4]);
        let text = "version: 1\nmembers:\n  - {workload: a, tls: \"{a}{b}{c}{d}{e}{f}x/{a}{b}{c}{d}{e}{f}y\"}\n";
        let long = format!("{0}x/{0}ay", "a".repeat(200));
        let error = parse(text).unwrap().members[0].workload_at(Path::new(&long)).unwrap_err();
        assert!(error.line == 3 && error.reason.contains("too many ways"), "{error}");
        for (entry, word) in [
            ("{workload: a}", "tls"),
            ("{tls: a}", "workload"),
            ("{workload: a, tls: b, name: c}", "unknown key"),
            ("{workload: \"{n}\", tls: b}", "not a placeholder"),
            ("{workload: a, tls: /b}", "relative"),
        ] {
            let error = parse(&format!("version: 1\nmembers:\n  - {entry}\n")).unwrap_err();
            assert!(error.line == 3 && error.reason.contains(word), "{error}");
        }
    }

    #[test]
    fn errors_state_the_line() {
        for (from, to, line, word) in [
            ("version: 1", "version: 2", 1, "version"),
            ("version: 1\n", "", 1, "version"),
            ("role: peer", "role: Peer", 7, "role"),
            ("role: peer", "roles: peer", 7, "unknown key"),
            ("min_days_left: 14", "min_days_left: soon", 8, "days"),
            ("expired: warning", "expierd: warning", 10, "unknown rule"),
            ("expired: warning", "expired: warn", 10, "unknown level"),
            ("    reason: kept for the record\n", "", 12, "reason"),
            ("until: 2026-12-31", "until: 31.12.2026", 15, "day"),
            ("\"{node}\"", "\"{org}\"", 5, "placeholder"),
            ("path: old/**", "path: /old/**", 13, "relative"),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.line == line && error.reason.contains(word), "{to}: {error}");
        }
    }

    #[test]
    fn empty_file_is_an_empty_policy() {
        assert!(parse("").unwrap().expect.is_empty());
        assert!(parse("# empty\n").unwrap().ignore.is_empty());
    }
}
