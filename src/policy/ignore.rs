//! Findings that are accepted. The policy file gives the reason for its readers; nothing here reads it.

use crate::Timestamp;
use crate::audit::model::finding::Finding;
use crate::text::Pattern;

/// An entry of `ignore`.
#[derive(Clone, Debug)]
pub(crate) struct Ignore {
    /// The rule of the hidden findings.
    pub(crate) rule: String,
    /// The paths; every path if absent.
    pub(crate) path: Option<Pattern>,
    /// Only findings about a certificate with this subject (RFC 4514).
    pub(crate) subject: Option<String>,
    /// Only findings about a subset of these names; any if empty.
    pub(crate) names: Vec<String>,
    /// The end of the last day on which it applies; `None` for no end.
    pub(crate) until: Option<Timestamp>,
    /// Its line in the policy file.
    pub(crate) line: usize,
}

impl Ignore {
    /// Whether it matches a finding, regardless of the date.
    pub(crate) fn concerns(&self, finding: &Finding) -> bool {
        self.rule == finding.rule
            && self.path.as_ref().is_none_or(|p| p.matches(&finding.path))
            && self.subject.as_ref().is_none_or(|s| finding.subject.as_ref() == Some(s))
            && (self.names.is_empty()
                || (!finding.names.is_empty() && finding.names.iter().all(|n| self.names.contains(n))))
    }

    /// Whether its last day has passed.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|end| now > end)
    }
}
