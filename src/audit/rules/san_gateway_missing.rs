//! The name of a gateway Service is not in the TLS certificate of a peer behind it.

use super::check::Check;
use super::wanted;
use crate::audit::catalogue::SAN_GATEWAY_MISSING;

pub(super) static CHECK: Check = Check {
    rule: &SAN_GATEWAY_MISSING,
    applies: wanted::applies,
    check: |subject, context, findings| wanted::report(&SAN_GATEWAY_MISSING, true, subject, context, findings),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::catalogue::Severity;
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, server, tls_folder};

    #[test]
    fn a_member_without_the_services_name_is_an_error_with_that_name() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root);
        let findings = found_expecting(&CHECK, &subject, &expecting(&["peer1"], Some("org1-peer-gateway-svc")));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].names, ["org1-peer-gateway-svc"]);
        assert_eq!(findings[0].severity, Severity::Error);
    }

    #[test]
    fn a_member_that_holds_it_gives_nothing() {
        let root = ca("tlsca").self_signed();
        let subject = tls_folder(&server("peer0", &["Org1-Peer-Gateway-Svc"]).issued_by(&root), &root);
        assert_eq!(found_expecting(&CHECK, &subject, &expecting(&[], Some("org1-peer-gateway-svc"))), []);
    }
}
