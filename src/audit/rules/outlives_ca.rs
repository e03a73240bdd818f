//! A certificate expires after the CA that issued it.

use super::check::{Check, Context};
use crate::audit::catalogue::OUTLIVES_CA;
use crate::audit::model::finding::Findings;
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::Subject;

/// Tolerance in seconds for tools that date a CA and its certificates one after the other: cryptogen rounds to minutes.
const GRACE: i64 = 3600;

pub(super) static CHECK: Check =
    Check { rule: &OUTLIVES_CA, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked() {
        let Issuer::Held(at) = issuer else { continue };
        let (own, ca) = (held.cert.not_after(), subject.certificates[at].cert.not_after());
        if own.seconds_since(ca) > GRACE {
            let message = format!("it expires at {own}, after its CA at {ca}");
            findings.report(&OUTLIVES_CA, &held.at, message).subject(held.cert.subject()).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, server, tls_folder};
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_leaf_that_ends_after_its_root_is_found() {
        let root = ca("root").self_signed();
        let mut spec = server("peer1", &["peer1"]);
        assert!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        for (after, count) in [(60, 0), (GRACE, 0), (GRACE + 1, 1)] {
            spec.not_after = Timestamp::from_unix(root.cert.not_after().unix() + after);
            assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len(), count, "{after}");
        }
    }
}
