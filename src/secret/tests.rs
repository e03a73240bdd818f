//! Every form in which a server may repeat a secret.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const ID: &str = "org1-peer1";

fn redactor(secret: &str) -> Redactor {
    Redactor::default().credential(ID, &Secret::new(secret))
}

fn each(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

fn each_char(text: &str, form: impl Fn(char) -> String) -> String {
    text.chars().map(form).collect()
}

fn each_unit(text: &str, form: impl Fn(u16) -> String) -> String {
    text.encode_utf16().map(form).collect()
}

/// A name, and how it writes a text.
type Encoding = (&'static str, fn(&str) -> String);

/// Encodings, each of which hides the text from a search for it.
fn encodings() -> Vec<Encoding> {
    vec![
        ("plain", str::to_owned),
        ("percent, upper case", |t| each(t, |b| format!("%{b:02X}"))),
        ("percent, lower case", |t| each(t, |b| format!("%{b:02x}"))),
        ("percent where needed", |t| url::form_urlencoded::byte_serialize(t.as_bytes()).collect()),
        ("percent twice", |t| each(t, |b| format!("%25{b:02X}"))),
        ("HTML, decimal", |t| each_char(t, |c| format!("&#{};", u32::from(c)))),
        ("HTML, hexadecimal", |t| each_char(t, |c| format!("&#x{:X};", u32::from(c)))),
        ("HTML without semicolons", |t| each_char(t, |c| format!("&#x{:x}", u32::from(c))) + ";"),
        ("JSON, lower case", |t| each_unit(t, |c| format!("\\u{c:04x}"))),
        ("JSON, upper case", |t| each_unit(t, |c| format!("\\u{c:04X}"))),
        ("JavaScript", |t| each(t, |b| format!("\\x{b:02x}"))),
        ("octal", |t| each(t, |b| format!("\\{b:03o}"))),
        ("backslashes", |t| each_char(t, |c| if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") })),
        ("quoted-printable", |t| each(t, |b| format!("={b:02X}"))),
        ("hexadecimal", |t| each(t, |b| format!("{b:02x}"))),
        ("hexadecimal after a digit", |t| format!("0{}", each(t, |b| format!("{b:02X}")))),
        ("hexadecimal pairs", |t| each(t, |b| format!("{b:02x} "))),
        ("hexadecimal with colons", |t| each(t, |b| format!("{b:02X}:"))),
        ("bytes of C", |t| each(t, |b| format!("0x{b:02x}, "))),
        ("bytes of Go", |t| format!("[{}]", each(t, |b| format!("{b} ")).trim_end())),
        ("base64", |t| STANDARD.encode(t)),
        ("base64 without padding", |t| STANDARD_NO_PAD.encode(t)),
        ("base64 for URLs", |t| URL_SAFE.encode(t)),
        ("base64 for URLs without padding", |t| URL_SAFE_NO_PAD.encode(t)),
        ("base64, second alignment", |t| STANDARD.encode(format!("x{t}y"))),
        ("base64, third alignment", |t| STANDARD.encode(format!("xy{t}z"))),
        ("base64 after letters", |t| format!("ab{}", STANDARD.encode(t))),
        ("base64 twice", |t| STANDARD.encode(STANDARD.encode(t))),
        ("base64 in lines", |t| {
            STANDARD
                .encode(t)
                .as_bytes()
                .chunks(4)
                .fold(String::new(), |lines, line| lines + &String::from_utf8_lossy(line) + "\r\n ")
        }),
        ("base64, percent-encoded", |t| each(&STANDARD.encode(t), |b| format!("%{b:02X}"))),
        ("base64 in JSON", |t| STANDARD.encode(t).replace('/', "\\/").replace('=', "\\u003d")),
        ("folded", |t| t.chars().fold(String::new(), |text, c| text + &c.to_string() + "\r\n\t")),
        ("with zero-width spaces", |t| t.chars().fold(String::new(), |text, c| text + &c.to_string() + "\u{200b}")),
        ("with tags", |t| t.chars().fold(String::new(), |text, c| text + &c.to_string() + "<wbr>")),
        ("UTF-16", |t| t.chars().fold(String::new(), |text, c| text + &c.to_string() + "\0")),
        ("upper case", str::to_uppercase),
    ]
}

/// What is left of a text after every decoding that this test knows: none may show the secret.
fn shows(text: &str, secret: &str) -> bool {
    text.contains(secret)
        || encodings()
            .iter()
            .any(|(_, encode)| text.contains(encode(secret).trim_end_matches(['=', ';', ' ', ':', ','])))
}

#[test]
fn every_encoding_is_masked_and_the_rest_stays() {
    for secret in
        ["s3cr3t/of@nobody", "correct horse+battery", "p\"a\\s<s>&'w%41", "pässwörd-€-😀", "peerpw", "0123456789abcdef"]
    {
        for (name, encode) in encodings() {
            for echoed in [secret.to_owned(), format!("{ID}:{secret}"), format!("Basic {ID}:{secret}")] {
                let text = format!("the CA got \"{}\", and said no", encode(&echoed));
                let masked = redactor(secret).redact(&text);
                assert!(masked.contains(MASK) && !shows(&masked, secret), "{name}: {text} gives {masked}");
                assert!(masked.starts_with("the CA ") && masked.ends_with(" said no"), "{name}: {text} gives {masked}");
            }
        }
    }
}

const MASK: &str = "[redacted]";

#[test]
fn parts_of_a_secret_are_masked_where_a_text_is_cut() {
    let secret = "s3cr3t/of@nobody";
    let basic = STANDARD.encode(format!("{ID}:{secret}"));
    for whole in [
        format!("Authorization: Basic {basic}"),
        format!("user {ID} pass {secret}"),
        format!("https://{ID}:{secret}@ca"),
    ] {
        for cut in 0..whole.len() {
            for text in [whole[..cut].to_owned(), format!("{}...", &whole[..cut]), whole[cut..].to_owned()] {
                let masked = redactor(secret).redact(&text);
                for part in secret.as_bytes().windows(3) {
                    assert!(!masked.contains(&*String::from_utf8_lossy(part)), "{text} gives {masked}");
                }
                // The id in base64 has no secret; the four characters after it do.
                for part in basic.as_bytes()[15..].windows(8) {
                    assert!(!masked.contains(&*String::from_utf8_lossy(part)), "{text} gives {masked}");
                }
            }
        }
    }
}

#[test]
fn short_secrets_mask_no_words_but_their_credential() {
    for secret in ["a", "pw", "x1y2"] {
        let basic = STANDARD.encode(format!("{ID}:{secret}"));
        let text = format!("a database of accounts at apwx1y2z got Basic {basic}");
        assert_eq!(redactor(secret).redact(&text), format!("a database of accounts at apwx1y2z got Basic {MASK}"));
        assert_eq!(redactor(secret).redact(&format!("got \"{secret}\"")), format!("got \"{MASK}\""));
    }
    assert_eq!(redactor("pw").redact("wrong pw, cHc= and %70%77"), format!("wrong {MASK}, {MASK} and {MASK}"));
}

#[test]
fn public_words_and_other_texts_stay() {
    let redactor = redactor("org1-peer1-secret").public("org1-ca.example.com");
    for text in [
        "identity 'org1-peer1' at org1-ca.example.com is not registered",
        "",
        "Authorization failure",
        "ünïcödé \u{200b} 😀",
    ] {
        assert_eq!(redactor.redact(text), text);
    }
    let certificates = &include_str!("../../testdata/wire/token-kat.json")[..32 * 1024];
    assert_eq!(redactor.redact(certificates), certificates);
}

#[test]
fn long_texts_are_masked_everywhere() {
    let secret = "s3cr3t/of@nobody";
    for at in [0, 4090, 8185, 8192, 12_285, 20_000] {
        let text = format!("{}{secret}{}", "x ".repeat(at / 2), " y".repeat(3000));
        assert!(!shows(&redactor(secret).redact(&text), secret), "{at}");
    }
}

#[test]
fn only_the_beginning_of_a_long_text_is_looked_at_and_shown() {
    let secret = "s3cr3t/of@nobody";
    let text = format!("{} {secret} {}", "x ".repeat(1 << 14), "y ".repeat(1 << 19));
    let masked = redactor(secret).redact(&text);
    assert_eq!((masked.len(), masked.ends_with(MASK)), ((1 << 15) + MASK.len(), true));
    let masked = redactor(secret).redact_all(["x ".repeat(1 << 14).as_str(), "\n", secret, "no secret", ""]);
    assert_eq!(&masked[1..], ["\n", MASK, MASK, ""], "together they are one text");
}

#[test]
fn a_token_is_masked() {
    let token = "LS0tLS1CRUdJTiBDRVJUSUZJ.MEUCIQDxyzxyzxyzxyzABCDEFGHIJ";
    let redactor = Redactor::default().token(token);
    assert_eq!(redactor.redact(&format!("got {token}!")), format!("got {MASK}!"));
}

#[test]
fn the_secret_is_not_printed() {
    let secret = Secret::new("peerpw");
    assert_eq!(format!("{secret:?}"), "[redacted]");
    assert_eq!(secret.redact("https://a:peerpw@h"), "https://a:[redacted]@h");
    assert_eq!(Secret::new("").redact("text"), "text");
}

#[test]
fn a_source_is_cleaned_or_refused() {
    let notes = |bytes: &[u8]| {
        let Cleaned { secret, notes } = Cleaned::read(bytes).unwrap();
        (secret.expose().to_owned(), notes.len())
    };
    let pw = |notes| ("pw".to_owned(), notes);
    assert_eq!(notes(b"pw"), pw(0));
    assert_eq!(notes(b"pw\n"), pw(0));
    assert_eq!(notes(b"pw\r\n"), pw(1));
    assert_eq!(notes(b"pw\n\n"), pw(1));
    assert_eq!(notes(b"\npw\r"), pw(1));
    assert_eq!(notes(b"\xef\xbb\xbfpw\n"), pw(1));
    assert_eq!(notes(b" pw\n"), (" pw".to_owned(), 1));
    assert_eq!(notes(b"p\tw\n"), ("p\tw".to_owned(), 0));
    assert_eq!(notes("pw\u{a0}".as_bytes()), ("pw\u{a0}".to_owned(), 1));
    for refused in [
        &b"p\0w\0"[..],
        b"\xff\xfep\0w\0",
        b"\xfe\xff\0p\0w",
        b"p\nw",
        b"pw\r\rpw",
        b"",
        b"\n",
        b"\xef\xbb\xbf\r\n",
        b"\xfcber",
        b"pw\x1b[A",
        b"\x7fpw",
        "p\u{9b}w".as_bytes(),
    ] {
        assert!(Cleaned::read(refused).is_err(), "{refused:?}");
    }
}

/// Encodings that servers put on top of each other.
const LAYERS: [&str; 6] =
    ["plain", "percent, upper case", "percent, lower case", "HTML, decimal", "JSON, lower case", "base64"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_two_encodings_on_top_of_each_other_show_the_secret(
        secret in "[!-~]{6,24}",
        before in "[ -~]{0,30}",
        first in 0..LAYERS.len(),
        second in 0..LAYERS.len(),
    ) {
        let encode = |name: &str, text: &str| {
            encodings().iter().find(|(known, _)| *known == name).map(|(_, encode)| encode(text)).unwrap()
        };
        let encoded = encode(LAYERS[second], &encode(LAYERS[first], &format!("{ID}:{secret}")));
        let masked = redactor(&secret).redact(&format!("{before} {encoded} after"));
        prop_assert!(!masked.contains(&encoded), "{} in {}", encoded, masked);
        prop_assert!(!masked.contains(&secret));
    }

    #[test]
    fn any_text_and_any_secret_can_be_redacted(secret in ".{0,20}", text in ".{0,200}") {
        let mut out = String::new();
        write!(out, "{}", redactor(&secret).redact(&text)).unwrap();
        prop_assert!(secret.len() < 5 || !out.to_lowercase().contains(&secret.to_lowercase()) || MASK.contains(&secret));
    }
}
