//! `fabcert probe`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{OutputForm, RoleArg, parse_duration};
use super::{output, process};
use crate::probe::{Holding, ProbedPart, probe_folder, probe_served};
use crate::text::escape::Lines;
use crate::{AuditRequest, Error, ErrorKind, audit};

const EXAMPLES: &str = "\
Examples:
  As the startup probe of the container that enrols (exec probe, no port):
    fabcert probe -q --msp-dir /var/hyperledger/peer/msp \\
        --tls-dir /var/hyperledger/peer/tls \\
        --gateway-service org1-peer-gateway-svc

  Check as well that the running peer serves the certificate on disk:
    fabcert probe --tls-dir /var/hyperledger/peer/tls \\
        --served 127.0.0.1:7051 --server-name org1-peer-gateway-svc

Exit code 1: a part is not ready; the reason is on standard output.";

/// Check, as an exec probe, that folders and the running node hold a valid certificate with the wanted names now.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ProbeArgs {
    /// MSP or TLS folders, or folders that hold both
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// MSP folder
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir")]
    msp_dir: Option<PathBuf>,
    /// TLS folder
    #[arg(long, value_name = "DIR", env = "FABCERT_TLS_DIR")]
    tls_dir: Option<PathBuf>,
    /// Name that the TLS certificate must hold. Repeat it, or separate several with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_SAN")]
    san: Vec<String>,
    /// Host name of the node, which the TLS certificate must hold
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "FABCERT_HOSTNAME")]
    hostname: Vec<String>,
    /// Kubernetes Service in front of the peers, whose name the TLS certificate must hold
    #[arg(long, value_name = "SVC", value_delimiter = ',', env = "FABCERT_GATEWAY_SERVICE")]
    gateway_service: Vec<String>,
    /// Kubernetes namespace of the hosts and Services
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE")]
    namespace: Option<String>,
    /// NodeOU that each identity must have
    #[arg(long, value_enum, env = "FABCERT_ROLE")]
    role: Option<RoleArg>,
    /// TLS endpoint of the node, HOST:PORT: it must serve the certificate of a folder. Repeatable
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_SERVED")]
    served: Vec<String>,
    /// Name to ask the endpoint for; its certificate must hold it [default: the host]
    #[arg(long, value_name = "NAME", env = "FABCERT_SERVER_NAME", requires = "served")]
    server_name: Option<String>,
    /// Time limit for an endpoint
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1s",
        value_parser = parse_duration,
        env = "FABCERT_DIAL_TIMEOUT"
    )]
    dial_timeout: Duration,
}

#[derive(Serialize)]
struct Printed {
    schema_version: u32,
    ready: bool,
    parts: Vec<ProbedPart>,
}

pub(super) fn run(args: &ProbeArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let folders = args.folders();
    if folders.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "fabcert probe needs a folder")
            .with_help("give it as PATH, with --msp-dir (FABCERT_MSP_DIR) or with --tls-dir (FABCERT_TLS_DIR)"));
    }
    if args.asks_of_tls() && folders.iter().all(|(_, holding)| *holding == Holding::Msp) {
        return Err(Error::new(
            ErrorKind::Usage,
            "names and endpoints are compared with a TLS certificate, and no TLS folder is given",
        )
        .with_help("give it with --tls-dir (FABCERT_TLS_DIR)"));
    }
    let mut parts = Vec::new();
    for (folder, holding) in &folders {
        parts.push(probe_folder(folder, *holding, args.criteria())?);
    }
    let is_ready = |parts: &[ProbedPart]| parts.iter().all(|part| part.reasons.is_empty());
    // Without folders that are ready there is nothing to compare with.
    if !args.served.is_empty() && is_ready(&parts) {
        let request = folders.iter().fold(args.criteria(), |request, (folder, _)| request.path(*folder));
        let mut request = request.samples(1).dial_timeout(args.dial_timeout);
        if let Some(name) = &args.server_name {
            request = request.server_name(name);
        }
        let served = process::runtime()?.block_on(process::until_signal(probe_served(&args.served, request)))?;
        parts.extend(served);
    }
    let ready = is_ready(&parts);
    match form {
        OutputForm::Json => output::print_json(&Printed { schema_version: 1, ready, parts })?,
        OutputForm::Human => output::print(&lines(&parts))?,
    }
    Ok(ExitCode::from(u8::from(!ready)))
}

/// One line for each part that is ready, and one for each reason.
fn lines(parts: &[ProbedPart]) -> Lines {
    let mut lines = Lines::new();
    for ProbedPart { path, reasons, .. } in parts {
        let path = path.display();
        if reasons.is_empty() {
            lines.line(format_args!("ready {path}"));
        }
        for reason in reasons {
            lines.line(format_args!("not ready {path}: {reason}"));
        }
    }
    lines
}

impl ProbeArgs {
    /// The folders, and what each must be. Names are in a TLS certificate, and an endpoint serves one.
    fn folders(&self) -> Vec<(&PathBuf, Holding)> {
        let named = self.msp_dir.iter().map(|dir| (dir, Holding::Msp));
        let named = named.chain(self.tls_dir.iter().map(|dir| (dir, Holding::Tls)));
        self.paths.iter().map(|path| (path, Holding::Any)).chain(named).collect()
    }

    /// Whether something is asked of a TLS certificate.
    fn asks_of_tls(&self) -> bool {
        [&self.san, &self.hostname, &self.gateway_service, &self.served].iter().any(|list| !list.is_empty())
    }

    /// What the certificates must hold.
    fn criteria(&self) -> AuditRequest {
        let mut request = audit(Vec::<PathBuf>::new(), process::now());
        request = self.san.iter().fold(request, AuditRequest::expect_san);
        request = self.hostname.iter().fold(request, AuditRequest::hostname);
        request = self.gateway_service.iter().fold(request, AuditRequest::gateway_service);
        if let Some(namespace) = &self.namespace {
            request = request.namespace(namespace);
        }
        match self.role {
            Some(role) => request.role(role.into()),
            None => request,
        }
    }
}
