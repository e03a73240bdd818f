//! `fabcert rollback`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::OutputForm;
use super::{output, process};
use crate::Error;
use crate::disk::Disk;
use crate::enroll;
use crate::identity::Environment;

/// Restore the folders that the last install replaced.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert rollback --msp-dir /var/hyperledger/peer/msp

A second rollback undoes the first.")]
#[command(group = clap::ArgGroup::new("folder").required(true).multiple(true))]
pub(super) struct RollbackArgs {
    /// MSP folder
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir", group = "folder")]
    msp_dir: Option<PathBuf>,
    /// TLS folder
    #[arg(long, value_name = "DIR", env = "FABCERT_TLS_DIR", group = "folder")]
    tls_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct RolledBack<'a> {
    schema_version: u32,
    action: &'static str,
    folders: Vec<&'a PathBuf>,
}

pub(super) fn run(args: &RollbackArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let environment = Environment { disk: &disk, now: &process::now };
    let folders: Vec<&PathBuf> = args.msp_dir.iter().chain(&args.tls_dir).collect();
    for folder in &folders {
        enroll::roll_back(folder, &environment)?;
    }
    match form {
        OutputForm::Json => output::print_json(&RolledBack { schema_version: 1, action: "rolled-back", folders })?,
        OutputForm::Human => {
            for folder in folders {
                output::print_line(format_args!("restored {} to its state before the last install", folder.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
