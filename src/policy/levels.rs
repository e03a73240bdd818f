//! The level of each rule, as policy and command line set it.

use std::collections::BTreeMap;

use crate::audit::catalogue::Severity;
use crate::audit::model::finding::Finding;

/// A rule's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not reported.
    Allow,
    /// Reported with this severity.
    As(Severity),
}

/// Levels by rule id; a rule that is not named keeps its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<String, Level>);

impl Levels {
    /// Sets a rule's level; a later call wins.
    pub fn set(&mut self, rule: impl Into<String>, level: Level) {
        self.0.insert(rule.into(), level);
    }

    /// Whether every rule keeps its own.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule's level is set.
    pub fn sets(&self, rule: &str) -> bool {
        self.0.contains_key(rule)
    }

    /// The finding with its level; `None` when the rule is allowed.
    pub fn apply(&self, mut finding: Finding) -> Option<Finding> {
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
