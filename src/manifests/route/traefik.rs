//! Traefik's TCP routes.

use super::{Passthrough, Route};
use crate::manifests::backend::Backend;
use crate::manifests::document::{Word, is_true};
use crate::text::yaml::Node;

impl Route {
    pub(super) fn traefik(&mut self, document: &Node) {
        let through = is_true(document.find(&["spec", "tls", "passthrough"]));
        self.passthrough = if through { Passthrough::Yes } else { Passthrough::No };
        for rule in document.items_at(&["spec", "routes"]) {
            let backends: Vec<Backend> = rule.items_at(&["services"]).iter().filter_map(Backend::reference).collect();
            let Some(matches) = Word::at(rule, &["match"]) else { continue };
            // HostSNI(`a`) || HostSNI(`b`)
            for host in matches.text.split("HostSNI(`").skip(1).filter_map(|t| t.split('`').next()) {
                if host != "*" {
                    self.host(Word { text: host.to_owned(), line: matches.line }, backends.clone());
                }
            }
        }
    }
}
