//! `fabcert export connection-profile`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::ca::CaUrl;
use crate::cli::args::OutputForm;
use crate::cli::{output, process};
use crate::disk::{Disk, Kind, WorkingTree};
use crate::export::{CaOfProfile, ConnectionProfile, gateway_root};
use crate::live::Endpoint;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// The largest file with certificates that is read, in bytes.
const LARGEST: usize = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  From the TLS folders of the peers behind the gateway. Each must hold a
  certificate that clients which dial the gateway's name accept:
    fabcert export connection-profile --msp-id Org1MSP \\
        --endpoint org1-peer-gateway-svc:7051 \\
        --tls-dir peer1/tls --tls-dir peer2/tls --out connection-org1.json

  Without the peers' folders, and with the CA for older client libraries:
    fabcert export connection-profile --msp-id Org1MSP \\
        --endpoint org1-peer-gateway-svc:7051 --gateway-ca tls-ca.pem \\
        --url https://org1-ca:7054 --ca-name ca-org1 --tls-ca ca.pem

The profile overrides no name: clients verify the name that they dial. An
application of the Gateway API takes the address and the PEM text from it.";

/// Write a connection profile with the gateway's name as the peer
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConnectionProfileArgs {
    /// MSP id of the organisation
    #[arg(long, value_name = "ID", env = "FABCERT_MSP_ID")]
    msp_id: String,
    /// Name of the organisation in the profile [default: the MSP id without MSP]
    #[arg(long, value_name = "NAME", env = "FABCERT_ORG")]
    org: Option<String>,
    /// Where clients dial the peers: the gateway Service and its port. Repeatable
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', required = true, env = "FABCERT_ENDPOINT")]
    endpoint: Vec<Endpoint>,
    /// TLS folder of a peer behind it, whose certificate is checked and whose root is taken. Repeatable
    #[arg(long, value_name = "DIR", required_unless_present = "gateway_ca", env = "FABCERT_TLS_DIR")]
    tls_dir: Vec<PathBuf>,
    /// TLS roots of the peers (PEM), in place of the peers' folders
    #[arg(long, value_name = "FILE", conflicts_with = "tls_dir", env = "FABCERT_GATEWAY_CA")]
    gateway_ca: Option<PathBuf>,
    /// URL of the CA; an id and a secret in it are left out
    #[arg(long, value_name = "URL", env = "FABCERT_URL", requires = "tls_ca", help_heading = "CA")]
    url: Option<String>,
    /// Name of the CA on its server
    #[arg(long, value_name = "NAME", env = "FABCERT_CA_NAME", requires = "url", help_heading = "CA")]
    ca_name: Option<String>,
    /// Certificates to trust for the connection to the CA (PEM)
    #[arg(long, value_name = "FILE", env = "FABCERT_TLS_CA", requires = "url", help_heading = "CA")]
    tls_ca: Option<PathBuf>,
    /// File for the profile [default: standard output]
    #[arg(long, value_name = "FILE", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Overwrite the file if it holds something else than a connection profile
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

pub(super) fn run(args: &ConnectionProfileArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let tree = WorkingTree::here(&disk)?.with(args.out.as_deref());
    if let Some(path) = args.out.as_deref().filter(|_| !args.force) {
        refuse_other(path, &disk)?;
    }
    for (flag, value) in [("--msp-id", Some(&args.msp_id)), ("--org", args.org.as_ref())] {
        if value.is_some_and(String::is_empty) {
            return Err(
                Error::new(ErrorKind::Usage, format!("{flag} is empty")).with_help("give a name, such as Org1MSP")
            );
        }
    }
    let endpoints = args.endpoints();
    let roots = args.roots(&endpoints, &disk)?;
    if let [first, _, ..] = &*roots {
        // It reads one certificate (`pkg/core/config/endpoint/endpoint.go`, `TLSCert`).
        tracing::warn!(
            "of the {} TLS roots the older client library for Go (fabric-sdk-go) trusts the first only, \"{}\"",
            roots.len(),
            first.subject()
        );
    }
    let anchors = args.tls_ca.as_deref().map(|path| certificates(path, &disk)).transpose()?.unwrap_or_default();
    let ca = args.url.as_deref().map(|url| of_ca(url, args.ca_name.as_deref(), &anchors)).transpose()?;
    let organization = match args.org.as_deref() {
        Some(name) => name,
        None => args.msp_id.strip_suffix("MSP").filter(|name| !name.is_empty()).unwrap_or(&args.msp_id),
    };
    let profile = ConnectionProfile { organization, msp_id: &args.msp_id, endpoints: &endpoints, roots: &roots, ca };
    let text = profile.to_json()?;
    let Some(path) = &args.out else {
        output::document(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    super::write(&tree, path, text.as_bytes(), 0o644)?;
    let printed = match form {
        OutputForm::Json => output::print_json(&serde_json::json!({
            "schema_version": 1,
            "action": "export connection-profile",
            "path": path,
            "organization": organization,
            "msp_id": args.msp_id,
            "endpoints": endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        OutputForm::Human => output::print_line(format_args!(
            "{}: connection profile of {} at {}",
            path.display(),
            args.msp_id,
            endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )),
    };
    output::after(printed, || format!("the connection profile is in {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

impl ConnectionProfileArgs {
    /// Each endpoint once, hosts in lower case.
    fn endpoints(&self) -> Vec<Endpoint> {
        let mut all: Vec<Endpoint> = Vec::new();
        for one in &self.endpoint {
            let one = Endpoint { host: one.host.to_ascii_lowercase(), port: one.port };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// The TLS roots of the peers, each once.
    fn roots(&self, endpoints: &[Endpoint], disk: &Disk) -> Result<Vec<Cert>, Error> {
        if let Some(path) = &self.gateway_ca {
            return certificates(path, disk);
        }
        let mut roots: Vec<Cert> = Vec::new();
        for folder in &self.tls_dir {
            let root = gateway_root(folder, endpoints, process::now(), disk)?;
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Ok(roots)
    }
}

/// The CA certificates in a file, at least one.
fn certificates(path: &Path, disk: &Disk) -> Result<Vec<Cert>, Error> {
    let wrong = |reason: String| Error::new(ErrorKind::Input, format!("{}: {reason}", path.display()));
    let found = Cert::all_from_pem(&disk.read_regular(path, LARGEST)?).map_err(|e| wrong(e.to_string()))?;
    if found.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()).with_help("give a file with CA certificates (PEM)"));
    }
    if let Some(leaf) = found.iter().find(|cert| !cert.is_ca()) {
        return Err(wrong(format!("\"{}\" is not the certificate of a CA", leaf.subject()))
            .with_help("give the CA certificates alone"));
    }
    Ok(found)
}

fn of_ca<'a>(url: &str, ca_name: Option<&'a str>, anchors: &'a [Cert]) -> Result<CaOfProfile<'a>, Error> {
    // Id and secret are for enrolments, not for applications.
    let (url, _, _) = CaUrl::parse(url)?;
    let host = url.host().to_owned();
    Ok(CaOfProfile { url: url.to_string(), host, ca_name, anchors })
}

/// Refuses to replace a file that is no connection profile, such as the anchors that `FABCERT_OUT` names for another command.
fn refuse_other(path: &Path, disk: &Disk) -> Result<(), Error> {
    if disk.metadata_followed(path)?.is_none_or(|found| found.kind != Kind::File) {
        return Ok(());
    }
    let content = disk.read(path, LARGEST)?;
    let is_profile = content.is_empty()
        || serde_json::from_slice::<serde_json::Value>(&content).is_ok_and(|json| json.get("organizations").is_some());
    if is_profile {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Input, format!("--out: {} exists, and holds no connection profile", path.display()))
        .with_help("give another file, or overwrite it with --force"))
}
