//! Names and their strings (`crypto/x509/parser.go`, `parseName`, `parseASN1String`).

use super::der::{Der, SEQUENCE, SET};

const UTF8: u8 = 12;
const NUMERIC: u8 = 18;
const PRINTABLE: u8 = 19;
const T61: u8 = 20;
const IA5: u8 = 22;
const BMP: u8 = 30;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];

/// The parts of a name that Fabric reads.
#[derive(Debug, Default)]
pub(super) struct Name {
    /// The last CN, or an empty text.
    pub(super) common_name: String,
    /// All OUs, in order.
    pub(super) organizational_units: Vec<String>,
}

/// Reads a Name, including tag and length.
pub(super) fn parse_name(whole: &[u8]) -> Result<Name, &'static str> {
    const SEQUENCE_REFUSED: &str = "a distinguished name is not a sequence of sets";
    let mut names = Der(whole).open(SEQUENCE).ok_or(SEQUENCE_REFUSED)?;
    let mut out = Name::default();
    while !names.is_empty() {
        let mut set = names.open(SET).ok_or(SEQUENCE_REFUSED)?;
        while !set.is_empty() {
            let mut attribute = set.open(SEQUENCE).ok_or("an attribute of a distinguished name is not a sequence")?;
            let kind = attribute.oid().ok_or("an attribute of a distinguished name has a broken type")?;
            let value = attribute.element().ok_or("an attribute of a distinguished name has a broken value")?;
            let text = parse_string(value.tag, value.content)?;
            if kind == COMMON_NAME {
                out.common_name = text;
            } else if kind == ORGANIZATIONAL_UNIT {
                out.organizational_units.push(text);
            }
        }
    }
    Ok(out)
}

/// The text of a string of one of the six kinds that Go accepts in a name.
pub(super) fn parse_string(tag: u8, content: &[u8]) -> Result<String, &'static str> {
    let ascii = || content.iter().copied().map(char::from).collect();
    match tag {
        T61 => Ok(ascii()),
        PRINTABLE if content.iter().copied().all(is_printable) => Ok(ascii()),
        PRINTABLE => Err("a PrintableString in a distinguished name has an invalid character"),
        UTF8 => {
            let text = std::str::from_utf8(content);
            text.map(str::to_owned).map_err(|_| "a UTF8String in a distinguished name is not UTF-8")
        }
        BMP => bmp_string(content).ok_or("a BMPString in a distinguished name is invalid"),
        IA5 if content.is_ascii() => Ok(ascii()),
        IA5 => Err("an IA5String in a distinguished name has an invalid character"),
        NUMERIC if content.iter().all(|b| b.is_ascii_digit() || *b == b' ') => Ok(ascii()),
        NUMERIC => Err("a NumericString in a distinguished name has an invalid character"),
        _ => Err("a value in a distinguished name is of a kind that Go does not accept"),
    }
}

/// Go allows `*` and `&` as well as the standard's characters.
const fn is_printable(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'\''..=b')' | b'+'..=b'/' | b' ' | b':' | b'=' | b'?' | b'*' | b'&')
}

fn bmp_string(content: &[u8]) -> Option<String> {
    let content = content.strip_suffix(&[0, 0]).filter(|_| content.len().is_multiple_of(2)).unwrap_or(content);
    if !content.len().is_multiple_of(2) {
        return None;
    }
    let units = content.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    units.map(|unit| char::from_u32(unit).filter(|_| !matches!(unit, 0xfffe | 0xffff | 0xfdd0..=0xfdef))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_as_in_go() {
        assert_eq!(parse_string(T61, &[0xe9]).as_deref(), Ok("é"));
        assert_eq!(parse_string(PRINTABLE, b"a*&").as_deref(), Ok("a*&"));
        assert_eq!(parse_string(BMP, &[0, b'a', 0, 0]).as_deref(), Ok("a"));
        assert_eq!(parse_string(NUMERIC, b"1 2").as_deref(), Ok("1 2"));
        for (tag, content) in [
            (PRINTABLE, &b"a_b"[..]),
            (PRINTABLE, b"@"),
            (UTF8, &[0xff]),
            (BMP, &[0]),
            (BMP, &[0xd8, 0]),
            (BMP, &[0xff, 0xff]),
            (BMP, &[0xfd, 0xd0]),
            (IA5, &[0x80]),
            (NUMERIC, b"a"),
            (28, &[0, 0, 0, b'a']),
            (4, b"a"),
        ] {
            assert!(parse_string(tag, content).is_err(), "{tag} {content:?}");
        }
    }
}
