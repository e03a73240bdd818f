//! Errors of the command line: what clap reports, in the words of fabcert's other errors; words of Fabric's tools, with
//! what to run instead.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind as ClapKind};
use clap::{Arg, Command};

use super::input;
use super::unshown::HIDDEN;
use crate::{Error, ErrorKind};

/// Words that people try as commands, and what to run instead. The longer answers are for calls of the Fabric CA's
/// registrar, which fabcert does not make.
const WORDS: &[(&[&str], &str)] = &[
    (&["enrol", "enrole", "login"], "run fabcert enroll"),
    (
        &["reenrol", "re-enroll", "rotate"],
        "run fabcert reenroll, which gets a new certificate with the current one as credential",
    ),
    (
        &["register"],
        "run fabcert ca register ID --registrar MSP_DIR --type peer as a registrar; then fabcert enroll with that id and its secret",
    ),
    (
        &["revoke"],
        "run fabcert ca revoke ID --registrar MSP_DIR as a registrar; fabcert audit reports a certificate that a CRL in its \
         MSP folder revokes",
    ),
    (
        &["gencrl", "crl"],
        "run fabcert ca crl --registrar MSP_DIR as a registrar; fabcert inspect shows a CRL, and fabcert audit applies it",
    ),
    (&["gencsr"], "run fabcert csr"),
    (
        &["getcacert", "getcainfo", "cainfo"],
        "fabcert enroll writes the chain of the CA into the folders; to get it alone, run fabcert ca info --url URL --out FILE \
         with --tls-ca or --fingerprint",
    ),
    (
        &["identity", "affiliation", "certificate"],
        "run fabcert ca identity, fabcert ca affiliation or fabcert ca certificate as a registrar",
    ),
    (
        &["server", "start", "init", "serve", "fabric-ca-server"],
        "run fabcert dev-ca for a server for development and tests; for production run fabric-ca-server",
    ),
    (
        &["fabric-ca-client", "client"],
        "fabcert enroll takes the flags of fabric-ca-client enroll: write fabcert enroll -u URL --mspdir DIR",
    ),
    (
        &["cryptogen", "generate", "configtxgen", "genesis"],
        "fabcert enrols at a CA and creates no CA of its own: run fabcert enroll for each identity, or fabcert demo to try",
    ),
    (&["verify", "check", "validate", "lint", "scan", "test"], "run fabcert audit"),
    (&["show", "view", "print", "decode", "dump", "info", "x509"], "run fabcert inspect"),
    (&["san", "sans", "hosts"], "run fabcert names"),
    (&["template", "manifests", "k8s", "kubernetes"], "run fabcert render"),
    (&["request", "req"], "run fabcert csr"),
    (&["import"], "run fabcert install"),
    (&["undo", "restore", "revert"], "run fabcert rollback"),
    (&["rule"], "run fabcert rules, or fabcert explain RULE for one rule"),
    (&["completion"], "run fabcert completions"),
];

/// A command line that does not parse.
pub(super) struct Line<'a> {
    /// The words after the program's name.
    pub(super) words: &'a [OsString],
    /// The command with its subcommands.
    pub(super) command: &'a Command,
}

/// The error of a command line that clap does not accept. Words of the command line in `e` are one line of text each.
pub(super) fn error(e: &clap::Error, line: &Line<'_>) -> Error {
    let name = line.names().join(" ");
    match e.kind() {
        ClapKind::InvalidSubcommand => unknown_command(e, &name),
        ClapKind::MissingRequiredArgument => {
            let missing = strings(e, ContextKind::InvalidArg);
            input::missing(&name, &missing)
        }
        ClapKind::InvalidValue | ClapKind::ValueValidation if string(e, ContextKind::InvalidArg).is_some() => {
            invalid_value(e, line)
        }
        ClapKind::MissingSubcommand | ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Error::new(ErrorKind::Usage, "expected a command").with_help("fabcert --help lists the commands")
        }
        ClapKind::UnknownArgument => match string(e, ContextKind::InvalidArg).and_then(of_a_cluster) {
            Some(error) => error,
            None => other(e, &name),
        },
        _ => other(e, &name),
    }
}

/// What is missing for a flag about clusters in a binary without them; `None` for other flags.
fn of_a_cluster(flag: &str) -> Option<Error> {
    let message = format!("{flag} {}", lacks_feature(flag.trim_start_matches('-'))?);
    Some(
        Error::new(ErrorKind::Usage, message)
            .with_help("build fabcert with cargo build --release --features kubernetes"),
    )
}

/// The reason why this binary does not know the flag `name`, written without dashes, if others do.
pub(super) fn lacks_feature(name: &str) -> Option<&'static str> {
    let begins = ["k8s-", "kube", "restart-"].iter().any(|with| name.starts_with(with));
    let is_of_a_cluster = begins || matches!(name, "restart" | "pod");
    (is_of_a_cluster && !cfg!(feature = "kubernetes"))
        .then_some("needs the feature kubernetes, which this binary is built without")
}

/// The answer to a word that is not a command of `group`, which is empty for fabcert itself.
fn unknown_command(e: &clap::Error, group: &str) -> Error {
    let word = string(e, ContextKind::InvalidSubcommand).unwrap_or_default();
    let parent = format!("fabcert {group}");
    let parent = parent.trim_end();
    let error = Error::new(ErrorKind::Usage, format!("\"{word}\" is not a command of {parent}"));
    let lower = word.to_ascii_lowercase();
    if let Some((_, answer)) = WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        return error.with_help(*answer);
    }
    match strings(e, ContextKind::SuggestedSubcommand).first() {
        Some(near) => error.with_help(format!("did you mean {parent} {near}? {parent} --help lists the commands")),
        None => error.with_help(format!("{parent} --help lists the commands")),
    }
}

/// A value that its flag or variable does not take: which, what is expected, and an example.
fn invalid_value(e: &clap::Error, line: &Line<'_>) -> Error {
    let argument = string(e, ContextKind::InvalidArg).unwrap_or_default();
    let value = string(e, ContextKind::InvalidValue).unwrap_or_default();
    let (flag, value_name) = argument.split_once(' ').unwrap_or((argument, ""));
    let value_name = value_name.trim_start_matches(['<', '[']).trim_end_matches(['>', ']', '.']);
    let arg = line.argument(flag.trim_start_matches("--"));
    let valid = strings(e, ContextKind::ValidValue);
    // The value itself is never repeated: it may be a secret that belongs elsewhere.
    let near = strings(e, ContextKind::SuggestedValue);
    let own = std::error::Error::source(e).map(|own| without_quoted(&own.to_string())).unwrap_or_default();
    let expected = if valid.is_empty() {
        expected(value_name, &own)
    } else if valid.len() == 1 {
        format!("expected {}", valid[0])
    } else {
        format!("expected one of {}", valid.join(", "))
    };
    let place = match arg.filter(|arg| !line.has(arg)).and_then(Arg::get_env) {
        Some(variable) => format!("{} ({argument})", variable.to_string_lossy()),
        None => argument.to_owned(),
    };
    let given = if value.is_empty() { "an empty value" } else { "this value" };
    let error = Error::new(ErrorKind::Usage, format!("{place} does not take {given}: {expected}"));
    match near.first() {
        Some(near) => error.with_help(format!("did you mean {near}?")),
        None if flag == "--env" => {
            error.with_help("name the variables that manifests may use, for example --env DOMAIN,ORG1_NS")
        }
        None => match line.names().join(" ").as_str() {
            "" => error,
            name => error.with_help(format!("fabcert {name} --help describes {flag}")),
        },
    }
}

/// The text of a value's parser without what it repeats of the value, which is in quotes.
fn without_quoted(own: &str) -> String {
    match (own.find('"'), own.rfind('"')) {
        (Some(start), Some(end)) if start + 1 < end => format!("{}{HIDDEN}{}", &own[..=start], &own[end..]),
        _ => own.to_owned(),
    }
}

/// What a value is expected to be: in the words of its own parser, unless that knows only digits.
fn expected(value_name: &str, own: &str) -> String {
    match value_name {
        _ if own.starts_with("expected a") || own.contains("expected 0") => own.to_owned(),
        "DURATION" => "expected a duration such as 30s, 5m or 1h30m".to_owned(),
        "ADDR" => "expected an address such as 127.0.0.1:7054".to_owned(),
        _ if own.contains(" is not in ") => format!("expected a whole number in the range {}", range(own)),
        "N" => "expected a whole number such as 2".to_owned(),
        _ if own.is_empty() => "expected a value".to_owned(),
        _ => own.to_owned(),
    }
}

/// `1 to 1000` of `5000 is not in 1..=1000`.
fn range(own: &str) -> String {
    let range = own.rsplit(' ').next().unwrap_or_default();
    range.split_once("..=").map_or_else(|| range.to_owned(), |(low, high)| format!("{low} to {high}"))
}

/// Everything else, in clap's words: the first paragraph is the message, tips are help.
fn other(e: &clap::Error, command: &str) -> Error {
    let text = e.render().to_string();
    let first: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = first.join(" ").trim_start_matches("error: ").replace('\'', "\"");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| tip.replace('\'', "\""));
    let page = match command {
        "" => "fabcert --help lists the commands and the options of all".to_owned(),
        _ => format!("fabcert {command} --help shows all options, with examples"),
    };
    Error::new(ErrorKind::Usage, message).with_help(tip.map_or_else(|| page.clone(), |tip| format!("{tip}; {page}")))
}

fn string(e: &clap::Error, kind: ContextKind) -> Option<&str> {
    match e.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

fn strings(e: &clap::Error, kind: ContextKind) -> Vec<String> {
    match e.get(kind) {
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

impl<'a> Line<'a> {
    /// The commands that the line names, each below the one before it.
    fn commands(&self) -> Vec<&'a Command> {
        let mut below = self.command;
        let found = |word| {
            below = below.find_subcommand(word)?;
            Some(below)
        };
        self.words.iter().filter_map(found).collect()
    }

    /// The names of those commands: `["ca", "info"]`.
    pub(super) fn names(&self) -> Vec<&'a str> {
        self.commands().into_iter().map(Command::get_name).collect()
    }

    /// The command whose help the line asks for.
    pub(super) fn described(&self) -> &'a Command {
        self.commands().pop().unwrap_or(self.command)
    }

    /// The argument of a long flag.
    fn argument(&self, flag: &str) -> Option<&'a Arg> {
        let all = [self.described(), self.command].into_iter().flat_map(Command::get_arguments);
        all.into_iter().find(|arg| arg.get_long() == Some(flag))
    }

    /// Whether an argument is given by a flag, and not by its variable.
    fn has(&self, arg: &Arg) -> bool {
        let long: Vec<String> = arg
            .get_long_and_visible_aliases()
            .into_iter()
            .flatten()
            .chain(arg.get_all_aliases().into_iter().flatten())
            .map(|flag| format!("--{flag}"))
            .collect();
        let short = arg.get_short().map(|c| format!("-{c}"));
        self.words.iter().any(|word| {
            let word = word.to_string_lossy();
            let flag = word.split('=').next().unwrap_or_default();
            long.iter().any(|long| long == flag) || short.as_ref().is_some_and(|s| word.starts_with(s.as_str()))
        })
    }

    /// The value of a global option in a line that does not parse.
    pub(super) fn has_option(&self, flag: &str, value: &str) -> bool {
        let joined = format!("--{flag}={value}");
        let flag = format!("--{flag}");
        self.words.iter().any(|word| *word == joined.as_str())
            || self.words.windows(2).any(|pair| pair[0] == flag.as_str() && pair[1] == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_tools_are_known_once() {
        let mut all: Vec<&str> = WORDS.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn kinds_of_values_are_described() {
        assert_eq!(expected("N", "invalid digit found in string"), "expected a whole number such as 2");
        assert_eq!(expected("N", "0 is not in 1..=1000"), "expected a whole number in the range 1 to 1000");
        assert_eq!(expected("TIME", "expected a time such as x"), "expected a time such as x");
    }
}
