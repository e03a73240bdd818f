//! Nothing gives the identity a role.

use super::check::{Check, Context};
use crate::audit::catalogue::NODEOU_MISSING;
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::text::yaml;

pub(super) static CHECK: Check =
    Check { rule: &NODEOU_MISSING, applies: |subject, _| subject.role.is_some() && subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let (Some(facts), Some(role)) = (&subject.msp, subject.role) else { return };
    let (at, what) = match &facts.config {
        // Under another name: reported by `config-misspelt`.
        None if facts.strangers.iter().any(|s| s.to_string_lossy().to_ascii_lowercase().starts_with("config.y")) => {
            return;
        }
        // A folder of that name: Fabric refuses it, reported by `config-unusable`.
        None if facts.config_is_no_file => return,
        None => (subject.location(), "there is no config.yaml"),
        Some(_) => {
            let Ok(documents) = yaml::documents(&facts.config_text) else { return };
            let keys = documents.first().and_then(|d| d.entries()).unwrap_or_default();
            if keys.iter().any(|(k, _)| k.text().is_some_and(|k| k.eq_ignore_ascii_case("NodeOUs"))) {
                return;
            }
            (Location::whole(subject.inside(Path::new("config.yaml"))), "config.yaml has no NodeOUs")
        }
    };
    findings.report(&NODEOU_MISSING, &at, format!("{what}, so the OU {role} of the identity has no effect")).add();
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::CurrentConfig;
    use crate::pki::x509::NodeOu;

    #[test]
    fn an_identity_with_a_role_in_an_msp_without_node_ous_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        for (text, count) in [
            (None, 1),
            (Some("OrganizationalUnitIdentifiers: []"), 1),
            (Some("NodeOUs: {Enable: true}"), 0),
            (Some("nodeOUs: {Enable: true}"), 0),
            (Some("NodeOUs: ["), 0),
        ] {
            let mut subject = msp_folder(&peer, &root);
            subject.role = Some(NodeOu::Peer);
            let facts = subject.msp.get_or_insert_default();
            facts.config = text.map(|t| CurrentConfig { content: t.as_bytes().to_vec(), ours: false });
            facts.config_text = text.unwrap_or_default().to_owned().into();
            assert_eq!(found(&CHECK, &subject).len(), count, "{text:?}");
        }
    }

    #[test]
    fn a_folder_in_place_of_the_file_is_left_to_another_rule() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        subject.role = Some(NodeOu::Peer);
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.msp.get_or_insert_default().config_is_no_file = true;
        assert!(found(&CHECK, &subject).is_empty(), "config-unusable reports it");
    }
}
