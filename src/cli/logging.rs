//! The log on standard error: lines of text, or JSON, one event a line.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use super::args::{LogForm, OutputArgs};
use super::output::log_writer;

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
    let layer = tracing_subscriber::fmt::layer().with_writer(log_writer(args.log_format, args.color));
    let registry = tracing_subscriber::registry();
    let started = match args.log_format {
        LogForm::Json => registry.with(layer.json().with_filter(filter)).try_init(),
        LogForm::Text => registry.with(layer.event_format(Line).with_filter(filter)).try_init(),
    };
    // It fails only where a test runs the command line twice in one process.
    drop(started);
}

/// An event as one line, the same however much is logged: its level unless that is the usual one, message, fields.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str(match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "",
            Level::DEBUG => "debug: ",
            Level::TRACE => "trace: ",
        })?;
        context.format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}
