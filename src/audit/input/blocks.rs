//! Finds every PEM block of a text with its line while the text streams by: also in a text that is damaged, on one
//! line, or inside the strings of another format.

use memchr::memmem::find;
use memchr::{memchr, memchr_iter, memrchr2};
use zeroize::Zeroizing;

use super::letters::Letters;

const DASHES: &[u8] = b"-----";
const LONGEST_LABEL: usize = 64;
/// `BEGIN` or `END` with its dashes, a label, and the bytes that show whether the line ends there.
const LONGEST_MARKER: usize = 2 * DASHES.len() + "BEGIN ".len() + LONGEST_LABEL + 8;
/// The size limit of a block; Fabric's files are far smaller.
const LARGEST_BLOCK: usize = 4 * 1024 * 1024;
/// The size limit of a revocation list.
const LARGEST_LIST: usize = 64 * 1024 * 1024;
/// Private keys fit in this capacity, so that a growing buffer leaves no copy of one behind.
const ROOM: usize = 8 * 1024;

/// One block.
pub(super) struct Block {
    pub(super) label: String,
    /// The line of its `BEGIN`, from 1.
    pub(super) line: usize,
    /// The content, or the reason why it cannot be read.
    pub(super) content: Result<Zeroizing<Vec<u8>>, String>,
    /// Whether its header says that it is encrypted (RFC 1421 `DEK-Info`).
    pub(super) encrypted: bool,
    /// Whether the block is quoted, so that a fault in it is not reported: its markers are inside a line, or its
    /// content is elided (`...`, `${CERT}`).
    pub(super) quoted: bool,
}

/// Reads a text in pieces and passes on its blocks.
pub(super) struct Blocks<'a> {
    found: &'a mut dyn FnMut(Block),
    /// The number of completed lines.
    lines: usize,
    /// Whether this line contains only white space so far.
    blank: bool,
    /// Bytes that may begin a marker.
    carried: Zeroizing<Vec<u8>>,
    open: Option<Open>,
}

struct Open {
    label: String,
    line: usize,
    alone: bool,
    body: Zeroizing<Vec<u8>>,
    too_long: bool,
}

impl Open {
    fn largest(&self) -> usize {
        if self.label.ends_with("CRL") { LARGEST_LIST } else { LARGEST_BLOCK }
    }
}

struct Mark<'a> {
    begins: bool,
    label: &'a str,
    len: usize,
    /// Whether the line ends after the marker.
    ends_line: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(found: &'a mut dyn FnMut(Block)) -> Self {
        Self { found, lines: 0, blank: true, carried: Zeroizing::default(), open: None }
    }

    /// Reads the next piece, of any size.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.carried.is_empty() {
            let done = self.run(piece, false);
            self.carried.extend_from_slice(&piece[done..]);
        } else {
            let mut text = std::mem::take(&mut self.carried);
            text.extend_from_slice(piece);
            let done = self.run(&text, false);
            self.carried.extend_from_slice(&text[done..]);
        }
    }

    /// Ends the text.
    pub(super) fn finish(mut self) {
        let text = std::mem::take(&mut self.carried);
        self.run(&text, true);
        self.close_unended();
    }

    /// Whether a block is open.
    pub(super) const fn is_inside(&self) -> bool {
        self.open.is_some()
    }

    /// Reads `text` and returns the number of bytes consumed; the rest may begin a marker.
    fn run(&mut self, text: &[u8], last: bool) -> usize {
        let mut at = 0;
        while let Some(dash) = memchr(b'-', &text[at..]) {
            self.pass(&text[at..at + dash]);
            at += dash;
            let rest = &text[at..];
            if rest.len() < LONGEST_MARKER && !last {
                return at;
            }
            if let Some(mark) = mark(rest) {
                self.meet(&mark);
                at += mark.len;
            } else {
                self.pass(&rest[..1]);
                at += 1;
            }
        }
        self.pass(&text[at..]);
        text.len()
    }

    /// Reads text without a marker.
    fn pass(&mut self, text: &[u8]) {
        self.lines += memchr_iter(b'\n', text).count();
        let (line, fresh) = match memrchr2(b'\n', b'\r', text) {
            Some(end) => (&text[end + 1..], true),
            None => (text, self.blank),
        };
        // A byte-order mark is not text either.
        self.blank = fresh && line.iter().all(|b| b.is_ascii_whitespace() || matches!(b, 0xef | 0xbb | 0xbf));
        if let Some(open) = &mut self.open {
            open.too_long |= open.body.len() + text.len() > open.largest();
            if !open.too_long {
                open.body.extend_from_slice(text);
            }
        }
    }

    fn meet(&mut self, mark: &Mark<'_>) {
        let alone = std::mem::replace(&mut self.blank, false) && mark.ends_line;
        let line = self.lines + 1;
        if mark.begins {
            self.close_unended();
            let body = Zeroizing::new(Vec::with_capacity(if mark.label.ends_with("KEY") { ROOM } else { 0 }));
            self.open = Some(Open { label: mark.label.to_owned(), line, alone, body, too_long: false });
            return;
        }
        match self.open.take() {
            Some(open) if open.label == mark.label => {
                let (content, encrypted) = decode(&open);
                self.hand_out(open, content, encrypted, alone);
            }
            Some(open) => {
                let why = format!("it ends as {} in line {line}", mark.label);
                self.hand_out(open, Err(why), false, alone);
            }
            None => {
                let label = mark.label.to_owned();
                let open = Open { label, line, alone, body: Zeroizing::default(), too_long: false };
                self.hand_out(open, Err("it has an END line and no BEGIN line".to_owned()), false, alone);
            }
        }
    }

    fn close_unended(&mut self) {
        if let Some(open) = self.open.take() {
            let alone = open.alone;
            self.hand_out(open, Err("it has no END line".to_owned()), false, alone);
        }
    }

    fn hand_out(&mut self, open: Open, content: Result<Zeroizing<Vec<u8>>, String>, encrypted: bool, alone: bool) {
        let quoted = !(open.alone && alone) || (content.is_err() && is_left_out(&open.body));
        (self.found)(Block { label: open.label, line: open.line, content, encrypted, quoted });
    }
}

/// `-----BEGIN LABEL-----` or `-----END LABEL-----` at the start of `text`.
fn mark(text: &[u8]) -> Option<Mark<'_>> {
    let inner = text.strip_prefix(DASHES)?;
    let (begins, inner) = match inner.strip_prefix(b"BEGIN ") {
        Some(inner) => (true, inner),
        None => (false, inner.strip_prefix(b"END ")?),
    };
    let end = inner.iter().take(LONGEST_LABEL + 1).position(|b| *b == b'-')?;
    let is_label = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ';
    let label = std::str::from_utf8(&inner[..end]).ok().filter(|l| !l.is_empty() && l.bytes().all(|b| is_label(&b)))?;
    let after = inner[end..].strip_prefix(DASHES)?;
    let ends_line = match after.iter().find(|b| !matches!(b, b' ' | b'\t')) {
        None => true,
        Some(next) => matches!(next, b'\n' | b'\r'),
    };
    Some(Mark { begins, label, len: text.len() - after.len(), ends_line })
}

/// The content of a block, and whether its header states encryption.
fn decode(open: &Open) -> (Result<Zeroizing<Vec<u8>>, String>, bool) {
    if open.too_long {
        return (Err(format!("it is longer than {} MiB", open.largest() / 1024 / 1024)), false);
    }
    let mut letters = Letters::with_room_for(open.body.len());
    let mut encrypted = false;
    for (index, line) in open.body.split(|b| *b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if letters.is_empty() && line.contains(&b':') {
            encrypted |= line.starts_with(b"DEK-Info");
            continue;
        }
        if !letters.add(line) {
            let line = open.line + index;
            return (Err(format!("its base64 is broken in line {line}")), encrypted);
        }
    }
    (letters.decoded().ok_or_else(|| "its base64 is truncated or too long".to_owned()), encrypted)
}

/// Whether a text is a placeholder for the content of a block.
fn is_left_out(body: &[u8]) -> bool {
    let signs: [&[u8]; 5] = [b"..", "…".as_bytes(), b"$", b"{", b"<"];
    let head = &body[..body.len().min(4096)];
    signs.iter().any(|sign| find(head, sign).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::pem_encode;

    /// Label, line, content, and whether it is quoted.
    type Seen = (String, usize, Result<Vec<u8>, String>, bool);

    fn all(text: &[u8], piece: usize) -> Vec<Seen> {
        let mut out = Vec::new();
        let mut found = |b: Block| out.push((b.label, b.line, b.content.map(|c| c.to_vec()), b.quoted));
        let mut blocks = Blocks::new(&mut found);
        text.chunks(piece).for_each(|p| blocks.feed(p));
        blocks.finish();
        out
    }

    fn one(text: &str) -> (usize, Result<Vec<u8>, String>, bool) {
        let mut found = all(text.as_bytes(), text.len().max(1));
        assert_eq!(found.len(), 1, "{text:?}");
        let (_, line, content, quoted) = found.remove(0);
        (line, content, quoted)
    }

    #[test]
    fn block_is_read_in_every_notation() {
        let block = "-----BEGIN A-----\nAQID\n-----END A-----\n";
        let good = Ok(vec![1, 2, 3]);
        for (text, line, quoted) in [
            (block.to_owned(), 1, false),
            (block.trim_end().to_owned(), 1, false),
            (block.replace('\n', "\r\n"), 1, false),
            (format!("\u{feff}{block}"), 1, false),
            (format!("subject=x\nissuer=y\n{block}trailer"), 3, false),
            (block.replace("-----B", "  -----B").replace("AQID", "  AQ\n  ID").replace("-----E", "  -----E"), 1, false),
            (block.replace("AQID", "X: y\n\nAQ ID"), 1, false),
            (block.replace('\n', ""), 1, true),
            (block.replace('\n', "\r"), 1, false),
            (format!("{{\"pem\": \"{}\"}}", block.replace('\n', "\\n")), 1, true),
            (format!("\n------BEGIN-----\n-{block}"), 3, true),
        ] {
            assert_eq!(one(&text), (line, good.clone(), quoted), "{text:?}");
        }
    }

    #[test]
    fn broken_block_reports_fault_and_line() {
        let why = |text: &str| one(text).1.unwrap_err();
        assert_eq!(why("-----BEGIN A-----\nAQID\n"), "it has no END line");
        assert_eq!(why("-----BEGIN A-----\nAQID\n-----END B-----\n"), "it ends as B in line 3");
        assert_eq!(why("x\n-----BEGIN A-----\nAQID\nA!ID\n-----END A-----\n"), "its base64 is broken in line 4");
        assert_eq!(why("-----BEGIN A-----\nAQI\n-----END A-----\n"), "its base64 is truncated or too long");
        assert_eq!(why("-----END A-----\n"), "it has an END line and no BEGIN line");
        assert!(one("-----BEGIN A-----\nMIIB...\n-----END A-----\n").2, "the content is elided");
    }

    #[test]
    fn only_revocation_lists_may_exceed_the_block_limit() {
        let lines = "QUJD\n".repeat(LARGEST_BLOCK / 5 + 1);
        let of = |label: &str| one(&format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")).1;
        assert_eq!(of("CERTIFICATE").unwrap_err(), "it is longer than 4 MiB");
        assert_eq!(of("X509 CRL").map(|content| content.len()), Ok(3 * (LARGEST_BLOCK / 5 + 1)));
    }

    #[test]
    fn blocks_after_a_broken_block_are_found() {
        let text = b"-----BEGIN A-----\nAQID\n-----BEGIN A-----\nBA==\n-----END A-----\n-----BEGIN B C-----\n-----END B C-----\n";
        let found = all(text, 7);
        let seen: Vec<(&str, usize, bool)> = found.iter().map(|(l, n, c, _)| (l.as_str(), *n, c.is_ok())).collect();
        assert_eq!(seen, [("A", 1, false), ("A", 3, true), ("B C", 6, true)]);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(
            text in "(-----BEGIN A-----\n|-----END A-----\n|AQID|BA==\n|X: y\n|[ -~]{0,90}|[\\-\r\n]){0,40}",
            piece in 1usize..100,
        ) {
            prop_assert_eq!(all(text.as_bytes(), piece), all(text.as_bytes(), text.len().max(1)));
        }

        #[test]
        fn what_is_written_is_found_with_its_line(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..8),
            piece in 1usize..3000,
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for content in &contents {
                expected.push((text.matches('\n').count() + 1, content.clone()));
                text.push_str(&pem_encode("CERTIFICATE", content));
            }
            let found = all(text.as_bytes(), piece);
            let found: Vec<_> = found.into_iter().map(|(_, line, content, _)| (line, content.unwrap())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
