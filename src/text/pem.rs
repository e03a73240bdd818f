//! PEM (RFC 7468), parsed line by line so that every block has a line number.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The bytes of base64. Most lines have no others, and are not looked at as text.
const IS_BASE64: [bool; 256] = {
    let mut is_base64 = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        is_base64[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        byte += 1;
    }
    is_base64
};

/// One PEM block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemBlock {
    /// The label, for example `CERTIFICATE`.
    pub label: String,
    /// The header lines of RFC 1421 (`Proc-Type: ...`); usually empty.
    pub headers: Vec<String>,
    /// The decoded content.
    pub der: Vec<u8>,
    /// Line of the `BEGIN` marker, from 1.
    pub line: usize,
}

/// Text that is not PEM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// A block without an end.
    #[error("line {line}: the block {label} begins here and has no end")]
    Unterminated {
        /// Line of the `BEGIN` marker.
        line: usize,
        /// Its label.
        label: String,
    },
    /// Different labels at begin and end.
    #[error("line {line}: the block {begin} ends as {end}")]
    Labels {
        /// Line of the `END` marker.
        line: usize,
        /// Label at the beginning.
        begin: String,
        /// Label at the end.
        end: String,
    },
    /// Content that is not base64.
    #[error("line {line}: the block {label} is not valid base64")]
    Base64 {
        /// Line of the `BEGIN` marker.
        line: usize,
        /// Its label.
        label: String,
    },
}

/// Every PEM block in `text`, in order. Ignores text between blocks, CRLF, and spaces around lines.
///
/// # Errors
/// When a block has no end, ends with another label, or is not base64.
pub fn pem_blocks(text: &[u8]) -> Result<Vec<PemBlock>, PemError> {
    let mut blocks = Vec::new();
    let mut open: Option<(PemBlock, Vec<u8>)> = None;
    for (index, raw) in text.split(|b| *b == b'\n').enumerate() {
        if let Some((_, content)) = &mut open
            && raw.iter().all(|b| IS_BASE64[usize::from(*b)])
        {
            content.extend_from_slice(raw);
            continue;
        }
        let line = String::from_utf8_lossy(raw);
        let line = line.trim();
        if let Some((block, content)) = &mut open {
            if let Some(end) = marker(line, END) {
                if end != block.label {
                    return Err(PemError::Labels { line: index + 1, begin: block.label.clone(), end: end.to_owned() });
                }
                block.der = STANDARD
                    .decode(&content[..])
                    .map_err(|_| PemError::Base64 { line: block.line, label: block.label.clone() })?;
                blocks.extend(open.take().map(|(block, _)| block));
            } else if line.contains(':') && content.is_empty() {
                block.headers.push(line.to_owned());
            } else {
                content.extend_from_slice(line.as_bytes());
            }
        } else if let Some(label) = marker(line, BEGIN) {
            let block = PemBlock { label: label.to_owned(), headers: Vec::new(), der: Vec::new(), line: index + 1 };
            open = Some((block, Vec::new()));
        }
    }
    match open {
        Some((block, _)) => Err(PemError::Unterminated { line: block.line, label: block.label }),
        None => Ok(blocks),
    }
}

fn marker<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.strip_suffix(DASHES)
}

/// PEM as Go and OpenSSL write it: LF line ends, 64 characters per line, a final newline.
pub fn pem_encode(label: &str, der: &[u8]) -> String {
    let content = zeroize::Zeroizing::new(STANDARD.encode(der));
    let mut out = String::with_capacity(content.len() + content.len() / 64 + 2 * label.len() + 36);
    out.push_str(BEGIN);
    out.push_str(label);
    out.push_str(DASHES);
    out.push('\n');
    for chunk in content.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(chunk).unwrap_or_default());
        out.push('\n');
    }
    out.push_str(END);
    out.push_str(label);
    out.push_str(DASHES);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_between_text_are_found_with_their_lines() {
        let text = b"subject=x\r\n-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\njunk\n-----BEGIN B C-----\nX: y\n\nBA==\n-----END B C-----";
        let blocks = pem_blocks(text).expect("two blocks");
        assert_eq!((blocks[0].label.as_str(), blocks[0].line, blocks[0].der.as_slice()), ("A", 2, &[1u8, 2, 3][..]));
        assert_eq!((blocks[1].label.as_str(), blocks[1].line, blocks[1].der.as_slice()), ("B C", 6, &[4u8][..]));
        assert_eq!(blocks[1].headers, ["X: y"]);
    }

    #[test]
    fn broken_blocks_are_reported_with_their_line() {
        let unterminated = pem_blocks(b"\n-----BEGIN A-----\nAQID\n");
        assert_eq!(unterminated, Err(PemError::Unterminated { line: 2, label: "A".into() }));
        let base64 = pem_blocks(b"-----BEGIN A-----\nA!ID\n-----END A-----\n");
        assert_eq!(base64, Err(PemError::Base64 { line: 1, label: "A".into() }));
        let labels = pem_blocks(b"-----BEGIN A-----\nAQID\n-----END B-----\n");
        assert_eq!(labels, Err(PemError::Labels { line: 3, begin: "A".into(), end: "B".into() }));
    }

    proptest! {
        #[test]
        fn encoded_blocks_are_read_back(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let blocks = pem_blocks(pem_encode("CERTIFICATE", &der).as_bytes()).expect("own output");
            prop_assert_eq!(&blocks[0].der, &der);
            prop_assert_eq!(blocks.len(), 1);
        }

        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = pem_blocks(&text);
        }
    }
}
