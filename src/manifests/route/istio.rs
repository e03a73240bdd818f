//! Istio's virtual services.

use super::{Passthrough, Route};
use crate::manifests::backend::Backend;
use crate::manifests::document::Word;
use crate::text::yaml::Node;

impl Route {
    /// `tls` routes match SNI and pass TLS through; `http` routes need TLS to have ended.
    pub(super) fn istio(&mut self, document: &Node) {
        let hosts: Vec<Word> = Word::list(document, &["spec", "hosts"]).into_iter().filter(|h| h.text != "*").collect();
        self.gateways = Word::list(document, &["spec", "gateways"])
            .into_iter()
            .map(|g| g.text.rsplit('/').next().unwrap_or_default().to_owned())
            .filter(|g| g != "mesh")
            .collect();
        let backends = |rule: &Node| rule.items_at(&["route"]).iter().filter_map(Backend::of_istio).collect::<Vec<_>>();
        for rule in document.items_at(&["spec", "tls"]) {
            self.passthrough = Passthrough::Yes;
            let sni: Vec<Word> = rule.items_at(&["match"]).iter().flat_map(|m| Word::list(m, &["sniHosts"])).collect();
            let named = if sni.is_empty() { hosts.clone() } else { sni };
            self.hosts_or_gateways(named, backends(rule));
        }
        // Within the mesh nothing ends the TLS of the applications.
        if self.gateways.is_empty() {
            self.passthrough = Passthrough::Yes;
        }
        let is_outside = !self.gateways.is_empty();
        for part in ["tcp", "http"] {
            for rule in document.items_at(&["spec", part]) {
                if part == "http" && is_outside {
                    // A DestinationRule decides whether the gateway uses TLS to the pod.
                    self.passthrough = Passthrough::Reencrypted;
                }
                self.hosts_or_gateways(hosts.clone(), backends(rule));
            }
        }
    }
}
