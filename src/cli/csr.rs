//! `fabcert csr`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{KeyArgs, NameArgs, OutputForm, TargetArgs};
use super::output;
use crate::ca::{Purpose, RoleRule};
use crate::enroll::{self, CarriedWish, Environment};
use crate::fsx::Disk;
use crate::msp::KeyAccess;
use crate::name::{NameSet, NameWishes};
use crate::x509::SubjectFields;
use crate::{Error, ErrorKind};

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
    let wish = carried(&args.id, &args.names, &args.target, Some(&args.key), args.force)?;
    let csr = enroll::make_csr(&wish, &Environment { disk: &disk, now: &super::now })?;
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

/// The wish behind the arguments: one folder, which tells what the certificate is for.
pub(super) fn carried(
    id: &str,
    names: &NameArgs,
    target: &TargetArgs,
    key: Option<&KeyArgs>,
    force: bool,
) -> Result<CarriedWish, Error> {
    let (purpose, dir) = match (&target.msp_dir, &target.tls_dir) {
        (Some(dir), None) => (Purpose::Sign, dir),
        (None, Some(dir)) => (Purpose::Tls, dir),
        _ => {
            return Err(Error::new(ErrorKind::Usage, "name one folder: --msp-dir or --tls-dir")
                .with_help("a CSR is for one certificate; run the command twice for both"));
        }
    };
    let name_set = NameSet::derive(&NameWishes {
        sans: &names.san,
        hostnames: &names.hostname,
        gateway_services: &names.gateway_service,
        namespace: names.namespace.as_deref(),
        cluster_domain: &names.cluster_domain,
    })?;
    let (subject, _) =
        SubjectFields::parse(&names.csr_names).map_err(|e| Error::new(ErrorKind::Usage, e.to_string()))?;
    let node_ous = !target.no_node_ous;
    let role = match (target.role, purpose) {
        (Some(role), _) => RoleRule::Exactly(super::enroll::node_ou(role)),
        (None, Purpose::Sign) if node_ous => RoleRule::ExactlyOne,
        _ => RoleRule::Any,
    };
    Ok(CarriedWish {
        id: id.to_owned(),
        purpose,
        target: dir.clone(),
        names: name_set,
        subject,
        algorithm: key.and_then(KeyArgs::algorithm).unwrap_or_default(),
        role,
        layout: target.layout.into(),
        tls_names: target.tls_names.into(),
        node_ous,
        key_access: KeyAccess { mode: target.key_mode, group: target.group },
        force,
    })
}
