//! Findings that somebody decided to live with, for a reason and perhaps until a day.

use crate::Timestamp;
use crate::audit::model::finding::Finding;
use crate::text::Pattern;

/// An entry of `ignore`.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// The rule whose findings are hidden.
    pub rule: String,
    /// At which paths; everywhere when left out.
    pub path: Option<Pattern>,
    /// Only findings about a certificate with this subject (RFC 4514).
    pub subject: Option<String>,
    /// Only findings about nothing but these names; any when empty.
    pub names: Vec<String>,
    /// Why.
    pub reason: String,
    /// The end of the last day on which it counts; `None` has no end.
    pub until: Option<Timestamp>,
    /// Its line in the policy file.
    pub line: usize,
}

impl Ignore {
    /// Whether it is about a finding, whatever the day.
    pub fn concerns(&self, finding: &Finding) -> bool {
        self.rule == finding.rule
            && self.path.as_ref().is_none_or(|p| p.captures(&finding.path).is_some())
            && self.subject.as_ref().is_none_or(|s| finding.subject.as_ref() == Some(s))
            && (self.names.is_empty()
                || (!finding.names.is_empty() && finding.names.iter().all(|n| self.names.contains(n))))
    }

    /// Whether its day has passed.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|end| now > end)
    }
}
