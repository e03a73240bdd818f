//! `fabcert csr`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{KeyArgs, NameArgs, OutputArgs, OutputForm, TargetArgs, offline};
use super::input::Missing;
use super::next::{Next, words};
use super::{output, process};
use crate::disk::{Disk, Kind, WorkingTree};
use crate::enroll;
use crate::identity::Environment;
use crate::pki::x509::Csr;
use crate::{Error, ErrorKind};

/// Create a key and a CSR for a CA that this machine cannot reach.
#[derive(Args, Debug)]
#[command(mut_arg("key_algorithm", |a| a.help("Kind of a new key [default: p256]. Fabric accepts a signing key of the kind ed25519 from 3.0, in channels with the capability V3_0")))]
#[command(override_usage = "fabcert csr [OPTIONS] --id <ID> <--msp-dir <DIR>|--tls-dir <DIR>>")]
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
    id: Option<String>,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// File for the CSR [default: standard output]
    #[arg(long, value_name = "PATH", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Discard the pending key of another CSR, and overwrite the file
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

/// What a run leaves that could not give out its CSR.
const KEPT: &str = "the key of the CSR is stored, and the next run without --force makes a CSR for the same key";

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

pub(super) fn run(args: &CsrArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let mut missing = Missing::of("csr");
    offline::missing(&mut missing, args.id.as_deref(), Some(&args.names), &args.target);
    missing.check()?;
    let id = args.id.as_deref().unwrap_or_default();
    let disk = Disk::real();
    let tree = WorkingTree::here(&disk)?;
    args.out.iter().try_for_each(|path| tree.check(path))?;
    let request = offline::request(id, &args.names, &args.target, Some(&args.key), args.force)?;
    let mut existing = None;
    let mut accept = |csr: &str| -> Result<(), Error> {
        existing = match &args.out {
            Some(path) => accepted((&disk, &tree), path, csr, args.force)?,
            None => None,
        };
        Ok(())
    };
    let made = enroll::make_csr(&request, &mut accept, &Environment::new(&disk, &process::now))?;
    let is_current = existing.is_some();
    let csr = existing.unwrap_or(made.pem);
    if let Some(path) = args.out.as_ref().filter(|_| !is_current) {
        output::after(tree.replace(path, csr.as_bytes(), 0o644).map_err(Error::from), || KEPT.to_owned())?;
    }
    let printed = match (output.output, &args.out) {
        (OutputForm::Json, path) => output::print_json(&Created {
            schema_version: 1,
            action: "csr",
            id,
            path: path.as_ref(),
            csr: &csr,
            names_kept: made.kept.iter().map(ToString::to_string).collect(),
            names_dropped: made.dropped.iter().map(ToString::to_string).collect(),
        }),
        (OutputForm::Human, None) => output::document(&csr),
        (OutputForm::Human, Some(path)) => {
            let what = if is_current { "unchanged: the CSR for" } else { "wrote the CSR for" };
            let joint = if is_current { "is in" } else { "to" };
            output::print_line(format_args!("{what} {id} {joint} {}", path.display()))
        }
    };
    output::after(printed, || match &args.out {
        Some(path) => format!("the CSR is in {}", path.display()),
        None => KEPT.to_owned(),
    })?;
    next(args, id).print(output);
    Ok(ExitCode::SUCCESS)
}

/// What to do with the CSR.
fn next(args: &CsrArgs, id: &str) -> Next {
    let mut line = words(&["fabcert", "install", "--id", id]);
    let (msp_dir, tls_dir) = args.target.folders();
    for (flag, folder) in [("--msp-dir", msp_dir), ("--tls-dir", tls_dir)] {
        line.extend(folder.into_iter().flat_map(|folder| [flag.to_owned(), folder.display().to_string()]));
    }
    line.extend(words(&["--cert", &format!("{id}.pem"), "--chain", "ca-chain.pem"]));
    let mut next = Next::default();
    next.step("let the CA sign the CSR, then install its answer", &line);
    next
}

/// The CSR for the same request that the file of `--out` holds already; `None` if the file is to be written.
fn accepted(
    (disk, tree): (&Disk, &WorkingTree<'_>),
    path: &Path,
    csr: &str,
    force: bool,
) -> Result<Option<String>, Error> {
    match current(disk, path)?.filter(|_| !force) {
        Some(text) if !is_same_request(&text, csr) => {
            Err(Error::new(ErrorKind::Input, format!("{} holds something else", path.display()))
                .with_help("give another file with --out, move this one away, or overwrite it with --force"))
        }
        Some(text) => Ok(Some(text)),
        None => {
            tree.check_replace(path)?;
            Ok(None)
        }
    }
}

/// The content of a file that is there; `None` if there is no file, or it is empty or a device.
fn current(disk: &Disk, path: &Path) -> Result<Option<String>, Error> {
    const LIMIT: usize = 1024 * 1024;
    if disk.metadata_followed(path)?.is_none_or(|found| found.kind != Kind::File) {
        return Ok(None);
    }
    let content = String::from_utf8_lossy(&disk.read(path, LIMIT)?).into_owned();
    Ok(Some(content).filter(|text| !text.is_empty()))
}

/// Whether two CSRs ask for the same: key, subject and names. Their signatures always differ.
fn is_same_request(one: &str, other: &str) -> bool {
    let read = |pem: &str| Csr::from_pem(pem.as_bytes()).ok();
    let (Some(one), Some(other)) = (read(one), read(other)) else { return false };
    one.spki_der() == other.spki_der() && one.subject() == other.subject() && one.sans() == other.sans()
}
