//! Every PEM block of a file with its line, also of a file that is broken in places.

use base64::Engine as _;
use zeroize::Zeroizing;

/// One block.
pub(super) struct Block {
    pub(super) label: String,
    /// The line of its `BEGIN`, from 1.
    pub(super) line: usize,
    /// Its content, or why there is none.
    pub(super) content: Result<Zeroizing<Vec<u8>>, String>,
    /// Whether its header says that it is encrypted (RFC 1421 `DEK-Info`).
    pub(super) encrypted: bool,
}

/// The blocks of `text` in order; a block without an end, or with broken base64, is told as such.
pub(super) fn blocks(text: &[u8]) -> Vec<Block> {
    // A byte-order mark hides the first line from Fabric, not from who looks for what is wrong.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut out = Vec::new();
    let mut open: Option<(String, usize, Zeroizing<Vec<u8>>, bool)> = None;
    for (number, raw) in text.split(|b| *b == b'\n').enumerate() {
        let line = raw.trim_ascii();
        if let Some(label) = label(line, b"-----BEGIN ") {
            if let Some((label, line, ..)) = open.take() {
                out.push(Block { label, line, content: Err("it has no END line".to_owned()), encrypted: false });
            }
            open = Some((label, number + 1, Zeroizing::new(Vec::new()), false));
        } else if let Some(end) = label(line, b"-----END ") {
            if let Some((label, line, body, encrypted)) = open.take() {
                let content = if end == label {
                    base64::engine::general_purpose::STANDARD
                        .decode(body.as_slice())
                        .map(Zeroizing::new)
                        .map_err(|e| format!("its base64 is broken: {e}"))
                } else {
                    Err(format!("it ends as {end}"))
                };
                out.push(Block { label, line, content, encrypted });
            }
        } else if let Some((_, _, body, encrypted)) = &mut open {
            if line.contains(&b':') {
                *encrypted |= line.starts_with(b"DEK-Info");
            } else {
                body.extend(line.iter().filter(|b| !b.is_ascii_whitespace()));
            }
        }
    }
    if let Some((label, line, ..)) = open {
        out.push(Block { label, line, content: Err("it has no END line".to_owned()), encrypted: false });
    }
    out
}

fn label(line: &[u8], word: &[u8]) -> Option<String> {
    let inner = line.strip_prefix(word)?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(inner).into_owned())
}
