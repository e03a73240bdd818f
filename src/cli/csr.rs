//! `fabcert csr`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{KeyArgs, NameArgs, OutputForm, TargetArgs};
use super::{output, target};
use crate::Error;
use crate::disk::Disk;
use crate::enroll;
use crate::identity::Environment;

/// Make a key and a CSR for a CA that cannot be reached from here.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert csr --id org1-peer1 --tls-dir /var/hyperledger/peer/tls --hostname org1-peer1 \\
      --gateway-service org1-peer-gateway-svc --namespace fabric --out org1-peer1.csr
  (have the CA sign it, then)
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls --cert org1-peer1.pem --chain ca-chain.pem

The key never leaves this machine: it waits beside the folder for its certificate.")]
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
    /// File for the CSR; standard output when left out
    #[arg(long, value_name = "PATH", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Drop another key that is pending there
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

#[derive(Serialize)]
struct CsrMade<'a> {
    schema_version: u32,
    action: &'static str,
    id: &'a str,
    path: Option<&'a PathBuf>,
    csr: &'a str,
}

pub(super) fn run(args: &CsrArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let request = target::carried(&args.id, &args.names, &args.target, Some(&args.key), args.force)?;
    let csr = enroll::make_csr(&request, &Environment { disk: &disk, now: &super::now })?;
    if let Some(path) = &args.out {
        disk.replace(path, csr.as_bytes(), 0o644)?;
    }
    match (form, &args.out) {
        (OutputForm::Json, path) => output::print_json(&CsrMade {
            schema_version: 1,
            action: "csr",
            id: &args.id,
            path: path.as_ref(),
            csr: &csr,
        })?,
        (OutputForm::Human, None) => output::print(&csr)?,
        (OutputForm::Human, Some(path)) => {
            output::print(&format!("the CSR for {} is in {}\n", args.id, path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
