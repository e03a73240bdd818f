//! `fabcert ca register --from`: a list of identities.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::registrar::RegistrarArgs;
use crate::cli::args::OutputForm;
use crate::cli::output;
use crate::disk::{Disk, WorkingTree};
use crate::registrar::{Action, Common, Registered, Registration, read_roster, register_all};
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

/// The size limit of a list, in bytes.
const LIMIT: usize = 16 << 20;

/// One identity of the list.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    /// `registered`, `unchanged`, `updated`, `differs` or `failed`.
    action: &'static str,
    differences: &'a [String],
    /// The file of a new secret.
    secret_file: Option<String>,
    error: Option<String>,
}

pub(super) fn run(
    registrar: &RegistrarArgs,
    list: &Path,
    common: &Common<'_>,
    form: OutputForm,
) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let bytes = disk.read(list, LIMIT)?;
    let origin = list.display().to_string();
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::Input, format!("{origin} is not UTF-8")).with_help("save it as UTF-8"))?;
    let wanted = read_roster(&text, &origin, common)?;
    WorkingTree::here(&disk)?.with([common.secrets]).create_dirs(common.secrets)?;
    let results = registrar.act(async |registrar, env| {
        let mut at = 0;
        let mut done = |wanted: &Registration, result: &Result<Registered, Error>| {
            at += 1;
            match result {
                Ok(done) => tracing::debug!("{}: {}", wanted.id, done.action.word()),
                Err(e) => tracing::warn!("{}: {e}", wanted.id),
            }
            if at % 100 == 0 {
                tracing::info!("{at} identities are done");
            }
        };
        register_all(registrar, &wanted, env, &mut done).await
    })?;
    let worst = results.iter().filter_map(|result| result.as_ref().err()).map(Error::exit_code).max();
    let count = |action| results.iter().filter(|r| r.as_ref().is_ok_and(|done| done.action == action)).count();
    let failed = results.iter().filter(|result| result.is_err()).count();
    let rows: Vec<Row<'_>> = wanted.iter().zip(&results).map(|(wanted, result)| row(wanted, result, common)).collect();
    let printed = match form {
        OutputForm::Json => output::print_json(&serde_json::json!({"schema_version": 1, "identities": rows})),
        OutputForm::Human => output::print(&lines(&rows, |lines| {
            lines.gap().line(format_args!(
                "{} registered, {} unchanged, {} changed, {} differ, {failed} failed",
                count(Action::Registered),
                count(Action::Unchanged),
                count(Action::Updated),
                count(Action::Differs)
            ));
        })),
    };
    output::after(printed, || format!("{} identities are registered", count(Action::Registered)))?;
    Ok(ExitCode::from(worst.unwrap_or_else(|| u8::from(count(Action::Differs) > 0))))
}

fn row<'a>(wanted: &'a Registration, result: &'a Result<Registered, Error>, common: &Common<'_>) -> Row<'a> {
    let id = &wanted.id;
    match result {
        Ok(done) => Row {
            id,
            action: done.action.word(),
            differences: &done.differences,
            secret_file: done.secret.as_ref().map(|_| common.secrets.join(id).display().to_string()),
            error: None,
        },
        Err(e) => Row { id, action: "failed", differences: &[], secret_file: None, error: Some(e.to_string()) },
    }
}

fn lines(rows: &[Row<'_>], summary: impl FnOnce(&mut Lines)) -> Lines {
    let width = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or_default().clamp(2, 40);
    let mut lines = Lines::new();
    lines.line(format_args!("{:<10}  {:<width$}  SECRET", "STATE", "ID"));
    for row in rows {
        let file = row.secret_file.as_deref().unwrap_or_default();
        lines.line(format_args!("{:<10}  {:<width$}  {file}", row.action, row.id));
        for difference in row.differences {
            lines.hanging(14, format_args!("            {difference}"));
        }
        if let Some(error) = &row.error {
            lines.hanging(14, format_args!("            error: {error}"));
        }
    }
    summary(&mut lines);
    lines
}
