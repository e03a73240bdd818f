//! The MSP has no TLS CA.

use super::check::{Check, Context};
use crate::audit::catalogue::MSP_TLSCACERTS_MISSING;
use std::path::Path;

use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{Location, Place, Subject};

pub(super) static CHECK: Check =
    Check { rule: &MSP_TLSCACERTS_MISSING, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let has = |place| subject.at(place).next().is_some();
    let misspelt = |name: &Path| name.as_os_str().eq_ignore_ascii_case("tlscacerts");
    if subject.msp.iter().flat_map(|facts| &facts.strangers).any(|s| misspelt(s)) {
        return;
    }
    // In the tree of an organisation, the channel gets the MSP of the organisation, not of a node or a user.
    let group = subject.path.parent().and_then(Path::parent).and_then(Path::file_name);
    if group.is_some_and(|g| ["peers", "orderers", "users"].iter().any(|name| g == *name)) {
        return;
    }
    // A folder without CAs is already refused for that reason.
    if has(Place::RootCa) && !has(Place::TlsRootCa) {
        let at = Location::whole(subject.path.as_path());
        findings
            .report(
                &MSP_TLSCACERTS_MISSING,
                &at,
                "the MSP has no TLS CA, so other organisations cannot trust the TLS certificates of this one",
            )
            .add();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, identity, msp_folder};
    use super::*;
    use crate::audit::model::subject::MspFacts;

    #[test]
    fn an_msp_without_a_tls_ca_is_found() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        let mut subject = msp_folder(&peer, &root);
        subject.certificates.retain(|c| c.place != Place::TlsRootCa);
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.path = "org1/users/user1/msp".into();
        assert!(found(&CHECK, &subject).is_empty(), "no channel gets the MSP of a user");
        subject.path = "org1/msp".into();
        assert_eq!(found(&CHECK, &subject).len(), 1);
        subject.msp.get_or_insert_default().strangers.push("TLScacerts".into());
        assert!(found(&CHECK, &subject).is_empty(), "msp-layout reports that");
        subject.msp = Some(MspFacts::default());
        let mut tls = subject.at(Place::RootCa).next().unwrap().clone();
        tls.place = Place::TlsRootCa;
        subject.certificates.push(tls);
        assert!(found(&CHECK, &subject).is_empty());
    }
}
