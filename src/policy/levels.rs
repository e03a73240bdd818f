//! The levels of rules, set by policy and command line.

use std::collections::BTreeMap;

use crate::audit::catalogue::Severity;
use crate::audit::model::finding::Finding;

/// A rule's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not reported.
    Allow,
    /// Reported, with this severity.
    As(Severity),
}

/// The levels by rule id; other rules keep their default severity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<String, Level>);

impl Levels {
    /// Sets the level of a rule; a later call wins.
    pub fn set(&mut self, rule: impl Into<String>, level: Level) {
        self.0.insert(rule.into(), level);
    }

    /// Whether no level is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a level is set for a rule.
    pub(crate) fn sets(&self, rule: &str) -> bool {
        self.0.contains_key(rule)
    }

    /// The finding with its level applied; `None` if the rule is allowed.
    pub(crate) fn apply(&self, mut finding: Finding) -> Option<Finding> {
        match self.0.get(finding.rule) {
            Some(Level::Allow) => None,
            Some(Level::As(severity)) => {
                finding.severity = *severity;
                Some(finding)
            }
            None => Some(finding),
        }
    }
}
