//! A SAN that no client can match.

use super::check::{Check, Context};
use crate::audit::catalogue::{SAN_MALFORMED, Severity};
use std::net::IpAddr;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::{HostName, NameError, SanName};

pub(super) static CHECK: Check =
    Check { rule: &SAN_MALFORMED, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        for what in held.cert.unreadable_sans() {
            findings
                .report(&SAN_MALFORMED, &held.at, format!("a SAN is {what}: Go refuses the whole certificate"))
                .subject(held.cert.subject())
                .names([what.clone()])
                .add();
        }
        if held.is_tls_leaf() {
            names(held, findings);
        }
    }
}

fn names(held: &HeldCert, findings: &mut Findings) {
    for text in held.cert.sans().iter().filter_map(dns) {
        let Err(error) = text.parse::<HostName>() else { continue };
        let severity = match &error {
            // Reported by other rules.
            NameError::Wildcard { .. } => continue,
            _ if text.parse::<IpAddr>().is_ok() => continue,
            // Go matches such names; other clients may not.
            NameError::Hyphen { .. }
            | NameError::Numeric { .. }
            | NameError::TooLong { .. }
            | NameError::LabelTooLong { .. }
            | NameError::TrailingDot { .. } => Severity::Warning,
            _ => Severity::Error,
        };
        findings
            .report(&SAN_MALFORMED, &held.at, format!("the SAN {error}"))
            .subject(held.cert.subject())
            .remedy(format!("enrol again; {}", error.help()))
            .names([text.to_owned()])
            .severity(severity)
            .add();
    }
}

fn dns(name: &SanName) -> Option<&str> {
    match name {
        SanName::Dns(host) => Some(host.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, found, server, tls_folder};

    #[test]
    fn a_name_that_nobody_dials_is_an_error_and_one_that_go_matches_a_warning() {
        let root = ca("tlsca").self_signed();
        for (text, severity) in [
            ("peer0:7051", Severity::Error),
            ("https://peer0", Severity::Error),
            ("peer0,peer1", Severity::Error),
            (" peer0", Severity::Error),
            ("peer0.", Severity::Warning),
            ("peer0-", Severity::Warning),
        ] {
            let findings = found(&CHECK, &tls_folder(&server("peer0", &[text]).issued_by(&root), &root));
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!((findings[0].severity, findings[0].names[0].as_str()), (severity, text));
        }
    }

    #[test]
    fn bytes_that_go_cannot_read_are_an_error() {
        let root = ca("tlsca").self_signed();
        let mut spec = server("peer0", &["peer0"]);
        spec.sans.push((7, vec![10, 0, 0, 1, 9]));
        let findings = found(&CHECK, &tls_folder(&spec.issued_by(&root), &root));
        assert!(findings[0].message.contains("an IP address of 5 bytes (0a00000109)"), "{}", findings[0].message);
    }

    #[test]
    fn good_names_wildcards_and_addresses_are_left_to_others() {
        let root = ca("tlsca").self_signed();
        let names = ["Peer_0.Example", "*.ns", "peer*.ns", "10.0.0.1"];
        assert_eq!(found(&CHECK, &tls_folder(&server("peer0", &names).issued_by(&root), &root)), []);
    }
}
