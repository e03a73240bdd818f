//! `fabcert enroll`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

mod asked;
mod request;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

#[cfg(feature = "kubernetes")]
use super::args::ClusterArgs;
use super::args::{
    CaArgs, ChannelArgs, KeyArgs, NameArgs, OutputArgs, OutputForm, TargetArgs, TlsCaArgs, fabric_env, parse_duration,
};
#[cfg(feature = "kubernetes")]
use super::cluster::InCluster;
use super::next::{Next, words};
use super::prompt::Prompt;
use super::{outcome, output, process};
use crate::Error;
use crate::disk::Disk;
use crate::enroll::{self, Action, Outcome};
use crate::identity::{CaAccess, Environment, Request, SecretSource};

pub(super) use request::{checked_request, complete, identity_request, reenroll_request, secret};

const EXAMPLES: &str = "\
Examples:
  Enrol the MSP and TLS folders of a peer, with every name that clients dial:
    fabcert enroll --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --role peer \\
        --hostname org1-peer1 --namespace fabric \\
        --gateway-service org1-peer-gateway-svc \\
        --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls

  Take the names from your manifests:
    fabcert enroll --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --tls-dir tls \\
        --from-manifests k8s/ --workload org1-peer1 --set DOMAIN=example.com

  Run a line of fabric-ca-client, with only the name of the program changed:
    fabcert enroll --url https://org1-peer1:peerpw@org1-ca \\
        --tls.certfiles ca.pem --mspdir /var/hyperledger/peer/msp \\
        --csr.hosts org1-peer1,org1-peer-gateway-svc

  Print what would be done, without a request: add --dry-run.

A second run with the same arguments changes nothing, opens no connection and
exits with 0. Variables of the Go client (FABRIC_CA_CLIENT_URL, _MSPDIR,
_CSR_HOSTS, _TLS_CERTFILES, ...) are read for what neither a flag nor FABCERT_*
sets.";

/// The identity: its CA, its names, its folders and its key.
#[derive(Args, Debug)]
pub(super) struct IdentityArgs {
    #[command(flatten)]
    pub(super) ca: CaArgs,
    #[command(flatten)]
    pub(super) tls_ca: TlsCaArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
    #[command(flatten)]
    pub(super) key: KeyArgs,
    #[command(flatten)]
    pub(super) channels: ChannelArgs,
    /// Signing profile at the CA, for one folder alone. With --msp-dir, the profile tls makes a TLS folder with the layout
    /// of the Go client
    #[arg(
        long,
        value_name = "PROFILE",
        env = "FABCERT_PROFILE",
        alias = "enrollment.profile",
        help_heading = "Request"
    )]
    pub(super) profile: Option<String>,
    /// Attributes to request, NAME or NAME:opt, in place of the default attributes of the CA
    #[arg(
        long,
        value_name = "NAME[:opt]",
        value_delimiter = ',',
        env = "FABCERT_ATTRS",
        alias = "enrollment.attrs",
        help_heading = "Request"
    )]
    pub(super) attrs: Vec<String>,
    /// --csr.cn of the Go client, whose enroll command ignores it as well
    #[arg(long = "csr.cn", hide = true)]
    csr_cn: Option<String>,
    /// --myhost of the Go client, which only affects its configuration file
    #[arg(short = 'm', long = "myhost", hide = true)]
    myhost: Option<String>,
    /// --enrollment.type of the Go client; only x509
    #[arg(long = "enrollment.type", hide = true, value_parser = ["x509"])]
    enrollment_type: Option<String>,
    /// --loglevel of the Go client, without effect
    #[arg(long = "loglevel", hide = true)]
    loglevel: Option<String>,
}

/// Enrol an identity.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct EnrollArgs {
    #[command(flatten)]
    pub(super) identity: IdentityArgs,
    /// Keep trying for this time while the CA cannot be reached. The same secret is sent again only after pauses of 10 s, 1 min, 10 min and 1 h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_WAIT", help_heading = "Request")]
    pub(super) wait: Option<Duration>,
    /// Enrol even if a good certificate is in place, or the CA refused or answered with something else before
    #[arg(long, env = "FABCERT_FORCE", help_heading = "Request")]
    force: bool,
    /// Print the names with their reasons and the files with their modes. Sends no request and writes nothing
    #[arg(long, env = "FABCERT_DRY_RUN", help_heading = "Request")]
    pub(super) dry_run: bool,
    #[cfg(feature = "kubernetes")]
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

pub(super) fn run(mut args: EnrollArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let env = fabric_env::of_process(&[])?;
    complete(&mut args.identity, &env);
    let disk = Disk::real().with_patience(args.identity.ca.connection.timeout);
    #[cfg(feature = "kubernetes")]
    let in_cluster = {
        let has_names = args.identity.names.has_some();
        InCluster::fetch_for(&args.cluster, &mut args.identity, (has_names, args.wait), &disk)?
    };
    let prompt = Prompt::on_a_terminal(output);
    if let Some(prompt) = prompt {
        asked::inputs(&mut args.identity, prompt)?;
    }
    let dry_run = args.dry_run;
    let gateways = args.identity.names.gateway_service.clone();
    let mut request = checked_request(args, &env)?;
    let environment = Environment::new(&disk, &process::now);
    if let Some(prompt) =
        prompt.filter(|_| !dry_run && accesses(&mut request).any(|ca| matches!(ca.secret, SecretSource::None)))
    {
        let plan = enroll::plan(&request, &environment)?;
        let due = plan.certificates.iter().map(|certificate| certificate.reason.is_some());
        asked::secrets(accesses(&mut request).zip(due).filter(|(_, is_due)| *is_due).map(|(ca, _)| ca), prompt)?;
    }
    #[cfg(feature = "kubernetes")]
    if let Some(in_cluster) = in_cluster {
        return in_cluster.carry_out(&request, dry_run, &environment, output);
    }
    carry_out(&request, dry_run, &gateways, &environment, output)
}

/// Carries out a request, or shows its plan, and prints the result.
pub(super) fn carry_out(
    request: &Request,
    dry_run: bool,
    gateways: &[String],
    environment: &Environment<'_>,
    output: &OutputArgs,
) -> Result<ExitCode, Error> {
    let form = output.output;
    if dry_run {
        let plan = enroll::plan(request, environment)?;
        match form {
            OutputForm::Json => output::print_json(&plan)?,
            OutputForm::Human => output::page(&plan.to_string())?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let outcome = process::runtime()?.block_on(process::until_signal(enroll::enroll(request, environment)))?;
    outcome::print(&outcome, form)?;
    if outcome.action != Action::Unchanged {
        audit_next(&outcome, gateways).print(output);
    }
    Ok(ExitCode::SUCCESS)
}

/// The audit of the folders of an identity, for the names that clients dial.
pub(super) fn audit_next(outcome: &Outcome, gateways: &[String]) -> Next {
    let folders = outcome.identity.msp_dir.iter().chain(&outcome.identity.tls_dir);
    let mut line = words(&["fabcert", "audit"]);
    line.extend(folders.map(|folder| folder.display().to_string()));
    if outcome.identity.tls_dir.is_some() && !gateways.is_empty() {
        line.extend(["--gateway-service".to_owned(), gateways.join(",")]);
    }
    let mut next = Next::default();
    next.step("check that Fabric and clients accept the folders", &line);
    next
}

/// The CAs of a request.
fn accesses(request: &mut Request) -> impl Iterator<Item = &mut CaAccess> {
    let tls = request.tls.as_mut().map(|tls| &mut tls.ca);
    request.sign.as_mut().map(|sign| &mut sign.ca).into_iter().chain(tls)
}
