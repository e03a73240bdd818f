//! Collects the manifests of a run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::covered::Covered;
use super::mapped::{Mapped, TlsOf};
use crate::audit::model::audited::Audited;
use crate::audit::model::report::SubjectReport;
use crate::manifests::{Manifest, Network, Settings, Unset};
use crate::policy::{MemberEntry, PolicyError};

/// The manifests of a run, while they are collected.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    manifests: Vec<(PathBuf, Manifest)>,
    mapped: Mapped,
}

impl Coverage {
    /// Creates an empty collection, with the certificate locations from the command line.
    pub(crate) fn new(tls_of: Vec<TlsOf>) -> Self {
        Self { manifests: Vec::new(), mapped: Mapped::new(tls_of) }
    }

    /// Records a subject and takes its manifest. `members` are the certificate locations from the policy.
    ///
    /// # Errors
    /// If such a location leaves too many ways to match.
    pub(crate) fn note(&mut self, audited: &mut Audited, members: &[MemberEntry]) -> Result<(), PolicyError> {
        let Some(SubjectReport { path, .. }) = &audited.subject else { return Ok(()) };
        if let Some(manifest) = audited.manifest.take() {
            self.manifests.push((path.clone(), *manifest));
        }
        self.mapped.note(path, audited.server.is_some(), &audited.names, members)
    }

    /// Whether there is any manifest.
    pub(crate) fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// The placeholders without a value, in every file, each once for each line.
    pub(crate) fn unset(&self) -> BTreeSet<(PathBuf, Unset)> {
        let of = |(path, manifest): &(PathBuf, Manifest)| {
            manifest.unset.iter().map(|unset| (path.clone(), unset.clone())).collect::<Vec<_>>()
        };
        self.manifests.iter().flat_map(of).collect()
    }

    /// Joins the manifests into one network.
    pub(crate) fn covered(self, settings: Settings) -> Covered {
        let network = Network::new(self.manifests.into_iter().map(|(_, manifest)| manifest), settings);
        Covered::new(network, self.mapped)
    }
}
