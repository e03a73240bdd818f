//! Routes of OpenShift.

use super::{Passthrough, Route};
use crate::manifests::backend::{Backend, PortRef};
use crate::manifests::document::Word;
use crate::text::yaml::Node;

impl Route {
    pub(super) fn openshift(&mut self, document: &Node) {
        let termination = document.text_at(&["spec", "tls", "termination"]);
        self.passthrough = match termination {
            Some("passthrough") => Passthrough::Yes,
            Some("reencrypt") => Passthrough::Reencrypted,
            _ => Passthrough::No,
        };
        let port = PortRef::of(document.find(&["spec", "port", "targetPort"]));
        let others = document.items_at(&["spec", "alternateBackends"]).iter();
        let backends = document.find(&["spec", "to"]).into_iter().chain(others).filter_map(Backend::reference);
        let backends = backends.map(|b| Backend { port: port.clone(), ..b }).collect();
        if let Some(host) = Word::at(document, &["spec", "host"]) {
            self.host(host, backends);
        }
    }
}
