//! A certificate ends after the CA that issued it.

use crate::audit::catalogue::rule::{Confidence, Context, Rule, Source};
use crate::audit::model::finding::{Findings, Severity};
use crate::audit::model::links::Issuer;
use crate::audit::model::subject::Subject;

/// Seconds by which tools differ that date a CA and its certificates one after the other: cryptogen rounds to minutes.
const GRACE: i64 = 3600;

pub(super) static RULE: Rule = Rule {
    id: "outlives-ca",
    title: "certificate outlives the CA that issued it",
    rationale: "TLS clients judge every certificate of the path by today's date: when the CA ends, \
                everything below it ends with it, whatever is written there.",
    remedy: "renew the CA first, then the certificate",
    severity: Severity::Warning,
    confidence: Confidence::Certain,
    sources: &[Source::Rfc { number: 5280, section: "6.1.3" }],
    refusals: &[],
    applies: |subject, _| !subject.certificates.is_empty(),
    check,
};

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for (held, issuer) in subject.linked() {
        let Issuer::Held(at) = issuer else { continue };
        let (own, ca) = (held.cert.not_after(), subject.certificates[at].cert.not_after());
        if own.seconds_since(ca) > GRACE {
            let message = format!("it ends at {own}, and its CA already at {ca}");
            findings.report(&RULE, &held.at, message).subject(held.cert.subject()).add();
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
        assert!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).is_empty());
        for (after, count) in [(60, 0), (GRACE, 0), (GRACE + 1, 1)] {
            spec.not_after = Timestamp::from_unix(root.cert.not_after().unix() + after);
            assert_eq!(found(&RULE, &tls_folder(&spec.issued_by(&root), &root)).len(), count, "{after}");
        }
    }
}
