//! For which certificates a node was restarted.

use serde::{Deserialize, Serialize};

use super::memory::Fingerprints;
use crate::Timestamp;

/// One restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restarted {
    /// What the node was restarted for.
    pub(super) certificates: Fingerprints,
    /// What it had before.
    pub(super) replaced: Fingerprints,
    /// When it was about to begin.
    pub(super) at: Timestamp,
    /// What the restart changes, as it was before.
    pub(super) mark: String,
    /// Whether it was asked for, and that was accepted: it is not asked for again.
    pub(super) is_asked: bool,
}
