//! Gateway coverage: the manifests of a run, and the certificates of the nodes in them, looked at together at its end.
//!
//! ```text
//! Manifest (from each file) -> Coverage -> k8s::Network -> Covered (each node: names it needs, certificates it has) -> rules
//! ```

mod covered;
mod fix;
mod mapped;
mod secrets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

pub use covered::{Covered, CoveredNode, HeldName, HeldNames};
pub use fix::{Fix, fixes};
pub use mapped::{Mapped, TlsOf};
pub use secrets::subjects;

use crate::audit::catalogue::registry::rule_by_id;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Subject};
use crate::audit::rules::MANIFEST_CHECKS;
use crate::auditor::unit::{Audited, SubjectReport};
use crate::manifests::{Manifest, Network, Settings, Unset};
use crate::policy::MemberEntry;

/// The manifests of a run, while they are met.
#[derive(Debug, Default)]
pub struct Coverage {
    manifests: Vec<(PathBuf, Manifest)>,
    mapped: Mapped,
}

impl Coverage {
    /// With what the command line says of whose certificate lies where.
    pub fn new(tls_of: Vec<TlsOf>) -> Self {
        Self { manifests: Vec::new(), mapped: Mapped::new(tls_of) }
    }

    /// Takes note of a subject, and takes its manifest out of it. `members` is what the policy says of whose certificate
    /// lies where.
    pub fn note(&mut self, audited: &mut Audited, members: &[MemberEntry]) {
        let Some(SubjectReport { path, .. }) = &audited.subject else { return };
        if let Some(manifest) = audited.manifest.take() {
            self.manifests.push((path.clone(), *manifest));
        }
        self.mapped.note(path, audited.server.is_some(), &audited.names, members);
    }

    /// Whether there is any manifest.
    pub fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// The placeholders without a value, in every file, each once a line.
    pub fn unset(&self) -> BTreeSet<(PathBuf, Unset)> {
        let of = |(path, manifest): &(PathBuf, Manifest)| {
            manifest.unset.iter().map(|unset| (path.clone(), unset.clone())).collect::<Vec<_>>()
        };
        self.manifests.iter().flat_map(of).collect()
    }

    /// Puts the manifests together.
    pub fn covered(self, settings: Settings) -> Covered {
        let network = Network::new(self.manifests.into_iter().map(|(_, manifest)| manifest), settings);
        Covered::new(network, self.mapped)
    }
}

/// Checks what the manifests say together. A check that panics becomes a finding, and the others go on.
pub fn check(covered: &Covered, findings: &mut Findings) {
    for look in MANIFEST_CHECKS {
        if catch_unwind(AssertUnwindSafe(|| look(covered, findings))).is_err()
            && let Some(rule) = rule_by_id("rule-crashed")
        {
            findings.report(rule, &Location::whole("."), "a rule about manifests failed here").add();
        }
    }
}

/// A place in a manifest.
pub(crate) fn location(at: &crate::manifests::At) -> Location {
    Location { path: at.path.to_path_buf(), block: None, line: Some(at.line) }
}

/// A manifest as a subject: what is in it is judged together with the others.
pub(crate) fn subject(path: &Path, manifest: Manifest) -> Subject {
    let mut subject = Subject::new(crate::audit::SubjectKind::Manifest, path);
    if let Some(left_out) = &manifest.left_out {
        let rule = if left_out.is_template { "manifest-template" } else { "input-unreadable" };
        let at = Location { path: path.to_owned(), block: None, line: Some(left_out.line) };
        subject.troubles.push(crate::audit::model::subject::Trouble { at, rule, reason: left_out.reason.clone() });
    }
    for repeated in &manifest.repeated {
        let at = Location { path: path.to_owned(), block: None, line: Some(repeated.line) };
        let reason = format!("the key \"{}\" stands twice in one mapping", repeated.key);
        subject.troubles.push(crate::audit::model::subject::Trouble { at, rule: "manifest-repeated-key", reason });
    }
    subject.manifest = Some(Box::new(manifest));
    subject
}
