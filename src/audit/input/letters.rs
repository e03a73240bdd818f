//! The letters of base64 while they come, decoded piece by piece: a long text does not stand there three times.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Neither Go nor OpenSSL looks at the bits behind the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
/// So many letters are decoded at once, from four of which three bytes come.
const PIECE: usize = 4 * 1024;
/// Private keys fit in here, so that a growing buffer leaves no copy of one behind.
const ROOM: usize = 64 * 1024;

/// What was met so far.
pub(super) struct Letters {
    waiting: Zeroizing<Vec<u8>>,
    /// What the others mean; `None` once they mean nothing.
    content: Option<Zeroizing<Vec<u8>>>,
}

impl Letters {
    /// `letters` are expected at most.
    pub(super) fn with_room_for(letters: usize) -> Self {
        let room = |n| Zeroizing::new(Vec::with_capacity(n));
        Self { waiting: room(letters.min(ROOM)), content: Some(room(letters.div_ceil(4) * 3)) }
    }

    /// Whether none came yet.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.content.as_ref().is_some_and(|content| content.is_empty())
    }

    /// Adds those of a line, be it a string of JSON with its escapes; `false` when there is something else in it.
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

    /// Decodes what cannot be the end.
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

    /// What they mean; `None` when they are cut, or too many.
    pub(super) fn decoded(self) -> Option<Zeroizing<Vec<u8>>> {
        let mut content = self.content?;
        BASE64.decode_vec(self.waiting.as_slice(), &mut content).ok()?;
        Some(content)
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_long_text_is_decoded_piece_by_piece() {
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
    fn an_end_in_the_midst_is_none() {
        for text in ["QUE=".repeat(PIECE), "QUE=QUJD".to_owned(), format!("{}Q", "QUJD".repeat(PIECE))] {
            let mut letters = Letters::with_room_for(text.len());
            assert!(letters.add(text.as_bytes()));
            assert!(letters.decoded().is_none(), "{}", text.len());
        }
    }
}
