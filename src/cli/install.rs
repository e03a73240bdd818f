//! `fabcert install`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{NameArgs, OutputForm, TargetArgs};
use super::output;
use crate::Error;
use crate::disk::Disk;
use crate::enroll;
use crate::identity::Environment;

/// Put a certificate from a CA that cannot be reached from here in place, after the same proof as an enrolment's.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls --cert org1-peer1.pem --chain ca-chain.pem

The key is the one that fabcert csr keeps beside the folder, or that of an enrolment whose answer was lost. The names
that its CSR asked for must be in the certificate, and further ones that are given here.")]
pub(super) struct InstallArgs {
    /// Enrolment id
    #[arg(long, value_name = "ID", env = "FABCERT_ID")]
    id: String,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// The certificate, PEM
    #[arg(long, value_name = "PATH", env = "FABCERT_CERT")]
    cert: PathBuf,
    /// The CA certificates up to the root, PEM, in any order
    #[arg(long, value_name = "PATH", value_delimiter = ',', required = true, env = "FABCERT_CHAIN")]
    chain: Vec<PathBuf>,
    /// Accept another root or identity than the current one
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn run(args: &InstallArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let request = super::target::carried(&args.id, &args.names, &args.target, None, args.force)?;
    let cert = disk.read(&args.cert, LIMIT)?;
    let mut chain = Vec::new();
    for path in &args.chain {
        chain.extend(disk.read(path, LIMIT)?);
        chain.push(b'\n');
    }
    let environment = Environment { disk: &disk, now: &super::now };
    let outcome = enroll::install_answer(&request, &cert, &chain, &environment)?;
    match form {
        OutputForm::Json => output::print_json(&outcome)?,
        OutputForm::Human => output::print(&outcome.to_string())?,
    }
    Ok(ExitCode::SUCCESS)
}
