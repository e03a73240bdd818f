//! What live endpoints served, as data: whoever dials them gives it to the audit.

use super::gateway::Gateway;
use crate::audit::input::ServedUnit;

/// What live endpoints served.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Endpoints {
    /// The certificates that were served.
    pub served: Vec<ServedUnit>,
    /// The endpoints (`HOST:PORT`) that did not answer, each with the reason.
    pub unreachable: Vec<(String, String)>,
    /// The gateways whose members are among them.
    pub gateways: Vec<Gateway>,
}

impl Endpoints {
    /// Whether no endpoint was dialled.
    pub fn is_empty(&self) -> bool {
        self.served.is_empty() && self.unreachable.is_empty()
    }
}
