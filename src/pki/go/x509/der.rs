//! DER as Go's `golang.org/x/crypto/cryptobyte` reads it: tags below 31, lengths in their shortest form, four octets at
//! most. `None` is a refusal.

#![allow(clippy::option_option, reason = "the outer `None` is a refusal, the inner one an absent field")]

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The tag `[number]` of a primitive value.
pub(super) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The tag `[number]` around another value.
pub(super) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// The remaining input.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

/// One value: its tag, its content, and both with the length.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// A BIT STRING; the unused bits are zero.
#[derive(Clone, Copy)]
pub(super) struct BitString<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) unused: u8,
}

impl BitString<'_> {
    /// Bit number `at`, from 0; bits beyond the end are 0.
    pub(super) fn bit(&self, at: usize) -> bool {
        at + usize::from(self.unused) < self.bytes.len() * 8 && self.bytes[at / 8] >> (7 - at % 8) & 1 == 1
    }

    /// The bits as a number (Go `asn1.BitString.RightAlign`).
    pub(super) fn right_aligned(&self) -> Vec<u8> {
        let mut out = self.bytes.to_vec();
        if self.unused > 0 {
            let mut carry = 0;
            for byte in &mut out {
                let next = *byte << (8 - self.unused);
                *byte = *byte >> self.unused | carry;
                carry = next;
            }
        }
        out
    }

    /// The content octets of a BIT STRING.
    pub(super) fn of(content: &[u8]) -> Option<BitString<'_>> {
        let (unused, bytes) = content.split_first()?;
        let padding = bytes.last().map_or(*unused != 0, |last| *unused > 7 || last & ((1 << unused) - 1) != 0);
        (!padding).then_some(BitString { bytes, unused: *unused })
    }
}

impl<'a> Der<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn element(&mut self) -> Option<Element<'a>> {
        let [tag, first, ..] = *self.0 else { return None };
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let count = usize::from(first & 0x7f);
            let octets = self.0.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
            if octets[0] == 0 {
                return None;
            }
            let length = octets.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
            if length < 128 {
                return None;
            }
            (2 + count, length)
        };
        let whole = self.0.get(..header.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag, content: &whole[header..], whole })
    }

    /// The content of the next value, which must have this tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element().filter(|e| e.tag == tag).map(|e| e.content)
    }

    /// The next value, which must have this tag, including tag and length.
    pub(super) fn read_whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element().filter(|e| e.tag == tag).map(|e| e.whole)
    }

    /// The values inside the next value, which must have this tag.
    pub(super) fn open(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(Self)
    }

    pub(super) fn peek(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The content of the next value if it has this tag; the outer `None` is a refusal.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.peek(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    /// The content of an INTEGER, in its shortest form.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        self.read(INTEGER).filter(|n| is_minimal(n))
    }

    /// A BOOLEAN: 0 or 255.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)? {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// The content of an OBJECT IDENTIFIER. Its arcs are below 2^31 and in their shortest form, so equal identifiers
    /// have equal octets.
    pub(super) fn oid(&mut self) -> Option<&'a [u8]> {
        self.read(OID).filter(|oid| is_oid(oid))
    }

    pub(super) fn bit_string(&mut self) -> Option<BitString<'a>> {
        self.read(BIT_STRING).and_then(BitString::of)
    }
}

/// Whether the content of an INTEGER is in its shortest form.
pub(super) const fn is_minimal(number: &[u8]) -> bool {
    !matches!(number, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..])
}

/// The content of an INTEGER as a number, if it fits.
pub(super) fn to_i64(number: &[u8]) -> Option<i64> {
    if number.is_empty() || number.len() > 8 {
        return None;
    }
    let start = if number[0] & 0x80 == 0 { 0 } else { -1 };
    Some(number.iter().fold(start, |sum, b| sum << 8 | i64::from(*b)))
}

/// The content of an INTEGER that is not negative as a number, if it fits.
pub(super) fn to_u64(number: &[u8]) -> Option<u64> {
    let number = match number {
        [0, rest @ ..] => rest,
        [first, ..] if first & 0x80 != 0 => return None,
        other => other,
    };
    (number.len() <= 8).then(|| number.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
}

/// A number without its leading zeros.
pub(super) fn significant(number: &[u8]) -> &[u8] {
    &number[number.iter().position(|b| *b != 0).unwrap_or(number.len())..]
}

/// Whether these are the content octets of an OBJECT IDENTIFIER that Go reads.
pub(super) fn is_oid(content: &[u8]) -> bool {
    let ended = content.last().is_some_and(|b| b & 0x80 == 0);
    ended && content.split_inclusive(|b| b & 0x80 == 0).all(is_arc)
}

fn is_arc(arc: &[u8]) -> bool {
    arc[0] != 0x80 && (arc.len() < 5 || arc.len() == 5 && arc[0] & 0x7f < 8)
}

/// The dotted text of an OBJECT IDENTIFIER's content.
pub(super) fn oid_text(content: &[u8]) -> String {
    let mut arcs = content
        .split_inclusive(|b| b & 0x80 == 0)
        .map(|arc| arc.iter().fold(0u64, |sum, b| sum.wrapping_shl(7) | u64::from(b & 0x7f)));
    let first = arcs.next().unwrap_or_default();
    let (top, second) = if first < 80 { (first / 40, first % 40) } else { (2, first - 80) };
    arcs.fold(format!("{top}.{second}"), |text, arc| format!("{text}.{arc}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_must_be_in_their_shortest_form() {
        let whole = |bytes: &[u8]| Der(bytes).element().map(|e| e.content.len());
        assert_eq!(whole(&[4, 1, 0]), Some(1));
        assert_eq!(whole(&[4, 0x81, 1, 0]), None);
        assert_eq!(whole(&[&[4, 0x81, 128][..], &[0; 128]].concat()), Some(128));
        assert_eq!(whole(&[&[4, 0x82, 0, 128][..], &[0; 128]].concat()), None);
        assert_eq!(whole(&[4, 0x80, 0, 0]), None);
        assert_eq!(whole(&[0x1f, 1, 0]), None);
        assert_eq!(whole(&[4, 2, 0]), None);
        assert_eq!(whole(&[4, 0x85, 0, 0, 0, 0, 1]), None);
    }

    #[test]
    fn numbers_and_identifiers_must_be_in_their_shortest_form() {
        assert!(is_minimal(&[0]) && is_minimal(&[0, 0x80]) && is_minimal(&[0x80]));
        assert!(!is_minimal(&[]) && !is_minimal(&[0, 1]) && !is_minimal(&[0xff, 0x80]));
        assert_eq!((to_i64(&[0xff]), to_i64(&[1, 0]), to_i64(&[0; 9])), (Some(-1), Some(256), None));
        assert_eq!((to_u64(&[0xff]), to_u64(&[0, 0xff])), (None, Some(255)));
        assert!(is_oid(&[0x2a, 3]) && is_oid(&[0x2a, 0x87, 0xff, 0xff, 0xff, 0x7f]));
        assert!(!is_oid(&[]) && !is_oid(&[0x2a, 0x80, 1]) && !is_oid(&[0x2a, 0x83]));
        assert!(!is_oid(&[0x2a, 0x88, 0x80, 0x80, 0x80, 0]));
        assert_eq!(oid_text(&[0x55, 29, 17]), "2.5.29.17");
    }

    #[test]
    fn bit_strings_must_have_zero_padding() {
        assert!(BitString::of(&[]).is_none() && BitString::of(&[1]).is_none() && BitString::of(&[8, 0]).is_none());
        assert!(BitString::of(&[1, 1]).is_none() && BitString::of(&[0]).is_some());
        let bits = BitString::of(&[2, 0x84, 0x0c]).unwrap();
        assert!(bits.bit(0) && bits.bit(5) && bits.bit(13) && !bits.bit(14) && !bits.bit(1));
        assert_eq!(bits.right_aligned(), [0x21, 0x03]);
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut der = Der(&bytes);
            while der.element().is_some() {}
            let _ = (Der(&bytes).oid(), Der(&bytes).bit_string().map(|b| b.right_aligned()), oid_text(&bytes));
        }
    }
}
