//! Which flag or variable names the file that an error is about.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::{Error, ErrorKind};

/// Variables of the Go client that name files and folders.
const GO_CLIENT: [&str; 4] = [
    "FABRIC_CA_CLIENT_TLS_CERTFILES",
    "FABRIC_CA_CLIENT_TLS_CLIENT_CERTFILE",
    "FABRIC_CA_CLIENT_TLS_CLIENT_KEYFILE",
    "FABRIC_CA_CLIENT_MSPDIR",
];

/// The error, with the flag or variable in its message if the message is about a file or folder that one of them names.
pub(super) fn named(error: Error, matches: &ArgMatches, command: &Command) -> Error {
    if !matches!(error.kind(), ErrorKind::Io | ErrorKind::Input | ErrorKind::NoInput) {
        return error;
    }
    let mut given = Vec::new();
    collect(matches, command, &mut given);
    for name in GO_CLIENT {
        let value = std::env::var(name).unwrap_or_default();
        given.extend(value.split(',').filter(|v| !v.is_empty()).map(|v| (PathBuf::from(v.trim()), name.to_owned())));
    }
    let home = given.iter().find(|(_, origin)| origin == "--home").map(|(path, _)| path.clone());
    match origin(error.message(), &given, home.as_deref()) {
        Some(origin) => error.given_with(&origin),
        None => error,
    }
}

/// The paths that flags and variables name, each with the flag or variable.
fn collect(matches: &ArgMatches, command: &Command, given: &mut Vec<(PathBuf, String)>) {
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let origin = match (matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id)), arg.get_long()) {
            (Some(ValueSource::CommandLine), Some(flag)) => format!("--{flag}"),
            (Some(ValueSource::EnvVariable), _) => match arg.get_env() {
                Some(variable) => variable.to_string_lossy().into_owned(),
                None => continue,
            },
            _ => continue,
        };
        if let Ok(Some(paths)) = matches.try_get_many::<PathBuf>(id) {
            given.extend(paths.map(|path| (path.clone(), origin.clone())));
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
    fn relative_paths_are_found_below_the_home_too() {
        let given = [(PathBuf::from("ca.pem"), "--tls-ca".to_owned())];
        assert_eq!(origin("cannot read /h/ca.pem", &given, Some(Path::new("/h"))).as_deref(), Some("--tls-ca"));
    }
}
