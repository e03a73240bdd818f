//! Ingress, and the annotations that decide whether its controller passes TLS through.

use super::{Passthrough, Route};
use crate::manifests::backend::Backend;
use crate::manifests::document::Word;
use crate::text::yaml::Node;

/// Annotations that make ingress controllers pass TLS through.
const PASSTHROUGH: [&str; 4] = [
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "ingress.kubernetes.io/ssl-passthrough",
    "haproxy.org/ssl-passthrough",
    "haproxy-ingress.github.io/ssl-passthrough",
];

impl Route {
    pub(super) fn ingress(&mut self, document: &Node) {
        // The controllers read the value as Go's strconv.ParseBool does.
        let is_on = |value: &str| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
        let through = PASSTHROUGH.iter().any(|name| self.meta.annotation(name).is_some_and(is_on));
        let is_tls_behind = |(key, value): &(String, Word)| {
            key.ends_with("/backend-protocol") && matches!(value.text.to_ascii_uppercase().as_str(), "GRPCS" | "HTTPS")
        };
        self.passthrough = if through {
            Passthrough::Yes
        } else if self.meta.annotations.iter().any(is_tls_behind) {
            Passthrough::Reencrypted
        } else {
            Passthrough::No
        };
        for rule in document.items_at(&["spec", "rules"]) {
            let paths = rule.items_at(&["http", "paths"]).iter();
            let backends: Vec<Backend> = paths.filter_map(|p| Backend::of_ingress(p.get("backend")?)).collect();
            match Word::at(rule, &["host"]) {
                Some(host) => self.host(host, backends),
                None => self.hostless.extend(backends),
            }
        }
        let default = document.find(&["spec", "defaultBackend"]).or_else(|| document.find(&["spec", "backend"]));
        self.hostless.extend(default.and_then(Backend::of_ingress));
    }
}
