//! The request for an audit: its subjects and criteria.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::drive::Progress;
use super::endpoints::Endpoints;
use super::run::Run;
use super::unit::Criteria;
use crate::audit::input::LoadOptions;
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::audit::model::report::Report;
use crate::disk::Disk;
use crate::manifests::{Settings, Variables};
use crate::msp::ChannelRules;
use crate::pki::name::{NameRequest, NameSet, SanName};
use crate::pki::x509::NodeOu;
use crate::policy::{Baseline, Levels, Policy};
use crate::text::Pattern;
use crate::{Error, ErrorKind, Timestamp};

/// A request for an audit, as the arguments of `fabcert audit` state it. Reads nothing until [`AuditRequest::run`].
///
/// ```
/// use fabcert::{Timestamp, audit};
///
/// # fn main() -> Result<(), fabcert::Error> {
/// # let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certs/go-client-tls.pem");
/// let now = Timestamp::parse_rfc3339("2026-11-23T05:00:00Z").unwrap();
/// let report = audit([tree], now).gateway_service("org1-peer-gateway-svc").run()?;
/// for finding in report.findings.iter() {
///     println!("{}: {}: {}", finding.path.display(), finding.rule, finding.message);
/// }
/// assert!(report.findings.iter().any(|f| f.is_of(&fabcert::audit::catalogue::SAN_GATEWAY_MISSING)));
/// # Ok(())
/// # }
/// ```
///
/// An audit reads files and computes hashes: in an asynchronous program, run it on a thread for blocking work.
///
/// ```no_run
/// # async fn example(now: fabcert::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// let request = fabcert::audit(["organizations"], now).nearest_policy();
/// let report = tokio::task::spawn_blocking(move || request.run()).await??;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an audit is made by run"]
pub struct AuditRequest {
    pub(super) now: Timestamp,
    pub(super) paths: Vec<PathBuf>,
    pub(super) stdin: Option<Zeroizing<Vec<u8>>>,
    pub(super) tls_of: Vec<(String, PathBuf)>,
    pub(super) settings: Settings,
    pub(super) endpoints: Endpoints,
    pub(super) levels: Levels,
    pub(super) jobs: Option<usize>,
    exclude: Vec<Pattern>,
    expected: Vec<(String, Expected)>,
    role: Option<NodeOu>,
    channel_rules: ChannelRules,
    policy: PolicyChoice,
    base: Option<PathBuf>,
    baseline: Option<PathBuf>,
    variables: Variables,
}

/// The source of an expected name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    San,
    Hostname,
    GatewayService,
}

/// The choice of the policy.
#[derive(Debug)]
enum PolicyChoice {
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
        endpoints: Endpoints::default(),
        levels: Levels::default(),
        jobs: None,
        exclude: Vec::new(),
        expected: Vec::new(),
        role: None,
        channel_rules: ChannelRules::V3_0,
        policy: PolicyChoice::None,
        base: None,
        baseline: None,
        variables: Variables::new(),
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

    /// Adds the certificates that live endpoints served.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Sets the content of the path `-`: certificates, keys, CSRs, revocation lists (PEM or DER) or a manifest.
    pub fn stdin(mut self, content: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        self.stdin = Some(content.into());
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
    /// [`ErrorKind::Input`] if a path does not exist, or a name, policy, baseline or manifest cannot be used;
    /// [`ErrorKind::NoInput`] if the paths hold nothing that can be audited; [`ErrorKind::Io`] if the disk fails. An
    /// unreadable file inside a folder is a finding, not an error.
    pub fn run(self) -> Result<Report, Error> {
        self.run_with(&())
    }

    /// [`AuditRequest::run`], with progress reports.
    ///
    /// # Errors
    ///
    /// Those of [`AuditRequest::run`].
    pub fn run_with(self, progress: &dyn Progress) -> Result<Report, Error> {
        let disk = Disk::real();
        let mut run = self.prepare(&disk)?;
        let mut looked = run.look(progress, false)?;
        if !looked.is_something {
            return Err(looked.nothing());
        }
        run.hide(&mut looked.report, true);
        Ok(looked.report)
    }

    /// Reads policy and baseline.
    pub(crate) fn prepare(self, disk: &Disk) -> Result<Run<'_>, Error> {
        let here = Disk::working_directory()?;
        let found = match &self.policy {
            PolicyChoice::None => None,
            PolicyChoice::Nearest => Policy::nearest(disk, &here)?,
            PolicyChoice::File(path) => Some(here.join(path)),
        };
        let (mut policy, base) = match found {
            Some(path) => Policy::read(disk, &path)?,
            None => (Policy::default(), self.base.clone().unwrap_or_else(|| here.clone())),
        };
        policy.exclude.extend(self.exclude.iter().cloned());
        let load = LoadOptions { base, here, variables: self.variables.clone() };
        let baseline = match &self.baseline {
            Some(path) => Some(Baseline::read(disk, path)?.at(load.shown(path))),
            None => None,
        };
        let expectation = self.expectation()?;
        let criteria = Criteria { now: self.now, channel_rules: self.channel_rules, expectation, policy, load };
        Ok(Run { disk, criteria, baseline, request: self })
    }

    /// The names and the role that every subject must hold. The short form of a Service name is required; the longer
    /// ones are advised, since no manifest is known to dial them.
    fn expectation(&self) -> Result<Expectation, Error> {
        let mut names = Vec::new();
        let of = |sort: Expected| self.expected.iter().filter(move |(_, s)| *s == sort).map(|(text, _)| text);
        for text in of(Expected::San) {
            let name: SanName = text.parse::<SanName>()?;
            names.push(ExpectedName { name, source: NameSource::ExpectSan, advised: false });
        }
        let hosts = of(Expected::Hostname).map(|h| (h, NameSource::Hostname));
        let gateways = of(Expected::GatewayService).map(|g| (g, NameSource::GatewayService(g.clone())));
        for (service, source) in hosts.chain(gateways) {
            let forms = NameSet::derive(&NameRequest {
                sans: &[],
                hostnames: std::slice::from_ref(service),
                gateway_services: &[],
                namespace: self.settings.namespace.as_deref(),
                cluster_domain: &self.settings.cluster_domain,
            })?;
            names.extend(forms.sans().into_iter().enumerate().map(|(index, name)| ExpectedName {
                name,
                source: source.clone(),
                advised: index > 0,
            }));
        }
        Ok(Expectation { names, role: self.role, ..Expectation::default() })
    }

    /// The paths to audit: those of the request, and those of workload certificates elsewhere.
    pub(super) fn all_paths(&self, disk: &Disk, load: &LoadOptions) -> Vec<PathBuf> {
        let is_below = |path: &Path| {
            let path = load.shown(path);
            let is_outside = path.is_absolute() || path.starts_with("..");
            self.paths.iter().map(|named| load.shown(named)).any(|named| {
                // The empty path is the folder that paths are relative to.
                if named.as_os_str().is_empty() { !is_outside } else { path.starts_with(named) }
            })
        };
        // The walk refuses paths that do not exist.
        let is_missing = |path: &Path| matches!(disk.metadata_followed(path), Ok(None));
        let mapped = self.tls_of.iter().map(|(_, path)| path.clone());
        self.paths.iter().cloned().chain(mapped.filter(|path| !is_below(path) || is_missing(path))).collect()
    }
}

/// The error of an audit without anything to audit.
pub(super) fn nothing(help: String) -> Error {
    Error::new(ErrorKind::NoInput, "the paths held no certificate, CSR or revocation list").with_help(help)
}
