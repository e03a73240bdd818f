//! The name of config.yaml, or a key in it, is misspelt.

use super::check::{Check, Context};
use super::paste;
use crate::audit::catalogue::CONFIG_MISSPELT;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use std::path::Path;

use crate::audit::model::subject::Location;
use crate::text::yaml::{self, Node};

pub(super) static CHECK: Check = Check { rule: &CONFIG_MISSPELT, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    for stranger in &facts.strangers {
        let name = stranger.to_string_lossy();
        if matches!(name.to_ascii_lowercase().as_str(), "config.yml" | "config.yaml" | "config.yaml.txt") {
            let message = format!("Fabric does not read {name}; the expected name is config.yaml");
            let path = subject.inside(stranger);
            let remedy = paste::rename(&path, &subject.inside(Path::new("config.yaml")));
            findings.report(&CONFIG_MISSPELT, &Location::whole(path), message).remedy(remedy).add();
        }
    }
    let Ok(documents) = yaml::documents(&facts.config_text) else { return };
    let Some(root) = documents.first() else { return };
    let path = subject.inside(Path::new("config.yaml"));
    let mut report = |key: &Node, text: &str, known: &[&str]| {
        let nearest = known.iter().find(|k| k.eq_ignore_ascii_case(text));
        let hint = nearest.map(|k| format!("; {k} is meant")).unwrap_or_default();
        let at = Location { path: path.clone(), block: None, line: Some(key.line) };
        findings
            .report(&CONFIG_MISSPELT, &at, format!("Fabric does not know the key {text} here{hint}"))
            .names([text.to_owned()])
            .add();
    };
    for (key, value) in known_or(root, &TOP, &mut report) {
        if key == "NodeOUs" {
            for (key, value) in known_or(value, &NODE_OUS, &mut report) {
                if key != "Enable" {
                    known_or(value, &IDENTIFIER, &mut report);
                }
            }
        } else {
            for item in value.items().unwrap_or_default() {
                known_or(item, &IDENTIFIER, &mut report);
            }
        }
    }
}

const TOP: [&str; 2] = ["NodeOUs", "OrganizationalUnitIdentifiers"];
const NODE_OUS: [&str; 5] =
    ["Enable", "ClientOUIdentifier", "PeerOUIdentifier", "AdminOUIdentifier", "OrdererOUIdentifier"];
const IDENTIFIER: [&str; 2] = ["Certificate", "OrganizationalUnitIdentifier"];

/// The entries with known keys in a mapping; reports the others.
fn known_or<'a>(
    node: &'a Node,
    known: &[&str],
    report: &mut dyn FnMut(&Node, &str, &[&str]),
) -> Vec<(&'a str, &'a Node)> {
    let mut out = Vec::new();
    for (key, value) in node.entries().unwrap_or_default() {
        let text = key.text().unwrap_or_default();
        if known.contains(&text) { out.push((text, value)) } else { report(key, text, known) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;

    #[test]
    fn misspelt_keys_and_files_are_found_with_their_lines() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        let good = "NodeOUs:\n  Enable: true\n  PeerOUIdentifier:\n    Certificate: cacerts/a.pem\n    OrganizationalUnitIdentifier: peer\n";
        subject.msp.get_or_insert_default().config_text = good.to_owned().into();
        assert!(found(&CHECK, &subject).is_empty());
        subject.msp.get_or_insert_default().config_text = good.replace("PeerOU", "peerOU").into();
        assert_eq!(found(&CHECK, &subject)[0].line, Some(3));
        subject.msp.get_or_insert_default().config_text = good.replace("NodeOUs", "nodeOUs").into();
        assert!(found(&CHECK, &subject)[0].message.contains("NodeOUs is meant"));
        let facts = subject.msp.get_or_insert_default();
        facts.config_text = String::new().into();
        facts.strangers.push("config.yml".into());
        assert_eq!(found(&CHECK, &subject).len(), 1);
    }
}
