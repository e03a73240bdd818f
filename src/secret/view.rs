//! One reading of a text: its bytes after some decodings, each with the place in the text that it came from.

use zeroize::Zeroizing;

/// The names of HTML for U+00A0 to U+00FF, in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 \
    acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave \
    iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// The names of HTML for characters of ASCII.
const ASCII: &str = "quot\" amp& lt< gt> apos' sol/ bsol\\ colon: semi; commat@ num# percnt% plus+ equals= lowbar_ period. \
    comma, excl! dollar$ lpar( rpar) ast* quest? lsqb[ lbrack[ rsqb] rbrack] Hat^ grave` lcub{ lbrace{ rcub} rbrace} verbar| \
    vert| VerticalLine| hyphen- dash-";

/// Ends a run of what was packed: a control character that no text has.
pub(super) const SEPARATOR: u8 = 1;

/// One reading of a text.
pub(super) struct View {
    /// The bytes.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// For each byte, where it begins and ends in the text.
    spans: Vec<(usize, usize)>,
    /// Whether it came out of base64, hex or a list of numbers, so that a match concerns a whole run of the text, and
    /// [`SEPARATOR`] is between the runs.
    pub(super) is_packed: bool,
}

/// A way to read a text differently; `None` where nothing in it is encoded that way.
type Decoder = fn(&View) -> Option<View>;

/// Each way.
pub(super) const DECODERS: [Decoder; 13] = [
    View::unescaped,
    View::unfolded,
    View::with_blanks_for_plus,
    View::without_tags,
    View::quoted_printable,
    |view| view.base64(0),
    |view| view.base64(1),
    |view| view.base64(2),
    |view| view.base64(3),
    |view| view.hex(0),
    |view| view.hex(1),
    View::hex_pairs,
    View::numbers,
];

impl View {
    /// The text as it is.
    pub(super) fn of(text: &[u8]) -> Self {
        Self {
            bytes: Zeroizing::new(text.to_vec()),
            spans: (0..text.len()).map(|at| (at, at + 1)).collect(),
            is_packed: false,
        }
    }

    /// Where the bytes from `start` to `end` are in the text.
    pub(super) fn place(&self, start: usize, end: usize) -> (usize, usize) {
        let spans = self.spans.get(start..end).unwrap_or_default();
        let first = spans.iter().map(|span| span.0).min().unwrap_or(0);
        (first, spans.iter().map(|span| span.1).max().unwrap_or(first))
    }

    /// Whether it holds enough text to be worth another decoding.
    pub(super) fn is_readable(&self) -> bool {
        // A zero is half of a character in UTF-16.
        let is_text = |b: &u8| (0x20..0x7f).contains(b) || b"\0\t\r\n".contains(b);
        !self.is_packed
            || self.bytes.split(|b| *b == SEPARATOR).any(|run| run.len() >= 4 && run.iter().all(is_text))
            || self.bytes.split(|b| !is_text(b)).any(|run| run.len() >= 12)
    }

    fn empty(&self, is_packed: bool) -> Self {
        let room = self.bytes.len();
        // Never grown, so that no copy is left behind.
        Self { bytes: Zeroizing::new(Vec::with_capacity(4 * room + 4)), spans: Vec::with_capacity(room), is_packed }
    }

    fn push(&mut self, bytes: &[u8], place: (usize, usize)) {
        self.bytes.extend_from_slice(bytes);
        self.spans.extend(bytes.iter().map(|_| place));
    }

    /// Ends a run.
    fn separate(&mut self, at: usize) {
        if self.bytes.last().is_some_and(|last| *last != SEPARATOR) {
            self.push(&[SEPARATOR], (at, at));
        }
    }

    /// Copies the view, with `decode` for what begins at each byte: the bytes, and how many bytes they stand for.
    fn rewritten(&self, decode: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> Option<Self> {
        let (mut out, mut at, mut changed) = (self.empty(self.is_packed), 0, false);
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (bytes, length) = if let Some((bytes, length)) = decode(rest) {
                changed = true;
                (Zeroizing::new(bytes), length)
            } else {
                (Zeroizing::new(vec![rest[0]]), 1)
            };
            out.push(&bytes, self.place(at, at + length));
            at += length;
        }
        changed.then_some(out)
    }

    /// Percent-encoding, HTML entities, and escapes with a backslash.
    fn unescaped(&self) -> Option<Self> {
        self.rewritten(|rest| match rest[0] {
            b'%' => percent(rest),
            b'&' => entity(rest),
            b'\\' => escape(rest),
            _ => None,
        })
    }

    /// Without whitespace, control and invisible characters.
    fn unfolded(&self) -> Option<Self> {
        self.rewritten(|rest| {
            let length = match rest {
                [..=b' ' | 0x7f, ..] => 1,
                [0xc2, 0x80..=0xa0 | 0xad, ..] => 2,
                [0xe2, 0x80, 0x80..=0x8f | 0xa8..=0xaf, ..]
                | [0xe2, 0x81, 0x9f..=0xaf, ..]
                | [0xe3, 0x80, 0x80, ..]
                | [0xef, 0xbb, 0xbf, ..] => 3,
                _ => return None,
            };
            // Runs stay apart: they were never one text.
            if rest[0] == SEPARATOR && self.is_packed { None } else { Some((Vec::new(), length)) }
        })
    }

    /// Forms write a blank as a plus sign.
    fn with_blanks_for_plus(&self) -> Option<Self> {
        self.rewritten(|rest| (rest[0] == b'+').then(|| (vec![b' '], 1)))
    }

    /// Without HTML tags.
    fn without_tags(&self) -> Option<Self> {
        self.rewritten(|rest| {
            let end = rest.iter().take(200).position(|b| *b == b'>')?;
            (rest[0] == b'<' && end > 1 && !rest[1..end].contains(&b'<')).then(|| (Vec::new(), end + 1))
        })
    }

    /// Quoted-printable (RFC 2045 section 6.7).
    fn quoted_printable(&self) -> Option<Self> {
        self.rewritten(|rest| match rest {
            [b'=', b'\r', b'\n', ..] => Some((Vec::new(), 3)),
            [b'=', b'\n', ..] => Some((Vec::new(), 2)),
            [b'=', high, low, ..] => Some((vec![pair(*high, *low)?], 3)),
            _ => None,
        })
    }

    /// Each run of base64, of either alphabet, from its `skip`th character on.
    fn base64(&self, skip: usize) -> Option<Self> {
        let mut out = self.empty(true);
        let mut at = 0;
        while at < self.bytes.len() {
            let length = self.bytes[at..].iter().take_while(|b| sextet(**b).is_some()).count();
            let (mut group, end) = (at + skip, at + length);
            while group + 1 < end {
                let next = end.min(group + 4);
                let digits = self.bytes[group..next].iter().filter_map(|b| sextet(*b));
                let bits = digits.fold(0u32, |bits, digit| bits << 6 | u32::from(digit)) << (6 * (4 - (next - group)));
                let bytes = bits.to_be_bytes();
                out.push(&bytes[1..next - group], self.place(group, next));
                group = next;
            }
            if length > 0 {
                out.separate(self.place(end - 1, end).1);
            }
            at = end.max(at + 1);
        }
        (out.bytes.len() > 1).then_some(out)
    }

    /// Each run of hexadecimal digits, from its `skip`th digit on.
    fn hex(&self, skip: usize) -> Option<Self> {
        let mut out = self.empty(true);
        let mut at = 0;
        while at < self.bytes.len() {
            let length = self.bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let (mut digit, end) = (at + skip, at + length);
            while digit + 1 < end {
                if let Some(byte) = pair(self.bytes[digit], self.bytes[digit + 1]) {
                    out.push(&[byte], self.place(digit, digit + 2));
                }
                digit += 2;
            }
            if length > 0 {
                out.separate(self.place(end - 1, end).1);
            }
            at = end.max(at + 1);
        }
        (out.bytes.len() > 1).then_some(out)
    }

    /// Pairs of hexadecimal digits with something between them: `70 77`, `70:77`, `0x70, 0x77`.
    fn hex_pairs(&self) -> Option<Self> {
        self.words(|word| match word {
            [high, low] | [b'0', b'x' | b'X', high, low] => pair(*high, *low),
            _ => None,
        })
    }

    /// Lists of decimal numbers, as Go prints a slice of bytes: `[112 119]`.
    fn numbers(&self) -> Option<Self> {
        self.words(|word| {
            let digits = (word.len() <= 3 && word.iter().all(u8::is_ascii_digit)).then_some(word)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        })
    }

    /// A byte for each word; what is no such word ends a run.
    fn words(&self, read: impl Fn(&[u8]) -> Option<u8>) -> Option<Self> {
        let mut out = self.empty(true);
        let (mut at, mut last) = (0, 0);
        while at < self.bytes.len() {
            let length = self.bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
            match read(&self.bytes[at..at + length]) {
                Some(byte) => {
                    if at > last + 3 {
                        out.separate(self.place(at, at + 1).0);
                    }
                    out.push(&[byte], self.place(at, at + length));
                    last = at + length;
                }
                None if length > 0 => out.separate(self.place(at, at + 1).0),
                None => {}
            }
            at += length.max(1);
        }
        (out.bytes.len() > 2).then_some(out)
    }
}

fn digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn pair(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

fn sextet(b: u8) -> Option<u8> {
    Some(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The number that `digits` of this base write.
fn number(digits: &[u8], base: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, base).ok()
}

fn text(code: u32) -> Option<Vec<u8>> {
    char::from_u32(code).map(|c| c.to_string().into_bytes())
}

/// `%70`, or `%u0070` of old scripts.
fn percent(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    match rest {
        [_, b'u' | b'U', digits @ ..] => Some((text(number(digits.get(..4)?, 16)?)?, 6)),
        [_, high, low, ..] => Some((vec![pair(*high, *low)?], 3)),
        _ => None,
    }
}

/// `&#112;`, `&#x70;`, `&amp;`; the semicolon may be missing after a number.
fn entity(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (base, start) = match rest {
        [_, b'#', b'x' | b'X', ..] => (16, 3),
        [_, b'#', ..] => (10, 2),
        _ => {
            let end = rest.iter().take(16).position(|b| *b == b';')?;
            let name = std::str::from_utf8(&rest[1..end]).ok()?;
            let known = ASCII.split_whitespace().find_map(|known| {
                let (known, sign) = known.split_at(known.len() - 1);
                known.eq_ignore_ascii_case(name).then(|| sign.as_bytes().to_vec())
            });
            let latin = || {
                let at = LATIN.split_whitespace().position(|known| known == name)?;
                text(0xa0 + u32::try_from(at).ok()?)
            };
            return Some((known.or_else(latin)?, end + 1));
        }
    };
    let digits: Vec<u8> = rest[start..].iter().copied().take(8).take_while(|b| char::from(*b).is_digit(base)).collect();
    let end = start + digits.len();
    Some((text(number(&digits, base)?)?, end + usize::from(rest.get(end) == Some(&b';'))))
}

/// Escapes of JSON, Go, JavaScript, C and shells.
fn escape(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let hex = |from: usize, digits: usize| number(rest.get(from..from + digits)?, 16);
    match rest {
        [_, b'u', b'{', ..] => {
            let end = rest.iter().take(12).position(|b| *b == b'}')?;
            Some((text(number(&rest[3..end], 16)?)?, end + 1))
        }
        [_, b'u', ..] => {
            let first = hex(2, 4)?;
            if !(0xd800..0xdc00).contains(&first) {
                return Some((text(first)?, 6));
            }
            let second = hex(8, 4).filter(|low| rest[6..8] == *b"\\u" && (0xdc00..0xe000).contains(low))?;
            Some((text(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12))
        }
        [_, b'U', ..] => match hex(2, 8) {
            Some(code) => Some((text(code)?, 10)),
            None => Some((text(hex(2, 4)?)?, 6)),
        },
        [_, b'x', high, low, ..] => Some((vec![pair(*high, *low)?], 4)),
        [_, b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => Some((vec![u8::try_from(number(&rest[1..4], 8)?).ok()?], 4)),
        [_, b'n' | b'r' | b't' | b'f' | b'v' | b'b' | b'a', ..] => Some((vec![b' '], 2)),
        [_, sign, ..] => Some((vec![*sign], 2)),
        _ => None,
    }
}
