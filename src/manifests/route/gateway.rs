//! Gateways: where the traffic of routes comes in.

use std::path::Path;
use std::sync::Arc;

use super::Passthrough;
use crate::manifests::document::Word;
use crate::manifests::meta::Meta;
use crate::text::yaml::Node;

/// A gateway: its hosts apply to routes without hosts of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// Kind, name, namespace, place.
    pub(crate) meta: Meta,
    /// The hosts of its listeners.
    pub(crate) hosts: Vec<Word>,
    /// Whether its listeners pass TLS through.
    pub(crate) passthrough: Passthrough,
}

impl Gateway {
    /// Reads a gateway of the Gateway API (`listeners`) or of Istio (`servers`).
    pub(in crate::manifests) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let meta = Meta::read(document, kind, path);
        let (mut hosts, mut modes) = (Vec::new(), Vec::new());
        for listener in document.items_at(&["spec", "listeners"]) {
            hosts.extend(Word::at(listener, &["hostname"]));
            modes.extend(listener.text_at(&["tls", "mode"]));
        }
        for server in document.items_at(&["spec", "servers"]) {
            let bare = |w: Word| Word { text: w.text.rsplit('/').next().unwrap_or_default().to_owned(), ..w };
            hosts.extend(Word::list(server, &["hosts"]).into_iter().map(bare).filter(|h| h.text != "*"));
            modes.extend(server.text_at(&["tls", "mode"]));
        }
        let is = |mode: &&str, wanted: &str| mode.eq_ignore_ascii_case(wanted);
        let passthrough = if modes.is_empty() {
            Passthrough::Elsewhere
        } else if modes.iter().all(|m| is(m, "passthrough")) {
            Passthrough::Yes
        } else if modes.iter().any(|m| is(m, "passthrough")) {
            Passthrough::Elsewhere
        } else {
            Passthrough::Reencrypted
        };
        Self { meta, hosts, passthrough }
    }
}
