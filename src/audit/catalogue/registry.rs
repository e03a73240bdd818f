//! All rules, in the order of their ids.

use super::rule::Rule;
use crate::audit::rules;

/// Every rule, sorted by id.
pub static RULES: &[&Rule] = rules::ALL;

/// The rule with an id.
pub fn rule_by_id(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|r| r.id.cmp(id)).ok().map(|at| RULES[at])
}

/// The rule that reports one of Fabric's numbered refusals.
pub fn rule_of_refusal(number: u8) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.refusals.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_each_stands_once() {
        assert!(RULES.windows(2).all(|w| w[0].id < w[1].id));
        assert!(RULES.iter().all(|r| rule_by_id(r.id).is_some_and(|found| std::ptr::eq(found, *r))));
    }

    #[test]
    fn each_refusal_of_fabric_has_one_rule() {
        let silent = [15, 30, 31, 32, 34, 39, 47, 53, 62, 63, 64, 67, 68, 69];
        for number in (6..=75).filter(|n| !silent.contains(n)) {
            let rules: Vec<&str> = RULES.iter().filter(|r| r.refusals.contains(&number)).map(|r| r.id).collect();
            assert_eq!(rules.len(), 1, "refusal {number}: {rules:?}");
        }
    }
}
