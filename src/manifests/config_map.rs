//! ConfigMaps: the environment of nodes, dialled hosts and connection profiles.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use super::endpoint::endpoints;
use super::fabric::is_own_address;
use super::meta::Meta;
use super::profile::Profile;
use super::secret::pem;
use crate::text::yaml::Node;

/// Longer values are files, not variables of a node.
const LONGEST_VARIABLE: usize = 4096;

/// A `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigMap {
    /// Name, namespace, place.
    pub(crate) meta: Meta,
    /// Its short values of one line, by key.
    pub(crate) variables: Vec<(String, Word)>,
    /// The files in it that contain certificates (PEM, one or many), by key.
    pub(crate) certificates: Vec<(String, String)>,
    /// The hosts that its values dial.
    pub(crate) dialled: Vec<Dialled>,
    /// The connection profiles in it.
    pub(crate) profiles: Vec<Profile>,
}

/// A host in a value of a `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialled {
    /// The key.
    pub(crate) key: String,
    /// The host and its line.
    pub(crate) host: Word,
    /// The port, if given.
    pub(crate) port: Option<u16>,
}

impl ConfigMap {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let meta = Meta::read(document, kind, path);
        let (mut variables, mut certificates, mut profiles) = (Vec::new(), Vec::new(), Vec::new());
        let mut dialled: Vec<Dialled> = Vec::new();
        let mut known: HashSet<(String, String, Option<u16>)> = HashSet::new();
        for (key, value) in document.entries_at(&["data"]) {
            let (Some(key), Some(text)) = (key.text(), value.text()) else { continue };
            profiles.extend(Profile::inside(value, &meta.at));
            if !is_own_address(key) {
                for (host, port, index) in endpoints(text) {
                    if known.insert((key.to_owned(), host.clone(), port)) {
                        dialled.push(Dialled {
                            key: key.to_owned(),
                            host: Word { text: host, line: value.line + index },
                            port,
                        });
                    }
                }
            }
            if text.contains("-----BEGIN CERTIFICATE-----") {
                certificates.extend(pem(text).map(|pem| (key.to_owned(), pem)));
            } else if !text.trim().contains('\n') && text.len() <= LONGEST_VARIABLE {
                variables.push((key.to_owned(), Word { text: text.trim().to_owned(), line: value.line }));
            }
        }
        Self { meta, variables, certificates, dialled, profiles }
    }
}
