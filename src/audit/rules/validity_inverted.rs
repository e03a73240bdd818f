//! The certificate ends before it begins.

use super::check::{Check, Context};
use crate::audit::catalogue::VALIDITY_INVERTED;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check =
    Check { rule: &VALIDITY_INVERTED, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for held in &subject.certificates {
        let (begin, end) = (held.cert.not_before(), held.cert.not_after());
        if end < begin {
            findings
                .report(&VALIDITY_INVERTED, &held.at, format!("the certificate begins at {begin} and ends at {end}"))
                .subject(held.cert.subject())
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::audit::rules::fixture::{NOW, ca, found, server, tls_folder};
    use crate::audit::rules::{expired, not_yet_valid};

    #[test]
    fn no_other_rule_reports_such_a_certificate() {
        let root = ca("ca").self_signed();
        let mut spec = server("peer0", &["peer0"]);
        (spec.not_before, spec.not_after) =
            (Timestamp::from_unix(NOW.unix() + 9), Timestamp::from_unix(NOW.unix() - 9));
        let subject = tls_folder(&spec.issued_by(&root), &root);
        assert_eq!(found(&CHECK, &subject).len(), 1);
        assert_eq!(found(&expired::CHECK, &subject), []);
        assert_eq!(found(&not_yet_valid::CHECK, &subject), []);
        spec.not_after = spec.not_before;
        assert_eq!(found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)), [], "it is valid for a second");
        assert_eq!(found(&CHECK, &tls_folder(&server("peer0", &["peer0"]).issued_by(&root), &root)), []);
    }
}
