//! Decodes base64 in pieces as its characters arrive, so that a long text is not in memory several times.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Neither Go nor OpenSSL checks the unused bits after the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
/// The number of characters decoded at once; four characters give three bytes.
const PIECE: usize = 4 * 1024;
/// Private keys fit in this capacity, so that a growing buffer leaves no copy of one behind.
const ROOM: usize = 64 * 1024;

/// The characters read so far.
pub(super) struct Letters {
    waiting: Zeroizing<Vec<u8>>,
    /// The decoded bytes; `None` after an error.
    content: Option<Zeroizing<Vec<u8>>>,
}

impl Letters {
    /// Creates a decoder that accepts at most `letters` characters.
    pub(super) fn with_room_for(letters: usize) -> Self {
        let room = |n| Zeroizing::new(Vec::with_capacity(n));
        Self { waiting: room(letters.min(ROOM)), content: Some(room(letters.div_ceil(4) * 3)) }
    }

    /// Whether no character was read.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.content.as_ref().is_some_and(|content| content.is_empty())
    }

    /// Adds the characters of a line, which may be a JSON string with escapes; returns `false` at any other character.
    pub(super) fn add(&mut self, line: &[u8]) -> bool {
        if line.iter().copied().all(is_letter) {
            self.waiting.extend_from_slice(line);
        } else {
            let mut bytes = line.iter().copied();
            while let Some(byte) = bytes.next() {
                match byte {
                    b' ' | b'\t' | b'\r' => {}
                    b'\\' => match bytes.next() {
                        Some(b'n' | b'r' | b't') => {}
                        Some(b'/') => self.waiting.push(b'/'),
                        _ => return false,
                    },
                    _ if is_letter(byte) => self.waiting.push(byte),
                    _ => return false,
                }
            }
        }
        self.decode_most();
        true
    }

    /// Decodes all pieces that cannot be the last.
    fn decode_most(&mut self) {
        if self.waiting.len() > PIECE {
            let whole = (self.waiting.len() - 1) / PIECE * PIECE;
            let most = &self.waiting[..whole];
            let ends = most.contains(&b'=');
            self.content.take_if(|content| ends || BASE64.decode_vec(most, content).is_err());
            let rest = self.waiting.len() - whole;
            self.waiting.copy_within(whole.., 0);
            self.waiting.truncate(rest);
        }
    }

    /// The decoded bytes; `None` if the text is truncated or too long.
    pub(super) fn decoded(self) -> Option<Zeroizing<Vec<u8>>> {
        let mut content = self.content?;
        BASE64.decode_vec(self.waiting.as_slice(), &mut content).ok()?;
        Some(content)
    }
}

/// For each byte, whether it is a base64 character.
const LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        letters[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        byte += 1;
    }
    letters
};

const fn is_letter(byte: u8) -> bool {
    LETTERS[byte as usize]
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn long_text_is_decoded_in_pieces() {
        for len in [0, 3 * PIECE / 4 - 1, 3 * PIECE / 4, 3 * PIECE / 4 + 1, 50_000] {
            let content: Vec<u8> = (0_usize..len).map(|n| n.to_be_bytes()[7]).collect();
            let text = STANDARD.encode(&content);
            for line in [64, text.len().max(1)] {
                let mut letters = Letters::with_room_for(text.len());
                assert!(text.as_bytes().chunks(line).all(|line| letters.add(line)));
                assert_eq!(letters.is_empty(), len == 0);
                assert_eq!(letters.decoded().map(|decoded| decoded.to_vec()), Some(content.clone()), "{len} {line}");
            }
        }
    }

    #[test]
    fn padding_in_the_middle_is_an_error() {
        for text in ["QUE=".repeat(PIECE), "QUE=QUJD".to_owned(), format!("{}Q", "QUJD".repeat(PIECE))] {
            let mut letters = Letters::with_room_for(text.len());
            assert!(letters.add(text.as_bytes()));
            assert!(letters.decoded().is_none(), "{}", text.len());
        }
    }
}
