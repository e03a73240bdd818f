//! All rules, in the order of their ids.

use super::rule::Rule;
use super::{audit, authority, cert_manager, certificate, chain, channel, key, manifest, msp, names, node_ou, tls};

/// Every rule, sorted by id.
pub static RULES: &[&Rule] = &[
    &msp::ADMIN_INVALID,
    &msp::ADMINS_MISSING,
    &chain::AKI_MISMATCH,
    &certificate::ATTRS_INVALID,
    &audit::BASELINE_STALE,
    &authority::CA_CONSTRAINTS,
    &authority::CA_KEY_CERT_SIGN,
    &authority::CA_LIFETIME_SHORT,
    &authority::CA_SAME_SUBJECT,
    &authority::CA_SKI_MISSING,
    &authority::CA_WINDOW,
    &certificate::CERT_REVOKED,
    &chain::CHAIN_AMBIGUOUS,
    &chain::CHAIN_BROKEN,
    &chain::CHAIN_INCOMPLETE,
    &chain::CHAIN_WRONG_FOLDER,
    &channel::CHANNEL_CA_EXPIRING,
    &channel::CHANNEL_HOST_MISSING,
    &channel::CHANNEL_MSP_UNKNOWN,
    &tls::CLIENT_CERTIFICATE_REQUIRED,
    &cert_manager::CM_APPROVAL_MISSING,
    &cert_manager::CM_DURATION_IGNORED,
    &cert_manager::CM_NO_COMMON_NAME,
    &cert_manager::CM_RSA_MSP,
    &cert_manager::CM_SUBPATH,
    &msp::CONFIG_MISSPELT,
    &msp::CONFIG_OU_CA,
    &msp::CONFIG_UNUSABLE,
    &channel::CONSENTER_KEY_CHANGED,
    &channel::CONSENTER_NOT_ON_DISK,
    &authority::CRL_EXPIRED,
    &authority::CRL_IGNORED,
    &authority::CRL_UNUSABLE,
    &names::CSR_SAN_NONE,
    &certificate::EKU_CLIENT_MISSING,
    &certificate::EKU_SERVER_MISSING,
    &tls::ENDPOINT_UNREACHABLE,
    &certificate::EXPIRED,
    &certificate::EXPIRING,
    &certificate::EXT_CRITICAL_UNKNOWN,
    &manifest::GATEWAY_PORT_MISMATCH,
    &manifest::GATEWAY_SESSION_AFFINITY,
    &manifest::GATEWAY_SINGLE_MEMBER,
    &audit::IGNORE_EXPIRED,
    &audit::IGNORE_STALE,
    &authority::INNER_CA_ISSUES,
    &audit::INPUT_SKIPPED,
    &audit::INPUT_UNREADABLE,
    &key::KEY_MISMATCH,
    &key::KEY_MISSING,
    &key::KEY_MODE,
    &key::KEY_UNFIT,
    &key::KEY_WEAK,
    &key::KEYSTORE_MANY,
    &certificate::KU_DIGITAL_SIGNATURE_MISSING,
    &manifest::KUBE_PROXY_MODE,
    &certificate::LEAF_IS_CA,
    &manifest::MANIFEST_REPEATED_KEY,
    &manifest::MANIFEST_TEMPLATE,
    &audit::MEMBER_STALE,
    &msp::MSP_EXTRA_BLOCK,
    &msp::MSP_FOLDER_EMPTY,
    &msp::MSP_KEY_OUTSIDE_KEYSTORE,
    &msp::MSP_LAYOUT,
    &msp::MSP_NOT_A_CERTIFICATE,
    &msp::MSP_NOT_PEM,
    &msp::MSP_STRAY_FILE,
    &msp::MSP_TLSCACERTS_MISSING,
    &authority::NAME_CONSTRAINTS,
    &manifest::NAMESPACE_UNKNOWN,
    &node_ou::NODEOU_AMBIGUOUS,
    &node_ou::NODEOU_CERTIFICATE_MISSING,
    &node_ou::NODEOU_DISABLED,
    &node_ou::NODEOU_MISSING,
    &node_ou::NODEOU_ROLE,
    &node_ou::NODEOU_WRONG_CA,
    &certificate::NOT_YET_VALID,
    &node_ou::OU_IDENTIFIER_UNMET,
    &certificate::OUTLIVES_CA,
    &manifest::OVERRIDE_HIDES_NAME,
    &authority::PATH_LENGTH,
    &manifest::RESTART_LOSES_IDENTITY,
    &chain::ROOT_MISMATCH,
    &authority::ROOT_NOT_SELF_SIGNED,
    &manifest::ROTATION_POLICY,
    &audit::RULE_CRASHED,
    &key::SAME_KEY_TWO_ROLES,
    &names::SAN_CN_ONLY,
    &names::SAN_DEAD_NAME,
    &names::SAN_DUPLICATE,
    &names::SAN_GATEWAY_MISSING,
    &names::SAN_IP_AS_DNS,
    &names::SAN_MALFORMED,
    &names::SAN_MISSING,
    &names::SAN_NONE,
    &names::SAN_ON_MSP_ONLY,
    &names::SAN_SHORT_ONLY,
    &names::SAN_WILDCARD,
    &manifest::SELECTOR_MATCHES_NOTHING,
    &certificate::SERIAL_ODD,
    &tls::SERVED_NOT_ON_DISK,
    &certificate::SIGNATURE_HIGH_S,
    &certificate::SIGNATURE_SHA1,
    &msp::SIGNCERTS_MANY,
    &key::SIGNING_KEY_PUBLIC,
    &tls::TLS_ANCHORS_UNUSABLE,
    &tls::TLS_CA_INVALID,
    &tls::TLS_FILE_MISSING,
    &tls::TLS_KEY_UNUSABLE,
    &tls::TLS_NOT_FROM_TLSCACERTS,
    &manifest::TLS_PASSTHROUGH_MISSING,
    &certificate::VALIDITY_INVERTED,
];

/// The rule with an id.
pub fn rule_by_id(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|r| r.id.cmp(id)).ok().map(|at| RULES[at])
}

/// The rule that reports one of Fabric's numbered refusals.
pub(crate) fn rule_of_refusal(number: u8) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.refusals.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
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
