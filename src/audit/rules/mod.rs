//! The rules, one file each.

use super::catalogue::rule::Rule;
use super::model::finding::Findings;
use crate::coverage::Covered;

mod admin_invalid;
mod admins_missing;
mod attrs_invalid;
mod baseline_stale;
mod ca_constraints;
mod ca_key_cert_sign;
mod ca_lifetime_short;
mod ca_ski_missing;
mod ca_window;
mod cert_revoked;
mod chain_ambiguous;
mod chain_broken;
mod chain_incomplete;
mod chain_wrong_folder;
mod config_misspelt;
mod config_ou_ca;
mod config_unusable;
mod crl_expired;
mod crl_ignored;
mod crl_unusable;
mod csr_san_none;
mod eku_client_missing;
mod eku_server_missing;
mod endpoint_unreachable;
mod expired;
mod expiring;
mod ext_critical_unknown;
#[cfg(test)]
mod fixture;
mod gateway_port_mismatch;
mod gateway_session_affinity;
mod gateway_single_member;
mod ignore_expired;
mod ignore_stale;
mod inner_ca_issues;
mod input_skipped;
mod input_unreadable;
mod key_mismatch;
mod key_missing;
mod key_mode;
mod key_unfit;
mod key_weak;
mod keystore_many;
mod ku_digital_signature_missing;
mod kube_proxy_mode;
mod leaf_is_ca;
mod manifest_repeated_key;
mod manifest_template;
mod member_names;
mod member_stale;
mod msp_extra_block;
mod msp_folder_empty;
mod msp_key_outside_keystore;
mod msp_layout;
mod msp_not_a_certificate;
mod msp_not_pem;
mod msp_stray_file;
mod msp_tlscacerts_missing;
mod name_constraints;
mod namespace_unknown;
mod nodeou_ambiguous;
mod nodeou_certificate_missing;
mod nodeou_disabled;
mod nodeou_missing;
mod nodeou_role;
mod nodeou_wrong_ca;
mod not_yet_valid;
mod ou_identifier_unmet;
mod outlives_ca;
mod override_hides_name;
mod paste;
mod path_length;
mod root_mismatch;
mod root_not_self_signed;
mod rotation_policy;
mod rule_crashed;
mod same_key_two_roles;
mod san_cn_only;
mod san_dead_name;
mod san_duplicate;
mod san_gateway_missing;
mod san_ip_as_dns;
mod san_malformed;
mod san_missing;
mod san_none;
mod san_on_msp_only;
mod san_short_only;
mod san_wildcard;
mod selector_matches_nothing;
mod serial_odd;
mod served_not_on_disk;
mod signature_high_s;
mod signature_sha1;
mod signcerts_many;
mod signing_key_public;
mod tls_anchors_unusable;
mod tls_ca_invalid;
mod tls_file_missing;
mod tls_key_unusable;
mod tls_not_from_tlscacerts;
mod tls_passthrough_missing;
mod validity_inverted;
mod wanted;

/// Every rule, sorted by id.
pub(crate) static ALL: &[&Rule] = &[
    &admin_invalid::RULE,
    &admins_missing::RULE,
    &attrs_invalid::RULE,
    &baseline_stale::RULE,
    &ca_constraints::RULE,
    &ca_key_cert_sign::RULE,
    &ca_lifetime_short::RULE,
    &ca_ski_missing::RULE,
    &ca_window::RULE,
    &cert_revoked::RULE,
    &chain_ambiguous::RULE,
    &chain_broken::RULE,
    &chain_incomplete::RULE,
    &chain_wrong_folder::RULE,
    &config_misspelt::RULE,
    &config_ou_ca::RULE,
    &config_unusable::RULE,
    &crl_expired::RULE,
    &crl_ignored::RULE,
    &crl_unusable::RULE,
    &csr_san_none::RULE,
    &eku_client_missing::RULE,
    &eku_server_missing::RULE,
    &endpoint_unreachable::RULE,
    &expired::RULE,
    &expiring::RULE,
    &ext_critical_unknown::RULE,
    &gateway_port_mismatch::RULE,
    &gateway_session_affinity::RULE,
    &gateway_single_member::RULE,
    &ignore_expired::RULE,
    &ignore_stale::RULE,
    &inner_ca_issues::RULE,
    &input_skipped::RULE,
    &input_unreadable::RULE,
    &key_mismatch::RULE,
    &key_missing::RULE,
    &key_mode::RULE,
    &key_unfit::RULE,
    &key_weak::RULE,
    &keystore_many::RULE,
    &ku_digital_signature_missing::RULE,
    &kube_proxy_mode::RULE,
    &leaf_is_ca::RULE,
    &manifest_repeated_key::RULE,
    &manifest_template::RULE,
    &member_stale::RULE,
    &msp_extra_block::RULE,
    &msp_folder_empty::RULE,
    &msp_key_outside_keystore::RULE,
    &msp_layout::RULE,
    &msp_not_a_certificate::RULE,
    &msp_not_pem::RULE,
    &msp_stray_file::RULE,
    &msp_tlscacerts_missing::RULE,
    &name_constraints::RULE,
    &namespace_unknown::RULE,
    &nodeou_ambiguous::RULE,
    &nodeou_certificate_missing::RULE,
    &nodeou_disabled::RULE,
    &nodeou_missing::RULE,
    &nodeou_role::RULE,
    &nodeou_wrong_ca::RULE,
    &not_yet_valid::RULE,
    &ou_identifier_unmet::RULE,
    &outlives_ca::RULE,
    &override_hides_name::RULE,
    &path_length::RULE,
    &root_mismatch::RULE,
    &root_not_self_signed::RULE,
    &rotation_policy::RULE,
    &rule_crashed::RULE,
    &same_key_two_roles::RULE,
    &san_cn_only::RULE,
    &san_dead_name::RULE,
    &san_duplicate::RULE,
    &san_gateway_missing::RULE,
    &san_ip_as_dns::RULE,
    &san_malformed::RULE,
    &san_missing::RULE,
    &san_none::RULE,
    &san_on_msp_only::RULE,
    &san_short_only::RULE,
    &san_wildcard::RULE,
    &selector_matches_nothing::RULE,
    &serial_odd::RULE,
    &served_not_on_disk::RULE,
    &signature_high_s::RULE,
    &signature_sha1::RULE,
    &signcerts_many::RULE,
    &signing_key_public::RULE,
    &tls_anchors_unusable::RULE,
    &tls_ca_invalid::RULE,
    &tls_file_missing::RULE,
    &tls_key_unusable::RULE,
    &tls_not_from_tlscacerts::RULE,
    &tls_passthrough_missing::RULE,
    &validity_inverted::RULE,
];

/// What the manifests of a run say together, rule by rule.
pub(crate) static MANIFEST_CHECKS: &[fn(&Covered, &mut Findings)] = &[
    san_gateway_missing::over,
    san_dead_name::over,
    san_short_only::over,
    gateway_port_mismatch::over,
    gateway_single_member::over,
    gateway_session_affinity::over,
    selector_matches_nothing::over,
    tls_passthrough_missing::over,
    eku_server_missing::over,
    rotation_policy::over,
    ca_lifetime_short::over,
    override_hides_name::over,
    namespace_unknown::over,
    kube_proxy_mode::over,
];
