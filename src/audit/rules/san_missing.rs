//! A name that clients dial is not in the TLS certificate.

use super::check::Check;
use super::wanted;
use crate::audit::catalogue::SAN_MISSING;

pub(super) static CHECK: Check = Check {
    rule: &SAN_MISSING,
    applies: wanted::applies,
    check: |subject, context, findings| wanted::report(&SAN_MISSING, false, subject, context, findings),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, server, tls_folder};

    #[test]
    fn a_name_that_is_not_held_is_named_with_the_command_that_keeps_the_others() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0", "*.fabric.svc"]).issued_by(&root), &root);
        let findings = found_expecting(&CHECK, &subject, &expecting(&["peer1", "a.fabric.svc", "PEER0"], Some("gw")));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].names, ["peer1"]);
        assert_eq!(
            findings[0].message,
            "the certificate lacks peer1 (--expect-san): clients that dial it fail, in Go, Node and Java alike"
        );
        let command = "fabcert enroll --san peer1,gw --tls-dir x ";
        assert!(findings[0].remedy.starts_with(command), "{}", findings[0].remedy);
    }

    #[test]
    fn a_name_only_in_the_cn_fails_only_in_go() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &[]).issued_by(&root), &root);
        let findings = found_expecting(&CHECK, &subject, &expecting(&["peer0"], None));
        assert!(findings[0].message.contains("Go clients refuse it"), "{}", findings[0].message);
        let findings = found_expecting(&CHECK, &subject, &expecting(&["peer1"], None));
        assert!(findings[0].message.contains("in Go, Node and Java alike"), "{}", findings[0].message);
    }

    #[test]
    fn held_names_give_nothing() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0", "*.ns.svc"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&CHECK, &subject, &expecting(&["peer0", "a.ns.svc"], Some("gw"))), []);
    }

    #[test]
    fn a_wildcard_inside_a_label_matches_in_node_and_java_only() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["aba*ba.ns", "peer0:7051"]).issued_by(&root), &root);
        for (name, is_matched) in [("abaxba.ns", true), ("ababa.ns", true), ("aba.ns", false), ("abaxba.other", false)]
        {
            let findings = found_expecting(&CHECK, &subject, &expecting(&[name], None));
            assert_eq!(findings[0].message.contains("match a wildcard inside a label"), is_matched, "{name}");
            assert!(!findings[0].remedy.contains("7051"), "what no certificate may hold is not requested again");
        }
    }
}
