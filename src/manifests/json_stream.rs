//! Concatenated JSON objects, such as the output of two `kubectl get -o json` runs: kubectl reads them, YAML does not.

use serde::de::IgnoredAny;

use crate::text::yaml::{self, Repeated, Stream};

/// Reads concatenated JSON objects; `None` if the text is something else.
pub(super) fn objects(text: &str) -> Option<Stream> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut stream = Stream::default();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let (mut start, mut before) = (0, 0);
    while let Some(value) = values.next() {
        value.ok()?;
        let end = values.byte_offset();
        let found = yaml::stream(&text[start..end]).ok()?;
        for mut document in found.documents {
            document.move_down(before);
            stream.documents.push(document);
        }
        stream.repeated.extend(found.repeated.into_iter().map(|r| Repeated { line: r.line + before, ..r }));
        before += text[start..end].matches('\n').count();
        start = end;
    }
    Some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concatenated_objects_keep_their_lines() {
        let found = objects("{\"a\": 1}\n\n{\"a\":\n  \"} {\"}{\"a\": 3}\n").unwrap().documents;
        let places: Vec<_> = found.iter().map(|d| (d.line, d.text_at(&["a"]).unwrap())).collect();
        assert_eq!(places, [(1, "1"), (3, "} {"), (4, "3")]);
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in ["a: 1\n", "{a: 1}\n{b: 2}\n", "{\"a\": 1} x", "[1] [2]"] {
            assert_eq!(objects(text), None, "{text}");
        }
    }
}
