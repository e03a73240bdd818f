//! `fabcert install`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::args::{NameArgs, OutputArgs, TargetArgs, offline};
use super::enroll::audit_next;
use super::input::Missing;
use super::{outcome, output, process};
use crate::disk::Disk;
use crate::enroll::{self, Action, UNREADABLE_ANSWER};
use crate::identity::Environment;
use crate::{Error, ErrorKind};

/// Verify and install a certificate from a CA that this machine cannot reach.
#[derive(Args, Debug)]
#[command(override_usage = "fabcert install [OPTIONS] --id <ID> --cert <PATH> --chain <PATH>
                       <--msp-dir <DIR>|--tls-dir <DIR>>")]
#[command(after_help = "Example:
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --cert org1-peer1.pem --chain ca-chain.pem

The key is the pending one beside the folder: from fabcert csr, or from an
enrolment whose answer was lost. The certificate must hold the names of its CSR
and the names given here, and passes the same checks as one from fabcert enroll.")]
pub(super) struct InstallArgs {
    /// Enrolment id
    #[arg(long, value_name = "ID", env = "FABCERT_ID")]
    id: Option<String>,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// File with the certificate (PEM, DER or PKCS#7)
    #[arg(long, value_name = "PATH", env = "FABCERT_CERT")]
    cert: Option<PathBuf>,
    /// Files with the CA certificates up to the root (PEM, DER or PKCS#7), in any order
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_CHAIN")]
    chain: Vec<PathBuf>,
    /// Accept a root or an identity that differs from the current one
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn run(args: &InstallArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let mut missing = Missing::of("install");
    offline::missing(&mut missing, args.id.as_deref(), None, &args.target);
    if args.cert.is_none() {
        missing.add(&["cert"]);
    }
    if args.chain.is_empty() {
        missing.add(&["chain"]);
    }
    missing.check()?;
    let disk = Disk::real();
    let request =
        offline::request(args.id.as_deref().unwrap_or_default(), &args.names, &args.target, None, args.force)?;
    let cert = disk.read(args.cert.as_deref().unwrap_or_else(|| Path::new("")), LIMIT)?;
    let chain = args.chain.iter().map(|path| disk.read(path, LIMIT)).collect::<Result<Vec<_>, _>>()?;
    let environment = Environment::new(&disk, &process::now);
    let outcome = enroll::install_answer(&request, &cert, &chain, &environment).map_err(|e| {
        if e.kind() != ErrorKind::NotAsAsked && !e.message().starts_with(UNREADABLE_ANSWER) {
            return e;
        }
        let (cert, chain) = (output::paths(&args.cert), output::paths(&args.chain));
        e.with_detail(&format!("the certificate was read from {cert} (--cert), the chain from {chain} (--chain)"))
    })?;
    outcome::print(&outcome, output.output)?;
    if outcome.action == Action::Enrolled {
        audit_next(&outcome, &args.names.gateway_service).print(output);
    }
    Ok(ExitCode::SUCCESS)
}
