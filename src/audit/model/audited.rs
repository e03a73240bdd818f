//! The result of auditing one subject.

use std::path::PathBuf;

use super::finding::{Digest, Finding};
use super::report::SubjectReport;
use crate::audit::ledger::Ledger;
use crate::channel::ChannelConfig;
use crate::manifests::Manifest;

/// The result of auditing one subject.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub(crate) struct Audited {
    /// The entry in the report; `None` if only findings are reported.
    pub(crate) subject: Option<SubjectReport>,
    /// Whether the subject was inspected: not a skipped pipe, nor a file with nothing to audit.
    pub(crate) is_something: bool,
    /// The number of certificates in it.
    pub(crate) certificates: usize,
    /// The findings.
    pub(crate) findings: Vec<Finding>,
    /// The findings of the earlier parts of a large file.
    pub(crate) earlier: Ledger<Finding>,
    /// The keys that it uses, with their purpose.
    pub(crate) keys: Vec<KeyUse>,
    /// The CAs that Fabric reads from its folder.
    pub(crate) cas: Vec<CaUse>,
    /// The names of its TLS certificate, for a first policy.
    pub(crate) names: Vec<String>,
    /// The content of a channel configuration.
    pub(crate) channel: Option<Box<ChannelConfig>>,
    /// The content of a manifest.
    pub(crate) manifest: Option<Box<Manifest>>,
    /// The certificate of a TLS server, and whether it was served or is on disk.
    pub(crate) server: Option<(Digest, bool)>,
}

impl Audited {
    /// Adds the result of the next part of the same file.
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

/// A CA certificate that Fabric reads from a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaUse {
    /// Whether it issues TLS certificates; otherwise it issues identities.
    pub(crate) tls: bool,
    /// Its subject, RFC 4514.
    pub(crate) subject: String,
    /// The MSP folder or TLS folder.
    pub(crate) folder: PathBuf,
    /// The SHA-256 of its `SubjectPublicKeyInfo`.
    pub(crate) spki: Digest,
    /// The SHA-256 of the certificate.
    pub(crate) certificate: Digest,
}

/// A key that a certificate uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyUse {
    /// The SHA-256 of its `SubjectPublicKeyInfo`.
    pub(crate) spki: Digest,
    /// Whether a TLS server uses it; otherwise an identity of an MSP does.
    pub(crate) tls: bool,
    /// The path of the subject.
    pub(crate) path: PathBuf,
    /// The CN of the certificate.
    pub(crate) common_name: String,
}
