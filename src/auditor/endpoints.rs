//! The result of dialling live endpoints, as data: the caller dials them and passes the result to the audit.

use super::gateway::Gateway;
use crate::audit::input::ServedUnit;

/// The result of dialling live endpoints.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Endpoints {
    /// The served certificates.
    pub served: Vec<ServedUnit>,
    /// The endpoints (`HOST:PORT`) that did not answer, each with the reason.
    pub unreachable: Vec<(String, String)>,
    /// The gateways with dialled members.
    pub gateways: Vec<Gateway>,
}

impl Endpoints {
    /// Whether no endpoint was dialled.
    pub fn is_empty(&self) -> bool {
        self.served.is_empty() && self.unreachable.is_empty()
    }
}
