//! The audit itself: its input, its policy, its own failures.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// An entry of the baseline hides nothing.
pub static BASELINE_STALE: Rule = Rule {
    id: "baseline-stale",
    title: "the baseline knows findings that are gone",
    rationale: "A baseline should only shrink; entries of fixed faults would hide them when they come back.",
    remedy: "write it again: fabcert audit --write-baseline FILE",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// An ignore of the policy is past its date.
pub static IGNORE_EXPIRED: Rule = Rule {
    id: "ignore-expired",
    title: "an ignore is past its date",
    rationale: "An ignore ends on its day, so that nobody lives with a fault for ever without deciding so \
                again.",
    remedy: "fix what it hides, or set another date with a reason",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// An ignore of the policy hides nothing.
pub static IGNORE_STALE: Rule = Rule {
    id: "ignore-stale",
    title: "an ignore hides nothing",
    rationale: "An ignore that hides nothing is left from a fault that was fixed, or is misspelt and does \
                not do what it should.",
    remedy: "remove it from the policy",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// Something was passed over.
pub static INPUT_SKIPPED: Rule = Rule {
    id: "input-skipped",
    title: "something was passed over",
    rationale: "Pipes, devices and sockets are never opened: reading one may block or do something. Manifests that are too \
                large are not read, and files with very many certificates only in parts.",
    remedy: "name regular files, and split those that are very large",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A file or folder could not be read.
pub static INPUT_UNREADABLE: Rule = Rule {
    id: "input-unreadable",
    title: "something that looks like ours cannot be read",
    rationale: "What cannot be read cannot be vouched for.",
    remedy: "let the user who audits read it, fix it, or leave it out with --exclude: ls -l FILE, fabcert inspect FILE",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit says what it did not see")],
    refusals: &[6],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// An entry of the policy's members leads to no workload or to no certificate.
pub static MEMBER_STALE: Rule = Rule {
    id: "member-stale",
    title: "an entry of members maps nothing",
    rationale: "Its workload is not among the manifests, or no TLS certificate was met at its path: the member's certificate is not held against the names that lead to it.",
    remedy: "fix workload or tls in the policy, or take the entry out",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// A rule of fabcert failed.
pub static RULE_CRASHED: Rule = Rule {
    id: "rule-crashed",
    title: "a rule of fabcert failed on this subject",
    rationale: "This is a bug in fabcert: the other rules were run all the same.",
    remedy: "report it with the file, if it can be shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("said by the audit itself, not by a look at a subject")],
    refusals: &[],
    origins: &[Origin::Run],
};
