//! The request for an audit: its subjects and criteria.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::endpoints::Endpoints;
use super::live::Live;
use crate::audit::model::report::Report;
use crate::disk::Disk;
use crate::manifests::{Settings, Variables};
use crate::msp::ChannelRules;
use crate::pki::x509::NodeOu;
use crate::policy::Levels;
use crate::secret::Hidden;
use crate::text::Pattern;
use crate::{Error, ErrorKind, PemSource, Secret, Timestamp};

/// A request for an audit, as the arguments of `fabcert audit` state it. Reads nothing until [`AuditRequest::run`].
///
/// ```
/// use fabcert::{Timestamp, audit};
///
/// # fn main() -> Result<(), fabcert::Error> {
/// # let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certs/go-client-tls.pem");
/// let now = Timestamp::parse_rfc3339("2026-11-23T05:00:00Z").unwrap();
/// let report = audit([tree], now).gateway_service("org1-peer-gateway-svc").run()?;
/// for finding in report.findings() {
///     println!("{}: {}: {}", finding.path.display(), finding.rule, finding.message);
/// }
/// assert!(report.findings().any(|f| f.is_of(&fabcert::audit::catalogue::SAN_GATEWAY_MISSING)));
/// # Ok(())
/// # }
/// ```
///
/// [`AuditRequest::run`] reads files and computes hashes: in an asynchronous program, run it on a thread for blocking work.
///
/// ```no_run
/// # async fn example(now: fabcert::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// let request = fabcert::audit(["organizations"], now).nearest_policy();
/// let report = tokio::task::spawn_blocking(move || request.run()).await??;
/// # Ok(())
/// # }
/// ```
///
/// [`AuditRequest::run_live`] dials endpoints as well:
///
/// ```no_run
/// # async fn example(now: fabcert::Timestamp) -> Result<(), fabcert::Error> {
/// let report = fabcert::audit(["organizations"], now)
///     .connect("org1-peer-gateway-svc:7051")
///     .tls_ca_file("ca.crt")
///     .samples(20)
///     .run_live()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an audit is made by run"]
pub struct AuditRequest {
    pub(super) now: Timestamp,
    pub(super) paths: Vec<PathBuf>,
    pub(super) stdin: Option<Hidden>,
    pub(super) tls_of: Vec<(String, PathBuf)>,
    pub(super) settings: Settings,
    pub(super) variables: Variables,
    pub(super) live: Live,
    pub(crate) endpoints: Endpoints,
    pub(super) fix: bool,
    pub(super) levels: Levels,
    pub(super) jobs: Option<usize>,
    pub(super) exclude: Vec<Pattern>,
    pub(super) expected: Vec<(String, Expected)>,
    pub(super) role: Option<NodeOu>,
    pub(super) channel_rules: ChannelRules,
    pub(super) policy: PolicyChoice,
    pub(super) base: Option<PathBuf>,
    pub(super) baseline: Option<PathBuf>,
}

/// The source of an expected name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    San,
    Hostname,
    GatewayService,
}

/// The choice of the policy.
#[derive(Debug)]
pub(super) enum PolicyChoice {
    None,
    Nearest,
    File(PathBuf),
}

/// Requests an audit of files and folders, judged at the time `now`; see [`AuditRequest`].
pub fn audit<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>, now: Timestamp) -> AuditRequest {
    AuditRequest {
        now,
        paths: paths.into_iter().map(Into::into).collect(),
        stdin: None,
        tls_of: Vec::new(),
        settings: Settings { namespace: None, cluster_domain: "cluster.local".to_owned() },
        variables: Variables::new(),
        live: Live::default(),
        endpoints: Endpoints::default(),
        fix: false,
        levels: Levels::default(),
        jobs: None,
        exclude: Vec::new(),
        expected: Vec::new(),
        role: None,
        channel_rules: ChannelRules::V3_0,
        policy: PolicyChoice::None,
        base: None,
        baseline: None,
    }
}

impl AuditRequest {
    /// Adds a file or folder.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Requires a name (DNS name, IP address, e-mail address or URI) in every TLS certificate.
    pub fn expect_san(mut self, name: impl Into<String>) -> Self {
        self.expected.push((name.into(), Expected::San));
        self
    }

    /// Requires a host in every TLS certificate; its longer forms in the cluster are advised.
    pub fn hostname(mut self, host: impl Into<String>) -> Self {
        self.expected.push((host.into(), Expected::Hostname));
        self
    }

    /// Requires the name of a Service in front of the nodes in every TLS certificate; its longer forms are advised.
    pub fn gateway_service(mut self, service: impl Into<String>) -> Self {
        self.expected.push((service.into(), Expected::GatewayService));
        self
    }

    /// Requires a `NodeOU` in every identity.
    pub fn role(mut self, role: NodeOu) -> Self {
        self.role = Some(role);
        self
    }

    /// Sets the namespace of objects that name none, and of the expected hosts and Services.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = Some(namespace.into());
        self
    }

    /// Sets the DNS domain of the cluster, `cluster.local` by default.
    pub fn cluster_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.cluster_domain = domain.into();
        self
    }

    /// Sets the value of a placeholder `${NAME}` in manifests.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Declares that the folder or file at `path` holds the TLS certificate of a workload in the manifests, `NAME` or
    /// `NAMESPACE/NAME`.
    pub fn tls_of(mut self, workload: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.tls_of.push((workload.into(), path.into()));
        self
    }

    /// Sets the policy file. Reported paths are then relative to its folder. By default, no policy applies.
    pub fn policy_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.policy = PolicyChoice::File(path.into());
        self
    }

    /// Uses the `fabcert.yaml` of the working directory or of a folder above it, up to the root of the repository, if
    /// it exists, as `fabcert audit` does.
    pub fn nearest_policy(mut self) -> Self {
        self.policy = PolicyChoice::Nearest;
        self
    }

    /// Sets the folder that reported paths are relative to if no policy file applies: the working directory by default.
    pub fn base(mut self, folder: impl Into<PathBuf>) -> Self {
        self.base = Some(folder.into());
        self
    }

    /// Sets a baseline file, whose findings are hidden.
    pub fn baseline(mut self, path: impl Into<PathBuf>) -> Self {
        self.baseline = Some(path.into());
        self
    }

    /// Sets the levels of rules; they override those of the policy.
    pub fn levels(mut self, levels: Levels) -> Self {
        self.levels = levels;
        self
    }

    /// Excludes paths, in addition to those of the policy.
    pub fn exclude(mut self, pattern: Pattern) -> Self {
        self.exclude.push(pattern);
        self
    }

    /// Sets the channel rules for the verdicts `channel` and `member`; those of Fabric 3 by default.
    pub fn channel_rules(mut self, rules: ChannelRules) -> Self {
        self.channel_rules = rules;
        self
    }

    /// Adds a TLS endpoint, `HOST:PORT`: every address of the host is dialled, and the served certificates are audited.
    pub fn connect(mut self, endpoint: impl Into<String>) -> Self {
        self.live.endpoints.push(endpoint.into());
        self
    }

    /// Adds a member of a gateway, `HOST:PORT`, which is asked for the gateway's name: that of
    /// [`AuditRequest::server_name`], or the host of the one endpoint of [`AuditRequest::connect`]. The members of a
    /// Service in the manifests are found without it.
    pub fn member(mut self, endpoint: impl Into<String>) -> Self {
        self.live.members.push(endpoint.into());
        self
    }

    /// Sets the name that endpoints are asked for (SNI), and that their certificates must hold; the host by default.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.live.server_name = Some(name.into());
        self
    }

    /// Sets the number of connections to each address, to reach each member behind a load balancer; 4 by default.
    pub fn samples(mut self, samples: u16) -> Self {
        self.live.samples = samples;
        self
    }

    /// Sets the time limit for all dialling together (name resolution, connections, handshakes); 5 seconds by default.
    pub fn dial_timeout(mut self, limit: Duration) -> Self {
        self.live.timeout = limit;
        self
    }

    /// Adds a file of certificates that clients trust (PEM, one or many).
    pub fn tls_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.live.tls_ca.push(PemSource::File(path.into()));
        self
    }

    /// Adds certificates that clients trust (PEM, one or many).
    pub fn tls_ca_pem(mut self, pem: impl Into<String>) -> Self {
        self.live.tls_ca.push(PemSource::Given(Secret::new(pem)));
        self
    }

    /// Sets the client certificate (PEM, with its chain, its own certificate first) and its key (PEM) for mutual TLS.
    pub fn client_identity(mut self, certificate: impl Into<PemSource>, key: impl Into<PemSource>) -> Self {
        self.live.client_identity = Some((certificate.into(), key.into()));
        self
    }

    /// Adds missing names to the `dnsNames` of cert-manager Certificates in the manifests, and audits again. Only
    /// lines are added; a list that cannot be changed in place is left as it is.
    pub fn fix(mut self) -> Self {
        self.fix = true;
        self
    }

    /// Sets the content of the path `-`: certificates, keys, CSRs, revocation lists (PEM or DER) or a manifest.
    pub fn stdin(mut self, content: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        self.stdin = Some(Hidden(content.into()));
        self
    }

    /// Sets the number of threads; by default the number of cores.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Runs the audit. Blocks the thread until it is finished.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] if the request names live endpoints, which only [`AuditRequest::run_live`] dials;
    /// [`ErrorKind::Input`] if a path does not exist, or a name, policy, baseline or manifest cannot be used;
    /// [`ErrorKind::NoInput`] if the paths hold nothing that can be audited; [`ErrorKind::Io`] if the disk fails. An
    /// unreadable file inside a folder is a finding, not an error.
    pub fn run(self) -> Result<Report, Error> {
        if !self.live.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "the request names live endpoints, which run does not dial")
                .with_help("call run_live"));
        }
        self.prepare(&Disk::real())?.report()
    }

    /// Dials the live endpoints of the request and runs the audit, on the current tokio runtime (with time and I/O
    /// enabled). Disk access and hashing run on a thread of their own. An endpoint that does not answer is a finding,
    /// not an error.
    ///
    /// # Errors
    ///
    /// Those of [`AuditRequest::run`]; [`ErrorKind::Usage`] or [`ErrorKind::Input`] if an endpoint, a name, trust
    /// anchors or the client certificate cannot be used. Nothing is then dialled.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn run_live(self) -> Result<Report, Error> {
        let prepare = move || {
            let run = self.prepare(&Disk::real())?;
            let plan = run.dial_plan()?;
            Ok((run, plan))
        };
        let (mut run, plan) = off_thread(prepare).await?;
        run.request.endpoints = plan.dial().await;
        off_thread(move || run.report()).await
    }
}

/// Runs blocking work on a thread of its own.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(Error::new(ErrorKind::Bug, "the audit's thread failed").with_source(e)))
}
