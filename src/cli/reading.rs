//! How a command is read and printed: its variables, and its help.

use clap::builder::{BoolishValueParser, Resettable};
use clap::{Arg, ArgAction, Command};

/// The command as fabcert reads and prints it.
pub(super) fn as_read(command: Command) -> Command {
    as_printed(with_variables(command))
}

/// The command with its variables read as manifests of containers set them: 1 and yes are true; an empty variable, or one
/// that says no, is not set, so that it conflicts with nothing. Help does not show their values.
fn with_variables(command: Command) -> Command {
    let arg = |arg: Arg| {
        let none: &[&str] = match arg.get_action() {
            ArgAction::SetTrue => &["", "0", "n", "no", "f", "false", "off"],
            ArgAction::Count => &["", "0"],
            _ => &[""],
        };
        let value = arg.get_env().and_then(std::env::var_os);
        let is_unset = value.is_some_and(|value| none.iter().any(|none| value.eq_ignore_ascii_case(none)));
        let arg = if is_unset { arg.env(Resettable::Reset) } else { arg }.hide_env_values(true);
        match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        }
    };
    command.mut_args(arg).mut_subcommands(with_variables)
}

/// The command with help that ends after the options: clap would wrap the examples that follow on a narrow terminal, and a
/// line that is copied would run half a command. They are [printed](super::output::clap) as they are.
fn as_printed(command: Command) -> Command {
    command.help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}").mut_subcommands(as_printed)
}
