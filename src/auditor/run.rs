//! One run over everything that a request names.

use std::path::{Component, Path, PathBuf};

use super::ca_names::CaNames;
use super::channels::Channels;
use super::drive::{Progress, Source, drive};
use super::fix::apply;
use super::gateway::GatewayWatch;
use super::key_sharing::KeySharing;
use super::live::DialPlan;
use super::request::AuditRequest;
use super::served_on_disk::{ServedOnDisk, unreachable, wants_client};
use super::unit::Criteria;
use crate::audit::catalogue::INPUT_SKIPPED;
use crate::audit::input::{ServedUnit, Unit, Walk, WalkOptions};
use crate::audit::model::finding::Findings;
use crate::audit::model::report::Report;
use crate::coverage::{Coverage, Covered, TlsOf, check, fixes, subjects};
use crate::disk::Disk;
use crate::manifests::refuse_unset;
use crate::policy::{Baseline, hide};
use crate::secret::Hidden;
use crate::{Error, ErrorKind};

/// An audit with its policy and baseline.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) disk: Disk,
    pub(crate) criteria: Criteria,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) request: AuditRequest,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) report: Report,
    /// Whether anything was audited.
    pub(crate) is_something: bool,
    /// The names of TLS certificates by path, if requested.
    pub(crate) named: Vec<(PathBuf, Vec<String>)>,
    /// The manifests with the certificates of their nodes.
    covered: Option<Covered>,
}

impl Looked {
    /// Whether anything was skipped, such as a pipe.
    pub(crate) fn has_skipped(&self) -> bool {
        self.report.findings.iter().any(|f| f.is_of(&INPUT_SKIPPED))
    }

    /// The error that nothing was audited.
    pub(crate) fn nothing(&self) -> Error {
        let help = match self.report.findings.iter().find(|f| f.is_of(&INPUT_SKIPPED)) {
            Some(skipped) => {
                format!("{}: {}; give its content to fabcert audit -", skipped.path.display(), skipped.message)
            }
            None => "name files or folders that hold some, in PEM or DER".to_owned(),
        };
        Error::new(ErrorKind::NoInput, "the paths held no certificate, CSR or revocation list").with_help(help)
    }
}

impl Run {
    /// Plans the dialling of the live endpoints. Reads files, and dials nothing.
    pub(crate) fn dial_plan(&self) -> Result<DialPlan, Error> {
        DialPlan::new(&self.disk, &self.request, !self.criteria.expectation.names.is_empty())
    }

    /// The report, without progress.
    pub(super) fn report(mut self) -> Result<Report, Error> {
        let looked = self.audit(&(), true)?;
        if looked.is_something { Ok(looked.report) } else { Err(looked.nothing()) }
    }

    /// Audits everything, and applies levels, ignores and, with `with_baseline`, the baseline. If fixes are requested
    /// and there are any, writes them and audits again.
    pub(crate) fn audit(&mut self, progress: &dyn Progress, with_baseline: bool) -> Result<Looked, Error> {
        // The second audit needs the content of standard input too.
        let stdin = if self.request.fix { self.request.stdin.clone() } else { self.request.stdin.take() };
        let mut looked = self.look(stdin, progress, false)?;
        self.hide(&mut looked.report, with_baseline);
        if self.request.fix
            && let Some(covered) = &looked.covered
        {
            let additions = fixes(covered, &looked.report.findings);
            let applied = apply(&additions, &self.disk, &self.criteria.load, &self.request.paths);
            let files = applied.files;
            tracing::info!("added {} names to the dnsNames of {files} files", applied.names);
            applied.all()?;
            if files > 0 {
                let stdin = self.request.stdin.take();
                looked = self.look(stdin, progress, false)?;
                self.hide(&mut looked.report, with_baseline);
            }
        }
        Ok(looked)
    }

    /// The names of all TLS certificates, for a first policy.
    pub(crate) fn names(&mut self, progress: &dyn Progress) -> Result<Looked, Error> {
        let stdin = self.request.stdin.take();
        self.look(stdin, progress, true)
    }

    /// Audits everything once. With `keep_names`, the names of TLS certificates are kept.
    fn look(&mut self, stdin: Option<Hidden>, progress: &dyn Progress, keep_names: bool) -> Result<Looked, Error> {
        self.keep_ignores();
        let (request, criteria) = (&self.request, &self.criteria);
        let (policy, load, endpoints) = (&criteria.policy, &criteria.load, &request.endpoints);
        let excluded = |path: &Path| !policy.exclude.is_empty() && policy.excludes(&load.shown(path));
        let paths = request.all_paths(&self.disk, load);
        let walk = Walk::new(&self.disk, WalkOptions { paths: &paths, excluded: &excluded })?;
        let units = source(walk, stdin, endpoints.served.clone());
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let mut report = Report::new();
        let (mut sharing, mut named, mut servers) = (KeySharing::default(), Vec::new(), ServedOnDisk::default());
        let (mut ca_names, mut channels) = (CaNames::default(), Channels::default());
        let tls_of = request.tls_of.iter();
        let tls_of = tls_of.map(|(workload, path)| TlsOf { workload: workload.clone(), path: load.shown(path) });
        let mut manifests = Coverage::new(tls_of.collect());
        let mut watch = GatewayWatch::default();
        let mut refused = None;
        let mut is_something = !endpoints.unreachable.is_empty();
        drive(criteria, &self.disk, units, request.jobs.unwrap_or_else(cores), progress, &mut |mut audited| {
            channels.note(&mut audited);
            sharing.note(std::mem::take(&mut audited.keys));
            ca_names.note(std::mem::take(&mut audited.cas));
            watch.note(&audited);
            if !endpoints.served.is_empty() {
                servers.note(&audited);
            }
            if let Err(e) = manifests.note(&mut audited, &policy.members) {
                refused.get_or_insert(e);
            }
            is_something |= audited.is_something;
            if keep_names
                && let Some(subject) = &audited.subject
                && !audited.names.is_empty()
            {
                named.push((subject.path.clone(), std::mem::take(&mut audited.names)));
            }
            report.add(audited);
        })
        .and_then(|()| refused.map_or(Ok(()), Err))
        .map_err(|e| e.in_file(&load.base.join(&policy.path)))?;
        progress.end();
        let covered = self.cover(manifests, &mut report)?;
        sharing.report(&mut report);
        ca_names.report(&mut report);
        channels.report(criteria.now, &criteria.expectation, &mut report);
        let mut shared = Findings::new();
        servers.report(&mut shared);
        for (endpoint, reason) in &endpoints.unreachable {
            unreachable(endpoint, reason, &mut shared);
        }
        for endpoint in &endpoints.want_client {
            wants_client(endpoint, &mut shared);
        }
        shared.into_vec().iter().for_each(|finding| report.find(finding));
        report.gateways = watch.report(&endpoints.gateways);
        Ok(Looked { report, is_something, named, covered })
    }

    /// Checks all manifests together, and adds the findings to the report.
    fn cover(&self, coverage: Coverage, report: &mut Report) -> Result<Option<Covered>, Error> {
        let policy = &self.criteria.policy;
        let unset = coverage.unset();
        refuse_unset(unset.iter().map(|(path, unset)| (path.as_path(), unset)))?;
        if coverage.is_empty() {
            return Ok(None);
        }
        let covered = coverage.covered(self.request.settings.clone());
        if let Some(stranger) = covered.mapped.stranger(&covered.network) {
            return Err(Error::new(
                ErrorKind::Input,
                format!("--tls-of: no workload {} is in the manifests", stranger.workload),
            )
            .with_help("fabcert names lists them"));
        }
        if let Some(unmet) = covered.mapped.unmet() {
            return Err(Error::new(
                ErrorKind::Input,
                format!("--tls-of: no TLS folder or certificate was found at {}", unmet.path.display()),
            )
            .with_help(
                "name a TLS folder, or a certificate outside any TLS folder, by a path below one of the PATHs",
            ));
        }
        for subject in subjects(&covered) {
            report.add(self.criteria.inner(subject).map_err(|e| e.in_file(&policy.path))?);
        }
        let mut findings = Findings::new();
        check(&covered, &mut findings);
        covered.mapped.tell_stale(&policy.members, &policy.path, &covered.network, &mut findings);
        findings.into_vec().iter().for_each(|finding| report.find(finding));
        Ok(Some(covered))
    }

    fn hide(&self, report: &mut Report, with_baseline: bool) {
        let baseline = self.baseline.as_ref().filter(|_| with_baseline);
        hide(report, &self.criteria.policy, &self.request.levels, baseline, self.criteria.now);
    }

    /// Drops ignores for paths outside the audited ones, which this run cannot judge, unless their last day has passed.
    fn keep_ignores(&mut self) {
        if !self.request.endpoints.is_empty() {
            return;
        }
        let Criteria { now, policy, load, .. } = &mut self.criteria;
        let mapped = self.request.tls_of.iter().map(|(_, path)| path);
        let paths = self.request.paths.iter().chain(mapped).map(|path| fixed(&load.shown(path)));
        // The policy file has findings too.
        let looked_at: Vec<PathBuf> = paths.chain([policy.path.clone()]).collect();
        policy.ignore.retain(|ignore| {
            ignore.is_over(*now) || ignore.path.as_ref().is_none_or(|p| meets(&fixed(p.as_str().as_ref()), &looked_at))
        });
    }
}

/// The part of a pattern before its first wildcard or placeholder.
fn fixed(pattern: &Path) -> PathBuf {
    let is_fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '{']);
    pattern.components().filter(|part| *part != Component::CurDir).take_while(is_fixed).collect()
}

/// Whether one of the paths is an ancestor or descendant of the pattern.
fn meets(pattern: &Path, looked_at: &[PathBuf]) -> bool {
    looked_at.iter().any(|path| path.starts_with(pattern) || pattern.starts_with(path))
}

/// The source of all units: the walk, standard input, served certificates.
fn source(walk: Walk<'_>, mut stdin: Option<Hidden>, served: Vec<ServedUnit>) -> Source<'_> {
    Box::new(move |found| {
        walk.run(&mut |unit| match unit {
            Unit::Stdin(_) => found(Unit::Stdin(stdin.take().map(|Hidden(content)| content).unwrap_or_default())),
            other => found(other),
        });
        served.into_iter().map(Unit::Served).for_each(found);
    })
}
