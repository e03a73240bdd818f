//! A revocation list is past its next update.

use super::check::{Check, Context};
use crate::audit::catalogue::CRL_EXPIRED;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check = Check { rule: &CRL_EXPIRED, applies: |subject, _| !subject.crls.is_empty(), check };

fn check(subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in &subject.crls {
        if let Some(due) = held.crl.next_update().filter(|due| *due < context.now) {
            findings
                .report(&CRL_EXPIRED, &held.at, format!("the next list of \"{}\" was due {due}", held.crl.issuer()))
                .add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::crl_ignored::tests::{list, with_crl};
    use super::super::fixture::{ca, found, found_under, identity, msp_folder};
    use super::*;
    use crate::Timestamp;
    use crate::audit::model::expectation::Expectation;
    use crate::msp::ChannelRules;

    #[test]
    fn a_list_is_good_until_its_next_update() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        for (month, count) in [(11, 1), (12, 0)] {
            let subject = with_crl(msp_folder(&peer, &root), list("root", &root, 7, month));
            assert_eq!(found(&CHECK, &subject).len(), count, "due in month {month}");
        }
    }

    #[test]
    fn the_second_of_the_next_update_still_counts() {
        let root = ca("root").self_signed();
        let list = list("root", &root, 7, 12);
        let due = list.next_update().expect("a time");
        let subject = with_crl(msp_folder(&identity("peer1").issued_by(&root), &root), list);
        for (now, count) in [(due, 0), (Timestamp::from_unix(due.unix() + 1), 1)] {
            let context = Context { now, expectation: &Expectation::default(), channel_rules: ChannelRules::V3_0 };
            assert_eq!(found_under(&CHECK, &subject, &context).len(), count, "{now}");
        }
    }
}
