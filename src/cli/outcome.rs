//! The outcome of an enrolment for people.

use super::args::OutputForm;
use super::dates::life;
use super::{output, process};
use crate::enroll::{Action, Outcome};
use crate::text::escape::Lines;
use crate::{Error, Timestamp};

/// The column at which values are.
const VALUES: usize = 13;

/// Prints the outcome. An error says what the folders hold.
pub(super) fn print(outcome: &Outcome, form: OutputForm) -> Result<(), Error> {
    let printed = match form {
        OutputForm::Json => output::print_json(outcome),
        OutputForm::Human => output::print(&page(outcome, process::now())),
    };
    output::after(printed, || {
        let identity = &outcome.identity;
        let what = match outcome.action {
            Action::Enrolled | Action::Reenrolled => "is installed",
            Action::Unchanged => "is up to date",
        };
        let folders = identity.msp_dir.iter().chain(&identity.tls_dir);
        format!("the identity {} {what} in {}", identity.id, output::paths(folders))
    })
}

/// What was done, and each certificate with one name a line.
fn page(outcome: &Outcome, now: Timestamp) -> Lines {
    let mut lines = Lines::new();
    let word = match outcome.action {
        Action::Enrolled => "enrolled",
        Action::Reenrolled => "reenrolled",
        Action::Unchanged => "unchanged",
    };
    lines.line(format_args!("{word} {}: {}", outcome.identity.id, outcome.reason));
    for c in &outcome.certificates {
        let kind = if c.role == "sign" { "signing certificate" } else { "TLS certificate" };
        lines.line(format_args!("  {kind} {}", c.path.display()));
        let mut row = |label: &str, value: &str| {
            lines.hanging(VALUES, format_args!("    {label:<8} {value}"));
        };
        row("subject", &c.subject);
        let names = if c.sans.is_empty() { vec!["none".to_owned()] } else { c.sans.clone() };
        for (index, name) in names.iter().enumerate() {
            let kept = if c.names_kept.contains(name) { " (kept, not requested by this run)" } else { "" };
            row(if index == 0 { "names" } else { "" }, &format!("{name}{kept}"));
        }
        for (index, name) in c.names_dropped.iter().enumerate() {
            row(if index == 0 { "dropped" } else { "" }, name);
        }
        row("valid", &life(&c.not_before, &c.not_after, now));
        row("issuer", &c.issuer);
    }
    lines
}
