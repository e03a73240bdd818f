//! A first policy, generated from existing certificates: `fabcert audit --init`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use crate::text::yaml::scalar;

/// A TLS certificate: the path of its subject and its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The path of the subject, relative to the policy file.
    pub(crate) path: &'a Path,
    /// Its names.
    pub(crate) names: Vec<String>,
}

/// Writes a policy that the given certificates satisfy. Subjects whose paths differ only in the node's folder become
/// one entry. A name that only some of them hold becomes a comment, since only the author knows whether all must hold
/// it.
pub(crate) fn write_policy(found: &[Found<'_>]) -> String {
    let mut groups: BTreeMap<String, Vec<BTreeSet<String>>> = BTreeMap::new();
    for one in found {
        let (pattern, names) = generalise(one);
        groups.entry(pattern).or_default().push(names);
    }
    let mut out = String::from(
        "# The expected content of the certificates in this repository; checked by fabcert audit.\n# Generated from existing certificates: review it, and add the names that clients dial.\nversion: 1\nexpect:",
    );
    if groups.is_empty() {
        out.push_str(" []");
    }
    out.push('\n');
    for (pattern, members) in &groups {
        let _ = writeln!(out, "  - path: {}", scalar(pattern));
        let all: BTreeSet<&String> = members.iter().flatten().collect();
        let (everywhere, somewhere): (Vec<&String>, Vec<&String>) =
            all.into_iter().partition(|name| members.iter().all(|m| m.contains(*name)));
        if everywhere.is_empty() {
            out.push_str("    names: []\n");
        } else {
            out.push_str("    names:\n");
        }
        for name in everywhere {
            let _ = writeln!(out, "      - {}", scalar(name));
        }
        for name in somewhere {
            let held = members.iter().filter(|m| m.contains(name)).count();
            let _ = writeln!(out, "      # - {}  # held by {held} of {}", scalar(name), members.len());
        }
    }
    out.push_str("# levels:\n#   san-wildcard: error\n# ignore:\n#   - rule: key-mode\n#     path: testdata/**\n#     reason: throwaway keys\n#     until: 2027-12-31\n");
    out
}

/// The path with the node's folder replaced by `{node}`, and the names with the node's name likewise. The node's folder
/// is the innermost one that equals a name or the first part of a name.
fn generalise(found: &Found<'_>) -> (String, BTreeSet<String>) {
    // What has a meaning in a pattern matches any character.
    let literal = |name: &OsStr| name.to_string_lossy().replace(['*', '?', '{', '}'], "?");
    let mut segments: Vec<String> = found.path.iter().map(literal).collect();
    let node = segments.iter().rposition(|s| found.names.iter().any(|n| n == s));
    let Some(at) = node else {
        return (segments.join("/"), found.names.iter().cloned().collect());
    };
    let node = std::mem::replace(&mut segments[at], "{node}".to_owned());
    let names = found
        .names
        .iter()
        .map(|name| match name.strip_prefix(node.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("{{node}}{rest}"),
            _ => name.clone(),
        })
        .collect();
    (segments.join("/"), names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn found<'a>(path: &'a str, names: &[&str]) -> Found<'a> {
        Found { path: Path::new(path), names: names.iter().map(|n| (*n).to_owned()).collect() }
    }

    #[test]
    fn members_of_one_organisation_become_one_entry_and_odd_names_a_comment() {
        let text = write_policy(&[
            found("org1/peers/peer1/tls", &["peer1", "peer1.fabric.svc", "gateway"]),
            found("org1/peers/peer2/tls", &["peer2", "peer2.fabric.svc"]),
            found("misc/a.pem", &["x.example"]),
        ]);
        insta::assert_snapshot!(text);
        let policy = Policy::parse(&text, Path::new("fabcert.yaml")).unwrap();
        let expectation = policy
            .expectation(&crate::audit::model::expectation::Expectation::default(), Path::new("org1/peers/peer2/tls"));
        let names: Vec<String> = expectation.unwrap().names.iter().map(|n| n.name.to_string()).collect();
        assert_eq!(names, ["peer2", "peer2.fabric.svc"]);
    }

    #[test]
    fn nothing_found_is_a_policy_too() {
        assert!(Policy::parse(&write_policy(&[]), Path::new("fabcert.yaml")).unwrap().expect.is_empty());
    }
}
