//! `fabcert rollback`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{OutputForm, check_apart};
use super::{output, process};
use crate::Error;
use crate::disk::Disk;
use crate::enroll::{self, Folder, RolledBack, SetSummary, Step};
use crate::identity::Environment;
use crate::text::escape::Lines;

/// Restore the folders that the last install replaced.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert rollback --msp-dir /var/hyperledger/peer/msp \\
      --tls-dir /var/hyperledger/peer/tls

The folders that one run replaced go back together. A folder that the last
install did not replace stays as it is. A second rollback undoes the first.")]
#[command(group = clap::ArgGroup::new("folder").required(true).multiple(true))]
pub(super) struct RollbackArgs {
    /// MSP folder
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir", group = "folder")]
    msp_dir: Option<PathBuf>,
    /// TLS folder
    #[arg(long, value_name = "DIR", env = "FABCERT_TLS_DIR", group = "folder")]
    tls_dir: Option<PathBuf>,
    /// Print what would be restored, and change nothing
    #[arg(long, env = "FABCERT_DRY_RUN")]
    dry_run: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    schema_version: u32,
    action: &'static str,
    folders: Vec<&'a PathBuf>,
    sets: &'a [Step],
    left: &'a [PathBuf],
}

pub(super) fn run(args: &RollbackArgs, form: OutputForm) -> Result<ExitCode, Error> {
    check_apart(args.msp_dir.as_deref(), args.tls_dir.as_deref())?;
    let disk = Disk::real();
    let environment = Environment::new(&disk, &process::now);
    let named = |kind: Folder, dir: &'_ Option<PathBuf>| dir.clone().map(|dir| (kind, dir));
    let folders: Vec<(Folder, PathBuf)> =
        named(Folder::Msp, &args.msp_dir).into_iter().chain(named(Folder::Tls, &args.tls_dir)).collect();
    let folders: Vec<(Folder, &Path)> = folders.iter().map(|(kind, dir)| (*kind, dir.as_path())).collect();
    let RolledBack { steps, left } = enroll::roll_back(&folders, args.dry_run, &environment)?;
    let printed = match form {
        OutputForm::Json => output::print_json(&Printed {
            schema_version: 1,
            action: if args.dry_run { "dry-run" } else { "rolled-back" },
            folders: steps.iter().map(|step| &step.folder).collect(),
            sets: &steps,
            left: &left,
        }),
        OutputForm::Human => {
            let verb = if args.dry_run { "would restore" } else { "restored" };
            let mut lines = Lines::new();
            for Step { folder, from, to } in &steps {
                lines.line(format_args!("{verb} {} to its state before the last install", folder.display()));
                for (side, set) in [("from", from), ("to  ", to)] {
                    let text = set.as_ref().map_or_else(|| "no certificate".to_owned(), SetSummary::to_string);
                    lines.line(format_args!("  {side}  {text}"));
                }
            }
            for folder in &left {
                lines.line(format_args!("left {} as it is: the last install did not replace it", folder.display()));
            }
            output::print(&lines)
        }
    };
    if args.dry_run {
        printed?;
    } else {
        let folders = steps.iter().map(|step| &step.folder);
        output::after(printed, || format!("restored {}; a second rollback undoes it", output::paths(folders)))?;
    }
    Ok(ExitCode::SUCCESS)
}
