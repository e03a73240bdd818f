//! config.yaml names a missing certificate for a NodeOU.

use super::check::{Check, Context};
use crate::audit::catalogue::NODEOU_CERTIFICATE_MISSING;
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::msp::MspWarning;
use crate::text::yaml::{self, Node};

pub(super) static CHECK: Check =
    Check { rule: &NODEOU_CERTIFICATE_MISSING, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    let missing: Vec<&MspWarning> = facts.warnings.iter().filter(|w| w.number == Some(15)).collect();
    let documents = yaml::documents(&facts.config_text).unwrap_or_default();
    let node_ous = documents.first().and_then(|d| d.get("NodeOUs")).and_then(Node::entries).unwrap_or_default();
    // Each file once, with the roles that name it.
    let mut files: Vec<(&Node, Vec<String>)> = Vec::new();
    for (key, value) in node_ous {
        let (Some(key), Some(named)) = (key.text(), value.get("Certificate")) else { continue };
        let role = key.trim_end_matches("OUIdentifier").to_ascii_lowercase();
        if !missing.iter().any(|w| w.reason.starts_with(&format!("the {role} OU"))) {
            continue;
        }
        match files.iter_mut().find(|(file, _)| file.text() == named.text()) {
            Some((_, roles)) => roles.push(role),
            None => files.push((named, vec![role])),
        }
    }
    for (file, roles) in files {
        let name = file.text().unwrap_or_default();
        let message = format!(
            "the file {name} is missing, so Fabric accepts the OUs {} from any CA of this MSP (case 15)",
            roles.join(", ")
        );
        let at = Location { path: subject.inside(Path::new("config.yaml")), block: None, line: Some(file.line) };
        findings.report(&NODEOU_CERTIFICATE_MISSING, &at, message).names([name.to_owned()]).add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::disk::MemoryFolder;
    use crate::msp::{ChannelRules, verdicts};

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
            assert_eq!(found(&CHECK, &subject).iter().map(|f| f.line).collect::<Vec<_>>(), lines);
        }
    }
}
