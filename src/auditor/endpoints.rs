//! The result of dialling live endpoints, as data for the run.

use super::gateway::Gateway;
use crate::audit::input::ServedUnit;

/// The result of dialling live endpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    /// The served certificates.
    pub(crate) served: Vec<ServedUnit>,
    /// The endpoints (`HOST:PORT`) that did not answer, each with the reason.
    pub(crate) unreachable: Vec<(String, String)>,
    /// The endpoints that ended the connection because the client has no certificate.
    pub(crate) want_client: Vec<String>,
    /// The gateways with dialled members.
    pub(crate) gateways: Vec<Gateway>,
}

impl Endpoints {
    /// Whether no endpoint was dialled.
    pub(crate) fn is_empty(&self) -> bool {
        self.served.is_empty() && self.unreachable.is_empty()
    }
}
