//! A private key can be read by others.

use super::check::{Check, Context};
use crate::audit::catalogue::KEY_MODE;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Subject;

pub(super) static CHECK: Check = Check { rule: &KEY_MODE, applies: |subject, _| !subject.keys.is_empty(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    for key in &subject.keys {
        let Some(mode) = key.mode else { continue };
        if mode & 0o027 != 0 {
            let message = format!("the mode of this private key is {mode:04o}; expected at most 0640");
            findings.report(&KEY_MODE, &key.at, message).remedy(format!("chmod 0600 {}", key.at.path.display())).add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ca, found, held_key, identity, msp_folder};
    use super::*;

    #[test]
    fn modes_for_the_world_are_found_and_modes_for_owner_and_group_are_not() {
        let root = ca("root").self_signed();
        let peer = identity("peer1").issued_by(&root);
        for (mode, count) in [(0o600, 0), (0o400, 0), (0o640, 0), (0o440, 0), (0o644, 1), (0o660, 1), (0o777, 1)] {
            let mut subject = msp_folder(&peer, &root);
            let mut key = held_key("msp/keystore/a_sk", &peer.key);
            key.mode = Some(mode);
            subject.keys = vec![key];
            assert_eq!(found(&CHECK, &subject).len(), count, "{mode:o}");
        }
    }
}
