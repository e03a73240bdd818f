//! Values of documents with their lines.

use crate::text::yaml::Node;

/// A text and its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word {
    /// The text.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl Word {
    /// From a scalar that is not `null`.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let text = node.text().filter(|_| !node.is_null())?.trim();
        (!text.is_empty()).then(|| Self { text: text.to_owned(), line: node.line })
    }

    /// From the scalar below a path of keys.
    pub(super) fn at(node: &Node, path: &[&str]) -> Option<Self> {
        Self::of(node.find(path)?)
    }

    /// From each scalar in the list below a path of keys.
    pub(super) fn list(node: &Node, path: &[&str]) -> Vec<Self> {
        node.items_at(path).iter().filter_map(Self::of).collect()
    }
}

/// `true` as YAML 1.1 and 1.2 write it.
pub(super) fn is_true(node: Option<&Node>) -> bool {
    node.and_then(Node::text).is_some_and(|t| matches!(t, "true" | "True" | "TRUE" | "yes" | "on"))
}

/// A port number.
pub(super) fn port(node: Option<&Node>) -> Option<u16> {
    node?.text()?.parse().ok().filter(|port| *port > 0)
}
