//! Indents lines within brackets and quotes, which libyaml (and so kubectl and Helm) accepts further left than YAML
//! allows.
//!
//! ```yaml
//! args: [
//!   --listen,
//! ]
//! ```

/// More than any indent in use.
const FAR: &str = "                                                                                                                                ";

/// Moves every line that begins within brackets or quotes to the right. Adds no line.
pub(super) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut scan = Scan::default();
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_blank = line.trim().is_empty();
        if let Some(parent) = scan.block {
            if is_blank || indent > parent {
                out.push_str(line);
                continue;
            }
            scan.block = None;
        }
        if scan.is_within() && !is_blank {
            out.push_str(FAR);
        }
        out.push_str(line);
        scan.line(line.trim_end(), indent);
    }
    out
}

/// The state at the start of a line.
#[derive(Default)]
struct Scan {
    /// Open brackets.
    brackets: usize,
    /// The open quote.
    quote: Option<char>,
    /// The indent of the parent of a block scalar.
    block: Option<usize>,
}

impl Scan {
    const fn is_within(&self) -> bool {
        self.brackets > 0 || self.quote.is_some()
    }

    fn line(&mut self, line: &str, indent: usize) {
        let mut end = line.len();
        let mut before = ' ';
        let mut chars = line.char_indices();
        while let Some((at, c)) = chars.next() {
            let begins = before.is_whitespace() || matches!(before, '[' | '{' | ',' | ':');
            match (self.quote, c) {
                (Some('"'), '\\') => drop(chars.next()),
                (Some(quote), c) if c == quote => self.quote = None,
                (None, '#') if before.is_whitespace() => {
                    end = at;
                    break;
                }
                (None, '"' | '\'') if begins => self.quote = Some(c),
                (None, '[' | '{') if begins => self.brackets += 1,
                (None, ']' | '}') => self.brackets = self.brackets.saturating_sub(1),
                _ => {}
            }
            before = c;
        }
        if !self.is_within() {
            self.block = block(line[..end].trim_end(), indent);
        }
    }
}

/// Returns the indent of the parent of a block scalar that begins at the end of a line.
fn block(line: &str, mut indent: usize) -> Option<usize> {
    let (rest, header) = line.rsplit_once(' ').unwrap_or(("", line));
    let is_header =
        header.starts_with(['|', '>']) && header[1..].bytes().all(|b| matches!(b, b'+' | b'-' | b'0'..=b'9'));
    if !is_header {
        return None;
    }
    // `- key: |` belongs to the mapping within the item, `- |` to the list.
    let mut rest = rest.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        indent += rest.len() - item.trim_start().len();
        rest = item.trim_start();
    }
    Some(indent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::yaml;

    #[test]
    fn text_that_libyaml_accepts_is_read_with_its_lines() {
        for (text, path, expected, line) in [
            ("a:\n  b: [\n    x,\n  ]\nc: 1\n", &["a", "b"][..], "x", 3),
            ("a:\n  b: [ # why ]\nx\n]\nc: 1\n", &["a", "b"], "x", 3),
            ("a:\n  b: {\n  k: [\n x]\n}\nc: 1\n", &["a", "b", "k"], "x", 4),
            ("a:\n  b: ['x\n y', z]\nc: 1\n", &["a", "b"], "x y", 2),
            ("a:\n  s: |\n    [ \"\n     it's\n  b: [\n  x ]\nc: 1\n", &["a", "b"], "x", 6),
            ("l:\n  - s: >-\n      {\n    b: [\n    x\n    ]\nc: 1\n", &["l", "0", "b"], "x", 5),
        ] {
            let documents = yaml::stream(&indented(text)).unwrap_or_else(|e| panic!("{text}: {e}")).documents;
            let found = path.iter().fold(&documents[0], |node, key| match node.items() {
                Some(items) => &items[0],
                None => node.get(key).unwrap_or_else(|| panic!("{text}: no {key}")),
            });
            let item = found.items().map_or(found, |items| &items[0]);
            assert_eq!((item.text(), item.line), (Some(expected), line), "{text}");
            assert_eq!(documents[0].text_at(&["c"]), Some("1"), "{text}");
        }
        let quoted = "a:\n  b: 'x\n  y'\nc: 1\n";
        assert_eq!(yaml::stream(&indented(quoted)).unwrap().documents[0].text_at(&["a", "b"]), Some("x y"));
    }

    #[test]
    fn lines_outside_brackets_and_quotes_are_unchanged() {
        for text in [
            "a: it's\nb: [x]\nc: \"y\"\n# [\nd: x # {\n",
            "a: |\n  [\n\n  \"\nb: - [x\n",
            "- - |\n    {\n  - x\n",
            "a: 5'\nb: http://x/{y}\n",
        ] {
            assert_eq!(indented(text), text);
        }
    }
}
