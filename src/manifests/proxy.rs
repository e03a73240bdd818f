//! kube-proxy: how connections to a Service are spread.

use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use super::meta::At;
use crate::text::yaml::Node;

/// A KIND cluster, or the configuration of kube-proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeProxy {
    /// Where it stands.
    pub at: At,
    /// `iptables`, `ipvs`, `nftables`, `none`; the default when nothing is written.
    pub mode: Option<Word>,
}

impl KubeProxy {
    pub(super) fn read(document: &Node, api_version: &str, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let mode = match kind {
            "Cluster" if api_version.starts_with("kind.x-k8s.io/") => {
                Word::at(document, &["networking", "kubeProxyMode"])
            }
            "KubeProxyConfiguration" => Word::at(document, &["mode"]),
            _ => return None,
        };
        Some(Self { at: At { path: Arc::clone(path), line: document.line }, mode })
    }
}
