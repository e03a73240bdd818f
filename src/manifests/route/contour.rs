//! Contour's proxies.

use super::{Passthrough, Route};
use crate::manifests::backend::Backend;
use crate::manifests::document::{Word, is_true};
use crate::text::yaml::Node;

impl Route {
    /// `tcpproxy` passes TLS through if configured to; otherwise it ends TLS and connects to the pod with TCP or TLS.
    pub(super) fn contour(&mut self, document: &Node) {
        let at = |path: &[&str]| document.find(path);
        self.passthrough = if is_true(at(&["spec", "virtualhost", "tls", "passthrough"])) {
            Passthrough::Yes
        } else {
            Passthrough::Reencrypted
        };
        let Some(host) = Word::at(document, &["spec", "virtualhost", "fqdn"]) else { return };
        let routes = document.items_at(&["spec", "routes"]).iter().flat_map(|r| r.items_at(&["services"]));
        let services = document.items_at(&["spec", "tcpproxy", "services"]).iter().chain(routes);
        self.host(host, services.filter_map(Backend::reference).collect());
    }
}
