//! `fabcert audit`.

mod args;
mod connect;
mod coverage;
mod expect;
mod policy;
mod progress;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) use args::AuditArgs;
use zeroize::Zeroizing;

use super::args::{OutputArgs, OutputForm};
use super::output;
use crate::audit::coverage::{Coverage, Covered, fixes};
use crate::audit::input::{LoadOptions, ServedUnit, Unit, Walk, WalkOptions};
use crate::audit::{
    Audit, Baseline, Findings, Found, GatewayWatch, KeySharing, POLICY_FILE, Report, ServedOnDisk, UnitSource, drive,
    hide, unreachable, write_policy,
};
use crate::disk::Disk;
use crate::report::{Format, Style, render};
use crate::{Error, ErrorKind};

pub(super) fn run(args: &AuditArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let forms = forms(args, output.output)?;
    let levels = expect::levels(args)?;
    let here = std::env::current_dir()
        .map_err(|e| Error::new(ErrorKind::Io, "the working directory is gone").with_source(e))?;
    let (policy, base) = policy::policy(&disk, args, &here)?;
    let variables = args.manifests.variables()?;
    let load = LoadOptions { base: base.clone(), here: here.clone(), variables };
    let baseline = policy::baseline(&disk, &args.policy, &load)?;
    let audit = Audit {
        now: args.judge.at.unwrap_or_else(super::now),
        channel_rules: args.judge.fabric_version.into(),
        expectation: expect::expectation(&args.expect)?,
        policy,
        load,
    };
    if args.paths.is_empty() && !args.policy.init && args.connect.connect.is_empty() && args.connect.member.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no PATH was named")
            .with_help("name files or folders, `.` for everything below, `-` for standard input"));
    }
    let stdin = if args.paths.iter().any(|p| p.as_os_str() == "-") { Some(super::read_stdin()?) } else { None };
    let met = connect::connect(&disk, args, !audit.expectation.names.is_empty())?;
    let mut run = Run { args, output, disk: &disk, audit: &audit, base: &base, stdin, met: &met };
    let mut looked = run.look()?;
    if !looked.anything && !looked.report.findings.iter().any(|f| f.rule == SKIPPED) {
        return Err(nothing(&looked.report));
    }
    if args.policy.init {
        let path = args.policy.policy.as_ref().map_or_else(|| base.join(POLICY_FILE), |path| here.join(path));
        return init(&disk, &path, &looked.named, output.output);
    }
    // What is written again hides nothing of this run.
    let baseline = baseline.as_ref().filter(|_| args.policy.write_baseline.is_none());
    let hidden = |looked: &mut Looked| hide(&mut looked.report, &audit.policy, &levels, baseline, audit.now);
    hidden(&mut looked);
    if args.members.fix
        && let Some(covered) = &looked.covered
    {
        let found = fixes(covered, &looked.report.findings);
        let (names, files) = coverage::fix(&disk, &found, &base, &audit.load.variables)?;
        tracing::info!("added {names} names to the dnsNames of {files} files");
        if files > 0 {
            looked = run.look()?;
            hidden(&mut looked);
        }
    }
    let report = looked.report;
    if let Some(path) = &args.policy.write_baseline {
        disk.replace_with(path, 0o644, |out| Baseline::write(&report.findings, out))?;
    }
    for (format, file) in &forms {
        match file {
            None => {
                output::print_report(*format, &report, output.color)?;
            }
            Some(path) => {
                disk.replace_with(path, 0o644, |out| render(*format, &report, Style::default(), out))?;
            }
        }
    }
    if !looked.anything {
        // What was passed over is in the report; nobody may take that for an audit.
        return Ok(output::failure(&nothing(&report), OutputForm::Human, output.log_format));
    }
    let failed = args.report.fail_on.is_reached(report.worst()) && args.policy.write_baseline.is_none();
    Ok(if failed {
        ExitCode::from(1)
    } else if met.unreachable.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(ErrorKind::Unreachable.exit_code())
    })
}

/// One audit of everything that was named.
struct Run<'a> {
    args: &'a AuditArgs,
    output: &'a OutputArgs,
    disk: &'a Disk,
    audit: &'a Audit,
    base: &'a Path,
    stdin: Option<Zeroizing<Vec<u8>>>,
    met: &'a connect::Met,
}

/// What came of it.
struct Looked {
    report: Report,
    /// Whether there was anything to look at.
    anything: bool,
    /// The names of TLS certificates by path, for a first policy.
    named: Vec<(PathBuf, Vec<String>)>,
    covered: Option<Covered>,
}

impl Run<'_> {
    /// What is looked at: what was named, and the certificates of workloads that lie elsewhere.
    fn paths(&self) -> Vec<PathBuf> {
        let (args, load) = (self.args, &self.audit.load);
        let mut paths = args.paths.clone();
        if args.policy.init && paths.is_empty() && self.met.is_empty() {
            paths.push(PathBuf::from("."));
        }
        let is_below = |path: &Path| {
            let path = load.shown(path);
            let is_outside = path.is_absolute() || path.starts_with("..");
            args.paths.iter().map(|named| load.shown(named)).any(|named| {
                // Nothing at all is the folder that paths are relative to.
                if named.as_os_str().is_empty() { !is_outside } else { path.starts_with(named) }
            })
        };
        let mapped = args.members.tls_of.iter().filter_map(|text| text.split_once('='));
        // The walk refuses what is not there.
        let is_missing = |path: &Path| matches!(self.disk.metadata_followed(path), Ok(None));
        let mapped = mapped.map(|(_, path)| PathBuf::from(path));
        paths.extend(mapped.filter(|path| !is_below(path) || is_missing(path)));
        paths
    }

    fn look(&mut self) -> Result<Looked, Error> {
        let (args, audit) = (self.args, self.audit);
        // It may be long, and is needed again only where something is fixed.
        let stdin = if args.members.fix { self.stdin.clone() } else { self.stdin.take() };
        let excluded = |path: &Path| !audit.policy.exclude.is_empty() && audit.policy.excludes(&audit.load.shown(path));
        let paths = self.paths();
        let walk = Walk::new(self.disk, WalkOptions { paths: &paths, excluded: &excluded })?;
        let units = source(walk, stdin, self.met.served.clone());
        let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, usize::from);
        let mut report = Report::new();
        let (mut sharing, mut named, mut servers) = (KeySharing::default(), Vec::new(), ServedOnDisk::default());
        let mut manifests = Coverage::new(coverage::mapped(args, &audit.load)?);
        let mut watch = GatewayWatch::default();
        let mut anything = !self.met.unreachable.is_empty();
        {
            let line = progress::Line::new(self.output.quiet);
            drive(audit, self.disk, units, jobs, &line, &mut |mut audited| {
                sharing.note(std::mem::take(&mut audited.keys));
                watch.note(&audited);
                if !self.met.served.is_empty() {
                    servers.note(&audited);
                }
                manifests.note(&mut audited, &audit.policy.members);
                anything |= audited.is_something;
                if args.policy.init
                    && let Some(subject) = &audited.subject
                    && !audited.names.is_empty()
                {
                    named.push((subject.path.clone(), std::mem::take(&mut audited.names)));
                }
                report.add(audited);
            })
            .map_err(|e| e.in_file(&self.base.join(&audit.policy.path)))?;
        }
        let covered = coverage::cover(manifests, args, audit, &mut report)?;
        sharing.report(&mut report);
        let mut shared = Findings::new();
        servers.report(&mut shared);
        for (endpoint, reason) in &self.met.unreachable {
            unreachable(endpoint, reason, &mut shared);
        }
        shared.into_vec().iter().for_each(|finding| report.find(finding));
        report.gateways = watch.report(&self.met.gateways);
        Ok(Looked { report, anything, named, covered })
    }
}

const SKIPPED: &str = "input-skipped";

/// What there is to look at: what the walk finds, what was read from standard input, what was served.
fn source(walk: Walk<'_>, mut stdin: Option<Zeroizing<Vec<u8>>>, served: Vec<ServedUnit>) -> UnitSource<'_> {
    Box::new(move |found| {
        walk.run(&mut |unit| match unit {
            Unit::Stdin(_) => found(Unit::Stdin(stdin.take().unwrap_or_default())),
            other => found(other),
        });
        served.into_iter().map(Unit::Served).for_each(found);
    })
}

/// There was nothing to look at, or nothing but pipes and the like.
fn nothing(report: &Report) -> Error {
    let passed_over = report.findings.iter().find(|f| f.rule == SKIPPED);
    let help = match passed_over {
        Some(skipped) => {
            format!("{}: {}; give its content to fabcert audit -", skipped.path.display(), skipped.message)
        }
        None => "name files or folders that hold some, in PEM or DER".to_owned(),
    };
    Error::new(ErrorKind::NoInput, "the paths held no certificate, CSR or revocation list").with_help(help)
}

/// The forms of the report with their files; one at most goes to standard output.
fn forms(args: &AuditArgs, output: OutputForm) -> Result<Vec<(Format, Option<PathBuf>)>, Error> {
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let mut forms = Vec::new();
    for text in &args.report.format {
        let (word, file) = text.split_once('=').map_or((text.as_str(), None), |(w, f)| (w, Some(PathBuf::from(f))));
        let format: Format = word.parse().map_err(|e: crate::report::NoFormat| {
            let known: Vec<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
            usage(e.to_string()).with_help(format!("known are {}", known.join(", ")))
        })?;
        if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            return Err(usage(format!("--format {text} names no file"))
                .with_help(format!("write it as --format {word}=FILE, or --format {word} for standard output")));
        }
        if file.is_some() && forms.iter().any(|(_, known)| *known == file) {
            return Err(usage(format!("two reports would go to {}", file.unwrap_or_default().display())));
        }
        forms.push((format, file));
    }
    if forms.iter().filter(|(_, file)| file.is_none()).count() > 1 {
        return Err(usage("two reports would go to standard output".to_owned())
            .with_help("give all but one a file: --format human --format sarif=out.sarif"));
    }
    if output == OutputForm::Json && !forms.iter().any(|(_, file)| file.is_none()) {
        forms.push((Format::Json, None));
    }
    if forms.is_empty() {
        forms.push((Format::Human, None));
    }
    Ok(forms)
}

/// Writes a first policy; one that stands is not overwritten.
fn init(disk: &Disk, path: &Path, named: &[(PathBuf, Vec<String>)], form: OutputForm) -> Result<ExitCode, Error> {
    if let Some((stranger, _)) = named.iter().find(|(found, _)| found.is_absolute() || found.starts_with("..")) {
        let message = format!("{} is not below the folder of {}", stranger.display(), path.display());
        return Err(Error::new(ErrorKind::Input, message).with_help(
            "paths in a policy are relative to its folder: put it above them with --policy DIR/fabcert.yaml",
        ));
    }
    if disk.metadata(path)?.is_some() {
        return Err(Error::new(ErrorKind::Input, format!("{} stands there already", path.display()))
            .with_help("move it away, or edit it: docs/policy.md says how"));
    }
    let named: Vec<_> = named.iter().filter(|(path, _)| path.as_os_str() != "-").collect();
    let count = named.len();
    let found: Vec<Found<'_>> = named.iter().map(|(path, names)| Found { path, names: names.clone() }).collect();
    disk.replace(path, write_policy(&found).as_bytes(), 0o644)?;
    if form == OutputForm::Json {
        output::print_json(
            &serde_json::json!({"schema_version": 1, "action": "init", "path": path, "certificates": count}),
        )?;
    } else {
        output::print_line(format_args!(
            "wrote {} from the names in {count} TLS certificates; check it, and add the names that clients dial",
            path.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
