//! `fabcert audit`.

mod args;
mod connect;
mod expect;
mod policy;
mod progress;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) use args::AuditArgs;
use zeroize::Zeroizing;

use super::args::{ColorChoice, OutputArgs, OutputForm};
use super::output;
use crate::audit::input::{LoadOptions, ServedUnit, Unit, Walk, WalkOptions};
use crate::audit::{
    Audit, Baseline, Findings, Found, KeySharing, POLICY_FILE, Report, ServedOnDisk, UnitSource, drive, hide,
    unreachable, write_policy,
};
use crate::fsx::Disk;
use crate::report::{Format, Style, render};
use crate::{Error, ErrorKind};

pub(super) fn run(args: &AuditArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let forms = forms(args, output.output)?;
    let levels = expect::levels(args)?;
    let here = std::env::current_dir()
        .map_err(|e| Error::new(ErrorKind::Io, "the working directory is gone").with_source(e))?;
    let (policy, base) = policy::policy(&disk, args, &here)?;
    let baseline = policy::baseline(&disk, &args.policy)?;
    let audit = Audit {
        now: args.judge.at.unwrap_or_else(super::now),
        channel_rules: args.judge.fabric_version.into(),
        expectation: expect::expectation(&args.expect)?,
        policy,
        load: LoadOptions { base: base.clone(), here: here.clone() },
    };
    if args.paths.is_empty() && args.connect.connect.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no PATH was named")
            .with_help("name files or folders, `.` for everything below, `-` for standard input"));
    }
    let excluded = |path: &Path| audit.policy.excludes(&audit.load.shown(path));
    let walk = Walk::new(&disk, WalkOptions { paths: &args.paths, excluded: &excluded })?;
    let stdin = if args.paths.iter().any(|p| p.as_os_str() == "-") { Some(super::read_stdin()?) } else { None };
    let met = connect::connect(&disk, &args.connect, !audit.expectation.names.is_empty())?;
    let units = source(walk, stdin, met.served);
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, usize::from);
    let mut report = Report::new();
    let (mut sharing, mut named, mut servers) = (KeySharing::default(), Vec::new(), ServedOnDisk::default());
    let mut anything = !met.unreachable.is_empty();
    {
        let line = progress::Line::new(output.quiet);
        drive(&audit, &disk, units, jobs, &line, &mut |mut audited| {
            sharing.note(std::mem::take(&mut audited.keys));
            if !args.connect.connect.is_empty() {
                servers.note(&audited);
            }
            anything |= audited.is_something;
            if args.policy.init
                && let Some(subject) = &audited.subject
                && !audited.names.is_empty()
            {
                named.push((subject.path.clone(), std::mem::take(&mut audited.names)));
            }
            report.add(audited);
        })
        .map_err(|e| e.in_file(&base.join(&audit.policy.path)))?;
    }
    if !anything && !report.findings.iter().any(|f| f.rule == SKIPPED) {
        return Err(nothing(&report));
    }
    if args.policy.init {
        return init(&disk, &base, &named, output.output);
    }
    let mut shared = Findings::new();
    sharing.report(&mut shared);
    servers.report(&mut shared);
    for (endpoint, reason) in &met.unreachable {
        unreachable(endpoint, reason, &mut shared);
    }
    report.findings.extend(shared.into_vec());
    if let Some(path) = &args.policy.write_baseline {
        disk.replace(path, Baseline::of(&report.findings).to_json().as_bytes(), 0o644)?;
    }
    let findings = std::mem::take(&mut report.findings);
    (report.findings, report.summary.suppressed) = hide(findings, &audit.policy, &levels, baseline.as_ref(), audit.now);
    report.count();
    for (format, file) in &forms {
        match file {
            None => output::print(&render(*format, &report, Style { colour: colour(output) }))?,
            Some(path) => disk.replace(path, render(*format, &report, Style::default()).as_bytes(), 0o644)?,
        }
    }
    if !anything {
        // What was passed over is in the report; nobody may take that for an audit.
        return Ok(output::failure(&nothing(&report), OutputForm::Human));
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

fn colour(output: &OutputArgs) -> bool {
    match output.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}

/// Writes a first policy; one that stands is not overwritten.
fn init(disk: &Disk, base: &Path, named: &[(PathBuf, Vec<String>)], form: OutputForm) -> Result<ExitCode, Error> {
    let path = base.join(POLICY_FILE);
    if disk.metadata(&path)?.is_some() {
        return Err(Error::new(ErrorKind::Input, format!("{} stands there already", path.display()))
            .with_help("move it away, or edit it: docs/policy.md says how"));
    }
    let count = named.len();
    let found: Vec<Found<'_>> = named.iter().map(|(path, names)| Found { path, names: names.clone() }).collect();
    disk.replace(&path, write_policy(&found).as_bytes(), 0o644)?;
    if form == OutputForm::Json {
        output::print_json(
            &serde_json::json!({"schema_version": 1, "action": "init", "path": path, "certificates": count}),
        )?;
    } else {
        output::print(&format!(
            "{} holds what {count} TLS certificates hold now; read it, and add what clients dial\n",
            path.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
