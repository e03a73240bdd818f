//! `fabcert csr`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{KeyArgs, NameArgs, OutputForm, TargetArgs, offline};
use super::{output, process};
use crate::Error;
use crate::disk::Disk;
use crate::enroll;
use crate::identity::Environment;

/// Create a key and a CSR for a CA that this machine cannot reach.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert csr --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --hostname org1-peer1 --gateway-service org1-peer-gateway-svc \\
      --namespace fabric --out org1-peer1.csr

  Let the CA sign org1-peer1.csr, then install the certificate:
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --cert org1-peer1.pem --chain ca-chain.pem

The key stays on this machine, beside the folder, until the certificate is
installed.")]
pub(super) struct CsrArgs {
    /// Enrolment id
    #[arg(long, value_name = "ID", env = "FABCERT_ID")]
    id: String,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// File for the CSR [default: standard output]
    #[arg(long, value_name = "PATH", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Discard the pending key of another CSR
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

#[derive(Serialize)]
struct Created<'a> {
    schema_version: u32,
    action: &'static str,
    id: &'a str,
    path: Option<&'a PathBuf>,
    csr: &'a str,
    names_kept: Vec<String>,
    names_dropped: Vec<String>,
}

pub(super) fn run(args: &CsrArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let request = offline::request(&args.id, &args.names, &args.target, Some(&args.key), args.force)?;
    let made = enroll::make_csr(&request, &Environment { disk: &disk, now: &process::now })?;
    let csr = made.pem;
    if let Some(path) = &args.out {
        disk.replace(path, csr.as_bytes(), 0o644)?;
    }
    match (form, &args.out) {
        (OutputForm::Json, path) => output::print_json(&Created {
            schema_version: 1,
            action: "csr",
            id: &args.id,
            path: path.as_ref(),
            csr: &csr,
            names_kept: made.kept.iter().map(ToString::to_string).collect(),
            names_dropped: made.dropped.iter().map(ToString::to_string).collect(),
        })?,
        (OutputForm::Human, None) => output::document(&csr)?,
        (OutputForm::Human, Some(path)) => {
            output::print_line(format_args!("wrote the CSR for {} to {}", args.id, path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
