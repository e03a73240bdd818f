//! The list of an answer, object by object, so that a list of any length needs the memory of one object.

/// Takes one object of a list (JSON); `false` if it cannot be read.
pub(super) type Take<'a> = dyn FnMut(&[u8]) -> bool + Send + 'a;

/// The depth of the objects of a list: `{"result": {"identities": [{...}]}}` (fabric-ca v1.5.21 `lib/serveridentities.go`,
/// `lib/servercertificates.go`).
const DEPTH: usize = 3;

/// Separates the objects of a list from the envelope around them.
pub(super) struct Rows<'a> {
    take: &'a mut Take<'a>,
    /// The first open brackets, and the number of all.
    outer: [u8; DEPTH + 1],
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The object that is not complete.
    row: Vec<u8>,
    /// Whether an object cannot be read.
    is_broken: bool,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(take: &'a mut Take<'a>) -> Self {
        let outer = [0; DEPTH + 1];
        Self { take, outer, depth: 0, in_string: false, escaped: false, row: Vec::new(), is_broken: false }
    }

    /// Takes the next bytes; those of the envelope are added to `rest`, where the list is left empty.
    pub(super) fn push(&mut self, mut bytes: &[u8], rest: &mut Vec<u8>) {
        while let [first, ..] = bytes {
            if self.is_in_row() {
                bytes = self.push_row(bytes);
                continue;
            }
            // Up to the next byte that may change where the text is.
            let plain = self.plain(bytes);
            if plain > 0 {
                let (text, after) = bytes.split_at(plain);
                rest.extend_from_slice(text);
                bytes = after;
                continue;
            }
            self.follow(*first);
            if self.is_in_row() {
                self.row.push(*first);
            } else if *first != b',' || !self.is_in_list() {
                rest.push(*first);
            }
            bytes = &bytes[1..];
        }
    }

    /// Takes the bytes of an object, up to its end if that is among them, and returns the others.
    fn push_row<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut at = 0;
        while at < bytes.len() {
            let plain = self.plain(&bytes[at..]);
            at += plain;
            let Some(byte) = bytes.get(at) else { break };
            self.follow(*byte);
            at += 1;
            if self.depth == DEPTH {
                self.row.extend_from_slice(&bytes[..at]);
                self.is_broken |= !(self.take)(&self.row);
                self.row.clear();
                return &bytes[at..];
            }
        }
        self.row.extend_from_slice(bytes);
        &[]
    }

    /// The number of bytes that change nothing: of a text, those up to its end or an escape.
    fn plain(&self, bytes: &[u8]) -> usize {
        let end = if self.escaped {
            Some(0)
        } else if self.in_string {
            memchr::memchr2(b'"', b'\\', bytes)
        } else {
            bytes.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']' | b','))
        };
        end.unwrap_or(bytes.len())
    }

    /// The number of bytes of the object that is not complete.
    pub(super) const fn pending(&self) -> usize {
        self.row.len()
    }

    /// Whether every object could be read.
    pub(super) const fn is_sound(&self) -> bool {
        !self.is_broken && self.row.is_empty()
    }

    fn follow(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                if let Some(outer) = self.outer.get_mut(self.depth) {
                    *outer = byte;
                }
                self.depth += 1;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn is_in_list(&self) -> bool {
        self.depth == DEPTH && !self.in_string && self.outer.starts_with(b"{{[")
    }

    fn is_in_row(&self) -> bool {
        self.depth > DEPTH && self.outer == *b"{{[{"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &[u8], piece: usize) -> (Vec<Value>, String, bool) {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let mut take = |row: &[u8]| serde_json::from_slice(row).map(|row| found.push(row)).is_ok();
        let mut rows = Rows::new(&mut take);
        for piece in text.chunks(piece) {
            rows.push(piece, &mut rest);
        }
        let is_sound = rows.is_sound();
        (found, String::from_utf8(rest).unwrap(), is_sound)
    }

    #[test]
    fn objects_of_the_list_are_taken_and_the_envelope_stays() {
        let text = br#"{"result":{"identities":[
            {"id":"a]}","attrs":[{"name":"x","value":"\"{["}]},{"id":"b"}
            ],"caname":"ca,1"}
            ,"errors":[],"messages":[],"success":true}"#;
        for piece in [1, 7, 4096] {
            let (rows, rest, is_sound) = read(text, piece);
            assert_eq!(rows, [json!({"id": "a]}", "attrs": [{"name": "x", "value": "\"{["}]}), json!({"id": "b"})]);
            let rest: Value = serde_json::from_str(&rest).unwrap();
            assert_eq!(rest["result"], json!({"identities": [], "caname": "ca,1"}));
            assert!(is_sound);
        }
    }

    #[test]
    fn errors_of_an_envelope_are_no_rows() {
        let text = br#"{"result":"","errors":[{"code":71,"message":"Authorization failure"}],"success":false}"#;
        let (rows, rest, is_sound) = read(text, 3);
        assert!(rows.is_empty() && is_sound);
        assert_eq!(rest.as_bytes(), text);
    }

    #[test]
    fn a_list_that_ends_early_is_not_sound() {
        assert!(!read(br#"{"result":{"certs":[{"PEM":"#, 5).2);
        assert!(!read(br#"{"result":{"certs":[{"PEM" "x"}]}}"#, 5).2);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_invented(ids in prop::collection::vec(".{0,20}", 0..20), piece in 1_usize..64) {
            let list: Vec<Value> = ids.iter().map(|id| json!({"id": id, "attrs": [id, {"a": id}]})).collect();
            let text = json!({"result": {"identities": list, "caname": ""}, "errors": [], "success": true}).to_string();
            let (rows, rest, is_sound) = read(text.as_bytes(), piece);
            prop_assert_eq!(rows, list);
            prop_assert!(is_sound && serde_json::from_str::<Value>(&rest).is_ok());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut rest, mut take) = (Vec::new(), |_: &[u8]| true);
            Rows::new(&mut take).push(&bytes, &mut rest);
        }
    }
}
