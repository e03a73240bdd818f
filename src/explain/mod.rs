//! A rule, an error code of a Fabric CA or a line of a log, explained.

mod code;
mod message;

use crate::audit::catalogue::{RULES, Rule, rule_by_id};
use crate::ca::{ErrorCode, error_code};

pub use code::code_in;
pub use message::rule_of_message;

/// What a text is about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Explained {
    /// A rule of the audit.
    Rule(&'static Rule),
    /// An error code of a Fabric CA.
    Code(&'static ErrorCode),
}

/// What `text` is about: the id of a rule, an error code alone or in a line, a line that has the id of a rule, or one whose
/// words a rule explains.
pub fn explain(text: &str) -> Option<Explained> {
    if let Some(rule) = rule_by_id(text) {
        return Some(Explained::Rule(rule));
    }
    // A number in a longer line may be anything, such as an HTTP status.
    if let Some(code) = code_in(text).and_then(error_code) {
        return Some(Explained::Code(code));
    }
    let named = RULES.iter().copied().find(|rule| text.contains(rule.id));
    named.or_else(|| rule_of_message(text)).map(Explained::Rule)
}

/// The rules whose ids share the most words with a text, at most five.
pub fn near(text: &str) -> Vec<&'static Rule> {
    let shared = |id: &str| id.split('-').filter(|part| part.len() > 2 && text.contains(part)).count();
    let mut near: Vec<&Rule> = RULES.iter().copied().filter(|rule| shared(rule.id) > 0).collect();
    near.sort_by_key(|rule| std::cmp::Reverse(shared(rule.id)));
    near.truncate(5);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rules_come_first() {
        assert_eq!(near("san-gateway").first().map(|rule| rule.id), Some("san-gateway-missing"));
        assert!(near("zzz").is_empty());
    }

    #[test]
    fn a_number_in_a_longer_line_counts_only_if_it_is_a_code() {
        assert!(matches!(explain("code 20"), Some(Explained::Code(code)) if code.code == 20));
        assert!(explain("code 9999").is_none());
    }
}
