//! The protobuf wire format (protobuf.dev/programming-guides/encoding), read without copies, and written.

/// A fault of an encoding: its offset and the reason.
pub(super) type WireError = (usize, &'static str);

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireValue<'a> {
    /// A number: varint, or 32 or 64 fixed bits.
    Number(u64),
    /// Text, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// One field with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireField<'a> {
    pub(super) number: u64,
    /// The offset of the value in the file, in bytes.
    pub(super) at: usize,
    pub(super) value: WireValue<'a>,
}

/// The fields of one message, in order; ends after the first fault. A nested message is not entered.
pub(super) struct WireFields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> WireFields<'a> {
    /// The fields of `message`, which begins at the offset `at` of the file.
    pub(super) const fn new(message: &'a [u8], at: usize) -> Self {
        Self { rest: message, at }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], WireError> {
        let taken = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = taken.ok_or((self.at, "the value ends after its message"))?;
        self.rest = rest;
        self.at += taken.len();
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err((start, "the number has more than 64 bits"))
    }

    fn fixed(&mut self, count: u64) -> Result<WireValue<'a>, WireError> {
        let bytes = self.take(count)?;
        Ok(WireValue::Number(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))))
    }

    fn field(&mut self) -> Result<WireField<'a>, WireError> {
        let start = self.at;
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err((start, "the field has no valid number"));
        }
        let mut at = self.at;
        let value = match tag & 7 {
            0 => WireValue::Number(self.varint()?),
            1 => self.fixed(8)?,
            2 => {
                let len = self.varint()?;
                at = self.at;
                WireValue::Bytes(self.take(len)?)
            }
            5 => self.fixed(4)?,
            _ => return Err((start, "the field has no wire type that Fabric uses")),
        };
        Ok(WireField { number, at, value })
    }
}

/// The fields of `message` as they are encoded, each with its number, in order.
///
/// # Errors
/// If a field cannot be separated.
pub(super) fn encoded_fields(message: &[u8]) -> Result<Vec<(u64, &[u8])>, WireError> {
    let (mut fields, mut all) = (WireFields::new(message, 0), Vec::new());
    while !fields.rest.is_empty() {
        let start = fields.at;
        let number = fields.field()?.number;
        all.push((number, &message[start..fields.at]));
    }
    Ok(all)
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Writes a number, unless it is 0, which is the default.
pub(super) fn write_number(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        write_varint(out, field << 3);
        write_varint(out, value);
    }
}

/// Writes text, bytes or an encoded message.
pub(super) fn write_bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    write_varint(out, field << 3 | 2);
    write_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Writes an entry of a map from text to messages.
pub(super) fn write_entry(out: &mut Vec<u8>, field: u64, key: &str, value: &[u8]) {
    let mut entry = Vec::new();
    write_bytes(&mut entry, 1, key.as_bytes());
    write_bytes(&mut entry, 2, value);
    write_bytes(out, field, &entry);
}

impl<'a> Iterator for WireFields<'a> {
    type Item = Result<WireField<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<WireField<'_>>, WireError> {
        WireFields::new(bytes, 100).collect()
    }

    #[test]
    fn fields_of_each_wire_type_are_read_with_their_offsets() {
        let bytes = [8, 0x96, 1, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let read = fields(&bytes).unwrap();
        let expected = [
            (1, 101, WireValue::Number(150)),
            (2, 105, WireValue::Bytes(b"hi")),
            (3, 108, WireValue::Number(1)),
            (4, 113, WireValue::Number(2)),
        ];
        assert_eq!(read, expected.map(|(number, at, value)| WireField { number, at, value }));
        let most = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(fields(&most).unwrap()[0].value, WireValue::Number(u64::MAX));
    }

    #[test]
    fn faults_are_reported_at_their_offset() {
        assert_eq!(fields(&[0x12, 5, 1]), Err((102, "the value ends after its message")));
        assert_eq!(
            fields(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Err((111, "the value ends after its message"))
        );
        assert_eq!(fields(&[8, 0x80]), Err((102, "the value ends after its message")));
        let long = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(fields(&long), Err((101, "the number has more than 64 bits")));
        assert_eq!(fields(&[0]), Err((100, "the field has no valid number")));
        assert_eq!(fields(&[8, 1, 0x0b]), Err((102, "the field has no wire type that Fabric uses")));
    }

    proptest! {
        #[test]
        fn no_input_panics_and_values_are_inside(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for field in WireFields::new(&bytes, 0).flatten() {
                prop_assert!(field.at <= bytes.len());
                if let WireValue::Bytes(value) = field.value {
                    prop_assert_eq!(value, &bytes[field.at..field.at + value.len()]);
                }
            }
        }
    }
}
