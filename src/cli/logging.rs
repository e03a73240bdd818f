//! The log on standard error: lines of text, or JSON, one event a line.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use super::args::{LogForm, OutputArgs};
use super::output::log_writer;
pub(super) use super::output::takes_escapes;

/// Starts the log. Only fabcert's own events are written: other crates log requests, headers included. A command that
/// `narrates` prints its own progress, and logs it only with `-v`.
pub(super) fn start(args: &OutputArgs, narrates: bool) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) if narrates => LevelFilter::ERROR,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter = Targets::new().with_target("fabcert", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(log_writer(args.log_format));
    let registry = tracing_subscriber::registry();
    let started = match args.log_format {
        LogForm::Json => registry.with(layer.json().with_filter(filter)).try_init(),
        LogForm::Text => {
            // Colours in the log need a feature of tracing-subscriber that is left out: it panics when asked for them.
            let layer = layer.with_target(false);
            if args.verbose > 0 {
                registry.with(layer.with_filter(filter)).try_init()
            } else {
                registry.with(layer.without_time().with_level(false).compact().with_filter(filter)).try_init()
            }
        }
    };
    // It fails only where a test runs the command line twice in one process.
    drop(started);
}
