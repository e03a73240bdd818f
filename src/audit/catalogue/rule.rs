//! A rule as data: its title, its rationale, and who reports it.

use serde::{Deserialize, Serialize};

/// How certain the findings of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confidence {
    /// It follows from a standard or from Fabric's code.
    Certain,
    /// It follows from the usual use of such folders.
    Likely,
}

/// Where a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Fails later, or for some clients.
    Warning,
    /// Fails, today or on a known day.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Who reports findings of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// A check of one subject.
    Subject,
    /// The verdict of Fabric on an MSP folder, or of Go on a TLS folder or endpoint.
    Verdict,
    /// A check of all manifests together.
    Manifests,
    /// The policy or the baseline, about their own entries.
    Policy,
    /// The run: about several subjects together, about an endpoint that did not answer, or about a check that panicked.
    Run,
}

/// A rule of the audit. Ids are kebab-case and never used again for something else.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// One line that states the fault.
    pub title: &'static str,
    /// The effect of the fault, in one to three sentences.
    pub rationale: &'static str,
    /// The general remedy.
    pub remedy: &'static str,
    /// The severity, unless a level says otherwise.
    pub severity: Severity,
    /// The confidence.
    pub confidence: Confidence,
    /// The sources.
    pub sources: &'static [Source],
    /// The numbers of Fabric's refusals that this rule reports (see [`crate::msp`]).
    pub refusals: &'static [u8],
    /// Who reports it; never empty.
    pub origins: &'static [Origin],
}

impl Rule {
    /// Whether findings of it come from such an origin.
    pub fn is_from(&self, origin: Origin) -> bool {
        self.origins.contains(&origin)
    }
}

/// Each rule exists once, so its id identifies it.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}
