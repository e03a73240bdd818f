//! An agent that replaces its pod, and with it the `emptyDir` that holds the identity.

use std::collections::BTreeMap;

use crate::audit::catalogue::RESTART_LOSES_IDENTITY;
use crate::audit::model::finding::Findings;
use crate::coverage::check::Check;
use crate::coverage::covered::Covered;
use crate::coverage::place::location;

pub(super) static CHECK: Check = Check { rule: &RESTART_LOSES_IDENTITY, check };

fn check(covered: &Covered, findings: &mut Findings) {
    for workload in &covered.network.workloads {
        let mut by_container: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for lost in workload.lost_folders() {
            by_container.entry(lost.container.clone()).or_default().push(lost);
        }
        for lost in by_container.values() {
            let Some(first) = lost.first() else { continue };
            let folders = lost.iter().map(|one| one.folder.as_str()).collect::<Vec<_>>().join(" and ");
            let message = format!(
                "the container {} restarts the node by --restart {}, which replaces the pod, and {folders} {} on the emptyDir {}",
                first.container,
                first.how,
                if lost.len() == 1 { "is" } else { "are" },
                first.volume
            );
            let at = location(&workload.meta.at.line(first.line));
            findings.report(&RESTART_LOSES_IDENTITY, &at, message).subject(&workload.meta.to_string()).add();
        }
    }
}
