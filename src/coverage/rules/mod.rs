//! The checks of all manifests together, one file for each. The rules are described in [`crate::audit::catalogue`].

mod ca_lifetime_short;
mod cm_approval_missing;
mod cm_duration_ignored;
mod cm_no_common_name;
mod cm_rsa_msp;
mod cm_subpath;
mod eku_server_missing;
mod gateway_port_mismatch;
mod gateway_session_affinity;
mod gateway_single_member;
mod kube_proxy_mode;
mod member_names;
mod namespace_unknown;
mod override_hides_name;
mod restart_loses_identity;
mod rotation_policy;
mod san_dead_name;
mod san_gateway_missing;
mod san_short_only;
mod selector_matches_nothing;
mod tls_passthrough_missing;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::check::Check;
use super::covered::Covered;
use super::place::location;
use crate::audit::catalogue::{INPUT_SKIPPED, RULE_CRASHED, Severity};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;

/// Every check, in report order.
pub(crate) static CHECKS: &[&Check] = &[
    &san_gateway_missing::CHECK,
    &san_dead_name::CHECK,
    &san_short_only::CHECK,
    &gateway_port_mismatch::CHECK,
    &gateway_single_member::CHECK,
    &gateway_session_affinity::CHECK,
    &selector_matches_nothing::CHECK,
    &tls_passthrough_missing::CHECK,
    &eku_server_missing::CHECK,
    &rotation_policy::CHECK,
    &restart_loses_identity::CHECK,
    &ca_lifetime_short::CHECK,
    &cm_no_common_name::CHECK,
    &cm_rsa_msp::CHECK,
    &cm_subpath::CHECK,
    &cm_approval_missing::CHECK,
    &cm_duration_ignored::CHECK,
    &override_hides_name::CHECK,
    &namespace_unknown::CHECK,
    &kube_proxy_mode::CHECK,
];

/// Checks all manifests together. A check that panics becomes a finding, and the others continue.
pub(crate) fn check(covered: &Covered, findings: &mut Findings) {
    for node in &covered.nodes {
        if let Some(left_out) = &node.left_out {
            let at = location(&covered.network.workloads[node.workload].meta.at);
            findings.report(&INPUT_SKIPPED, &at, left_out.as_str()).severity(Severity::Error).add();
        }
    }
    for (left_out, at) in covered.network.crowded() {
        findings.report(&INPUT_SKIPPED, &location(at), left_out).severity(Severity::Error).add();
    }
    if let Some(left_out) = covered.network.left_out() {
        findings.report(&INPUT_SKIPPED, &Location::whole("."), left_out).severity(Severity::Error).add();
    }
    for one in CHECKS {
        if catch_unwind(AssertUnwindSafe(|| (one.check)(covered, findings))).is_err() {
            let at = Location::whole(".");
            let message = format!("the rule {} failed here", one.rule.id);
            findings.report(&RULE_CRASHED, &at, message).add();
        }
    }
}
