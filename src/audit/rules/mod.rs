//! The rules, one file each.

use super::rule::Rule;

mod expired;
mod san_gateway_missing;
mod san_missing;

/// Every rule, sorted by id.
pub(super) static ALL: &[&Rule] = &[&expired::RULE, &san_gateway_missing::RULE, &san_missing::RULE];
