//! What is printed, and how.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use clap::{Args, ValueEnum};

/// What is printed, and how.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct OutputArgs {
    /// Format of the result on standard output
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_OUTPUT", help_heading = "Output")]
    pub(in crate::cli) output: OutputForm,
    /// Log more on standard error; -vv logs everything
    #[arg(
        short,
        long,
        action = clap::ArgAction::Count,
        global = true,
        env = "FABCERT_VERBOSE",
        help_heading = "Output"
    )]
    pub(in crate::cli) verbose: u8,
    /// Print only errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose", env = "FABCERT_QUIET", help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_LOG_FORMAT", help_heading = "Output")]
    pub(in crate::cli) log_format: LogForm,
    /// Use colours; auto checks the terminal and NO_COLOR
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_COLOR", help_heading = "Output")]
    pub(in crate::cli) color: ColorChoice,
}

/// Format of the result.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum OutputForm {
    /// Text for people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Format of the log.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum LogForm {
    /// One line of text for each event
    #[default]
    Text,
    /// One JSON object for each event
    Json,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
