//! The grammar of a command line of the Go client: cobra's search for the command, and pflag's rules for flags
//! (cobra v1.10 `command.go`, pflag v1.0.10 `flag.go`).

use std::collections::BTreeMap;

use super::csv;
use super::flags::{Command, Flag, GLOBAL, HELP, Kind, NAME, ROOT};

/// A command line that was understood.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) command: &'static Command,
    /// The flags that were given, by name, each with its values: one, or those of a list.
    pub(super) given: BTreeMap<&'static str, Vec<String>>,
    /// The words that are not flags.
    pub(super) rest: Vec<String>,
}

/// What a command line leads to that is not to be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The help of a command.
    Help(&'static Command),
    /// No command has this name.
    UnknownCommand(String),
    /// A flag is wrong.
    Flag(&'static Command, String),
}

impl Line {
    /// Reads the words after the name of the program.
    ///
    /// # Errors
    /// When the line asks for help, or is not one of the Go client.
    pub(super) fn parse(words: &[String]) -> Result<Self, Stop> {
        let (command, words) = find(words)?;
        let mut line = Self { command, given: BTreeMap::new(), rest: Vec::new() };
        let mut words = words.into_iter();
        let wrong = |text: String| Stop::Flag(command, text);
        while let Some(word) = words.next() {
            if word == "--" {
                line.rest.extend(words.by_ref());
            } else if let Some(text) = word.strip_prefix("--") {
                line.long(text, &mut words).map_err(wrong)?;
            } else if let Some(text) = word.strip_prefix('-').filter(|text| !text.is_empty()) {
                line.short(text, &mut words).map_err(wrong)?;
            } else {
                line.rest.push(word);
            }
        }
        if line.given.contains_key(HELP) || !command.runs() {
            return Err(Stop::Help(command));
        }
        Ok(line)
    }

    fn long(&mut self, text: &str, words: &mut impl Iterator<Item = String>) -> Result<(), String> {
        if text.starts_with(['-', '=']) {
            return Err(format!("bad flag syntax: --{text}"));
        }
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
        let flag = self.command.flag(name).ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Switch) => "true".to_owned(),
            (None, _) => words.next().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.set(flag, &value)
    }

    fn short(&mut self, group: &str, words: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let mut left = group;
        while let Some(letter) = left.chars().next() {
            let after = &left[letter.len_utf8()..];
            let flag =
                self.command.short(letter).ok_or_else(|| format!("unknown shorthand flag: '{letter}' in -{left}"))?;
            let value = match (after.strip_prefix('='), flag.kind) {
                (Some(value), _) if !value.is_empty() => value.to_owned(),
                (_, Kind::Switch) => {
                    self.set(flag, "true")?;
                    left = after;
                    continue;
                }
                _ if !after.is_empty() => after.to_owned(),
                _ => words.next().ok_or_else(|| format!("flag needs an argument: '{letter}' in -{left}"))?,
            };
            return self.set(flag, &value);
        }
        Ok(())
    }

    /// Sets a flag; a list grows with every further value.
    fn set(&mut self, flag: &'static Flag, value: &str) -> Result<(), String> {
        let invalid = |why: String| {
            let short = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            format!("invalid argument \"{}\" for \"{short}--{}\" flag: {why}", value.escape_debug(), flag.name)
        };
        let values = match flag.kind {
            Kind::List => {
                let new = csv::fields(value).map_err(invalid)?;
                self.given.entry(flag.name).or_default().extend(new);
                return Ok(());
            }
            Kind::Switch => switch(value).map(|on| on.to_string()),
            Kind::Number => number(value).map(|number| number.to_string()),
            Kind::Text => Ok(value.to_owned()),
        };
        self.given.insert(flag.name, vec![values.map_err(invalid)?]);
        Ok(())
    }
}

/// The command of a line, and the line without its name. Flags may come before it; so that a value is not taken for it,
/// those that need one are known here.
fn find(words: &[String]) -> Result<(&'static Command, Vec<String>), Stop> {
    let (mut command, mut left) = (&ROOT, words.to_vec());
    if left.first().is_some_and(|word| word == "help") {
        left.remove(0);
        let named = left.iter().take_while(|word| !word.starts_with('-'));
        let found = named.fold(command, |found, word| found.below(word).unwrap_or(found));
        return Err(Stop::Help(found));
    }
    loop {
        let mut at = 0;
        let position = loop {
            let Some(word) = left.get(at) else { break None };
            if word == "--" {
                break None;
            }
            let takes = match word.strip_prefix("--") {
                Some(name) => !name.contains('=') && GLOBAL.iter().any(|f| f.name == name && f.kind != Kind::Switch),
                None if word.starts_with('-') => {
                    let mut letters = word.chars().skip(1);
                    let letter = letters.next().filter(|_| letters.next().is_none());
                    letter.is_some_and(|l| GLOBAL.iter().any(|f| f.short == Some(l) && f.kind != Kind::Switch))
                }
                None if word.is_empty() => false,
                None => break Some(at),
            };
            at += if takes { 2 } else { 1 };
        };
        let Some(position) = position else { return Ok((command, left)) };
        match command.below(&left[position]) {
            Some(found) => {
                left.remove(position);
                command = found;
            }
            None if command.name == NAME => return Err(Stop::UnknownCommand(left.remove(position))),
            None => return Ok((command, left)),
        }
    }
}

/// A truth value (Go `strconv.ParseBool`).
///
/// # Errors
/// In the words of Go.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing \"{}\": invalid syntax", text.escape_debug())),
    }
}

/// An integer (Go `strconv.ParseInt` with base 0).
///
/// # Errors
/// In the words of Go.
pub(super) fn number(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = [("0x", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, base)| Some((base, lower.strip_prefix(prefix)?)))
        .or_else(|| Some((8, lower.strip_prefix('0').filter(|digits| !digits.is_empty())?)))
        .unwrap_or((10, &lower));
    let is_signed = digits.starts_with(['+', '-']);
    let parsed = i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), base);
    parsed
        .ok()
        .filter(|_| !is_signed && !digits.is_empty())
        .ok_or_else(|| format!("strconv.ParseInt: parsing \"{}\": invalid syntax", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Line, Stop> {
        Line::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn error(line: &str) -> String {
        match parse(line) {
            Err(Stop::Flag(_, text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn values_follow_their_flags_in_each_form() {
        for line in [
            "enroll --url=x -M y -d",
            "enroll -u x -dMy",
            "enroll -u=x -dM=y",
            "-u x enroll -d --mspdir y",
            "-d --url x -My enroll",
        ] {
            let line = parse(line).unwrap();
            assert_eq!(line.command.name, "enroll");
            assert_eq!(
                (&line.given["url"][..], &line.given["mspdir"][..]),
                (&["x".to_owned()][..], &["y".to_owned()][..])
            );
            assert_eq!(line.given["debug"], ["true"]);
        }
        let line = parse("enroll -u --debug --csr.keyrequest.size 0x100 --csr.keyrequest.reusekey=F").unwrap();
        assert_eq!(line.given["url"], ["--debug"]);
        assert_eq!(line.given["csr.keyrequest.size"], ["256"]);
        assert_eq!(line.given["csr.keyrequest.reusekey"], ["false"]);
    }

    #[test]
    fn lists_grow_and_other_flags_are_replaced() {
        let line = parse("enroll --csr.hosts a,b --csr.hosts= --csr.hosts \"c,d\" -u x -u y -- -z").unwrap();
        assert_eq!(line.given["csr.hosts"], ["a", "b", "c,d"]);
        assert_eq!(line.given["url"], ["y"]);
        assert_eq!(line.rest, ["-z"]);
    }

    #[test]
    fn commands_below_a_command_are_found() {
        let line = parse("identity add user1 --type peer --attrs a=b,c=d:ecert").unwrap();
        assert_eq!((line.command.path(), &line.rest[..]), ("identity add".to_owned(), &["user1".to_owned()][..]));
        assert_eq!(parse("identity bogus").unwrap_err(), Stop::Help(ROOT.below("identity").unwrap()));
        assert_eq!(parse("getcacert").unwrap().command.name, "getcainfo");
        assert_eq!(parse("enrol").unwrap_err(), Stop::UnknownCommand("enrol".into()));
        for (line, command) in [("help enroll", "enroll"), ("enroll -h", "enroll"), ("help x", NAME), ("-d", NAME)] {
            assert!(matches!(parse(line), Err(Stop::Help(found)) if found.name == command), "{line}");
        }
    }

    #[test]
    fn wrong_flags_are_refused_in_the_words_of_pflag() {
        for (line, text) in [
            ("enroll --bogus", "unknown flag: --bogus"),
            ("enroll -x", "unknown shorthand flag: 'x' in -x"),
            ("enroll -dX", "unknown shorthand flag: 'X' in -X"),
            ("enroll -u", "flag needs an argument: 'u' in -u"),
            ("enroll --url", "flag needs an argument: --url"),
            ("enroll --=x", "bad flag syntax: --=x"),
            ("enroll ---x", "bad flag syntax: ---x"),
            (
                "enroll --csr.keyrequest.size=abc",
                "invalid argument \"abc\" for \"--csr.keyrequest.size\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax",
            ),
            (
                "enroll --debug=xyz",
                "invalid argument \"xyz\" for \"-d, --debug\" flag: strconv.ParseBool: parsing \"xyz\": invalid syntax",
            ),
            (
                "enroll --csr.hosts=\"a",
                "invalid argument \"\\\"a\" for \"--csr.hosts\" flag: parse error on line 1, column 3: extraneous or missing \" in quoted-field",
            ),
            ("version --gencrl", "unknown flag: --gencrl"),
        ] {
            assert_eq!(error(line), text);
        }
    }

    #[test]
    fn numbers_are_those_of_go() {
        assert_eq!([number("010"), number("-0b11"), number("1_000"), number("0")], [Ok(8), Ok(-3), Ok(1000), Ok(0)]);
        for text in ["", "-", "08", "0x", "1.5", "--1", "+-1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(words in proptest::collection::vec("(-{0,3}[a-zé.=\",]{0,8}|enroll|identity|help|-u|--csr.hosts)", 0..6)) {
            let _ = Line::parse(&words);
        }
    }
}
