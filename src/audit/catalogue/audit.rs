//! The audit itself: its input, its policy, its own failures.

use super::rule::{Confidence, Origin, Rule, Severity, Source};

/// An entry of the baseline matches no finding.
pub static BASELINE_STALE: Rule = Rule {
    id: "baseline-stale",
    title: "the baseline lists findings that no longer occur",
    rationale: "A baseline should only shrink: an entry for a fixed fault would hide the fault if it returned.",
    remedy: "write it again: fabcert audit --write-baseline FILE",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("reported by the audit itself, not for one subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// An ignore of the policy has expired.
pub static IGNORE_EXPIRED: Rule = Rule {
    id: "ignore-expired",
    title: "an ignore of the policy has expired",
    rationale: "An ignore ends on its date, so that a known fault is reviewed from time to time.",
    remedy: "fix what it hides, or set another date with a reason",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("reported by the audit itself, not for one subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// An ignore of the policy matches no finding.
pub static IGNORE_STALE: Rule = Rule {
    id: "ignore-stale",
    title: "an ignore of the policy matches no finding",
    rationale: "The fault was fixed, or the ignore is misspelt and has no effect.",
    remedy: "correct it, or remove it from the policy",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("reported by the audit itself, not for one subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// An input was skipped.
pub static INPUT_SKIPPED: Rule = Rule {
    id: "input-skipped",
    title: "an input was skipped",
    rationale: "Pipes, devices and sockets are never opened, because reading one may block or have side effects, and a \
                file with thousands of certificates is judged in parts: both are notes. Where a limit left something out \
                that was not read, nothing is known of it, and the finding is an error: a manifest above 32 MiB, what links out \
                of the audited folders lead to, names of manifests that lead to too many objects.",
    remedy: "name regular files, split very large ones, and leave out with --exclude what is not to be audited",
    severity: Severity::Note,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit reports what it skipped")],
    refusals: &[],
    origins: &[Origin::Subject],
};

/// A file or folder could not be read.
pub static INPUT_UNREADABLE: Rule = Rule {
    id: "input-unreadable",
    title: "a file or folder that looks like certificate material cannot be read",
    rationale: "The audit cannot say anything about a file that it cannot read.",
    remedy: "give the auditing user read access, fix the file, or leave it out with --exclude: ls -l FILE, fabcert \
             inspect FILE",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("an audit reports what it skipped")],
    refusals: &[6],
    origins: &[Origin::Subject, Origin::Verdict],
};

/// An entry of the policy's members leads to no workload or to no certificate.
pub static MEMBER_STALE: Rule = Rule {
    id: "member-stale",
    title: "an entry of members has no effect",
    rationale: "Its workload is not in the manifests, or there is no TLS certificate at its path: the certificate of \
                the member is not compared with the names that lead to it.",
    remedy: "correct workload or tls in the policy, or remove the entry",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("reported by the audit itself, not for one subject")],
    refusals: &[],
    origins: &[Origin::Policy],
};

/// A rule of fabcert failed.
pub static RULE_CRASHED: Rule = Rule {
    id: "rule-crashed",
    title: "a rule of fabcert failed on this subject",
    rationale: "This is a bug in fabcert. The other rules still ran.",
    remedy: "report the bug, with the file if it can be shared",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Convention("reported by the audit itself, not for one subject")],
    refusals: &[],
    origins: &[Origin::Run],
};
