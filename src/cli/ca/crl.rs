//! `fabcert ca crl`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::certificate::time;
use super::registrar::RegistrarArgs;
use crate::ca::CrlFilter;
use crate::channel::MspChange;
use crate::cli::args::OutputForm;
use crate::cli::export::UpdateFile;
use crate::cli::output;
use crate::disk::{Disk, Kind, WorkingTree};
use crate::registrar::fetch;
use crate::{Error, ErrorKind, Timestamp};

const EXAMPLES: &str = "\
Examples:
  Get the CRL into a node's MSP folder. The node reads it at its next start:
    fabcert ca crl --url https://org1-ca --tls-ca ca.pem --registrar admin/msp \\
        --out peer/msp/crls/org1-ca.pem

  Write the update with which a channel learns it, for an administrator to
  sign and send with peer channel update:
    fabcert ca crl --url https://org1-ca --tls-ca ca.pem --registrar admin/msp \\
        --into config.block --msp Org1MSP --out update.pb

The CRL is verified: a certificate of the CA's chain signed it. A node refuses
certificates on a list that has ended, too, and does not ask for a new one.";

/// Get the CRL of the CA
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CrlArgs {
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// File for the CRL (PEM) [default: standard output], or for the update of --into
    #[arg(long, value_name = "FILE", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Configuration block of a channel: write an unsigned update with the CRL in place of the CRL itself
    #[arg(
        long,
        value_name = "BLOCK",
        requires = "msp",
        requires = "out",
        env = "FABCERT_INTO",
        help_heading = "Channel"
    )]
    into: Option<PathBuf>,
    /// MSP id of the organisation in that channel
    #[arg(long, value_name = "ID", requires = "into", env = "FABCERT_MSP", help_heading = "Channel")]
    msp: Option<String>,
    /// Only certificates that were revoked after this time
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_REVOKED_AFTER", help_heading = "Selection")]
    revoked_after: Option<Timestamp>,
    /// Only certificates that were revoked before this time
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_REVOKED_BEFORE", help_heading = "Selection")]
    revoked_before: Option<Timestamp>,
    /// Only certificates that expire after this time
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_EXPIRE_AFTER", help_heading = "Selection")]
    expire_after: Option<Timestamp>,
    /// Only certificates that expire before this time
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_EXPIRE_BEFORE", help_heading = "Selection")]
    expire_before: Option<Timestamp>,
}

/// Refuses to replace a file that holds something else, such as the trust anchor that `FABCERT_OUT` names for another command.
fn refuse_other(path: &Path, disk: &Disk) -> Result<(), Error> {
    let is_file = disk.metadata_followed(path)?.is_some_and(|found| found.kind == Kind::File);
    if !is_file || disk.read(path, 64 << 20)?.windows(8).any(|part| part == b"X509 CRL") {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Input, format!("--out: {} exists, and holds no CRL", path.display()))
        .with_help("give another file, or remove it"))
}

pub(super) fn run(args: &CrlArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let filter = CrlFilter {
        revoked_after: args.revoked_after,
        revoked_before: args.revoked_before,
        expire_after: args.expire_after,
        expire_before: args.expire_before,
    };
    if let (Some(block), Some(msp_id), Some(out)) = (&args.into, &args.msp, &args.out) {
        return into_channel(args, &filter, (block, msp_id, out), form);
    }
    // Before the request.
    if let Some(path) = &args.out {
        refuse_other(path, &Disk::real())?;
    }
    let fetched = args.registrar.act(async |registrar, env| {
        let fetched = fetch(registrar, &filter).await?;
        if let Some(path) = &args.out {
            let tree = WorkingTree::here(env.disk)?.with([path.as_path()]);
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                tree.create_dirs(folder)?;
            }
            tree.replace(path, fetched.pem.as_bytes(), 0o644)?;
        }
        Ok(fetched)
    })?;
    let crl = &fetched.crl;
    let printed = match (form, &args.out) {
        (OutputForm::Json, _) => output::print_json(&serde_json::json!({
            "schema_version": 1,
            "issuer": crl.issuer(),
            "this_update": crl.this_update().rfc3339(),
            "next_update": crl.next_update().map(Timestamp::rfc3339),
            "serials": crl.serials(),
            "out": args.out,
            "pem": args.out.is_none().then_some(&fetched.pem),
        })),
        (OutputForm::Human, None) => output::document(&fetched.pem),
        (OutputForm::Human, Some(path)) => output::print_line(format_args!(
            "{}: {} revoked certificates of {}, issued {}",
            path.display(),
            crl.len(),
            crl.issuer(),
            crl.this_update()
        )),
    };
    match &args.out {
        Some(path) => output::after(printed, || format!("the CRL is in {}", path.display()))?,
        None => printed?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes an update of a channel with the CRL.
fn into_channel(
    args: &CrlArgs,
    filter: &CrlFilter,
    (block, msp_id, out): (&Path, &str, &Path),
    form: OutputForm,
) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let file = UpdateFile::new(block, msp_id, out, false, &disk)?;
    let update = args.registrar.act(async |registrar, env| {
        let fetched = fetch(registrar, filter).await?;
        file.write(&MspChange { crls: vec![fetched.crl], ..MspChange::default() }, env.disk)
    })?;
    file.print(update.as_ref(), form)?;
    Ok(ExitCode::SUCCESS)
}
