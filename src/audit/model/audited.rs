//! What remains of a subject once it was audited.

use std::path::PathBuf;

use super::finding::{Digest, Finding};
use super::report::SubjectReport;
use crate::audit::ledger::Ledger;
use crate::manifests::Manifest;

/// What remains of a subject once it was audited.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Audited {
    /// How it is reported; `None` when only findings are.
    pub subject: Option<SubjectReport>,
    /// Whether it was something to look at, and no pipe that was passed over, nor a file without anything of ours.
    pub is_something: bool,
    /// Certificates in it.
    pub certificates: usize,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was found before in the first parts of a file that holds very much.
    pub earlier: Ledger<Finding>,
    /// The keys it uses, and for what.
    pub keys: Vec<KeyUse>,
    /// The names of its TLS certificate, for a first policy.
    pub names: Vec<String>,
    /// What was read from a manifest.
    pub manifest: Option<Box<Manifest>>,
    /// The certificate that a TLS server serves, and whether it was served or stands on disk.
    pub server: Option<(Digest, bool)>,
}

impl Audited {
    /// Adds what comes of the next part of the same file.
    pub(crate) fn go_on(&mut self, next: Self) {
        self.earlier.extend(std::mem::replace(&mut self.findings, next.findings));
        self.subject = self.subject.take().or(next.subject);
        self.is_something |= next.is_something;
        self.certificates += next.certificates;
        if self.names.is_empty() {
            self.names = next.names;
        }
    }
}

/// A key that a certificate uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Of its `SubjectPublicKeyInfo`.
    pub spki: Digest,
    /// Whether a TLS server uses it; otherwise an identity of an MSP.
    pub tls: bool,
    /// The subject's path.
    pub path: PathBuf,
    /// The CN of the certificate.
    pub common_name: String,
}
