//! PEM as Go's `encoding/pem.Decode` reads it. More lenient readers find certificates that Fabric does not.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr;
use memchr::memmem::{find, rfind};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Go's `base64.StdEncoding` ignores the bits after the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A block.
pub(crate) struct Block {
    /// The text after `BEGIN`; bytes that are not UTF-8 are replaced.
    pub(crate) label: String,
    /// Whether it has headers, such as `Proc-Type`.
    pub(crate) has_headers: bool,
    /// Whether a `DEK-Info` header says that the content is encrypted.
    pub(crate) encrypted: bool,
    /// The decoded content.
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// The first block that Go would decode; Fabric ignores the others. `BEGIN` must be at the start of a line, without a
/// space or byte-order mark before it; broken blocks are skipped.
pub(crate) fn first_block(text: &[u8]) -> Option<Block> {
    Blocks(text).next()
}

/// An iterator over the blocks that Go would decode.
pub(crate) struct Blocks<'a>(pub(crate) &'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut rest = self.0;
        loop {
            let end = find(rest, END)?;
            let (before, after) = (&rest[..end], &rest[end + END.len()..]);
            if let Some(begin) = rfind(before, BEGIN)
                && (begin == 0 || before[begin - 1] == b'\n')
            {
                match decode(&rest[begin + BEGIN.len()..], end - begin - BEGIN.len()) {
                    Decoded::Block(block, next) => {
                        self.0 = next;
                        return Some(block);
                    }
                    Decoded::Broken => {}
                    Decoded::End => return None,
                }
            }
            rest = after;
        }
    }
}

enum Decoded<'a> {
    /// A block, and the text after its last line.
    Block(Block, &'a [u8]),
    Broken,
    /// Go stops here.
    End,
}

/// `text` starts after `BEGIN`; the line break before `END` is at `end`.
fn decode(text: &[u8], end: usize) -> Decoded<'_> {
    let (first, mut rest) = line(text);
    let Some(label) = first.strip_suffix(DASHES) else { return Decoded::Broken };
    let (mut has_headers, mut encrypted) = (false, false);
    loop {
        if rest.is_empty() {
            return Decoded::End;
        }
        let (header, next) = line(rest);
        let Some(colon) = memchr(b':', header) else { break };
        has_headers = true;
        encrypted |= trimmed(&header[..colon]) == b"DEK-Info";
        rest = next;
    }
    let body = text.len() - rest.len();
    // The END line follows BEGIN at once, and the headers come after it.
    if has_headers && body > end {
        return if body > end + END.len() { Decoded::End } else { Decoded::Broken };
    }
    let trailer = &text[end + END.len()..];
    let closing = trailer.strip_prefix(label).and_then(|t| t.strip_prefix(DASHES));
    let Some((b"", next)) = closing.map(line) else { return Decoded::Broken };
    let mut content = Zeroizing::new(Vec::with_capacity(end.saturating_sub(body)));
    if body < end {
        let is_blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        text[body..end].split(is_blank).for_each(|part| content.extend_from_slice(part));
    }
    let Ok(der) = BASE64.decode(content.as_slice()).map(Zeroizing::new) else { return Decoded::Broken };
    let label = String::from_utf8_lossy(label).into_owned();
    Decoded::Block(Block { label, has_headers, encrypted, der }, next)
}

/// The first line without trailing spaces and tabs, and the text after it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr(b'\n', text) {
        Some(i) => (text[..i].strip_suffix(b"\r").unwrap_or(&text[..i]), &text[i + 1..]),
        None => (text, &text[text.len()..]),
    };
    let len = line.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |i| i + 1);
    (&line[..len], rest)
}

/// The text without surrounding white space, as defined by Go's `bytes.TrimSpace`.
fn trimmed(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(text: &str) -> Option<Vec<u8>> {
        first_block(text.as_bytes()).map(|b| b.der.to_vec())
    }

    /// Each case was checked with `pem.Decode` of Go 1.26.
    #[test]
    fn blocks_are_found_as_in_go() {
        let block = "-----BEGIN A-----\nAQID\n-----END A-----\n";
        let (crlf, headed) = (block.replace('\n', "\r\n"), block.replace("AQID", "X: y\n\nAQID"));
        for seen in [block, &format!("subject=x\n{block}"), &format!("{block}junk"), block.trim_end(), &crlf, &headed] {
            assert_eq!(der(seen), Some(vec![1, 2, 3]), "{seen:?}");
        }
        for unseen in [
            &format!("\u{feff}{block}"),
            &format!(" {block}"),
            &block.replace("AQID", "A!ID"),
            &block.replace("AQID", "AQI"),
            &block.replace("END A", "END B"),
            &block.replace("AQID", "X: y"),
            "",
        ] {
            assert_eq!(der(unseen), None, "{unseen:?}");
        }
        assert_eq!(der(&format!("{}{}", block.replace("AQID", "A!ID"), block.replace("AQID", "BA=="))), Some(vec![4]));
        assert_eq!(der("-----BEGIN A-----\n-----BEGIN A-----\nAQID\n-----END A-----"), Some(vec![1, 2, 3]));
        assert_eq!(der(&block.replace("AQID", "AQ==")), Some(vec![1]));
        assert_eq!(der(&block.replace("AQID", "AR==")), Some(vec![1]));
        assert_eq!(der("-----BEGIN A-----\n-----END A-----\n"), Some(Vec::new()));
    }

    #[test]
    fn an_encrypted_block_is_recognised_by_its_header() {
        let block = first_block(b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n-----END EC PRIVATE KEY-----\n").unwrap();
        assert!(block.encrypted && block.has_headers);
    }

    #[test]
    fn consecutive_blocks_are_found() {
        let text = b"-----BEGIN A-----\nAQID\n-----END A-----\n-----BEGIN B C-----\nBA==\n-----END B C-----";
        let labels: Vec<String> = Blocks(text).map(|b| b.label).collect();
        assert_eq!(labels, ["A", "B C"]);
    }

    proptest! {
        #[test]
        fn no_input_panics(text in "(-----BEGIN A-----\n|\n-----END A-----|AQID|X: y|[ :\r\n-]){0,12}") {
            let _ = Blocks(text.as_bytes()).count();
        }

        #[test]
        fn encoded_blocks_are_found(content in proptest::collection::vec(any::<u8>(), 1..200)) {
            let text = crate::text::pem_encode("CERTIFICATE", &content);
            prop_assert_eq!(der(&text), Some(content));
        }
    }
}
