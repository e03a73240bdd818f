//! `fabcert agent`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

#[cfg(feature = "kubernetes")]
use super::args::{ClusterArgs, RestartArgs};
use super::args::{HookArgs, fabric_env, parse_duration};
#[cfg(feature = "kubernetes")]
use super::cluster::InCluster;
use super::enroll::{self, IdentityArgs};
use super::process;
#[cfg(feature = "kubernetes")]
use crate::agent::hooks::{HookPlan, Restarter};
use crate::agent::notify::Notifier;
use crate::agent::{self, Settings, Wanted, Watch, termination};
use crate::ca::CaUrl;
use crate::disk::Disk;
use crate::identity::{Environment, SecretSource};
use crate::renew::Options;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Enrol a peer if it is not, and renew it in time, for ever:
    fabcert agent --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --role peer \\
        --hostname org1-peer1 --gateway-service org1-peer-gateway-svc \\
        --namespace fabric \\
        --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls

  Renew every identity below a folder in time; needs no secret:
    fabcert agent /var/hyperledger

  Restart the peer after each renewal, and check that it serves the new
  certificate:
    fabcert agent /var/hyperledger --served org1-peer1:7051 \\
        --hook '[\"systemctl\",\"restart\",\"peer\"]'

  Look again now, and renew now:
    kill -HUP PID
    kill -USR1 PID

A run with nothing to do sends no request, whether it is the first or the
hundredth. A certificate is due as for fabcert renew. After an error the agent
tries again in 5 seconds to 10 minutes; a secret is sent again only as often as
by fabcert enroll. No certificate is renewed more than 3 times an hour.
SIGTERM and Ctrl-C end the agent at once.";

/// Enrol if necessary, then renew in time, until the agent is ended.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("url", |a| a.help("URL of the CA: https://[ID[:SECRET]@]HOST[:PORT][/PATH]. Without --msp-dir and --tls-dir it is for folders whose record names no CA")))]
#[command(mut_arg("msp_dir", |a| a.help("MSP folder of an identity that is enrolled if it is missing")))]
#[command(mut_arg("tls_dir", |a| a.help("TLS folder of an identity that is enrolled if it is missing. Contains server.crt (with the intermediates), server.key and ca.crt")))]
pub(super) struct AgentArgs {
    /// Folders with certificates, or trees of them, whose identities are renewed
    #[cfg_attr(feature = "kubernetes", arg(conflicts_with = "k8s_secret"))]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
    /// Enrol with the id and the secret if the current certificate has expired and the CA does not take it
    #[arg(long, env = "FABCERT_ENROLL_IF_EXPIRED", help_heading = "Request")]
    enroll_if_expired: bool,
    /// Renew when this time is left, in place of a third of the life
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_RENEW_BEFORE", help_heading = "Agent")]
    renew_before: Option<Duration>,
    /// Number of identities to renew at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64), env = "FABCERT_JOBS", help_heading = "Agent")]
    jobs: u16,
    /// Look at the folders again after this time at the latest
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = look_every, env = "FABCERT_LOOK_EVERY", help_heading = "Agent")]
    look_every: Duration,
    #[command(flatten)]
    hooks: HookArgs,
    #[cfg(feature = "kubernetes")]
    #[command(flatten)]
    cluster: ClusterArgs,
    #[cfg(feature = "kubernetes")]
    #[command(flatten)]
    restarts: RestartArgs,
    /// Address for GET /livez, /readyz, /readyz/ID and /metrics. Port 0 selects a free one, which is logged. Without it there is no server
    #[arg(long, value_name = "ADDR:PORT", env = "FABCERT_LISTEN", help_heading = "Agent")]
    listen: Option<SocketAddr>,
    /// Answer 503 to /readyz when a renewal is overdue: in the last third of the time between the due date and the end of the validity
    #[arg(long, env = "FABCERT_UNREADY_WHEN_OVERDUE", help_heading = "Agent")]
    unready_when_overdue: bool,
    /// File for the error that the agent ends with [default: /dev/termination-log if it exists]
    #[arg(long, value_name = "FILE", env = "FABCERT_TERMINATION_MESSAGE", help_heading = "Agent")]
    termination_message: Option<PathBuf>,
}

/// Parses the time between two looks.
fn look_every(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .ok()
        .filter(|every| (Duration::from_secs(1)..=Duration::from_secs(366 * 86_400)).contains(every))
        .ok_or("expected a duration of at least 1s and at most a year, such as 10m or 1h")
}

pub(super) fn run(args: AgentArgs) -> Result<ExitCode, Error> {
    let env = fabric_env::of_process(&[])?;
    let disk = Disk::real().with_patience(args.identity.ca.connection.timeout);
    let message = termination::file(args.termination_message.as_deref(), &disk)?;
    let ended = watch(args, &env, &disk);
    if let Err(error) = &ended
        && matches!(error.kind(), ErrorKind::Signal(_))
    {
        // Its normal end.
        tracing::info!("{error}");
        return Ok(ExitCode::from(error.exit_code()));
    }
    if let (Err(error), Some(file)) = (&ended, message)
        && let Err(e) = termination::write(error, &file, &disk)
    {
        tracing::warn!("the termination message could not be written: {e}");
    }
    ended.map(|never| match never {})
}

/// Runs until an error or a signal ends it.
#[cfg_attr(not(feature = "kubernetes"), allow(unused_mut, reason = "the folders are those of the arguments"))]
fn watch(mut args: AgentArgs, env: fabric_env::Lookup<'_>, disk: &Disk) -> Result<Infallible, Error> {
    let settings = Settings {
        look_every: args.look_every,
        listen: args.listen,
        unready_when_overdue: args.unready_when_overdue,
        notifier: Notifier::new(&|name| std::env::var_os(name), std::process::id())?,
    };
    let environment = Environment::new(disk, &process::now);
    #[cfg(feature = "kubernetes")]
    let in_cluster = args.fetch(env, disk)?;
    #[cfg(feature = "kubernetes")]
    let environment = in_cluster.as_ref().map_or(environment, |in_cluster| in_cluster.keeping(&environment));
    #[cfg(feature = "kubernetes")]
    let restarter = args.restarter(disk)?;
    let watch = args.watch(env)?;
    #[cfg(feature = "kubernetes")]
    let watch = Watch { hooks: HookPlan { restarter, ..watch.hooks }, ..watch };
    let ended = process::runtime()?.block_on(process::until_signal(agent::run(watch, &settings, &environment)));
    settings.notifier.iter().for_each(Notifier::stopping);
    #[cfg(feature = "kubernetes")]
    if let Some(in_cluster) = &in_cluster {
        return ended.map_err(|e| in_cluster.ended(e));
    }
    ended
}

impl AgentArgs {
    /// Reads the Secrets of the identity, if they are its store.
    #[cfg(feature = "kubernetes")]
    fn fetch<'a>(&mut self, env: fabric_env::Lookup<'_>, disk: &'a Disk) -> Result<Option<InCluster<'a>>, Error> {
        if self.cluster.k8s_secret.is_none() {
            return Ok(None);
        }
        if self.hooks.has_some() || self.hooks.has_served() && self.restarts.restart.is_none() {
            return Err(Error::new(
                ErrorKind::Usage,
                "--hook, --touch, --signal and --served are for folders, and --k8s-secret names Secrets",
            )
            .with_help("a mounted Secret changes up to a minute later; replace the pod with --restart evict --served HOST:PORT"));
        }
        enroll::complete(&mut self.identity, env);
        let has_names = self.identity.names.has_some();
        InCluster::fetch_for(&self.cluster, &mut self.identity, (has_names, None), disk)
    }

    /// What restarts the node, checked.
    #[cfg(feature = "kubernetes")]
    fn restarter(&self, disk: &Disk) -> Result<Option<Box<dyn Restarter>>, Error> {
        let termination = termination::file(self.termination_message.as_deref(), disk)?;
        let given = (&self.cluster, &self.hooks, &self.identity);
        self.restarts.restarter(given, &self.paths, termination, &|name| std::env::var_os(name), disk)
    }

    fn watch(self, env: fabric_env::Lookup<'_>) -> Result<Watch, Error> {
        let Self { paths, mut identity, enroll_if_expired, renew_before, jobs, hooks, .. } = self;
        let hooks = hooks.plan(|name| std::env::var_os(name));
        if paths.is_empty() || identity.target.folders() != (None, None) {
            enroll::complete(&mut identity, env);
        }
        let is_wanted = paths.is_empty() || identity.target.folders() != (None, None);
        let connection = &identity.ca.connection;
        let ca = |url: &str| connection.access(CaUrl::parse(url)?.0, String::new(), None);
        let options = Options {
            ca: identity.ca.url.as_deref().map(ca).transpose()?,
            anchors: if is_wanted { Vec::new() } else { connection.tls_ca.iter().cloned().map(Into::into).collect() },
            connect_timeout: connection.connect_timeout,
            timeout: connection.timeout,
            renew_before,
            reuse_key: identity.key.reuse_key,
            channels: identity.channels.request(),
            jobs: usize::from(jobs),
            wait: None,
            dry_run: false,
            registrar: None,
        };
        if !is_wanted {
            identity.refuse_unused(enroll_if_expired)?;
            return Ok(Watch { wanted: None, paths, options, hooks });
        }
        let is_profile_given = identity.profile.is_some();
        let request = enroll::identity_request(identity, "agent", env)?;
        if enroll_if_expired && request.accesses().iter().all(|ca| matches!(ca.secret, SecretSource::None)) {
            return Err(Error::new(ErrorKind::Usage, "--enroll-if-expired needs the enrolment secret")
                .with_help("give --secret-file PATH, or set FABCERT_SECRET"));
        }
        let wanted = Some(Wanted { request, is_profile_given, enroll_if_expired });
        Ok(Watch { wanted, paths, options, hooks })
    }
}

impl IdentityArgs {
    /// Refuses what is only for an identity that is enrolled.
    fn refuse_unused(&self, enroll_if_expired: bool) -> Result<(), Error> {
        let given = [
            (self.ca.id.is_some(), "--id"),
            (self.ca.secret_file.is_some(), "--secret-file"),
            (self.tls_ca.tls_url.is_some(), "--tls-url"),
            (self.names.has_some(), "--san, --hostname, --gateway-service or --from-manifests"),
            (self.key.key_file.is_some(), "--key-file"),
            (self.key.key_algorithm.is_some(), "--key-algorithm"),
            (self.profile.is_some(), "--profile"),
            (!self.attrs.is_empty(), "--attrs"),
            (enroll_if_expired, "--enroll-if-expired"),
        ];
        match given.into_iter().find(|(is_given, _)| *is_given) {
            None => Ok(()),
            Some((_, flag)) => Err(Error::new(
                ErrorKind::Usage,
                format!("{flag} is for an identity that is enrolled, and no folder is given for one"),
            )
            .with_help("give its folders with --msp-dir and --tls-dir; identities below a PATH are renewed as they were requested")),
        }
    }
}
