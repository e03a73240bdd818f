//! The content of a file or stream, read only as far as needed: a large file without certificates costs one read, and
//! only one block of a text is in memory at a time.

use std::cell::Cell;
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::blocks::{Block, Blocks};

/// The size of one read, in bytes.
const CHUNK: usize = 64 * 1024;
/// Larger DER is ignored: a revocation list with a million entries is half this size.
const LARGEST_DER: u64 = 64 * 1024 * 1024;

/// The kind of content.
pub(super) enum Content {
    /// Text, with every block passed on; or an empty file.
    Text,
    /// A whole DER value.
    Der(Zeroizing<Vec<u8>>),
    /// Content that is reported, with the reason.
    Odd(&'static str),
    /// Other bytes.
    Binary,
}

/// Reads `source`, at most `len` bytes: data appended during the read is ignored. `hinted` states that the file name
/// indicates a certificate or similar.
///
/// # Errors
/// If reading fails.
pub(super) fn read(source: &mut dyn Read, len: u64, hinted: bool, found: &mut dyn FnMut(Block)) -> io::Result<Content> {
    // The buffer is wiped afterwards, so it is no larger than the file.
    let room = usize::try_from(len).map_or(CHUNK, |len| len.min(CHUNK));
    let mut chunk = Zeroizing::new(vec![0; room]);
    let mut left = len;
    next(source, &mut chunk, &mut left)?;
    if is_utf16(&chunk) {
        return Ok(Content::Odd("it is UTF-16 text, which neither Fabric nor OpenSSL reads: iconv -f UTF-16 -t UTF-8"));
    }
    let claimed = der_len(&chunk);
    if len <= LARGEST_DER && claimed.is_some_and(|claimed| claimed == len || hinted) {
        let mut whole = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0)));
        whole.extend_from_slice(&chunk);
        source.take(left).read_to_end(&mut whole)?;
        return Ok(Content::Der(whole));
    }
    let met = Cell::new(false);
    let mut note = |block: Block| {
        met.set(true);
        found(block);
    };
    let mut blocks = Blocks::new(&mut note);
    while !chunk.is_empty() {
        // Text contains no zero bytes. After a block, a zero byte is a fault of the text.
        if chunk.contains(&0) && !met.get() && !blocks.is_inside() {
            return Ok(Content::Binary);
        }
        blocks.feed(&chunk);
        next(source, &mut chunk, &mut left)?;
    }
    blocks.finish();
    Ok(Content::Text)
}

/// Refills `chunk`, within its capacity, from the `left` bytes that remain; it is empty at the end.
fn next(source: &mut dyn Read, chunk: &mut Vec<u8>, left: &mut u64) -> io::Result<()> {
    let room = chunk.capacity();
    chunk.resize(usize::try_from(*left).map_or(room, |left| left.min(room)), 0);
    let mut filled = 0;
    while filled < chunk.len() {
        match source.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    // The file was truncated meanwhile.
    *left = if filled < chunk.len() { 0 } else { *left - filled as u64 };
    chunk.truncate(filled);
    Ok(())
}

/// The total length that the header of a DER sequence states (X.690 section 8.1.3).
pub(super) fn der_len(head: &[u8]) -> Option<u64> {
    let (tag, rest) = head.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *tag != 0x30 {
        return None;
    }
    if *first < 0x80 {
        return Some(2 + u64::from(*first));
    }
    let octets = usize::from(*first & 0x7f);
    if !(1..=4).contains(&octets) || rest.len() < octets {
        return None;
    }
    let len = rest[..octets].iter().fold(0u64, |len, b| len << 8 | u64::from(*b));
    Some(2 + octets as u64 + len)
}

/// Whether PEM is encoded as UTF-16, as PowerShell's `>` writes it.
fn is_utf16(head: &[u8]) -> bool {
    let begins = |word: &[u8]| head.windows(word.len()).any(|w| w == word);
    (head.starts_with(&[0xff, 0xfe]) && begins(b"-\0B\0E\0G\0I\0N\0"))
        || (head.starts_with(&[0xfe, 0xff]) && begins(b"\0-\0B\0E\0G\0I\0N"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Endless(u8, u64);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(self.0);
            self.1 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }

    fn content(bytes: &[u8], hinted: bool) -> (Content, usize) {
        let mut count = 0;
        let content = read(&mut &*bytes, bytes.len() as u64, hinted, &mut |_| count += 1).unwrap();
        (content, count)
    }

    #[test]
    fn large_binary_file_costs_one_read() {
        let mut source = Endless(0, 0);
        let content = read(&mut source, 10_000_000_000, false, &mut |_| ()).unwrap();
        assert!(matches!(content, Content::Binary));
        assert!(source.1 <= CHUNK as u64);
    }

    #[test]
    fn growing_file_is_read_to_its_initial_length() {
        let mut source = Endless(b'x', 0);
        assert!(matches!(read(&mut source, 200_000, false, &mut |_| ()).unwrap(), Content::Text));
        assert_eq!(source.1, 200_000);
    }

    #[test]
    fn der_is_recognised_by_its_length() {
        let whole = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        assert!(matches!(content(&whole, false).0, Content::Der(_)));
        assert!(matches!(content(&whole[..100], false).0, Content::Text | Content::Binary));
        assert!(matches!(content(&whole[..100], true).0, Content::Der(_)), "the file name indicates DER");
        assert_eq!(der_len(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Some(0x1_0000_0005));
        assert_eq!(der_len(&[0x30, 0x80]), None, "indefinite length");
        assert_eq!((der_len(&[0x30, 0x82, 1]), der_len(b"0"), der_len(b"")), (None, None, None));
    }

    #[test]
    fn text_is_distinguished_from_other_bytes() {
        let block = "-----BEGIN A-----\nAQID\n-----END A-----\n";
        let far = format!("{}{block}", "text\n".repeat(50_000));
        assert!(matches!(content(far.as_bytes(), false), (Content::Text, 1)));
        assert!(matches!(content(format!("\0{block}").as_bytes(), false), (Content::Binary, 0)));
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(block.bytes().flat_map(|b| [b, 0])).collect();
        assert!(matches!(content(&wide, false), (Content::Odd(_), 0)));
        assert!(matches!(content(b"", true), (Content::Text, 0)));
    }
}
