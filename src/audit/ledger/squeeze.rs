//! Bytes made small by what they repeat (LZ77, in the manner of the LZ4 block format): findings of one run are full of the
//! same folders, names and words.
//!
//! A sequence is a token (how many bytes stand for themselves, how long the repetition is), these bytes, and how far back
//! the repetition begins. The last one has no repetition.

/// Shorter repetitions are not worth their token.
const SHORTEST: usize = 4;
/// How far back a repetition may begin.
const FARTHEST: usize = 65_535;
/// What half a token holds; more follows behind it.
const HALF: usize = 15;
const TABLE_BITS: u32 = 14;

/// Makes `text` small.
pub(super) fn squeeze(text: &[u8]) -> Box<[u8]> {
    let mut out = Vec::with_capacity(text.len() / 2);
    // Where bytes with this hash stood last, plus one.
    let mut last = vec![0_u32; 1 << TABLE_BITS];
    let (mut at, mut told) = (0, 0);
    while let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<SHORTEST>()) {
        let here = u32::try_from(at + 1).unwrap_or(0);
        let slot = (u32::from_le_bytes(*four).wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize;
        let before = std::mem::replace(&mut last[slot], here) as usize;
        let len = before.checked_sub(1).filter(|from| at - from <= FARTHEST).map_or(0, |from| common(text, from, at));
        if len < SHORTEST {
            at += 1;
            continue;
        }
        sequence(&mut out, &text[told..at], Some((len, at + 1 - before)));
        at += len;
        told = at;
    }
    sequence(&mut out, &text[told..], None);
    out.into_boxed_slice()
}

/// How many bytes are the same at both places.
fn common(text: &[u8], from: usize, at: usize) -> usize {
    text[from..].iter().zip(&text[at..]).take_while(|(a, b)| a == b).count()
}

fn sequence(out: &mut Vec<u8>, own: &[u8], repeated: Option<(usize, usize)>) {
    let more = repeated.map_or(0, |(len, _)| len - SHORTEST);
    let half = |n: usize| u8::try_from(n.min(HALF)).unwrap_or(0);
    out.push(half(own.len()) << 4 | half(more));
    long(out, own.len());
    out.extend_from_slice(own);
    if let Some((_, back)) = repeated {
        out.extend_from_slice(&u16::try_from(back).unwrap_or(0).to_le_bytes());
        long(out, more);
    }
}

/// What half a token does not hold.
fn long(out: &mut Vec<u8>, len: usize) {
    let Some(mut left) = len.checked_sub(HALF) else { return };
    while left >= 255 {
        out.push(255);
        left -= 255;
    }
    out.extend(u8::try_from(left));
}

/// The text again, which was `len` bytes long.
pub(super) fn expand(squeezed: &[u8], len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len);
    let mut bytes = squeezed;
    while let Some((token, rest)) = bytes.split_first() {
        bytes = rest;
        let own = take_len(&mut bytes, token >> 4).min(bytes.len());
        let (copied, rest) = bytes.split_at(own);
        out.extend_from_slice(copied);
        let Some((back, rest)) = rest.split_first_chunk::<2>() else { break };
        bytes = rest;
        let len = take_len(&mut bytes, token & 0x0f) + SHORTEST;
        let from = out.len().saturating_sub(usize::from(u16::from_le_bytes(*back)));
        if from + len <= out.len() {
            out.extend_from_within(from..from + len);
        } else {
            // It repeats itself.
            for at in from..from + len {
                out.extend(out.get(at).copied());
            }
        }
    }
    out
}

fn take_len(bytes: &mut &[u8], half: u8) -> usize {
    let mut len = usize::from(half);
    if len == HALF {
        while let Some((more, rest)) = bytes.split_first() {
            *bytes = rest;
            len += usize::from(*more);
            if *more < 255 {
                break;
            }
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(text: &[u8]) -> usize {
        let squeezed = squeeze(text);
        assert_eq!(expand(&squeezed, text.len()), text);
        squeezed.len()
    }

    #[test]
    fn what_repeats_becomes_small_and_the_rest_hardly_larger() {
        assert_eq!(there_and_back(b""), 1);
        assert!(there_and_back(&vec![7; 100_000]) < 500);
        let lines: Vec<String> =
            (0..1000).map(|n| format!("certs/peer{n}.pem: the certificate ends in {n} days\n")).collect();
        let lines = lines.concat();
        assert!(there_and_back(lines.as_bytes()) < lines.len() / 3);
        let odd: Vec<u8> = (0..70_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        assert!(there_and_back(&odd) < odd.len() + odd.len() / 200);
    }

    #[test]
    fn a_repetition_from_too_far_back_is_none() {
        let mut text = b"this stands at both ends".to_vec();
        text.extend((0..70_000_u32).flat_map(u32::to_be_bytes));
        text.extend(b"this stands at both ends");
        there_and_back(&text);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(parts in proptest::collection::vec(("[a-c]{0,20}", 0usize..40), 0..60)) {
            let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            there_and_back(text.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = expand(&bytes, 0);
        }
    }
}
