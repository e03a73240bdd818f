//! NodeOUs are off.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::Subject;
use std::path::Path;

use crate::audit::subject::Location;
use crate::msp::MspConfig;

pub(super) static RULE: Rule = Rule {
    id: "nodeou-disabled",
    title: "NodeOUs are off although the identity bears a NodeOU",
    rationale: "Without NodeOUs no identity has the role peer or client: Org.peer endorsement policies fail, \
                and admincerts decides who is an administrator. A misspelt key or file name turns them off \
                without a word.",
    remedy: "write config.yaml with NodeOUs: Enable: true (fabcert enroll does)",
    severity: Severity::Warning,
    confidence: Confidence::Likely,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(role) = subject.role else { return };
    let config = subject.msp.as_ref().and_then(|facts| facts.config.as_ref());
    let parsed = match config {
        None => MspConfig::default(),
        // What cannot be read is refused, and said by that rule.
        Some(config) => match MspConfig::parse(&config.content) {
            Ok(parsed) => parsed,
            Err(_) => return,
        },
    };
    let enforced = parsed
        .node_ous
        .is_some_and(|n| n.enable && n.identifiers.iter().any(|(_, ou)| !ou.organizational_unit.is_empty()));
    if !enforced {
        let at = Location::whole(subject.inside(Path::new("config.yaml")));
        let message = format!("NodeOUs are off, so the OU {role} of the identity makes it no {role}");
        findings.report(&RULE, &at, message).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::StandingConfig;

    #[test]
    fn only_an_enabled_section_with_an_identifier_counts() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let good = "NodeOUs: {Enable: true, PeerOUIdentifier: {OrganizationalUnitIdentifier: peer}}";
        for (text, count) in [
            (Some(good.to_owned()), 0),
            (Some(good.replace("true", "false")), 1),
            (Some(good.replace("NodeOUs", "nodeOUs")), 1),
            (Some("NodeOUs: {Enable: true}".to_owned()), 1),
            (None, 1),
        ] {
            let mut subject = msp_folder(&peer, &root);
            subject.role = Some(crate::x509::NodeOu::Peer);
            let facts = subject.msp.get_or_insert_default();
            facts.config = text.as_ref().map(|t| StandingConfig { content: t.clone().into_bytes(), ours: false });
            assert_eq!(found(&RULE, &subject).len(), count, "{text:?}");
        }
    }
}
