//! One record of CSV as Go's `encoding/csv` reads it: the value of a list flag (pflag v1.0.10 `string_slice.go`).

/// The fields of the first record of `text`; none for an empty text.
///
/// # Errors
/// The words of Go's reader, for a quote that is out of place or missing.
pub(super) fn fields(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let rest = text.trim_start_matches(['\r', '\n']);
    if rest.is_empty() {
        return Err("EOF".to_owned());
    }
    let wrong = |left: &str, what: &str| {
        let read = &rest[..rest.len() - left.len()];
        let line = read.matches('\n').count() + 1;
        let column = read.len() - read.rfind('\n').map_or(0, |end| end + 1) + 1;
        format!("parse error on line {line}, column {column}: {what}")
    };
    let (mut fields, mut left) = (Vec::new(), rest);
    loop {
        if let Some(quoted) = left.strip_prefix('"') {
            left = quoted;
            let mut field = String::new();
            loop {
                let Some(end) = left.find('"') else { return Err(wrong("", MISSING)) };
                field.push_str(&left[..end]);
                let after = &left[end + 1..];
                let Some(more) = after.strip_prefix('"') else {
                    fields.push(field);
                    if !after.is_empty() && !after.starts_with([',', '\n']) && !after.starts_with("\r\n") {
                        return Err(wrong(&left[end..], MISSING));
                    }
                    left = after;
                    break;
                };
                field.push('"');
                left = more;
            }
        } else {
            let end = left.find([',', '\n']).unwrap_or(left.len());
            let field = left[..end].trim_end_matches('\r');
            if let Some(quote) = field.find('"') {
                return Err(wrong(&left[quote..], "bare \" in non-quoted-field"));
            }
            fields.push(field.to_owned());
            left = &left[end..];
        }
        match left.strip_prefix(',') {
            Some(more) => left = more,
            None => return Ok(fields),
        }
    }
}

const MISSING: &str = "extraneous or missing \" in quoted-field";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_as_in_go() {
        let read = |text: &str| fields(text).unwrap();
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("a, b,,c"), ["a", " b", "", "c"]);
        assert_eq!(read("\"a,b\",\"c\"\"d\""), ["a,b", "c\"d"]);
        assert_eq!(read("[a,b]"), ["[a", "b]"]);
        assert_eq!(read("\na,b\r\nc"), ["a", "b"]);
        assert_eq!(read("a,"), ["a", ""]);
    }

    #[test]
    fn a_quote_out_of_place_is_refused_in_the_words_of_go() {
        let read = |text: &str| fields(text).unwrap_err();
        assert_eq!(read("\"a"), "parse error on line 1, column 3: extraneous or missing \" in quoted-field");
        assert_eq!(read("ab\"c"), "parse error on line 1, column 3: bare \" in non-quoted-field");
        assert_eq!(read("\"a\"b"), "parse error on line 1, column 3: extraneous or missing \" in quoted-field");
        assert_eq!(read("\n"), "EOF");
    }

    proptest::proptest! {
        #[test]
        fn quoted_fields_come_back(list in proptest::collection::vec("[a-z\",é \\n]{1,8}", 1..5)) {
            let quoted: Vec<String> = list.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect();
            proptest::prop_assert_eq!(fields(&quoted.join(",")).unwrap(), list);
        }

        #[test]
        fn no_text_panics(text in "[\",\\r\\na-cé]{0,12}") {
            let _ = fields(&text);
        }
    }
}
