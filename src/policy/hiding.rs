//! Applies levels, ignores and baseline to findings, and adds the findings about these themselves.

use std::path::Path;

use super::baseline::{Applied, Baseline};
use super::document::Policy;
use super::levels::Levels;
use crate::Timestamp;
use crate::audit::Report;
use crate::audit::catalogue::{BASELINE_STALE, IGNORE_EXPIRED, IGNORE_STALE, Rule};
use crate::audit::model::finding::{Finding, Findings};
use crate::audit::model::subject::Location;

/// Applies levels (the command line's first, then the policy's), ignores and baseline to the findings of a report, and
/// counts the hidden ones.
pub(crate) fn hide(report: &mut Report, policy: &Policy, levels: &Levels, baseline: Option<&Baseline>, now: Timestamp) {
    let mut from_policy = Levels::default();
    for (rule, level) in &policy.levels {
        from_policy.set(rule.as_str(), *level);
    }
    if from_policy.is_empty() && levels.is_empty() && policy.ignore.is_empty() && baseline.is_none() {
        return;
    }
    let level = |f: Finding| if levels.sets(f.rule) { levels.apply(f) } else { from_policy.apply(f) };
    let mut used = vec![false; policy.ignore.len()];
    let mut known = baseline.map(Baseline::apply);
    for finding in report.take_findings().into_iter().filter_map(level) {
        let mut ignored = false;
        for (ignore, used) in policy.ignore.iter().zip(&mut used) {
            if ignore.concerns(&finding) {
                *used = true;
                ignored |= !ignore.is_over(now);
            }
        }
        if ignored || known.as_mut().is_some_and(|known| known.hides(&finding)) {
            report.summary.suppressed += 1;
        } else {
            report.find(&finding);
        }
    }
    let mut own = Findings::new();
    for (ignore, used) in policy.ignore.iter().zip(used) {
        let at = Location { path: policy.path.clone(), block: None, line: Some(ignore.line) };
        if ignore.is_over(now) {
            let end = ignore.until.map(|t| t.to_string()).unwrap_or_default();
            say(&mut own, &IGNORE_EXPIRED, &at, &format!("the ignore of {} ended at {end}", ignore.rule));
        } else if !used {
            say(&mut own, &IGNORE_STALE, &at, &format!("the ignore of {} hides nothing", ignore.rule));
        }
    }
    own.into_vec().into_iter().filter_map(level).for_each(|finding| report.find(&finding));
    let at = Location::whole(baseline.map_or_else(|| Path::new("."), Baseline::path));
    for entry in known.iter().flat_map(Applied::stale) {
        let mut own = Findings::new();
        let message = format!("the baseline contains {entry}, which no longer occurs");
        say(&mut own, &BASELINE_STALE, &at, &message);
        own.into_vec().into_iter().filter_map(level).for_each(|finding| report.find(&finding));
    }
}

fn say(findings: &mut Findings, rule: &Rule, at: &Location, message: &str) {
    findings.report(rule, at, message).names([message.to_owned()]).add();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Severity;
    use crate::audit::catalogue::EXPIRED;
    use crate::policy::Level;

    const POLICY: &str = "version: 1\nignore:\n  - {rule: expired, path: old, reason: kept, until: 2026-12-31}\n  - {rule: key-mode, reason: test}\n";

    fn finding(path: &str) -> Finding {
        let mut findings = Findings::new();
        say(&mut findings, &EXPIRED, &Location::whole(path), "x");
        findings.into_vec().remove(0)
    }

    fn rules(found: &[Finding]) -> Vec<&'static str> {
        found.iter().map(|f| f.rule).collect()
    }

    #[test]
    fn ignore_hides_through_its_last_day_and_is_an_error_afterwards() {
        let policy = Policy::parse(POLICY, Path::new("fabcert.yaml")).unwrap();
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        let run = |now| {
            let mut report = Report::new();
            for path in ["old/a", "new/a"] {
                report.find(&finding(path));
            }
            hide(&mut report, &policy, &Levels::default(), None, at(now));
            (report.findings.into_iter().collect::<Vec<_>>(), report.summary.suppressed)
        };
        let (left, hidden) = run("2026-11-23T00:00:00Z");
        assert_eq!((rules(&left), hidden), (vec!["expired", "ignore-stale"], 1));
        assert_eq!(left[1].line, Some(4));
        let (left, hidden) = run("2027-01-01T00:00:00Z");
        assert_eq!((rules(&left), hidden), (vec!["expired", "expired", "ignore-expired", "ignore-stale"], 0));
        assert_eq!((left[2].severity, left[2].line), (Severity::Error, Some(3)));
    }

    #[test]
    fn command_line_levels_override_the_policy() {
        let policy = Policy::parse("version: 1\nlevels: {expired: note}\n", Path::new("p")).unwrap();
        let now = Timestamp::from_unix(0);
        let worst = |levels: &Levels| {
            let mut report = Report::new();
            report.find(&finding("a"));
            hide(&mut report, &policy, levels, None, now);
            report.worst()
        };
        let mut levels = Levels::default();
        assert_eq!(worst(&levels), Some(Severity::Note));
        levels.set("expired", Level::As(Severity::Warning));
        assert_eq!(worst(&levels), Some(Severity::Warning));
        levels.set("expired", Level::Allow);
        assert_eq!(worst(&levels), None);
        let policy = Policy::parse("version: 1\nlevels: {expired: allow}\n", Path::new("p")).unwrap();
        let mut report = Report::new();
        report.find(&finding("a"));
        levels.set("expired", Level::As(Severity::Error));
        hide(&mut report, &policy, &levels, None, now);
        assert_eq!(report.worst(), Some(Severity::Error), "even for a rule that the policy allows");
    }
}
