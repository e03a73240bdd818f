//! Words of the command line that fabcert does not take and does not repeat, because they may be a secret: a URL with its password
//! where no argument is expected, the value behind a misspelt flag.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is shown in place of such a word.
pub(super) const HIDDEN: &str = "...";

/// The error without the words in it that may be a secret. `words` are those after the program's name.
pub(super) fn without_secrets(mut e: clap::Error, command: &Command, words: &[OsString]) -> clap::Error {
    let get = |e: &clap::Error, kind| match e.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if e.kind() == ErrorKind::TooManyValues {
        e.insert(ContextKind::InvalidValue, ContextValue::String(HIDDEN.to_owned()));
    }
    if get(&e, ContextKind::InvalidSubcommand).is_some_and(|word| !is_command(&word)) {
        e.insert(ContextKind::InvalidSubcommand, ContextValue::String(HIDDEN.to_owned()));
        e.remove(ContextKind::Suggested);
    }
    if e.kind() != ErrorKind::UnknownArgument {
        return e;
    }
    if let Some(argument) = get(&e, ContextKind::InvalidArg).filter(|argument| !is_flag(argument)) {
        let at = words.iter().position(|word| word.to_string_lossy() == *argument);
        let text = at.map_or_else(|| HIDDEN.to_owned(), |at| format!("{HIDDEN} (word {})", at + 1));
        e.insert(ContextKind::InvalidArg, ContextValue::String(text));
        // Its tips repeat the word.
        e.remove(ContextKind::Suggested);
    }
    let mut flags = words.iter().filter_map(|word| word.to_str()).filter_map(|word| long_with_one_dash(word, command));
    if let Some(flag) = flags.next() {
        let tip = format!("a flag with a long name has two dashes: --{flag}");
        e.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    e
}

/// Whether an unknown argument is the name of a flag, and no value.
fn is_flag(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    word.starts_with('-') && name.len() <= 40 && name.chars().all(is_name)
}

fn is_command(word: &str) -> bool {
    word.len() <= 24 && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// The name of a known flag that is written with one dash, as the Go client's users may do: `-url`.
fn long_with_one_dash(word: &str, command: &Command) -> Option<String> {
    let name = word.strip_prefix('-').filter(|name| !name.starts_with('-'))?;
    let name = name.split('=').next().filter(|name| name.len() > 2)?;
    every_argument(command).into_iter().find_map(|arg| arg.get_long().filter(|long| *long == name).map(str::to_owned))
}

/// Every argument of every command.
pub(super) fn every_argument(command: &Command) -> Vec<&clap::Arg> {
    let below = command.get_subcommands().flat_map(every_argument);
    command.get_arguments().chain(below).collect()
}
