//! Placeholders such as `${ORG1_NS}`, as `envsubst` and `sed` fill them.
//!
//! `$(NAME)` is a Kubernetes reference and is kept. A `${NAME}` without a value is kept and not reported in texts of
//! several lines (scripts and files in a `ConfigMap`), in the command of a container that runs a shell, and in the
//! attributes of a volume of cert-manager's CSI driver, which fills `${POD_NAME}` itself.

use std::collections::BTreeMap;

use crate::text::yaml::{Node, Value};

/// Values by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// A placeholder without a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unset {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its name.
    pub(crate) name: String,
}

/// Fills every scalar below `node`, keys included, and records placeholders without a value.
pub(super) fn fill(node: &mut Node, variables: &Variables, unset: &mut Vec<Unset>) {
    fill_in(node, variables, &mut Some(unset));
}

/// `unset` is `None` within the command of a shell, which fills the placeholders itself.
fn fill_in(node: &mut Node, variables: &Variables, unset: &mut Option<&mut Vec<Unset>>) {
    let line = node.line;
    let is_shell = runs_a_shell(node);
    match &mut node.value {
        Value::Scalar { text, .. } => {
            if text.contains("${") {
                let is_script = text.contains('\n');
                *text = filled(text, variables, &mut |name| {
                    if let Some(unset) = unset.as_mut().filter(|_| !is_script) {
                        unset.push(Unset { line, name: name.to_owned() });
                    }
                });
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| fill_in(item, variables, unset)),
        Value::Mapping(entries) => {
            for (key, value) in entries {
                fill_in(key, variables, unset);
                let words = is_shell && matches!(key.text(), Some("command" | "args"))
                    || key.text().is_some_and(|key| key.starts_with("csi.cert-manager.io/"));
                let mut ignored = None;
                fill_in(value, variables, if words { &mut ignored } else { unset });
            }
        }
    }
}

/// Whether the `command` and `args` of a container or probe run a shell.
fn runs_a_shell(node: &Node) -> bool {
    let words = |key: &str| node.items_at(&[key]).iter().filter_map(Node::text);
    let is_shell = |word: &str| {
        let program = word.rsplit('/').next().unwrap_or_default();
        matches!(program, "sh" | "bash" | "ash" | "dash" | "ksh" | "zsh")
    };
    // `-c`, `-ec`, `-lc`: the image's entry point is a shell.
    let is_flag = |word: &str| {
        word.strip_prefix('-')
            .and_then(|flag| flag.strip_suffix('c'))
            .is_some_and(|rest| rest.len() < 4 && rest.bytes().all(|b| b.is_ascii_lowercase()))
    };
    words("command").any(is_shell) || words("args").any(is_shell) || words("args").next().is_some_and(is_flag)
}

/// Replacements for `${` and `}` while YAML is parsed.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// Replaces the brackets of placeholders, which would be mappings within flow style: `[${A}, b]`.
pub(super) fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("${") {
        out.push_str(before);
        let body = inner.split_once('}').filter(|(body, _)| {
            let name = body.split_once(':').map_or(*body, |(name, _)| name);
            is_name(name) && !body.contains(['{', '\n'])
        });
        if let Some((body, after)) = body {
            out.push(MARKS[0]);
            out.push_str(body);
            out.push(MARKS[1]);
            rest = after;
        } else {
            out.push_str("${");
            rest = inner;
        }
    }
    out.push_str(rest);
    out
}

/// Restores the placeholders that [`marked`] replaced.
pub(super) fn unmark(node: &mut Node) {
    match &mut node.value {
        Value::Scalar { text, .. } if text.contains(MARKS) => {
            *text = text.replace(MARKS[0], "${").replace(MARKS[1], "}");
        }
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter_mut().for_each(unmark),
        Value::Mapping(entries) => entries.iter_mut().for_each(|(key, value)| {
            unmark(key);
            unmark(value);
        }),
    }
}

/// Fills the placeholders of a text. Calls `missing` for those without a value, which are kept. `${NAME:-default}` has
/// a default, and `$${NAME}` is escaped.
pub(super) fn filled(text: &str, variables: &Variables, missing: &mut dyn FnMut(&str)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let inner = &from[2..];
        let Some((body, after)) = inner.split_once('}') else {
            out.push_str(from);
            return out;
        };
        let (name, default) = match body.split_once(":-").or_else(|| body.split_once(":=")) {
            Some((name, default)) => (name, Some(default)),
            None => (body, None),
        };
        rest = after;
        if before.ends_with('$') || !is_name(name) {
            out.push_str(&from[..from.len() - after.len()]);
            continue;
        }
        if let Some(value) = variables.get(name).map(String::as_str).or(default) {
            out.push_str(value);
        } else {
            missing(name);
            out.push_str(&from[..from.len() - after.len()]);
        }
    }
    out.push_str(rest);
    out
}

/// Whether a text is a variable name of a POSIX shell.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables() -> Variables {
        [("NS", "fabric"), ("DOMAIN", "localho.st")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    fn run(text: &str) -> (String, Vec<String>) {
        let mut missing = Vec::new();
        let out = filled(text, &variables(), &mut |name| missing.push(name.to_owned()));
        (out, missing)
    }

    #[test]
    fn set_placeholders_are_filled_and_others_are_reported() {
        assert_eq!(run("p.${NS}.svc.${DOMAIN}"), ("p.fabric.svc.localho.st".into(), vec![]));
        assert_eq!(run("${A}-${NS}-${B}"), ("${A}-fabric-${B}".into(), vec!["A".into(), "B".into()]));
        assert_eq!(run("${A:-x}${NS:-y}"), ("xfabric".into(), vec![]));
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in ["$(POD_NAME)", "$NS", "$${NS}", "${", "${NS", "${1A}", "${a b}", "plain", ""] {
            assert_eq!(run(text), (text.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn placeholders_in_scripts_are_not_reported() {
        let mut doc = crate::text::yaml::documents("a: |\n  echo ${HOME} ${NS}\nb: ${GONE}\n").unwrap().remove(0);
        let mut unset = Vec::new();
        fill(&mut doc, &variables(), &mut unset);
        assert_eq!(doc.text_at(&["a"]), Some("echo ${HOME} fabric\n"));
        assert_eq!(unset, [Unset { line: 3, name: "GONE".into() }]);
    }

    #[test]
    fn placeholders_in_shell_commands_are_not_reported() {
        for (text, expected) in [
            ("command: [sh, -c, 'cp ${src} ${NS}']", "cp ${src} fabric"),
            ("command: [/bin/bash]\nargs: [-ec, '${src}']", "${src}"),
            ("args: [-c, '${src}']", "${src}"),
            ("exec: {command: [sh, -c, 'test ${A}']}", ""),
            ("csi.cert-manager.io/dns-names: 'a.${POD_NAMESPACE}.svc'", ""),
        ] {
            let mut doc = crate::text::yaml::documents(text).unwrap().remove(0);
            let mut unset = Vec::new();
            fill(&mut doc, &variables(), &mut unset);
            let last =
                doc.items_at(&["args"]).last().or_else(|| doc.items_at(&["command"]).last()).and_then(Node::text);
            assert_eq!((last.unwrap_or_default(), unset.len()), (expected, 0), "{text}");
        }
        for text in ["command: [fabcert, enroll, '${src}']", "args: [--ca, '${src}']", "args: [-abcdefc, '${src}']"] {
            let mut unset = Vec::new();
            fill(&mut crate::text::yaml::documents(text).unwrap().remove(0), &variables(), &mut unset);
            assert_eq!(unset.len(), 1, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_is_unchanged_without_variables(text in ".{0,60}") {
            let out = filled(&text, &Variables::new(), &mut |_| {});
            prop_assert!(text.contains(":-") || text.contains(":=") || out == text);
        }
    }
}
