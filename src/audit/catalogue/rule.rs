//! A rule: what it is about, why it matters, and two plain functions.

use crate::Timestamp;
use crate::audit::model::expectation::Expectation;
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::subject::Subject;
use crate::msp::ChannelRules;

/// How sure a rule is of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// It follows from a standard or from Fabric's code.
    Certain,
    /// It follows from how such folders are mostly used.
    Likely,
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An RFC.
    Rfc {
        /// Its number.
        number: u16,
        /// The section.
        section: &'static str,
    },
    /// Fabric's own code at commit 0c423ac4.
    Fabric {
        /// File in hyperledger/fabric.
        path: &'static str,
        /// Function or method that decides.
        item: &'static str,
    },
    /// Go's standard library (1.26).
    Go {
        /// Package.
        package: &'static str,
        /// Function or method that decides.
        item: &'static str,
    },
    /// A convention of the field, in words.
    Convention(&'static str),
}

impl Source {
    /// The source in words.
    pub fn words(&self) -> String {
        match self {
            Self::Rfc { number, section } => format!("RFC {number} section {section}"),
            Self::Fabric { path, item } => format!("Fabric {path}, {item} (commit 0c423ac4)"),
            Self::Go { package, item } => format!("Go 1.26 {package}, {item}"),
            Self::Convention(words) => (*words).to_owned(),
        }
    }
}

/// A rule of the audit. Ids are kebab-case and never used again for something else.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// One line that states the fault.
    pub title: &'static str,
    /// Why it hurts, in one to three sentences.
    pub rationale: &'static str,
    /// What to do about it, in general.
    pub remedy: &'static str,
    /// How bad it is, unless a level says otherwise.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where it comes from.
    pub sources: &'static [Source],
    /// The numbers of Fabric's refusals that this rule reports (see [`crate::msp`]).
    pub refusals: &'static [u8],
    /// Whether it has anything to say about such a subject.
    pub applies: fn(&Subject, &Context<'_>) -> bool,
    /// Looks at the subject.
    pub check: fn(&Subject, &Context<'_>, &mut Findings),
}

/// What a rule may know beside the subject.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time of judgement.
    pub now: Timestamp,
    /// What the subject ought to hold.
    pub expectation: &'a Expectation,
    /// The channel rules that were chosen.
    pub channel_rules: ChannelRules,
}

/// For rules whose findings come from Fabric's verdicts, from the policy or from the run itself: a look at the subject by
/// the rule would only say them again.
pub(crate) fn elsewhere(_: &Subject, _: &Context<'_>) -> bool {
    false
}

/// See [`elsewhere`].
pub(crate) fn nothing(_: &Subject, _: &Context<'_>, _: &mut Findings) {}
