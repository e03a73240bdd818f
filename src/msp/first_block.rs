//! The first PEM block of a file, found as Go's `encoding/pem` finds it: Fabric looks at no other block, and a file in
//! which Go finds none does not exist for Fabric. More forgiving readers would see certificates that Fabric does not.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Go's `base64.StdEncoding` does not look at the bits behind the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A block of a file.
pub(super) struct GoBlock {
    /// The word after `BEGIN`. Fabric's MSP does not look at it, Go's TLS does.
    pub(super) label: String,
    /// Whether a `DEK-Info` header says that the content is encrypted.
    pub(super) encrypted: bool,
    /// Whether it has headers at all.
    pub(super) has_headers: bool,
    /// The decoded content.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The first block that Go would decode.
pub(super) fn first_block(text: &[u8]) -> Option<GoBlock> {
    next_block(text).map(|(block, _)| block)
}

/// Every block that Go would decode, one after the other.
pub(super) fn all_blocks(text: &[u8]) -> impl Iterator<Item = GoBlock> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (block, after) = next_block(rest?)?;
        rest = Some(after);
        Some(block)
    })
}

/// The next block, and the text behind its last line (`encoding/pem.Decode`, Go 1.26). `BEGIN` must stand at the start of
/// a line, without a space or byte-order mark before it; a block that is broken is passed over.
fn next_block(text: &[u8]) -> Option<(GoBlock, &[u8])> {
    let mut rest = text;
    loop {
        let end = find(rest, END)?;
        let (before, after) = (&rest[..end], &rest[end + END.len()..]);
        if let Some(begin) = rfind(before, BEGIN)
            && (begin == 0 || before[begin - 1] == b'\n')
            && let Some(found) = decode(&before[begin + BEGIN.len()..], after)
        {
            return Some(found);
        }
        rest = after;
    }
}

/// `body` stands between the `BEGIN` and `END` words, `trailer` behind them.
fn decode<'a>(body: &[u8], trailer: &'a [u8]) -> Option<(GoBlock, &'a [u8])> {
    let (first, mut body, _) = line(body);
    let label = first.strip_suffix(DASHES)?;
    let (mut encrypted, mut has_headers) = (false, false);
    loop {
        let (header, next, ended) = line(body);
        let Some(colon) = header.iter().position(|b| *b == b':') else { break };
        if !ended {
            return None;
        }
        has_headers = true;
        encrypted |= header[..colon].trim_ascii() == b"DEK-Info";
        body = next;
    }
    let closing = trailer.strip_prefix(label)?.strip_prefix(DASHES)?;
    let (behind, rest, _) = line(closing);
    if !behind.is_empty() {
        return None;
    }
    let mut content = Zeroizing::new(Vec::with_capacity(body.len()));
    content.extend(body.iter().filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')));
    let der = Zeroizing::new(BASE64.decode(content.as_slice()).ok()?);
    let label = String::from_utf8_lossy(label).into_owned();
    Some((GoBlock { label, encrypted, has_headers, der }, rest))
}

/// The first line without the white space at its end, what follows it, and whether a line end was there.
fn line(text: &[u8]) -> (&[u8], &[u8], bool) {
    let (line, rest, ended) = match text.iter().position(|b| *b == b'\n') {
        Some(i) => (text[..i].strip_suffix(b"\r").unwrap_or(&text[..i]), &text[i + 1..], true),
        None => (text, &text[text.len()..], false),
    };
    let len = line.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |i| i + 1);
    (&line[..len], rest, ended)
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|w| w == word)
}

fn rfind(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).rposition(|w| w == word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(text: &str) -> Option<Vec<u8>> {
        first_block(text.as_bytes()).map(|b| b.der.to_vec())
    }

    /// Each line was tried with `pem.Decode` of Go 1.26.
    #[test]
    fn blocks_are_found_where_go_finds_them() {
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
    }

    #[test]
    fn an_encrypted_block_is_known_by_its_header() {
        let block = first_block(b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n-----END EC PRIVATE KEY-----\n").unwrap();
        assert!(block.encrypted);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(-----BEGIN A-----\n|\n-----END A-----|AQID|X: y|[ :\r\n-]){0,12}") {
            let _ = first_block(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_found(content in proptest::collection::vec(any::<u8>(), 1..200)) {
            let text = crate::x509::pem_encode("CERTIFICATE", &content);
            prop_assert_eq!(der(&text), Some(content));
        }
    }
}
