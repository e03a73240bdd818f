//! Each rule states in its data which part of the program reports it. These tests compare that data with the code.

use std::collections::BTreeSet;

use crate::audit::catalogue::{INPUT_SKIPPED, Origin, RULES, Rule};
use crate::{audit, coverage};

fn ids<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> BTreeSet<&'a str> {
    rules.into_iter().map(|rule| rule.id).collect()
}

fn from(origin: Origin) -> BTreeSet<&'static str> {
    ids(RULES.iter().copied().filter(|rule| rule.is_from(origin)))
}

/// The rules that a source names outside its tests: `&SAN_MISSING`.
fn named_in(source: &str) -> BTreeSet<&'static str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let words: BTreeSet<&str> = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    ids(RULES.iter().copied().filter(|rule| words.contains(rule.id.replace('-', "_").to_ascii_uppercase().as_str())))
}

#[test]
fn exactly_the_subject_rules_have_one_subject_check() {
    assert_eq!(ids(audit::rules::CHECKS.iter().map(|check| check.rule)), from(Origin::Subject));
    assert_eq!(audit::rules::CHECKS.len(), from(Origin::Subject).len());
}

#[test]
fn exactly_the_manifest_rules_have_one_manifest_check() {
    assert_eq!(ids(coverage::rules::CHECKS.iter().map(|check| check.rule)), from(Origin::Manifests));
    assert_eq!(coverage::rules::CHECKS.len(), from(Origin::Manifests).len());
}

#[test]
fn exactly_the_verdict_rules_have_a_number_or_occur_in_the_judge() {
    let mut expected = ids(RULES.iter().copied().filter(|rule| !rule.refusals.is_empty()));
    expected.extend(named_in(include_str!("../audit/judge/mod.rs")));
    expected.extend(named_in(include_str!("../audit/judge/tls.rs")));
    // It replaces a refusal without a rule; another test verifies that each refusal has one.
    expected.remove("rule-crashed");
    assert_eq!(from(Origin::Verdict), expected);
}

#[test]
fn exactly_the_policy_rules_occur_in_policy_and_members() {
    let mut expected = named_in(include_str!("../policy/hiding.rs"));
    expected.extend(named_in(include_str!("../coverage/mapped.rs")));
    assert_eq!(from(Origin::Policy), expected);
}

#[test]
fn exactly_the_run_rules_occur_in_the_run() {
    let mut expected = BTreeSet::new();
    for source in [
        include_str!("unit.rs"),
        include_str!("ca_names.rs"),
        include_str!("channels/ca_expiring.rs"),
        include_str!("channels/consenter_key_changed.rs"),
        include_str!("channels/consenter_not_on_disk.rs"),
        include_str!("channels/host_missing.rs"),
        include_str!("channels/msp_unknown.rs"),
        include_str!("key_sharing.rs"),
        include_str!("served_on_disk.rs"),
        include_str!("../audit/rules/mod.rs"),
        include_str!("../coverage/rules/mod.rs"),
    ] {
        expected.extend(named_in(source));
    }
    // The run only queries whether a subject has findings other than this one.
    expected.remove(INPUT_SKIPPED.id);
    assert_eq!(from(Origin::Run), expected);
}

#[test]
fn each_rule_has_distinct_origins() {
    for rule in RULES {
        let once: BTreeSet<&Origin> = rule.origins.iter().collect();
        assert!(!once.is_empty() && once.len() == rule.origins.len(), "{}: {:?}", rule.id, rule.origins);
    }
}
