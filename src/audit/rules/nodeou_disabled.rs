//! NodeOUs are in config.yaml, but not in effect.

use super::check::{Check, Context};
use crate::audit::catalogue::NODEOU_DISABLED;
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::msp::MspConfig;
use crate::text::yaml;

pub(super) static CHECK: Check = Check {
    rule: &NODEOU_DISABLED,
    applies: |subject, _| subject.msp.as_ref().is_some_and(|facts| facts.config.is_some()),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    // An unreadable config.yaml is refused, and reported by config-unusable.
    let parsed = facts.config.as_ref().and_then(|config| MspConfig::parse(&config.content).ok());
    let Some(node_ous) = parsed.and_then(|config| config.node_ous) else { return };
    let named = node_ous.identifiers.iter().any(|(_, ou)| !ou.organizational_unit.is_empty());
    let what = match (node_ous.enable, named) {
        (true, true) => return,
        (true, false) => "Enable is true, but there is no identifier, so NodeOUs are off",
        (false, _) => "Enable is not true, so NodeOUs are off",
    };
    let documents = yaml::documents(&facts.config_text).unwrap_or_default();
    let section = documents.first().and_then(|d| d.get("NodeOUs"));
    let line = section.map(|s| s.get("Enable").map_or(s.line, |n| n.line));
    let at = Location { path: subject.inside(Path::new("config.yaml")), block: None, line };
    findings.report(&NODEOU_DISABLED, &at, what).add();
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::CurrentConfig;

    #[test]
    fn only_an_enabled_section_with_an_identifier_counts() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let good = "NodeOUs:\n  Enable: true\n  PeerOUIdentifier: {OrganizationalUnitIdentifier: peer}\n";
        for (text, lines) in [
            (good.to_owned(), vec![]),
            (good.replace("true", "false"), vec![Some(2)]),
            (good.replace(": peer", ": ''"), vec![Some(2)]),
            ("NodeOUs: {Enable: true}".to_owned(), vec![Some(1)]),
            ("OrganizationalUnitIdentifiers: []".to_owned(), vec![]),
        ] {
            let mut subject = msp_folder(&peer, &root);
            let facts = subject.msp.get_or_insert_default();
            facts.config = Some(CurrentConfig { content: text.clone().into_bytes(), ours: false });
            facts.config_text = text.clone().into();
            assert_eq!(found(&CHECK, &subject).iter().map(|f| f.line).collect::<Vec<_>>(), lines, "{text:?}");
        }
    }
}
