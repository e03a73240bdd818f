//! Each rule says in its data who reports it. These tests hold that data against the code.

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
fn rules_about_a_subject_have_one_check_and_no_other_rule_has() {
    assert_eq!(ids(audit::rules::CHECKS.iter().map(|check| check.rule)), from(Origin::Subject));
    assert_eq!(audit::rules::CHECKS.len(), from(Origin::Subject).len());
}

#[test]
fn rules_about_manifests_have_one_check_and_no_other_rule_has() {
    assert_eq!(ids(coverage::rules::CHECKS.iter().map(|check| check.rule)), from(Origin::Manifests));
    assert_eq!(coverage::rules::CHECKS.len(), from(Origin::Manifests).len());
}

#[test]
fn rules_of_a_verdict_hold_a_number_or_are_named_by_the_judge_and_no_others_are() {
    let mut expected = ids(RULES.iter().copied().filter(|rule| !rule.refusals.is_empty()));
    expected.extend(named_in(include_str!("../audit/judge/mod.rs")));
    expected.extend(named_in(include_str!("../audit/judge/tls.rs")));
    // It stands for a refusal without a rule, and a test holds that there is none.
    expected.remove("rule-crashed");
    assert_eq!(from(Origin::Verdict), expected);
}

#[test]
fn rules_of_the_policy_are_those_that_its_own_findings_name() {
    let mut expected = named_in(include_str!("../policy/hiding.rs"));
    expected.extend(named_in(include_str!("../coverage/mapped.rs")));
    assert_eq!(from(Origin::Policy), expected);
}

#[test]
fn rules_of_the_run_are_those_that_it_names() {
    let mut expected = BTreeSet::new();
    for source in [
        include_str!("unit.rs"),
        include_str!("key_sharing.rs"),
        include_str!("served_on_disk.rs"),
        include_str!("../audit/rules/mod.rs"),
        include_str!("../coverage/rules/mod.rs"),
    ] {
        expected.extend(named_in(source));
    }
    // The run asks only whether a subject has other findings than this one.
    expected.remove(INPUT_SKIPPED.id);
    assert_eq!(from(Origin::Run), expected);
}

#[test]
fn each_rule_has_an_origin_once() {
    for rule in RULES {
        let once: BTreeSet<&Origin> = rule.origins.iter().collect();
        assert!(!once.is_empty() && once.len() == rule.origins.len(), "{}: {:?}", rule.id, rule.origins);
    }
}
