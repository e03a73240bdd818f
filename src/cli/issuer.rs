//! `fabcert issuer`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::parse_duration;
use super::{output, process};
use crate::cluster::{Access, Chosen};
use crate::disk::Disk;
use crate::identity::Environment;
use crate::issuer::{self, Settings};
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Teach the API server the kinds of issuers:
    fabcert issuer crds | kubectl apply --server-side -f -

  Answer the requests of cert-manager in every namespace, as one of several
  replicas:
    fabcert issuer --cluster-resource-namespace fabcert --leader-elect \\
        --listen 0.0.0.0:9444 --log-format json

  Answer those of one namespace, with the rights of a Role in it:
    fabcert issuer --k8s-namespace fabric

An issuer enrols an identity of its own for each enrolment id, once, and signs
with it. The secret is sent again only as often as by fabcert enroll. Nothing
is ready before what the CA issued is verified. SIGTERM and Ctrl-C end it when
what is at work is finished, after 15 seconds at the latest.";

/// Sign the certificate requests of cert-manager with a Fabric CA.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct IssuerArgs {
    #[command(subcommand)]
    command: Option<IssuerCommand>,
    /// Namespace with the Secrets of cluster issuers, and with the Lease [default: that of the context or of the pod]
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "FABCERT_CLUSTER_RESOURCE_NAMESPACE",
        conflicts_with = "k8s_namespace",
        help_heading = "Kubernetes"
    )]
    cluster_resource_namespace: Option<String>,
    /// Answer the requests of this namespace only, and none for cluster issuers
    #[arg(long, value_name = "NAMESPACE", env = "FABCERT_K8S_NAMESPACE", help_heading = "Kubernetes")]
    k8s_namespace: Option<String>,
    /// File that describes the cluster [default: KUBECONFIG, then ~/.kube/config, then the token of the pod]
    #[arg(long, value_name = "FILE", env = "FABCERT_KUBECONFIG", help_heading = "Kubernetes")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "CONTEXT", env = "FABCERT_KUBE_CONTEXT", help_heading = "Kubernetes")]
    kube_context: Option<String>,
    /// Act only while holding the Lease fabcert-issuer: for several replicas
    #[arg(long, env = "FABCERT_LEADER_ELECT", help_heading = "Kubernetes")]
    leader_elect: bool,
    /// Number of requests to answer at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64), env = "FABCERT_JOBS", help_heading = "Issuer")]
    jobs: u16,
    /// Fail a request that cannot be answered this long after it was made; cert-manager then makes another one
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration, env = "FABCERT_GIVE_UP_AFTER", help_heading = "Issuer")]
    give_up_after: Duration,
    /// Address for GET /livez, /healthz, /readyz and /metrics. Port 0 selects a free one, which is logged. Without it there is no server
    #[arg(long, value_name = "ADDR:PORT", env = "FABCERT_LISTEN", help_heading = "Issuer")]
    listen: Option<SocketAddr>,
}

#[derive(Subcommand, Debug)]
enum IssuerCommand {
    /// Print the definitions of the kinds FabricCAIssuer and FabricCAClusterIssuer, for kubectl apply
    #[command(after_help = CRDS_EXAMPLES)]
    Crds,
}

const CRDS_EXAMPLES: &str = "\
Examples:
  fabcert issuer crds | kubectl apply --server-side -f -";

/// The time for connecting to the API server, and for each answer. A watch ends and begins again within it.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn run(args: &IssuerArgs) -> Result<ExitCode, Error> {
    if let Some(IssuerCommand::Crds) = args.command {
        output::page(&issuer::yaml()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let disk = Disk::real();
    let env = Environment::new(&disk, &process::now);
    process::stores_elsewhere();
    let ended = process::runtime()?.block_on(process::until_signal_and_done(|ending| async {
        let chosen = Chosen {
            kubeconfig: args.kubeconfig.as_deref(),
            context: args.kube_context.as_deref(),
            namespace: args.k8s_namespace.as_deref().or(args.cluster_resource_namespace.as_deref()),
            timeout: TIMEOUT,
            wait: None,
        };
        let access = Access::find(chosen).await?;
        let holder = args.leader_elect.then(holder).transpose()?;
        let settings = Settings {
            namespace: args.k8s_namespace.clone(),
            listen: args.listen,
            jobs: usize::from(args.jobs),
            give_up_after: args.give_up_after,
            holder,
            folder: std::env::temp_dir(),
        };
        issuer::run(access, settings, ending, &env).await
    }));
    match ended {
        // Its normal end.
        Err(e) if matches!(e.kind(), ErrorKind::Signal(_)) => {
            tracing::info!("{e}");
            Ok(ExitCode::from(e.exit_code()))
        }
        Err(e) => Err(e),
        Ok(never) => match never {},
    }
}

/// A name for this process that no other one has.
fn holder() -> Result<String, Error> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(format!("{host}-{}", crate::identity::state::random_id::random_id()?))
}
