//! The locations of TLS certificates, from the policy.

use std::path::Path;

use super::parse::PolicyError;
use super::placeholder::fill;
use crate::text::Pattern;

/// An entry of `members`.
#[derive(Clone, Debug)]
pub(crate) struct MemberEntry {
    /// The workload, `NAME` or `NAMESPACE/NAME`, with placeholders of the path.
    pub(crate) workload: String,
    /// The location of its TLS certificate.
    pub(crate) tls: Pattern,
    /// Its line in the policy file.
    pub(crate) line: usize,
}

impl MemberEntry {
    /// The workload with its certificate at `path`; `None` if the entry does not match.
    ///
    /// # Errors
    /// If the location leaves too many ways to match.
    pub(crate) fn workload_at(&self, path: &Path) -> Result<Option<String>, PolicyError> {
        let captures = self.tls.captures(path);
        let captures = captures.map_err(|e| PolicyError { line: self.line, reason: e.to_string() })?;
        Ok(captures.map(|captures| fill(&self.workload, &captures)))
    }
}
