//! The certificates in Secrets, and those in ConfigMaps that nodes serve, as separate subjects.

use std::collections::HashSet;

use super::covered::Covered;
use super::place::location;
use crate::audit::model::subject::{HeldCert, Location, Place, Subject, SubjectKind};
use crate::manifests::{At, HeldPem, Holding};
use crate::pki::x509::Cert;
use crate::text::pem_blocks;

/// A subject for each file with certificates in a Secret: server certificates for nodes, single files for others.
pub(crate) fn subjects(covered: &Covered) -> Vec<Subject> {
    let mut seen: HashSet<(&At, &str)> = HashSet::new();
    let mut found = Vec::new();
    for node in &covered.nodes {
        for holding in covered.network.holdings(node.workload) {
            if let Holding::Pem(HeldPem { object, pem }) = holding
                && seen.insert((&object.at, pem))
            {
                found.push(subject(&object.at, pem, true));
            }
        }
    }
    for secret in &covered.network.secrets {
        for (_, pem) in &secret.certificates {
            if seen.insert((&secret.meta.at, pem)) {
                found.push(subject(&secret.meta.at, pem, false));
            }
        }
    }
    found.into_iter().filter(|s| !s.certificates.is_empty()).collect()
}

fn subject(at: &At, pem: &str, is_server: bool) -> Subject {
    let mut subject = Subject::new(SubjectKind::Certificate, at.path.to_path_buf());
    let blocks = pem_blocks(pem.as_bytes()).unwrap_or_default();
    for (index, block) in blocks.into_iter().enumerate() {
        let Ok(cert) = Cert::from_der(block.der) else { continue };
        let place = match (is_server, index) {
            (true, 0) => Place::Server,
            (true, _) => Place::ServerChain,
            (false, _) => Place::Loose,
        };
        subject.certificates.push(HeldCert { cert, at: Location { block: Some(index + 1), ..location(at) }, place });
    }
    subject
}
