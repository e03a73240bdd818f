//! A gateway Service's name is not in the TLS certificate of a peer behind it.

use super::{member_names, wanted};
use crate::audit::catalogue::rule::{Confidence, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::coverage::Covered;
use crate::manifests::Need;

pub(super) static RULE: Rule = Rule {
    id: "san-gateway-missing",
    title: "TLS certificate of a member lacks the gateway Service's name",
    rationale: "Clients dial the Service by its name and reach any of its members. Each member that lacks the name refuses its \
                share of the connections, at random, and all of them after a failover to it.",
    remedy: "enrol again with every name: fabcert enroll --force --gateway-service SERVICE with the flags of the last enrolment",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[
        Source::Rfc { number: 9525, section: "6.3" },
        Source::Go { package: "crypto/x509", item: "Certificate.VerifyHostname" },
    ],
    refusals: &[],
    applies: wanted::applies,
    check: |subject, context, findings| wanted::report(&RULE, true, subject, context, findings),
};

/// The names that manifests lead to each node by: those that something dials or routes.
pub(crate) fn over(covered: &Covered, findings: &mut Findings) {
    member_names::report(&RULE, Need::Required, covered, findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, server, tls_folder};

    #[test]
    fn a_member_without_the_services_name_is_an_error_with_that_name() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root);
        let findings = found_expecting(&RULE, &subject, &expecting(&["peer1"], Some("org1-peer-gateway-svc")));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].names, ["org1-peer-gateway-svc"]);
        assert_eq!(findings[0].severity, Severity::Error);
    }

    #[test]
    fn a_member_that_holds_it_gives_nothing() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["Org1-Peer-Gateway-Svc"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&RULE, &subject, &expecting(&[], Some("org1-peer-gateway-svc"))), []);
    }
}
