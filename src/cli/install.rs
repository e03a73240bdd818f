//! `fabcert install`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
#[cfg(feature = "kubernetes")]
use std::time::Duration;

use clap::Args;

#[cfg(feature = "kubernetes")]
use super::args::SecretArgs;
use super::args::{NameArgs, OutputArgs, TargetArgs, offline};
use super::enroll::audit_next;
use super::input::Missing;
use super::{outcome, output, process};
#[cfg(feature = "kubernetes")]
use crate::cluster::Access;
use crate::disk::Disk;
use crate::enroll::{self, Action, UNREADABLE_ANSWER};
use crate::identity::Environment;
use crate::pki::key::KeyPair;
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
#[cfg_attr(
    feature = "kubernetes",
    command(after_help = "Examples:
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --cert org1-peer1.pem --chain ca-chain.pem
  fabcert install --id org1-peer1 --tls-dir /var/hyperledger/peer/tls \\
      --from-secret org1-peer1-tls --k8s-namespace fabric

The key is that of the Secret, or the pending one beside the folder: from
fabcert csr, or from an enrolment whose answer was lost. The certificate must
hold the names of its CSR and the names given here, and passes the same checks
as one from fabcert enroll.")
)]
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
    #[cfg(feature = "kubernetes")]
    #[command(flatten)]
    secret: SecretArgs,
    /// Accept a root or an identity that differs from the current one
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

const LIMIT: usize = 4 * 1024 * 1024;

/// The time for connecting to the API server, and for its answer.
#[cfg(feature = "kubernetes")]
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is to be installed.
struct Given {
    certificate: Vec<u8>,
    /// `None`: the pending one.
    key: Option<KeyPair>,
    chain: Vec<Vec<u8>>,
}

impl InstallArgs {
    #[cfg(feature = "kubernetes")]
    const fn has_secret(&self) -> bool {
        self.secret.from_secret.is_some()
    }

    #[cfg(not(feature = "kubernetes"))]
    #[allow(clippy::unused_self, reason = "other builds have the flag")]
    const fn has_secret(&self) -> bool {
        false
    }

    fn given(&self, disk: &Disk) -> Result<Given, Error> {
        let chain = self.chain.iter().map(|path| Ok(disk.read(path, LIMIT)?)).collect::<Result<Vec<_>, Error>>()?;
        #[cfg(feature = "kubernetes")]
        if let Some(name) = &self.secret.from_secret {
            let chosen = self.secret.access.chosen(self.names.namespace.as_deref(), (TIMEOUT, None));
            let read = async { Access::find(chosen).await?.pair(name).await };
            let mut pair = process::runtime()?.block_on(process::until_signal(read))?;
            pair.chain.extend(chain);
            let key = KeyPair::from_pem(&pair.key).map_err(|e| {
                Error::new(ErrorKind::Input, format!("the key in the Secret {name} cannot be used")).with_source(e)
            })?;
            return Ok(Given { certificate: pair.certificate, key: Some(key), chain: pair.chain });
        }
        let certificate = disk.read(self.cert.as_deref().unwrap_or_else(|| Path::new("")), LIMIT)?;
        Ok(Given { certificate, key: None, chain })
    }
}

pub(super) fn run(args: &InstallArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let mut missing = Missing::of("install");
    offline::missing(&mut missing, args.id.as_deref(), None, &args.target);
    if args.cert.is_none() && !args.has_secret() {
        missing.add(&["cert"]);
    }
    if args.chain.is_empty() && !args.has_secret() {
        missing.add(&["chain"]);
    }
    missing.check()?;
    let disk = Disk::real();
    let request =
        offline::request(args.id.as_deref().unwrap_or_default(), &args.names, &args.target, None, args.force)?;
    let Given { certificate, key, chain } = args.given(&disk)?;
    let environment = Environment::new(&disk, &process::now);
    let outcome =
        enroll::install_answer(&request, key.as_ref(), (&certificate, &chain), &environment).map_err(|e| {
            if args.has_secret() || e.kind() != ErrorKind::NotAsAsked && !e.message().starts_with(UNREADABLE_ANSWER) {
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
