//! kube-proxy: how it balances connections to a Service.

use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use super::meta::At;
use crate::text::yaml::Node;

/// The configuration of kube-proxy, or a KIND cluster that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KubeProxy {
    /// Its position.
    pub(crate) at: At,
    /// `iptables`, `ipvs`, `nftables` or `none`, if given.
    pub(crate) mode: Option<Word>,
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
