//! The list of an answer, object by object, so that a list of any length needs the memory of one object.

use serde_json::Value;

/// Takes the objects of a list.
pub(super) type Take<'a> = dyn FnMut(Value) + Send + 'a;

/// The depth of the objects of a list: `{"result": {"identities": [{...}]}}` (fabric-ca v1.5.21 `lib/serveridentities.go`,
/// `lib/servercertificates.go`).
const DEPTH: usize = 3;

/// Separates the objects of a list from the envelope around them.
pub(super) struct Rows<'a> {
    take: &'a mut Take<'a>,
    /// The open brackets.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    row: Vec<u8>,
    /// Whether an object cannot be read.
    is_broken: bool,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(take: &'a mut Take<'a>) -> Self {
        Self { take, open: Vec::new(), in_string: false, escaped: false, row: Vec::new(), is_broken: false }
    }

    /// Takes the next bytes; those of the envelope are added to `rest`, where the list is left empty.
    pub(super) fn push(&mut self, mut bytes: &[u8], rest: &mut Vec<u8>) {
        while let [first, ..] = bytes {
            let was_in_row = self.is_in_row();
            // Up to the next byte that may change where the text is; there are few in a certificate.
            let plain = if self.escaped { 0 } else { self.plain(bytes) };
            if plain > 0 {
                let (text, after) = bytes.split_at(plain);
                let to = if was_in_row { &mut self.row } else { &mut *rest };
                to.extend_from_slice(text);
                bytes = after;
                continue;
            }
            self.follow(*first);
            match (was_in_row, self.is_in_row()) {
                (_, true) => self.row.push(*first),
                (true, false) => {
                    self.row.push(*first);
                    self.end_of_row();
                }
                (false, false) if *first == b',' && self.is_in_list() => {}
                (false, false) => rest.push(*first),
            }
            bytes = &bytes[1..];
        }
    }

    /// The number of bytes that change nothing: of a text, those up to its end or an escape.
    fn plain(&self, bytes: &[u8]) -> usize {
        let end = if self.in_string {
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
            b'{' | b'[' => self.open.push(byte),
            b'}' | b']' => {
                self.open.pop();
            }
            _ => {}
        }
    }

    fn is_in_list(&self) -> bool {
        self.open == *b"{{[" && !self.in_string
    }

    fn is_in_row(&self) -> bool {
        self.open.len() > DEPTH && self.open.starts_with(b"{{[{")
    }

    fn end_of_row(&mut self) {
        match serde_json::from_slice(&self.row) {
            Ok(row) => (self.take)(row),
            Err(_) => self.is_broken = true,
        }
        self.row.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &[u8], piece: usize) -> (Vec<Value>, String, bool) {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let mut take = |row| found.push(row);
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
            let (mut rest, mut take) = (Vec::new(), |_| ());
            Rows::new(&mut take).push(&bytes, &mut rest);
        }
    }
}
