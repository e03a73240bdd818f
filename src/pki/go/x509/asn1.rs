//! ASN.1 as Go's `encoding/asn1` unmarshals it into structures: data after the last field is ignored. Go reads private
//! keys and revocation lists in this way.

#![allow(clippy::option_option, reason = "the outer `None` is a refusal, the inner one an absent field")]

use super::der::{BitString, is_minimal, is_oid, to_i64};

const UNIVERSAL: u8 = 0;
const CONTEXT: u8 = 2;

pub(super) const INTEGER: u32 = 2;
pub(super) const BIT_STRING: u32 = 3;
pub(super) const OID: u32 = 6;
pub(super) const SEQUENCE: u32 = 16;
const SET: u32 = 17;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Header {
    class: u8,
    tag: u32,
    compound: bool,
    length: usize,
    /// Octets of tag and length.
    size: usize,
}

/// A value.
pub(super) struct Value<'a> {
    /// Class, tag, and whether it is compound.
    pub(super) kind: (u8, u32, bool),
    /// Including tag and length.
    pub(super) whole: &'a [u8],
    /// Without tag and length.
    pub(super) content: &'a [u8],
}

/// The remaining fields of a structure; `None` is a refusal.
#[derive(Clone, Copy)]
pub(super) struct Sequence<'a>(&'a [u8]);

impl<'a> Sequence<'a> {
    /// The content of a SEQUENCE at the start of `text`.
    pub(super) fn open(text: &'a [u8]) -> Option<Self> {
        Self(text).sequence()
    }

    /// A structure whose only field is `text`.
    pub(super) const fn one(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The remaining bytes.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.required(UNIVERSAL, SEQUENCE, true).map(Self)
    }

    pub(super) fn set(&mut self) -> Option<Self> {
        self.required(UNIVERSAL, SET, true).map(Self)
    }

    pub(super) fn optional_sequence(&mut self) -> Option<Option<Self>> {
        self.optional(UNIVERSAL, SEQUENCE, true).map(|found| found.map(Self))
    }

    /// The content of an INTEGER.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        self.required(UNIVERSAL, INTEGER, false).filter(|n| is_minimal(n))
    }

    pub(super) fn optional_integer(&mut self) -> Option<Option<&'a [u8]>> {
        match self.optional(UNIVERSAL, INTEGER, false)? {
            Some(number) => is_minimal(number).then_some(Some(number)),
            None => Some(None),
        }
    }

    /// An INTEGER of 64 bits.
    pub(super) fn small_integer(&mut self) -> Option<i64> {
        self.integer().and_then(to_i64)
    }

    pub(super) fn optional_boolean(&mut self) -> Option<bool> {
        match self.optional(UNIVERSAL, 1, false)? {
            None | Some([0]) => Some(false),
            Some([0xff]) => Some(true),
            Some(_) => None,
        }
    }

    pub(super) fn octet_string(&mut self) -> Option<&'a [u8]> {
        self.required(UNIVERSAL, 4, false)
    }

    /// An OCTET STRING with the implicit tag `[number]`.
    pub(super) fn tagged_octet_string(&mut self, number: u32) -> Option<Option<&'a [u8]>> {
        self.optional(CONTEXT, number, false)
    }

    pub(super) fn oid(&mut self) -> Option<&'a [u8]> {
        self.required(UNIVERSAL, OID, false).filter(|oid| is_oid(oid))
    }

    pub(super) fn bit_string(&mut self) -> Option<BitString<'a>> {
        self.required(UNIVERSAL, BIT_STRING, false).and_then(BitString::of)
    }

    /// The field inside `[number]`, with the given universal tag; the inner `None` when it is absent. A field with
    /// another tag counts as absent and is not consumed.
    pub(super) fn explicit(&mut self, number: u32, tag: u32) -> Option<Option<Self>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let outer = header(self.0)?;
        let inner = &self.0[outer.size..];
        if inner.is_empty() {
            return None;
        }
        if (outer.class, outer.tag) != (CONTEXT, number) || outer.length > 0 && !outer.compound {
            return Some(None);
        }
        // Go ignores the outer length and continues after the inner value.
        let header = header(inner).filter(|_| outer.length > 0)?;
        if (header.class, header.tag, header.compound) != (UNIVERSAL, tag, matches!(tag, SEQUENCE | SET)) {
            return Some(None);
        }
        let field = inner.get(..header.size.checked_add(header.length)?)?;
        self.0 = &inner[field.len()..];
        Some(Some(Self(field)))
    }

    /// An `AlgorithmIdentifier`: the content of its OID, and its parameters including tag and length.
    pub(super) fn algorithm(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let mut fields = self.sequence()?;
        let oid = fields.oid()?;
        if fields.0.is_empty() {
            return Some((oid, &[]));
        }
        Some((oid, fields.any()?.whole))
    }

    /// Any value.
    pub(super) fn any(&mut self) -> Option<Value<'a>> {
        let header = header(self.0)?;
        let whole = self.0.get(..header.size.checked_add(header.length)?)?;
        self.0 = &self.0[whole.len()..];
        let kind = (header.class, header.tag, header.compound);
        Some(Value { kind, whole, content: &whole[header.size..] })
    }

    /// Class and tag of the next value, and whether it is compound; the inner `None` at the end.
    pub(super) fn next_kind(&self) -> Option<Option<(u8, u32, bool)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        header(self.0).map(|header| Some((header.class, header.tag, header.compound)))
    }

    /// The next value including tag and length, if it has this universal tag.
    pub(super) fn whole_sequence(&mut self) -> Option<&'a [u8]> {
        self.any().filter(|value| value.kind == (UNIVERSAL, SEQUENCE, true)).map(|value| value.whole)
    }

    fn required(&mut self, class: u8, tag: u32, compound: bool) -> Option<&'a [u8]> {
        self.optional(class, tag, compound)?
    }

    fn optional(&mut self, class: u8, tag: u32, compound: bool) -> Option<Option<&'a [u8]>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let header = header(self.0)?;
        if (header.class, header.tag, header.compound) != (class, tag, compound) {
            return Some(None);
        }
        self.any().map(|value| Some(value.content))
    }
}

/// Tag and length (`parseTagAndLength`).
fn header(text: &[u8]) -> Option<Header> {
    let (first, mut rest) = text.split_first()?;
    let mut tag = u32::from(first & 0x1f);
    if tag == 0x1f {
        let end = rest.iter().position(|b| b & 0x80 == 0)? + 1;
        let number = &rest[..end];
        if number[0] == 0x80 || number.len() > 5 || number.len() == 5 && number[0] & 0x7f >= 8 {
            return None;
        }
        tag = number.iter().fold(0, |sum, b| sum << 7 | u32::from(b & 0x7f));
        if tag < 0x1f {
            return None;
        }
        rest = &rest[end..];
    }
    let (length, mut rest) = rest.split_first()?;
    let mut total = usize::from(*length);
    if length & 0x80 != 0 {
        let count = usize::from(length & 0x7f);
        let octets = rest.get(..count).filter(|o| !o.is_empty() && o[0] != 0)?;
        total = 0;
        for octet in octets {
            if total >= 1 << 23 {
                return None;
            }
            total = total << 8 | usize::from(*octet);
        }
        if total < 0x80 {
            return None;
        }
        rest = &rest[count..];
    }
    let size = text.len() - rest.len();
    Some(Header { class: first >> 6, tag, compound: first & 0x20 != 0, length: total, size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn data_after_the_last_field_is_ignored() {
        let mut fields = Sequence::open(&[0x30, 6, 2, 1, 5, 4, 1, 9, 0xff]).unwrap();
        assert_eq!(fields.small_integer(), Some(5));
        assert!(fields.optional_integer().is_some_and(|n| n.is_none()));
        assert_eq!(fields.octet_string(), Some(&[9][..]));
        assert_eq!(fields.octet_string(), None);
        assert!(Sequence::open(&[0x31, 0]).is_none() && Sequence::open(&[0x30, 0x81, 1, 0]).is_none());
    }

    #[test]
    fn fields_in_explicit_tags_are_read() {
        let mut fields = Sequence::one(&[0xa1, 3, 2, 1, 7]);
        assert!(fields.explicit(0, INTEGER).is_some_and(|f| f.is_none()));
        assert_eq!(fields.explicit(1, INTEGER).flatten().and_then(|mut f| f.small_integer()), Some(7));
        assert!(Sequence::one(&[0xa0, 0, 0]).explicit(0, INTEGER).is_none());
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut fields = Sequence::one(&bytes);
            while fields.any().is_some() {}
            let _ = Sequence::one(&bytes).explicit(0, SEQUENCE);
            let _ = Sequence::one(&bytes).algorithm();
        }
    }
}
