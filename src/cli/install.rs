//! `fabcert install`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{NameArgs, OutputForm, TargetArgs, offline};
use super::{output, process};
use crate::Error;
use crate::disk::Disk;
use crate::enroll;
use crate::identity::Environment;

/// Verify and install a certificate from a CA that this machine cannot reach.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --cert org1-peer1.pem --chain ca-chain.pem

The key is the pending one beside the folder: from fabcert csr, or from an
enrolment whose answer was lost. The certificate must hold the names of its CSR
and the names given here, and passes the same checks as one from fabcert enroll.")]
pub(super) struct InstallArgs {
    /// Enrolment id
    #[arg(long, value_name = "ID", env = "FABCERT_ID")]
    id: String,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// File with the certificate (PEM, DER or PKCS#7)
    #[arg(long, value_name = "PATH", env = "FABCERT_CERT")]
    cert: PathBuf,
    /// Files with the CA certificates up to the root (PEM, DER or PKCS#7), in any order
    #[arg(long, value_name = "PATH", value_delimiter = ',', required = true, env = "FABCERT_CHAIN")]
    chain: Vec<PathBuf>,
    /// Accept a root or an identity that differs from the current one
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn run(args: &InstallArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let request = offline::request(&args.id, &args.names, &args.target, None, args.force)?;
    let cert = disk.read(&args.cert, LIMIT)?;
    let chain = args.chain.iter().map(|path| disk.read(path, LIMIT)).collect::<Result<Vec<_>, _>>()?;
    let environment = Environment { disk: &disk, now: &process::now };
    let outcome = enroll::install_answer(&request, &cert, &chain, &environment)?;
    match form {
        OutputForm::Json => output::print_json(&outcome)?,
        OutputForm::Human => output::document(&outcome.to_string())?,
    }
    Ok(ExitCode::SUCCESS)
}
