//! Only the short form of a Service name is in the certificate.

use std::collections::HashMap;

use super::check::{Check, Context};
use super::wanted;
use crate::audit::catalogue::SAN_SHORT_ONLY;
use crate::audit::model::expectation::NameSource;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject};
use crate::pki::name::{NameIndex, SanName};

pub(super) static CHECK: Check = Check {
    rule: &SAN_SHORT_ONLY,
    applies: |subject, context| {
        context.expectation.names.iter().any(|n| n.advised) && subject.certificates.iter().any(HeldCert::is_tls_leaf)
    },
    check,
};

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let names = &context.expectation.names;
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let index = NameIndex::new(held.cert.sans());
        let holds = |n: &SanName| index.holds(n) || index.matches_as_go(&n.to_string());
        let mut lacking: HashMap<&NameSource, Vec<&SanName>> = HashMap::new();
        for name in names.iter().filter(|n| n.advised && !holds(&n.name)) {
            lacking.entry(&name.source).or_default().push(&name.name);
        }
        for short in names.iter().filter(|n| !n.advised && holds(&n.name)) {
            let longer = lacking.get(&short.source).map(Vec::as_slice).unwrap_or_default();
            if longer.is_empty() {
                continue;
            }
            let remedy = wanted::command(subject, held.cert.sans(), longer.iter().copied());
            let longer: Vec<String> = longer.iter().map(ToString::to_string).collect();
            let message = format!("{} works only inside its namespace; missing: {}", short.name, longer.join(", "));
            findings
                .report(&SAN_SHORT_ONLY, &held.at, message)
                .subject(held.cert.subject())
                .names(longer)
                .remedy(remedy)
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::model::expectation::{ExpectedName, NameSource};
    use crate::audit::rules::fixture::{ca, expecting, found_expecting, server, tls_folder};

    #[test]
    fn longer_forms_that_are_not_held_are_a_note_when_the_short_one_is() {
        let root = ca("tlsca").self_signed();
        let mut expectation = expecting(&[], Some("gw"));
        let source = NameSource::GatewayService("gw".to_owned());
        let longer = |name: &str| ExpectedName { name: name.parse().unwrap(), source: source.clone(), advised: true };
        expectation.names.extend([longer("gw.ns"), longer("gw.ns.svc")]);
        let names = |sans: &[&str]| {
            let subject = tls_folder(&server("peer0", sans).issued_by(&root), &root);
            found_expecting(&CHECK, &subject, &expectation).into_iter().flat_map(|f| f.names).collect::<Vec<_>>()
        };
        assert_eq!(names(&["gw", "gw.ns"]), ["gw.ns.svc"]);
        assert!(names(&["gw", "gw.ns", "gw.ns.svc"]).is_empty());
        assert!(names(&["other"]).is_empty(), "san-gateway-missing reports that");
    }
}
