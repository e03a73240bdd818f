//! Properties that every object has: kind, name, namespace, labels, annotations and position.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::document::Word;
use crate::text::yaml::Node;

/// Labels of an object, or the labels of a selector.
pub(crate) type Labels = BTreeMap<String, String>;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct At {
    /// The file, as reported.
    pub path: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl At {
    /// Another line of the same file.
    #[must_use]
    pub(crate) fn line(&self, line: usize) -> Self {
        Self { path: Arc::clone(&self.path), line }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// The properties that every object has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Kind, as written.
    pub(crate) kind: String,
    /// `metadata.name`, or the prefix in `metadata.generateName`.
    pub(crate) name: String,
    /// `metadata.namespace`, or the namespace inferred from linked objects (see [`super::Network`]).
    pub(crate) namespace: Option<String>,
    /// `metadata.labels`.
    pub(crate) labels: Labels,
    /// `metadata.annotations`.
    pub(crate) annotations: Vec<(String, Word)>,
    /// Where the object begins.
    pub(crate) at: At,
}

impl Meta {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let text = |keys: &[&str]| document.text_at(keys).map(str::to_owned);
        let annotation = |(key, value): &(Node, Node)| Some((key.text()?.to_owned(), Word::of(value)?));
        Self {
            kind: kind.to_owned(),
            name: text(&["metadata", "name"]).or_else(|| text(&["metadata", "generateName"])).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]).filter(|ns| !ns.is_empty()),
            labels: labels(document, &["metadata", "labels"]),
            annotations: document.entries_at(&["metadata", "annotations"]).iter().filter_map(annotation).collect(),
            at: At { path: Arc::clone(path), line: document.line },
        }
    }

    /// The value of an annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.iter().find(|(key, _)| key == name).map(|(_, word)| word.text.as_str())
    }

    /// Whether both have the same kind, name and namespace.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.namespace == other.namespace
    }

    /// Whether both may be in one namespace: an unknown namespace matches any.
    pub(crate) fn may_share_namespace(&self, other: &Self) -> bool {
        same_namespace(self.namespace.as_deref(), other.namespace.as_deref())
    }
}

/// Whether two namespaces may be the same: an unknown one matches any.
pub(super) fn same_namespace(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// The text values of a mapping.
pub(super) fn labels(node: &Node, path: &[&str]) -> Labels {
    let pair = |(key, value): &(Node, Node)| Some((key.text()?.to_owned(), value.text()?.to_owned()));
    node.entries_at(path).iter().filter_map(pair).collect()
}
