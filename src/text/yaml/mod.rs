//! YAML with positions: every value has its line, so that a finding can point at it.
//!
//! Aliases are copied, within a limit, so that a file of a few lines cannot become a tree of millions of values. The
//! merge key `<<` works as in kubectl and Helm: it adds the entries of another mapping that are not written.

mod node;
mod scalar;

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

pub(crate) use node::{Node, Value};
pub(crate) use scalar::{double_quoted, scalar};

/// Deeper files are refused.
const DEEPEST: usize = 100;
/// Values in one stream of documents, copies of anchors included.
const MOST: usize = 2_000_000;
/// The highest number of repeated keys in a stream.
const MOST_REPEATED: usize = 1000;

/// A file that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct YamlError {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The reason.
    pub(crate) reason: String,
}

/// Parses the documents of a stream.
///
/// # Errors
/// When the text is not YAML, a mapping repeats a key, or the text is too deep or too large.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let stream = stream(text)?;
    match stream.repeated.into_iter().next() {
        Some(Repeated { line, key }) => Err(YamlError { line, reason: format!("the key \"{key}\" appears twice") }),
        None => Ok(stream.documents),
    }
}

/// Parses the documents of a stream; the last value of a repeated key counts.
///
/// # Errors
/// When the text is not YAML, or is too deep or too large.
pub(crate) fn stream(text: &str) -> Result<Stream, YamlError> {
    let mut builder = Builder {
        stream: Stream::default(),
        rest: text.chars(),
        passed: 0,
        open: Vec::new(),
        anchors: HashMap::new(),
        count: 0,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| YamlError { line: e.marker().line(), reason: e.info().to_owned() })?;
        builder.take(event, span)?;
    }
    Ok(builder.stream)
}

/// Documents, and their repeated keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The documents.
    pub(crate) documents: Vec<Node>,
    /// Repeated keys, at their later lines.
    pub(crate) repeated: Vec<Repeated>,
}

/// A key that appears twice in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The line of the later key, from 1.
    pub(crate) line: usize,
    /// The key.
    pub(crate) key: String,
}

struct Builder<'a> {
    stream: Stream,
    /// The text that is not scanned yet, and the number of characters before it.
    rest: std::str::Chars<'a>,
    passed: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    count: usize,
}

struct Open {
    node: Node,
    key: Option<Node>,
    anchor: usize,
    keys: Keys,
}

/// The keys of a mapping. A linear search is faster than a set for a few keys, and too slow for a million.
#[derive(Default)]
struct Keys(Option<HashSet<String>>);

impl Keys {
    const FEW: usize = 24;

    /// Adds a key; returns whether it was there already.
    fn is_known(&mut self, key: &str, entries: &[(Node, Node)]) -> bool {
        if entries.len() < Self::FEW {
            return entries.iter().any(|(k, _)| k.text() == Some(key));
        }
        let all = || entries.iter().filter_map(|(k, _)| k.text().map(str::to_owned)).collect();
        !self.0.get_or_insert_with(all).insert(key.to_owned())
    }
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        // Brackets have a width; a block list or mapping begins before its first token, as does an anchor or a tag.
        let is_flow = span.end.index() > span.start.index()
            && match &event {
                Event::SequenceStart(0, None) | Event::MappingStart(0, None) => true,
                Event::SequenceStart(..) | Event::MappingStart(..) => self.opens(span.start.index(), span.end.index()),
                _ => false,
            };
        let node = |value| Node { line, column, is_flow, value };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                self.put(node(Value::Scalar { text: text.into_owned(), plain }), anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(node(Value::Sequence(Vec::new())), anchor),
            Event::MappingStart(anchor, _) => self.open(node(Value::Mapping(Vec::new())), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(mut open) => {
                    merge(&mut open.node);
                    self.put(open.node, open.anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor);
                let known = found.ok_or_else(|| YamlError { line, reason: "an alias without an anchor".to_owned() })?;
                // The content of an anchor may hold copies itself.
                if self.open.len() + depth(known) > DEEPEST {
                    return Err(YamlError { line, reason: format!("more than {DEEPEST} levels deep") });
                }
                let copy = Self::copy(&mut self.count, known, line)?;
                self.put(copy, 0)
            }
            _ => Ok(()),
        }
    }

    /// Whether a piece of the text ends with the opening bracket of a list or mapping, and optional blanks. Positions
    /// are counted in characters, and increase from call to call.
    fn opens(&mut self, start: usize, end: usize) -> bool {
        let Some(ahead) = start.checked_sub(self.passed) else { return false };
        self.passed = end;
        let piece = self.rest.by_ref().skip(ahead).take(end - start);
        matches!(piece.filter(|c| !c.is_whitespace()).last(), Some('[' | '{'))
    }

    fn open(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if self.open.len() >= DEEPEST {
            return Err(YamlError { line: node.line, reason: format!("more than {DEEPEST} levels deep") });
        }
        self.open.push(Open { node, key: None, anchor, keys: Keys::default() });
        Ok(())
    }

    /// A copy, if the limit allows it.
    fn copy(count: &mut usize, node: &Node, line: usize) -> Result<Node, YamlError> {
        *count = count.saturating_add(size(node));
        if *count > MOST {
            return Err(YamlError { line, reason: format!("more than {MOST} values") });
        }
        Ok(node.clone())
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.count = self.count.saturating_add(1);
        if self.count > MOST {
            return Err(YamlError { line: node.line, reason: format!("more than {MOST} values") });
        }
        if anchor != 0 {
            let copy = Self::copy(&mut self.count, &node, node.line)?;
            self.anchors.insert(anchor, copy);
        }
        let Some(open) = self.open.last_mut() else {
            self.stream.documents.push(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match open.key.take() {
                None => {
                    if let Some(text) = node.text()
                        && open.keys.is_known(text, entries)
                    {
                        if self.stream.repeated.len() >= MOST_REPEATED {
                            let reason = format!("more than {MOST_REPEATED} keys appear twice");
                            return Err(YamlError { line: node.line, reason });
                        }
                        entries.retain(|(k, _)| k.text() != Some(text));
                        self.stream.repeated.push(Repeated { line: node.line, key: text.to_owned() });
                    }
                    open.key = Some(node);
                }
                Some(key) => entries.push((key, node)),
            },
            Value::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// Replaces `<<: *other` and `<<: [*one, *other]` with the merged entries: written entries win over merged ones, and
/// earlier mappings over later ones.
fn merge(node: &mut Node) {
    let Value::Mapping(entries) = &mut node.value else { return };
    let is_merge = |(key, value): &(Node, Node)| {
        matches!(&key.value, Value::Scalar { text, plain: true } if text == "<<")
            && match &value.value {
                Value::Mapping(_) => true,
                Value::Sequence(items) => items.iter().all(|item| item.entries().is_some()),
                Value::Scalar { .. } => false,
            }
    };
    let Some(at) = entries.iter().position(is_merge) else { return };
    let (_, merged) = entries.remove(at);
    let parts = match merged.value {
        Value::Sequence(items) => items,
        _ => vec![merged],
    };
    let mut known: HashSet<Option<String>> = entries.iter().map(|(key, _)| key.text().map(str::to_owned)).collect();
    for part in parts {
        let Value::Mapping(others) = part.value else { continue };
        entries.extend(others.into_iter().filter(|(key, _)| known.insert(key.text().map(str::to_owned))));
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Scalar { .. } => 0,
        Value::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Mapping(entries) => 1 + entries.iter().map(|(k, v)| depth(k).max(depth(v))).max().unwrap_or(0),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar { .. } => 1,
        Value::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Mapping(entries) => 1 + entries.iter().map(|(k, v)| size(k) + size(v)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lines() {
        let docs = documents("# c\na: 1\nlist:\n  - x\n  - 'y'\n---\nb: &k [1]\nc: *k\n").unwrap();
        assert_eq!(docs.len(), 2);
        let list = docs[0].get("list").unwrap().items().unwrap();
        assert_eq!((list[1].line, list[1].column, list[1].text()), (5, 5, Some("y")));
        assert_eq!(docs[1].get("c").unwrap().items().unwrap()[0].text(), Some("1"));
    }

    #[test]
    fn flow_lists_are_distinguished_from_block_lists() {
        let text = "ü: &a [x]\nb: &b\n  - x\nc: !!seq\n- x\nd: !!seq &d [ x ]\ne: &e {k: v}\nf: &f\n  k: v\ng: [x]\nh:\n  - x\n";
        let flow: Vec<bool> = documents(text).unwrap()[0].entries().unwrap().iter().map(|(_, v)| v.is_flow).collect();
        assert_eq!(flow, [true, false, false, true, true, false, true, false]);
    }

    #[test]
    fn invalid_yaml_is_reported_with_its_line() {
        assert_eq!(documents("a: 1\na: 2\n").unwrap_err().line, 2);
        assert!(documents("a: [1\nb: {").is_err());
        assert!(documents(&"[".repeat(500)).is_err());
    }

    fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
        (0..count).map(line).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_merge_key_adds_the_missing_entries() {
        let text =
            "x: [&a {k: 1, l: 2}, &b {l: 3, m: 4}]\none: {<<: *a, k: 0}\ntwo: {<<: [*a, *b]}\nthree: {\"<<\": 1}\n";
        let doc = documents(text).unwrap().remove(0);
        let at = |path: &[&str]| doc.text_at(path).map(str::to_owned);
        assert_eq!(
            [at(&["one", "k"]), at(&["one", "l"]), at(&["one", "<<"])],
            [Some("0".into()), Some("2".into()), None]
        );
        assert_eq!([at(&["two", "l"]), at(&["two", "m"])], [Some("2".into()), Some("4".into())]);
        assert_eq!(at(&["three", "<<"]), Some("1".into()), "in quotes it is a key like any other");
    }

    #[test]
    fn the_last_of_repeated_keys_counts_where_allowed() {
        let many = lines(40, |i| format!("k{i}: {i}\n"));
        for text in ["a: 1\nb: 2\na: 3\n".to_owned(), format!("{many}a: 1\na: 3\n")] {
            let found = stream(&text).unwrap();
            assert_eq!(found.documents[0].text_at(&["a"]), Some("3"));
            assert_eq!(found.repeated, [Repeated { line: text.lines().count(), key: "a".into() }]);
            assert!(documents(&text).is_err());
        }
    }

    #[test]
    fn a_mapping_of_very_many_keys_is_parsed_in_time() {
        let text = lines(100_000, |i| format!("k{i}: x\n"));
        assert_eq!(documents(&text).unwrap()[0].entries().unwrap().len(), 100_000);
    }

    #[test]
    fn too_many_nested_anchors_are_refused() {
        let list = vec!["x"; 100_000].join(",");
        let text = format!("{}[{list}]{}", lines(90, |i| format!("&a{i} [")), "]".repeat(90));
        assert!(documents(&text).unwrap_err().reason.contains("values"));
    }

    #[test]
    fn aliases_count_towards_the_depth() {
        let nested = |i: usize, inner: &str| format!("a{i}: &a{i} {}{inner}{}\n", "[".repeat(60), "]".repeat(60));
        let text = nested(0, "x") + &lines(200, |i| nested(i + 1, &format!("*a{i}")));
        let error = documents(&text).unwrap_err();
        assert!(error.line == 2 && error.reason.contains("levels deep"), "{error:?}");
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let line = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        text.extend((1..9).map(line));
        assert!(documents(&text).unwrap_err().reason.contains("values"));
    }
}
