//! What a source file names: its paths, macros and methods, each with its line. Comments, literals and what is compiled
//! only for tests are left out. Enough of Rust's grammar for rustfmt's output, and no more.

/// A word of the source, or a single sign of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Something that a file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    /// Line, from 1.
    pub(super) line: usize,
    /// `crate::proof::verify`, `println!`, or `.write_new`.
    pub(super) name: String,
}

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Paths of two segments or more, written out: `use a::{b, c::d}` is `a::b` and `a::c::d`.
    pub(super) paths: Vec<Named>,
    /// Those of them that the file passes on: `pub use a::b`.
    pub(super) passed_on: Vec<Named>,
    /// Macros that are called, with the exclamation mark.
    pub(super) macros: Vec<Named>,
    /// Methods that are called, with the dot.
    pub(super) methods: Vec<Named>,
    /// Modules in files of their own that are compiled for tests only.
    pub(super) test_modules: Vec<String>,
    /// Modules written inside this file and compiled not for tests only: their `super` is not what it seems.
    pub(super) inline_modules: Vec<Named>,
}

/// Scans one file.
pub(super) fn scan(source: &str) -> Scanned {
    let mut found = Scanned::default();
    let tokens = without_tests(&tokens(source), &mut found.test_modules);
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let mut i = 0;
    while i < tokens.len() {
        let line = tokens[i].line;
        let named = |name: String| Named { line, name };
        if text(i) == "mod" && is_word(text(i + 1)) && text(i + 2) == "{" {
            found.inline_modules.push(named(text(i + 1).to_owned()));
        }
        if is_word(text(i)) && text(i + 1) == "!" && text(i + 2) != "=" {
            found.macros.push(named(format!("{}!", text(i))));
        }
        if text(i) == "." && is_word(text(i + 1)) && text(i + 2) == "(" {
            found.methods.push(named(format!(".{}", text(i + 1))));
        }
        if is_word(text(i)) && text(i + 1) == "::" {
            let before = found.paths.len();
            let passes_on = i > 1 && text(i - 1) == "use" && (text(i - 2) == "pub" || text(i - 2) == ")");
            i = path(&tokens, i, "", &mut found.paths);
            if passes_on {
                found.passed_on.extend_from_slice(&found.paths[before..]);
            }
        } else {
            i += 1;
        }
    }
    found
}

/// Reads the path, or the tree of paths, that begins at `i`; gives where it ends.
fn path(tokens: &[Token], mut i: usize, before: &str, found: &mut Vec<Named>) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let mut whole = before.to_owned();
    let mut line = tokens[i].line;
    loop {
        match text(i) {
            "{" => {
                i += 1;
                while i < tokens.len() && text(i) != "}" {
                    i = if is_word(text(i)) || text(i) == "*" { path(tokens, i, &whole, found) } else { i + 1 };
                }
                return i + 1;
            }
            word if is_word(word) || word == "*" => {
                line = tokens[i].line;
                // `a::{self}` names `a`.
                if word != "self" || whole.is_empty() {
                    whole = if whole.is_empty() { word.to_owned() } else { format!("{whole}::{word}") };
                }
                i += 1;
            }
            // Generic arguments in the midst, as in `Vec::<u8>::new`: the path ends, and they are read by themselves.
            _ => break,
        }
        if text(i) == "::" {
            i += 1;
        } else {
            break;
        }
    }
    if text(i) == "as" {
        i += 2;
    }
    if whole.contains("::") {
        found.push(Named { line, name: whole });
    }
    i
}

/// Leaves out every item below `#[cfg(test)]`, and tells which modules in other files that concerns.
fn without_tests(tokens: &[Token], test_modules: &mut Vec<String>) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
        if !MARK.iter().enumerate().all(|(n, sign)| text(i + n) == *sign) {
            kept.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += MARK.len();
        let mut depth = 0_usize;
        let mut last_mod = None;
        // To the end of the item: its closing brace, or a semicolon outside of all brackets.
        while i < tokens.len() {
            if text(i) == "mod" && depth == 0 {
                last_mod = Some(text(i + 1).to_owned());
            }
            let closes = match text(i) {
                "{" | "(" | "[" => {
                    depth += 1;
                    false
                }
                sign @ ("}" | ")" | "]") => {
                    depth = depth.saturating_sub(1);
                    depth == 0 && sign == "}"
                }
                ";" if depth == 0 => {
                    test_modules.extend(last_mod.take());
                    true
                }
                _ => false,
            };
            i += 1;
            if closes {
                // `use a::{b};` ends with the semicolon behind the brace.
                i += usize::from(text(i) == ";");
                break;
            }
        }
    }
    kept
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The words and signs of a source text without comments and literals; `::` is one sign.
fn tokens(source: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if rest.starts_with("b\"") || rest.starts_with("c\"") {
            1 + quoted(&rest[1..], '"')
        } else if rest.starts_with("b'") {
            1 + quoted(&rest[1..], '\'')
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            if is_char(rest) { quoted(rest, '\'') } else { 1 }
        } else if is_word(rest) || first.is_ascii_digit() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token { text: rest[..word].to_owned(), line });
            word
        } else if rest.starts_with("::") {
            found.push(Token { text: "::".into(), line });
            2
        } else {
            if !first.is_whitespace() {
                found.push(Token { text: first.into(), line });
            }
            first.len_utf8()
        };
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    found
}

/// Length of a comment of the nesting kind.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of a raw string that begins here, if one does.
fn raw_string(text: &str) -> Option<usize> {
    let body = ["r", "br", "cr"].iter().find_map(|p| text.strip_prefix(p).filter(|t| t.starts_with(['#', '"'])))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text.len() - inner.len() + inner.find(&end).map_or(inner.len(), |at| at + end.len()))
}

/// Length of a literal between two `quote`s.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a single quote begins a character and no lifetime.
fn is_char(text: &str) -> bool {
    let mut inner = text.chars().skip(1);
    matches!((inner.next(), inner.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

#[test]
fn a_tree_of_paths_is_written_out_with_the_line_of_each() {
    let found = scan(
        "use crate::{\n    Error,\n    ca::{self, verify as v, x::*},\n};\nfn f() -> std::io::Result<crate::pki::key::Ski> {}\n",
    );
    let paths: Vec<_> = found.paths.iter().map(|p| (p.line, p.name.as_str())).collect();
    let wanted = [
        (2, "crate::Error"),
        (3, "crate::ca"),
        (3, "crate::ca::verify"),
        (3, "crate::ca::x::*"),
        (5, "std::io::Result"),
        (5, "crate::pki::key::Ski"),
    ];
    assert_eq!(paths, wanted);
}

#[test]
fn comments_and_literals_name_nothing() {
    let text = "//! crate::a\n/* crate::b /* crate::c */ crate::d */\nfn f<'a>(x: &'a str) { g(\"crate::e \\\" println!()\", r#\"crate::f\"#, b\"crate::g\", '\"', b'\\'', 'x') }\nuse crate::seen;\n";
    let found = scan(text);
    assert_eq!(found.paths, [Named { line: 4, name: "crate::seen".into() }]);
    assert_eq!(found.macros, []);
}

#[test]
fn what_is_compiled_for_tests_only_names_nothing() {
    let text = "\
#[cfg(test)]
use crate::{a, b};
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) fn f(x: [u8; 2]) -> u8 { crate::c::g(); { println!() } }
#[cfg(feature = \"x\")]
mod kept { fn g() { super::d::h() } }
#[cfg(test)]
mod more {
    use super::*;
    fn h() { print!(\"{}\", crate::e::X) }
}
fn last() { crate::f::g().write_new(1); a != b; vec![1]; }
";
    let found = scan(text);
    let names = |list: &[Named]| list.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found.paths), ["super::d::h", "crate::f::g"]);
    assert_eq!(names(&found.macros), ["vec!"]);
    assert_eq!(names(&found.methods), [".write_new"]);
    assert_eq!(found.test_modules, ["tests"]);
    assert_eq!(found.inline_modules, [Named { line: 8, name: "kept".into() }]);
    assert_eq!(found.methods[0].line, 14);
}
