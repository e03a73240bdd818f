//! The checks of one subject, one file each. The texts of the rules are in [`super::catalogue`].

mod aki_mismatch;
mod attrs_invalid;
mod ca_constraints;
mod ca_key_cert_sign;
mod ca_ski_missing;
mod cert_revoked;
mod chain_broken;
mod chain_incomplete;
mod chain_wrong_folder;
pub(crate) mod check;
mod config_misspelt;
mod crl_expired;
mod crl_ignored;
mod csr_san_none;
mod eku_client_missing;
mod eku_server_missing;
mod expired;
mod expiring;
mod ext_critical_unknown;
#[cfg(test)]
mod fixture;
mod input_skipped;
mod input_unreadable;
mod key_mismatch;
mod key_mode;
mod key_unfit;
mod key_weak;
mod keystore_many;
mod ku_digital_signature_missing;
mod leaf_is_ca;
mod manifest_repeated_key;
mod manifest_template;
mod msp_extra_block;
mod msp_key_outside_keystore;
mod msp_layout;
mod msp_not_pem;
mod msp_stray_file;
mod msp_tlscacerts_missing;
mod nodeou_certificate_missing;
mod nodeou_disabled;
mod nodeou_missing;
mod nodeou_role;
mod not_yet_valid;
mod outlives_ca;
mod paste;
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
mod serial_odd;
mod signature_high_s;
mod signature_sha1;
mod signcerts_many;
mod tls_not_from_tlscacerts;
mod validity_inverted;
mod wanted;

use std::panic::{AssertUnwindSafe, catch_unwind};

use check::{Check, Context};

use super::catalogue::RULE_CRASHED;
use super::model::finding::Findings;
use super::model::subject::Subject;

/// Every check, sorted by the ids of their rules.
pub(crate) static CHECKS: &[&Check] = &[
    &aki_mismatch::CHECK,
    &attrs_invalid::CHECK,
    &ca_constraints::CHECK,
    &ca_key_cert_sign::CHECK,
    &ca_ski_missing::CHECK,
    &cert_revoked::CHECK,
    &chain_broken::CHECK,
    &chain_incomplete::CHECK,
    &chain_wrong_folder::CHECK,
    &config_misspelt::CHECK,
    &crl_expired::CHECK,
    &crl_ignored::CHECK,
    &csr_san_none::CHECK,
    &eku_client_missing::CHECK,
    &eku_server_missing::CHECK,
    &expired::CHECK,
    &expiring::CHECK,
    &ext_critical_unknown::CHECK,
    &input_skipped::CHECK,
    &input_unreadable::CHECK,
    &key_mismatch::CHECK,
    &key_mode::CHECK,
    &key_unfit::CHECK,
    &key_weak::CHECK,
    &keystore_many::CHECK,
    &ku_digital_signature_missing::CHECK,
    &leaf_is_ca::CHECK,
    &manifest_repeated_key::CHECK,
    &manifest_template::CHECK,
    &msp_extra_block::CHECK,
    &msp_key_outside_keystore::CHECK,
    &msp_layout::CHECK,
    &msp_not_pem::CHECK,
    &msp_stray_file::CHECK,
    &msp_tlscacerts_missing::CHECK,
    &nodeou_certificate_missing::CHECK,
    &nodeou_disabled::CHECK,
    &nodeou_missing::CHECK,
    &nodeou_role::CHECK,
    &not_yet_valid::CHECK,
    &outlives_ca::CHECK,
    &san_cn_only::CHECK,
    &san_duplicate::CHECK,
    &san_gateway_missing::CHECK,
    &san_ip_as_dns::CHECK,
    &san_malformed::CHECK,
    &san_missing::CHECK,
    &san_none::CHECK,
    &san_on_msp_only::CHECK,
    &san_short_only::CHECK,
    &san_wildcard::CHECK,
    &serial_odd::CHECK,
    &signature_high_s::CHECK,
    &signature_sha1::CHECK,
    &signcerts_many::CHECK,
    &tls_not_from_tlscacerts::CHECK,
    &validity_inverted::CHECK,
];

/// Runs checks over a subject that was judged. A check that panics becomes a finding, and the others go on.
pub(crate) fn check(checks: &[&Check], subject: &Subject, context: &Context<'_>) -> Findings {
    let mut findings = Findings::new();
    for check in checks {
        let looked = catch_unwind(AssertUnwindSafe(|| {
            if (check.applies)(subject, context) {
                (check.check)(subject, context, &mut findings);
            }
        }));
        if looked.is_err() {
            let message = format!("the check of the rule {} failed on this subject", check.rule.id);
            findings.report(&RULE_CRASHED, &subject.location(), message).add();
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::audit::catalogue::{BASELINE_STALE, IGNORE_STALE};
    use crate::audit::model::expectation::Expectation;
    use crate::audit::model::subject::SubjectKind;
    use crate::msp::ChannelRules;

    static PANICS: Check = Check {
        rule: &BASELINE_STALE,
        applies: |_, _| true,
        check: |subject, _, findings| {
            findings.report(&BASELINE_STALE, &subject.location(), "before").add();
            panic!("a bug");
        },
    };

    static SPEAKS: Check = Check {
        rule: &IGNORE_STALE,
        applies: |_, _| true,
        check: |subject, _, findings| findings.report(&IGNORE_STALE, &subject.location(), "here").add(),
    };

    #[test]
    fn a_rule_that_panics_becomes_a_finding_and_the_others_go_on() {
        let subject = Subject::new(SubjectKind::Certificate, "x.pem");
        let expectation = Expectation::default();
        let now = Timestamp::from_unix(0);
        let context = Context { now, expectation: &expectation, channel_rules: ChannelRules::V3_0 };
        let found = check(&[&PANICS, &SPEAKS], &subject, &context).into_vec();
        let found: Vec<(&str, &str)> = found.iter().map(|f| (f.rule, f.message.as_str())).collect();
        assert_eq!(
            found,
            [
                ("baseline-stale", "before"),
                ("rule-crashed", "the check of the rule baseline-stale failed on this subject"),
                ("ignore-stale", "here")
            ]
        );
    }
}
