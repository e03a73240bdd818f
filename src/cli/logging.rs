//! The log on standard error: lines of text, or JSON, one event a line.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use super::args::{LogForm, OutputArgs};
use super::output::log_writer;

/// Starts the log. Only fabcert's own events are written: other crates log requests, headers included. A command that
/// `narrates` prints its own progress, and logs it only with `-v`. One that `repeats` its work logs the same text once an hour.
pub(super) fn start(args: &OutputArgs, narrates: bool, repeats: bool) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) if narrates => LevelFilter::ERROR,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let once = Once { said: repeats.then(Mutex::default) };
    let filter = Targets::new().with_target("fabcert", level).and(once);
    let layer = tracing_subscriber::fmt::layer().with_writer(log_writer(args.log_format, args.color));
    let registry = tracing_subscriber::registry();
    let started = match args.log_format {
        LogForm::Json => registry.with(layer.json().with_filter(filter)).try_init(),
        LogForm::Text => registry.with(layer.event_format(Line).with_filter(filter)).try_init(),
    };
    // It fails only where a test runs the command line twice in one process.
    drop(started);
}

/// The time within which a text is not logged again.
const SAID: Duration = Duration::from_secs(3600);

/// Lets what is logged at each try of the same step pass once, and again where it changes. The agent's own loop decides itself.
struct Once {
    /// When each text was logged; `None`: all pass.
    said: Option<Mutex<HashMap<String, Instant>>>,
}

impl<S> Filter<S> for Once {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let Some(said) = &self.said else { return true };
        let metadata = event.metadata();
        if metadata.target().starts_with("fabcert::agent") || *metadata.level() > Level::INFO {
            return true;
        }
        // An error says more than a warning with its words.
        let mut text = Text(format!("{} ", metadata.level()));
        event.record(&mut text);
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| at.elapsed() < SAID);
        let is_new = !said.contains_key(&text.0);
        if is_new {
            said.insert(text.0, Instant::now());
        }
        is_new
    }
}

/// The fields of an event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a string does not fail.
        let _ = write!(self.0, "{field}={value:?} ");
    }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_that_is_repeated_passes_once_at_each_level() {
        let written = Written::default();
        let writer = written.clone();
        let filter = Targets::new().with_target("fabcert", Level::DEBUG).and(Once { said: Some(Mutex::default()) });
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(layer.event_format(Line).with_filter(filter));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..2 {
                tracing::warn!("the disk is full");
                tracing::error!("the disk is full");
                tracing::info!("trying again");
                tracing::debug!("step");
            }
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let expected =
            ["warning: the disk is full", "error: the disk is full", "trying again", "debug: step", "debug: step"];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
