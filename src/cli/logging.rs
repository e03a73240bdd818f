//! The log on standard error: progress for people, or JSON lines for machines.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use super::args::{ColorChoice, LogForm, OutputArgs};

/// Starts the log. Only fabcert's own events are let through: other crates log requests, headers included.
/// A command that tells its own story logs progress only when asked to.
pub(super) fn start(args: &OutputArgs, tells_itself: bool) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) if tells_itself => LevelFilter::ERROR,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter = Targets::new().with_target("fabcert", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    let started = match args.log_format {
        LogForm::Json => registry.with(layer.json().with_filter(filter)).try_init(),
        LogForm::Text => {
            // Escapes in the log need a feature of tracing-subscriber that is left out: it panics when asked for them.
            let layer = layer.with_target(false);
            if args.verbose > 0 {
                registry.with(layer.with_filter(filter)).try_init()
            } else {
                registry.with(layer.without_time().with_level(false).compact().with_filter(filter)).try_init()
            }
        }
    };
    // A second start happens only where a test calls the command line twice in one process.
    drop(started);
}

/// Whether to colour a stream.
pub(super) fn colored(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && takes_escapes() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

/// Whether a terminal understands more than text: those of editors and of some CI systems do not.
pub(super) fn takes_escapes() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
