//! A consenter is in no folder, while others of its organisation are.

use std::collections::BTreeMap;

use super::View;
use crate::audit::catalogue::CONSENTER_NOT_ON_DISK;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;
use crate::channel::PinnedAs;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // By channel and issuer: the consenters that are in a folder, and those that are not.
    let mut by_issuer: BTreeMap<_, (usize, Vec<String>)> = BTreeMap::new();
    for (file, consenter, pins) in view.consenters() {
        let Some(first) = pins.first() else { continue };
        let group = by_issuer.entry((file.path.as_path(), first.cert.issuer_raw())).or_default();
        // One with another key is reported by a rule of its own.
        let is_there = |name: &String| *name == consenter.host || Some(name.as_str()) == first.cert.common_name();
        let has_folder = view.nodes.iter().any(|node| {
            node.tls == (first.kind == PinnedAs::Tls)
                && (is_there(&node.common_name) || node.names.iter().any(is_there))
        });
        if has_folder || pins.iter().any(|pin| view.holder(pin).is_some()) {
            group.0 += 1;
        } else {
            group.1.push(consenter.address());
        }
    }
    for ((path, _), (held, missing)) in
        by_issuer.into_iter().filter(|(_, (held, missing))| *held > 0 && !missing.is_empty())
    {
        let message = format!(
            "no folder holds the certificate of {}; {held} other consenters of the same CA are in the audited folders",
            missing.join(", ")
        );
        findings.report(&CONSENTER_NOT_ON_DISK, &Location::whole(path), message).names(missing).add();
    }
}
