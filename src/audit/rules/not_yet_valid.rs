//! The certificate is not valid yet.

use super::check::{Check, Context};
use crate::audit::catalogue::NOT_YET_VALID;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &NOT_YET_VALID, applies: |subject, _| !subject.certificates.is_empty(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.place != Place::SignCertExtra) {
        let begin = held.cert.not_before();
        if begin > context.now && begin <= held.cert.not_after() {
            findings
                .report(
                    &NOT_YET_VALID,
                    &held.at,
                    format!("the certificate is valid from {begin}; the time is {}", context.now),
                )
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

    #[test]
    fn a_certificate_counts_from_its_first_second() {
        let root = ca("ca").self_signed();
        let beginning = |seconds: i64| {
            let mut spec = server("peer0", &["peer0"]);
            spec.not_before = Timestamp::from_unix(NOW.unix() + seconds);
            found(&CHECK, &tls_folder(&spec.issued_by(&root), &root)).len()
        };
        assert_eq!((beginning(0), beginning(1)), (0, 1));
    }
}
