//! Whose TLS certificate lies where.

use std::path::Path;

use super::placeholder::fill;
use crate::text::Pattern;

/// An entry of `members`.
#[derive(Clone, Debug)]
pub struct MemberEntry {
    /// The workload, `NAME` or `NAMESPACE/NAME`, with placeholders of the path.
    pub workload: String,
    /// Where its TLS certificate lies.
    pub tls: Pattern,
    /// Its line in the policy file.
    pub line: usize,
}

impl MemberEntry {
    /// The workload whose certificate lies at `path`; `None` when the entry does not match.
    pub fn workload_at(&self, path: &Path) -> Option<String> {
        self.tls.captures(path).map(|captures| fill(&self.workload, &captures))
    }
}
