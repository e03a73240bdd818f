//! Which flag or variable holds the file or the value that an error is about.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::pki::name::masked;
use crate::{Error, ErrorKind};

/// Variables of the Go client that name files and folders.
const GO_CLIENT: [&str; 4] = [
    "FABRIC_CA_CLIENT_TLS_CERTFILES",
    "FABRIC_CA_CLIENT_TLS_CLIENT_CERTFILE",
    "FABRIC_CA_CLIENT_TLS_CLIENT_KEYFILE",
    "FABRIC_CA_CLIENT_MSPDIR",
];

/// The arguments whose values messages quote for other reasons.
const IDS: [&str; 2] = ["id", "tls_id"];

/// The paths and the texts that arguments hold, each with its flag or variable, and the flags that variables set.
#[derive(Default)]
struct Given {
    paths: Vec<(PathBuf, String)>,
    texts: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

/// The error, with the flag or variable in its message if the message is about a file, a folder or a text that one of them
/// holds.
pub(super) fn named(error: Error, matches: &ArgMatches, command: &Command) -> Error {
    if !matches!(error.kind(), ErrorKind::Io | ErrorKind::Input | ErrorKind::NoInput | ErrorKind::Usage) {
        return error;
    }
    let mut all = Given::default();
    collect(matches, command, &mut all);
    let Given { paths: mut given, texts, variables } = all;
    let by_variable = |(flag, _): &&(String, String)| {
        error.message().strip_prefix(flag.as_str()).is_some_and(|rest| rest.starts_with([':', ' ']))
    };
    if let Some((_, variable)) = variables.iter().find(by_variable) {
        return error.given_with(variable);
    }
    for name in GO_CLIENT {
        let value = std::env::var(name).unwrap_or_default();
        given.extend(value.split(',').filter(|v| !v.is_empty()).map(|v| (PathBuf::from(v.trim()), name.to_owned())));
    }
    let home = given.iter().find(|(_, origin)| origin == "--home").map(|(path, _)| path.clone());
    match origin(error.message(), &given, home.as_deref()).or_else(|| of_text(error.message(), &texts)) {
        Some(origin) => error.given_with(&origin),
        None => error,
    }
}

/// The flag or variable whose value `message` quotes. `None` if the message names a flag, or if two have this value.
fn of_text(message: &str, given: &[(String, String)]) -> Option<String> {
    if message.contains("--") {
        return None;
    }
    let mut origins: Vec<&String> = Vec::new();
    for (text, origin) in given {
        let quoted = [format!("\"{text}\""), format!("{:?}", masked(text))];
        if quoted.iter().any(|quoted| message.contains(quoted.as_str())) && !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    match origins[..] {
        [origin] if !message.contains(origin.as_str()) => Some(origin.clone()),
        _ => None,
    }
}

/// What flags and variables hold.
fn collect(matches: &ArgMatches, command: &Command, given: &mut Given) {
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let origin = match (matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id)), arg.get_long()) {
            (Some(ValueSource::CommandLine), Some(flag)) => format!("--{flag}"),
            (Some(ValueSource::EnvVariable), flag) => match arg.get_env() {
                Some(variable) => {
                    let variable = variable.to_string_lossy().into_owned();
                    given.variables.extend(flag.map(|flag| (format!("--{flag}"), variable.clone())));
                    variable
                }
                None => continue,
            },
            _ => continue,
        };
        if let Ok(Some(paths)) = matches.try_get_many::<PathBuf>(id) {
            given.paths.extend(paths.map(|path| (path.clone(), origin.clone())));
        }
        if let (false, Ok(Some(texts))) = (IDS.contains(&id), matches.try_get_many::<String>(id)) {
            given.texts.extend(texts.map(|text| (text.clone(), origin.clone())));
        }
    }
    if let Some((name, below)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        collect(below, command, given);
    }
}

/// The flag or variable of the longest path that is a word of its own in `message`. `None` if the message names it already,
/// or if two have this path.
fn origin(message: &str, given: &[(PathBuf, String)], home: Option<&Path>) -> Option<String> {
    let is_about = |path: &Path| {
        let text = path.display().to_string();
        let below_home = home.filter(|_| path.is_relative()).map(|home| home.join(path).display().to_string());
        has_word(message, &text) || below_home.is_some_and(|text| has_word(message, &text))
    };
    let found = given.iter().filter(|(path, _)| is_about(path));
    let (path, origin) = found.max_by_key(|(path, _)| path.as_os_str().len())?;
    // Two flags with one path: the message is about one of them, and nothing says which.
    if given.iter().any(|(other, of_other)| other == path && of_other != origin) {
        return None;
    }
    (!message.contains(origin.as_str())).then(|| origin.clone())
}

/// Whether `text` is in `message`, and not as a part of a longer path or word.
fn has_word(message: &str, text: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=');
    !text.is_empty()
        && message.match_indices(text).any(|(at, _)| {
            let (before, after) = (&message[..at], &message[at + text.len()..]);
            let after = after.strip_prefix('.').filter(|rest| rest.is_empty()).unwrap_or(after);
            !before.ends_with(continues) && !after.starts_with(continues)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_that_is_a_word_of_its_own_counts() {
        let given = [("ca.pem", "--tls-ca"), ("m", "--msp-dir"), ("m/ca.pem", "FABCERT_CHAIN")]
            .map(|(path, origin)| (PathBuf::from(path), origin.to_owned()));
        let origin = |message: &str| origin(message, &given, None);
        assert_eq!(origin("cannot read ca.pem").as_deref(), Some("--tls-ca"));
        assert_eq!(origin("cannot read m/ca.pem: no such file").as_deref(), Some("FABCERT_CHAIN"));
        assert_eq!(origin("m: not a folder").as_deref(), Some("--msp-dir"));
        assert_eq!(origin("cannot read m/signcerts or /m"), None);
        assert_eq!(origin("--tls-ca ca.pem holds no certificate"), None, "it names the flag");
    }

    #[test]
    fn a_path_of_two_flags_names_neither() {
        let given = ["--tls-ca", "--secret-file"].map(|flag| (PathBuf::from("ca.pem"), flag.to_owned()));
        assert_eq!(origin("the secret file ca.pem contains several lines", &given, None), None);
    }

    #[test]
    fn a_quoted_value_is_found_where_it_is_given_once() {
        let given = [("a..b", "--san"), ("", "--hostname"), ("x", "--san"), ("x", "--hostname")]
            .map(|(text, origin)| (text.to_owned(), origin.to_owned()));
        let origin = |message: &str| of_text(message, &given);
        assert_eq!(origin("the name \"a..b\" has an empty label").as_deref(), Some("--san"));
        assert_eq!(origin("the name \"\" is empty").as_deref(), Some("--hostname"));
        assert_eq!(origin("\"x\" is not a name"), None, "two flags have it");
        assert_eq!(origin("--set \"a..b\": expected NAME=VALUE"), None, "it names a flag");
    }

    #[test]
    fn relative_paths_are_found_below_the_home_too() {
        let given = [(PathBuf::from("ca.pem"), "--tls-ca".to_owned())];
        assert_eq!(origin("cannot read /h/ca.pem", &given, Some(Path::new("/h"))).as_deref(), Some("--tls-ca"));
    }
}
