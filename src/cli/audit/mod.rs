//! `fabcert audit`.

mod args;
mod expect;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) use args::AuditArgs;
use args::ConnectArgs;

use super::args::{OutputArgs, OutputForm};
use super::output;
use crate::auditor::{AuditRequest, Looked};
use crate::disk::{Disk, WorkingTree};
use crate::policy::file::folder_of;
use crate::policy::{Baseline, Found, POLICY_FILE, write_policy};
use crate::report::{Format, Style, render};
use crate::text::Pattern;
use crate::{Error, ErrorKind};

pub(super) fn run(args: &AuditArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let disk = Disk::real().with_patience(args.connect.dial_timeout);
    let forms = forms(args, output.output)?;
    let tree =
        WorkingTree::here(&disk)?.with(args.paths.iter().filter(|path| path.as_os_str() != "-").map(PathBuf::as_path));
    let files = forms.iter().filter_map(|(_, file)| file.as_ref()).chain(&args.policy.write_baseline);
    files.map(PathBuf::as_path).try_for_each(|file| tree.check(file))?;
    let mut run = request(args)?.prepare(&disk)?;
    let is_live = !(args.connect.connect.is_empty() && args.connect.member.is_empty());
    if args.paths.is_empty() && !args.policy.init && !is_live {
        return Err(Error::new(ErrorKind::Usage, "no PATH was named")
            .with_help("name files or folders, `.` for everything below, `-` for standard input"));
    }
    if args.paths.iter().any(|p| p.as_os_str() == "-") {
        run.request = run.request.stdin(super::process::read_stdin()?);
    }
    let plan = run.dial_plan()?;
    if !plan.is_empty() {
        run.request.endpoints = super::runtime()?.block_on(plan.dial());
    }
    let all_reached = run.request.endpoints.unreachable.is_empty();
    let line = super::progress::Line::new(output.quiet);
    if args.policy.init {
        if args.paths.is_empty() && run.request.endpoints.is_empty() {
            run.request = run.request.path(".");
        }
        let looked = run.names(&line)?;
        if !looked.is_something && !looked.has_skipped() {
            return Err(looked.nothing());
        }
        let base = &run.criteria.load.base;
        let here = &run.criteria.load.here;
        let path = args.policy.policy.as_ref().map_or_else(|| base.join(POLICY_FILE), |path| here.join(path));
        return init(&disk, &tree, &path, &looked.named, output.output);
    }
    // A baseline that is written hides nothing of this run.
    let with_baseline = args.policy.write_baseline.is_none();
    let looked = run.audit(&line, with_baseline)?;
    if !looked.is_something && !looked.has_skipped() {
        return Err(looked.nothing());
    }
    print(args, output, &tree, &forms, &looked)?;
    if !looked.is_something {
        // The report lists the skipped files; that is not an audit.
        return Ok(output::failure(&looked.nothing(), OutputForm::Human, output.log_format, output.color));
    }
    let failed = args.report.fail_on.is_reached(looked.report.worst()) && with_baseline;
    Ok(if failed {
        ExitCode::from(1)
    } else if all_reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(ErrorKind::Unreachable.exit_code())
    })
}

/// What the arguments ask for, but for standard input and live endpoints.
fn request(args: &AuditArgs) -> Result<AuditRequest, Error> {
    let now = args.judge.at.unwrap_or_else(super::now);
    let mut request = crate::audit(args.paths.iter().cloned(), now)
        .levels(expect::levels(args)?)
        .channel_rules(args.judge.fabric_version.into())
        .cluster_domain(&args.expect.cluster_domain);
    request = match &args.policy.policy {
        // It does not exist yet.
        Some(path) if args.policy.init => request.base(folder_of(&Disk::working_directory()?.join(path))),
        Some(path) => request.policy_file(path),
        None if args.policy.no_policy || args.policy.init => request,
        None => request.nearest_policy(),
    };
    for text in &args.exclude {
        request = request.exclude(Pattern::parse(text).map_err(|e| {
            Error::new(ErrorKind::Usage, format!("--exclude: {e}"))
                .with_help("write it relative to the working directory")
        })?);
    }
    for (name, value) in args.manifests.variables()? {
        request = request.variable(name, value);
    }
    for text in &args.members.tls_of {
        let (workload, path) = tls_of(text)?;
        request = request.tls_of(workload, path);
    }
    request = args.expect.expect_san.iter().fold(request, AuditRequest::expect_san);
    request = args.expect.hostname.iter().fold(request, AuditRequest::hostname);
    request = args.expect.gateway_service.iter().fold(request, AuditRequest::gateway_service);
    if let Some(namespace) = &args.expect.namespace {
        request = request.namespace(namespace);
    }
    if let Some(role) = args.expect.role {
        request = request.role(role.into());
    }
    if let Some(path) = &args.policy.baseline {
        request = request.baseline(path);
    }
    if let Some(jobs) = args.jobs {
        request = request.jobs(jobs.get());
    }
    if args.members.fix {
        request = request.fix();
    }
    Ok(live(&args.connect, request))
}

/// Adds the live endpoints.
fn live(args: &ConnectArgs, request: AuditRequest) -> AuditRequest {
    let mut request = request.samples(args.samples).dial_timeout(args.dial_timeout);
    request = args.connect.iter().fold(request, AuditRequest::connect);
    request = args.member.iter().fold(request, AuditRequest::member);
    request = args.tls_ca.iter().fold(request, AuditRequest::tls_ca_file);
    if let Some(name) = &args.server_name {
        request = request.server_name(name);
    }
    if let (Some(certificate), Some(key)) = (&args.client_cert, &args.client_key) {
        request = request.client_identity(certificate.clone(), key.clone());
    }
    request
}

/// The workload and the path of `--tls-of WORKLOAD=PATH`.
fn tls_of(text: &str) -> Result<(&str, &str), Error> {
    match text.split_once('=') {
        Some((workload, path)) if !workload.is_empty() && !path.is_empty() => Ok((workload, path)),
        _ => Err(Error::new(ErrorKind::Usage, format!("--tls-of \"{text}\" is not WORKLOAD=PATH"))
            .with_help("write it as --tls-of org1-peer1=organizations/.../org1-peer1/tls")),
    }
}

/// Writes the baseline and every report that was asked for.
fn print(
    args: &AuditArgs,
    output: &OutputArgs,
    tree: &WorkingTree<'_>,
    forms: &[(Format, Option<PathBuf>)],
    looked: &Looked,
) -> Result<(), Error> {
    let report = &looked.report;
    if let Some(path) = &args.policy.write_baseline {
        tree.replace_with(path, 0o644, |out| Baseline::write(&report.findings, out))?;
    }
    for (format, file) in forms {
        match file {
            None => {
                let printed = output::print_report(*format, report, output.color);
                match &args.policy.write_baseline {
                    Some(path) => output::after(printed, || format!("the baseline is in {}", path.display()))?,
                    None => printed?,
                }
            }
            Some(path) => {
                tree.replace_with(path, 0o644, |out| render(*format, report, Style::default(), out))?;
            }
        }
    }
    Ok(())
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

/// Writes a first policy. An existing one is not overwritten.
fn init(
    disk: &Disk,
    tree: &WorkingTree<'_>,
    path: &Path,
    named: &[(PathBuf, Vec<String>)],
    form: OutputForm,
) -> Result<ExitCode, Error> {
    if let Some((stranger, _)) = named.iter().find(|(found, _)| found.is_absolute() || found.starts_with("..")) {
        let message = format!("{} is not below the folder of {}", stranger.display(), path.display());
        return Err(Error::new(ErrorKind::Input, message).with_help(
            "paths in a policy are relative to its folder: put it above them with --policy DIR/fabcert.yaml",
        ));
    }
    if disk.metadata(path)?.is_some() {
        return Err(Error::new(ErrorKind::Input, format!("{} exists already", path.display()))
            .with_help("move it away, or edit it: docs/policy.md says how"));
    }
    let named: Vec<_> = named.iter().filter(|(path, _)| path.as_os_str() != "-").collect();
    let count = named.len();
    let found: Vec<Found<'_>> = named.iter().map(|(path, names)| Found { path, names: names.clone() }).collect();
    tree.replace(path, write_policy(&found).as_bytes(), 0o644)?;
    let printed = if form == OutputForm::Json {
        output::print_json(
            &serde_json::json!({"schema_version": 1, "action": "init", "path": path, "certificates": count}),
        )
    } else {
        output::print_line(format_args!(
            "wrote {} from the names in {count} TLS certificates; check it, and add the names that clients dial",
            path.display()
        ))
    };
    output::after(printed, || format!("the policy is in {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}
