//! Routes of the Gateway API.

use super::{Passthrough, Route};
use crate::manifests::backend::Backend;
use crate::manifests::document::Word;
use crate::text::yaml::Node;

impl Route {
    pub(super) fn gateway_api(&mut self, document: &Node, kind: &str) {
        if matches!(kind, "HTTPRoute" | "GRPCRoute") {
            // A BackendTLSPolicy decides whether the gateway uses TLS to the pod.
            self.passthrough = Passthrough::Reencrypted;
        }
        let references =
            |rule: &Node| rule.items_at(&["backendRefs"]).iter().filter_map(Backend::reference).collect::<Vec<_>>();
        let backends: Vec<Backend> = document.items_at(&["spec", "rules"]).iter().flat_map(references).collect();
        let parents = document.items_at(&["spec", "parentRefs"]).iter();
        self.gateways = parents.filter_map(|p| p.text_at(&["name"])).map(str::to_owned).collect();
        self.hosts_or_gateways(Word::list(document, &["spec", "hostnames"]), backends);
    }
}
