//! A certificate request without server auth.

use std::collections::BTreeSet;

use crate::audit::catalogue::EKU_SERVER_MISSING;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &EKU_SERVER_MISSING, check };

/// Certificates for servers whose request lists usages.
fn check(covered: &Covered, findings: &mut Findings) {
    let certificates = &covered.network.certificates;
    let asked: BTreeSet<usize> =
        covered.nodes.iter().flat_map(|n| &n.held).filter_map(|held| held.certificate).collect();
    for certificate in asked.into_iter().map(|c| &certificates[c]).filter(|c| c.excludes_servers()) {
        let line = certificate.usages.first().map_or(certificate.meta.at.line, |usage| usage.line);
        let message = format!("{} asks for extended key usages without server auth", certificate.meta);
        let draft = findings.report(&EKU_SERVER_MISSING, &location(&certificate.meta.at.line(line)), message);
        draft.subject(&certificate.meta.to_string()).remedy("add to its usages: server auth").add();
    }
}
