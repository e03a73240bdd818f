//! The MSP folder contains something that Fabric does not read.

use super::check::{Check, Context};
use crate::audit::catalogue::{MSP_STRAY_FILE, Severity};
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::msp::MspConfig;

pub(super) static CHECK: Check = Check {
    rule: &MSP_STRAY_FILE,
    applies: |subject, _| subject.msp.as_ref().is_some_and(|facts| !facts.strangers.is_empty()),
    check,
};

/// Entries that `fabric-ca-client`, Idemix and convention put there, and entries that another rule reports.
const USUAL: [&str; 8] = [
    "user",
    "issuerpublickey",
    "issuerrevocationpublickey",
    "tls",
    "msp",
    "readme",
    "readme.md",
    "fabric-ca-client-config.yaml",
];

/// Similar names, and the right ones.
const NEARLY: [(&str, &str); 12] = [
    ("signcert", "signcerts"),
    ("signingcerts", "signcerts"),
    ("cacert", "cacerts"),
    ("cert", "signcerts"),
    ("certs", "signcerts"),
    ("keystores", "keystore"),
    ("admincert", "admincerts"),
    ("intermediatecert", "intermediatecerts"),
    ("intermediatecacerts", "intermediatecerts"),
    ("tlscacert", "tlscacerts"),
    ("tlscerts", "tlscacerts"),
    ("crl", "crls"),
];

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = &subject.msp else { return };
    let config = facts.config.as_ref().and_then(|c| MspConfig::parse(&c.content).ok()).unwrap_or_default();
    for stranger in &facts.strangers {
        // Fabric reads a certificate that config.yaml names in any place.
        if config.certificates().any(|c| Path::new(c.trim_start_matches(['.', '/'])).starts_with(stranger)) {
            continue;
        }
        let name = stranger.to_string_lossy().to_ascii_lowercase();
        let other_rule = name.starts_with("config.") || super::msp_layout::is_in_other_letters(stranger);
        if name.starts_with('.') || USUAL.contains(&name.as_str()) || other_rule {
            continue;
        }
        let path = subject.inside(stranger);
        if subject.keys.iter().any(|k| k.at.path == path) {
            continue;
        }
        let at = Location::whole(path);
        let nearly = NEARLY.iter().find(|(wrong, _)| *wrong == name).map(|(_, right)| *right);
        let (message, severity) = match nearly {
            Some(right) => (format!("Fabric does not read it; the expected name may be {right}"), Severity::Warning),
            None if looks_like_a_certificate(stranger) => {
                ("Fabric ignores this file: it reads only the sub-folders".to_owned(), Severity::Warning)
            }
            None => ("Fabric does not read it".to_owned(), Severity::Note),
        };
        findings.report(&MSP_STRAY_FILE, &at, message).severity(severity).add();
    }
}

fn looks_like_a_certificate(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(end));
    ["pem", "crt", "cer", "der"].into_iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::CurrentConfig;

    #[test]
    fn files_of_the_go_client_are_silent_and_the_rest_is_graded_by_kind() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        let mut level = |name: &str| {
            subject.msp.get_or_insert_default().strangers = vec![name.into()];
            found(&CHECK, &subject).first().map(|f| f.severity)
        };
        for usual in
            ["user", "IssuerPublicKey", "IssuerRevocationPublicKey", "tls", ".DS_Store", "config.yml", "CACerts"]
        {
            assert_eq!(level(usual), None, "{usual}");
        }
        let config = "NodeOUs: {PeerOUIdentifier: {Certificate: ./ou/ca.pem, OrganizationalUnitIdentifier: peer}}";
        subject.msp.get_or_insert_default().config =
            Some(CurrentConfig { content: config.as_bytes().to_vec(), ours: false });
        let mut level = |name: &str| {
            subject.msp.get_or_insert_default().strangers = vec![name.into()];
            found(&CHECK, &subject).first().map(|f| f.severity)
        };
        assert_eq!(level("ou"), None, "config.yaml names it");
        assert_eq!(level("notes.txt"), Some(Severity::Note));
        assert_eq!(level("ca.pem"), Some(Severity::Warning));
        assert_eq!(level("signcert"), Some(Severity::Warning));
    }
}
