//! A value of a YAML file with its line and column.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1, in characters.
    pub(crate) column: usize,
    /// Whether it is a list or a mapping in brackets.
    pub(crate) is_flow: bool,
    /// The value.
    pub(crate) value: Value,
}

/// The content of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text as written, and whether it is unquoted, so that it may mean a number, a date or `null`.
    Scalar {
        /// The text, escapes resolved.
        text: String,
        /// Whether it is unquoted.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with their values, in the order of the file.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is `null`, `~` or empty.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// The value below a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of the scalar below a path of keys; `None` when it is `null`.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.find(path).filter(|node| !node.is_null())?.text()
    }

    /// The items of the list below a path of keys; empty when there is no list.
    pub(crate) fn items_at(&self, path: &[&str]) -> &[Self] {
        self.find(path).and_then(Self::items).unwrap_or_default()
    }

    /// The entries of the mapping below a path of keys; empty when there is no mapping.
    pub(crate) fn entries_at(&self, path: &[&str]) -> &[(Self, Self)] {
        self.find(path).and_then(Self::entries).unwrap_or_default()
    }

    /// Moves the value and its content down by `lines`.
    pub(crate) fn move_down(&mut self, lines: usize) {
        self.line += lines;
        match &mut self.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Value::Mapping(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.move_down(lines);
                value.move_down(lines);
            }),
        }
    }

    /// The kind of the value, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}
