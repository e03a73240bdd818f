//! A check of one subject: two plain functions beside the rule that they report.

use crate::Timestamp;
use crate::audit::catalogue::Rule;
use crate::audit::model::expectation::Expectation;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;
use crate::msp::ChannelRules;

/// A check of one subject.
#[allow(clippy::struct_field_names, reason = "a check is applied and checks")]
#[derive(Debug)]
pub(crate) struct Check {
    /// The rule that it reports.
    pub(crate) rule: &'static Rule,
    /// Whether it applies to such a subject.
    pub(crate) applies: fn(&Subject, &Context<'_>) -> bool,
    /// Checks the subject and reports findings.
    pub(crate) check: fn(&Subject, &Context<'_>, &mut Findings),
}

/// The context of a check: its input beside the subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The time of judgement.
    pub(crate) now: Timestamp,
    /// The names and the role that the subject should hold.
    pub(crate) expectation: &'a Expectation,
    /// The channel rules that were chosen.
    pub(crate) channel_rules: ChannelRules,
}
