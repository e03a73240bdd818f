//! Nothing gives the identity a role.

use std::path::Path;

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::{Location, Subject};
use crate::text::yaml;

pub(super) static RULE: Rule = Rule {
    id: "nodeou-missing",
    title: "the MSP has no NodeOUs, or the identity has none of them",
    rationale: "config.yaml tells peers, clients, orderers and administrators apart by their OU. Without it an identity is \
                a plain member, and Org.peer policies fail. With it, an identity without exactly one of those OUs is no \
                member: the peer ends at its start, and an orderer starts and everyone refuses it. The spelling counts.",
    remedy: "write config.yaml with NodeOUs (fabcert enroll does); register the identity with --id.type peer (orderer, \
             admin, client)",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[
        Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" },
        Source::Fabric { path: "msp/mspimplvalidate.go", item: "validateIdentityOUsV142" },
    ],
    refusals: &[54],
    applies: |subject, _| subject.role.is_some() && subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let (Some(facts), Some(role)) = (&subject.msp, subject.role) else { return };
    let (at, what) = match &facts.config {
        // Under another name: `config-misspelt` says so.
        None if facts.strangers.iter().any(|s| s.to_string_lossy().to_ascii_lowercase().starts_with("config.y")) => {
            return;
        }
        // A folder of that name: Fabric refuses it, and `config-unusable` says so.
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
    findings.report(&RULE, &at, format!("{what}, so that the OU {role} of the identity makes it no {role}")).add();
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::CurrentConfig;
    use crate::pki::x509::NodeOu;

    #[test]
    fn an_identity_with_a_role_in_an_msp_that_knows_none_is_found() {
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
            assert_eq!(found(&RULE, &subject).len(), count, "{text:?}");
        }
    }
}
