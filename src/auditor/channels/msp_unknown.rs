//! No MSP of a channel has a root of the folder.

use super::{Known, Node};
use crate::audit::catalogue::CHANNEL_MSP_UNKNOWN;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;

pub(super) fn check(node: &Node, known: &Known, findings: &mut Findings) {
    let is_known = node.authorities.iter().any(|ca| known.roots.contains(ca));
    if node.tls || node.authorities.is_empty() || known.roots.is_empty() || is_known {
        return;
    }
    let message = "no MSP in the channel configurations of this audit has a root CA of this folder: the channel refuses the identity";
    findings.report(&CHANNEL_MSP_UNKNOWN, &Location::whole(node.path.as_path()), message).add();
}
