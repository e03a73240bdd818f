//! The locations of TLS certificates, from the policy.

use std::path::Path;

use super::placeholder::fill;
use crate::text::Pattern;

/// An entry of `members`.
#[derive(Clone, Debug)]
pub struct MemberEntry {
    /// The workload, `NAME` or `NAMESPACE/NAME`, with placeholders of the path.
    pub workload: String,
    /// The location of its TLS certificate.
    pub tls: Pattern,
    /// Its line in the policy file.
    pub line: usize,
}

impl MemberEntry {
    /// The workload with its certificate at `path`; `None` if the entry does not match.
    pub fn workload_at(&self, path: &Path) -> Option<String> {
        self.tls.captures(path).map(|captures| fill(&self.workload, &captures))
    }
}
