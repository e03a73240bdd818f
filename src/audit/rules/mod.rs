//! The rules, one file each.

use super::rule::Rule;

mod expired;
mod san_cn_only;
mod san_duplicate;
mod san_gateway_missing;
mod san_ip_as_dns;
mod san_malformed;
mod san_missing;
mod san_none;
mod san_on_msp_only;
mod san_short_only;
mod san_wildcard;
mod wanted;

#[cfg(test)]
mod fixture;

/// Every rule, sorted by id.
pub(super) static ALL: &[&Rule] = &[
    &expired::RULE,
    &san_cn_only::RULE,
    &san_duplicate::RULE,
    &san_gateway_missing::RULE,
    &san_ip_as_dns::RULE,
    &san_malformed::RULE,
    &san_missing::RULE,
    &san_none::RULE,
    &san_on_msp_only::RULE,
    &san_short_only::RULE,
    &san_wildcard::RULE,
];
