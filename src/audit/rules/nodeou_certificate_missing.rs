//! config.yaml names a certificate for a NodeOU that is not there.

use crate::audit::finding::{Findings, Severity};
use crate::audit::rule::{Confidence, Context, Rule, Source};
use crate::audit::subject::{Location, Subject};
use crate::yaml::{self, Node};

pub(super) static RULE: Rule = Rule {
    id: "nodeou-certificate-missing",
    title: "config.yaml names a certificate for a NodeOU that is not there",
    rationale: "Fabric says so in its log and takes the OU from any CA of the MSP. The name of the file changes with the \
                URL of the CA, so that a config.yaml from elsewhere rarely fits.",
    remedy: "name the file of the CA that issues the identities, relative to the MSP folder: Certificate: cacerts/FILE",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "loadCertificateAt" }],
    refusals: &[],
    applies: |subject, _| subject.msp.is_some(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    let documents = yaml::documents(&facts.config_text).unwrap_or_default();
    let node_ous = documents.first().and_then(|d| d.get("NodeOUs")).and_then(Node::entries).unwrap_or_default();
    for warning in facts.warnings.iter().filter(|w| w.number == Some(15)) {
        let named = node_ous.iter().filter_map(|(key, value)| Some((key.text()?, value.get("Certificate")?)));
        let fits = |(key, _): &(&str, &Node)| {
            let role = key.trim_end_matches("OUIdentifier").to_ascii_lowercase();
            warning.reason.starts_with(&format!("the {role} OU"))
        };
        let line = named.clone().find(fits).map(|(_, node)| node.line);
        let at = Location { path: subject.inside(&warning.path), block: None, line };
        findings.report(&RULE, &at, format!("{} (case 15)", warning.reason)).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::{ChannelRules, MemoryFolder, verdicts};

    #[test]
    fn a_missing_file_is_found_at_its_line() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let text = "NodeOUs:\n  Enable: true\n  PeerOUIdentifier:\n    OrganizationalUnitIdentifier: peer\n    Certificate: cacerts/other.pem\n";
        for (text, lines) in [(text.to_owned(), vec![Some(5)]), (text.replace("other", "root"), vec![])] {
            let mut folder = MemoryFolder::new();
            folder.insert("cacerts/root.pem", root.cert.to_pem());
            folder.insert("config.yaml", text.clone());
            let mut subject = msp_folder(&peer, &root);
            let facts = subject.msp.get_or_insert_default();
            facts.config_text = text.into();
            facts.warnings = verdicts(&folder, ChannelRules::V3_0, super::super::fixture::NOW).warnings;
            assert_eq!(found(&RULE, &subject).iter().map(|f| f.line).collect::<Vec<_>>(), lines);
        }
    }
}
