//! `fabcert renew`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

#[cfg(feature = "kubernetes")]
use super::args::ClusterArgs;
use super::args::{ChannelArgs, ConnectionArgs, LogForm, OutputArgs, OutputForm, parse_duration};
#[cfg(feature = "kubernetes")]
use super::cluster::InCluster;
use super::progress::Line;
use super::{output, process};
use crate::Error;
use crate::ca::CaUrl;
use crate::disk::Disk;
use crate::identity::Environment;
use crate::renew::{Options, Pass, Phase, Report, RootsGiven, RowAction, find, pass, rollover};
use crate::text::escape::Lines;

const EXAMPLES: &str = "\
Examples:
  Renew what is due below a folder, for example once a day:
    fabcert renew /var/hyperledger

  List what is due and when; exit code 1 if something is:
    fabcert renew /var/hyperledger --dry-run

  Renew folders of other tools, whose CA no record of fabcert names:
    fabcert renew organizations/peers --url https://org1-ca --tls-ca ca.pem

  Replace the root CA, one phase a run; --dry-run shows who is where:
    fabcert renew /var/hyperledger --rollover --new-root new-root.pem

A certificate is due after two thirds of its life, which counts from the
recorded time of issue; some are renewed up to a twentieth earlier, so that not
all are at the same time. It is also due if names, files or the chain differ
from its record, and with --registrar if its CA has revoked it. Each identity
has its own result; the exit code is the worst of all.";

/// Renew the certificates that are due, with the current ones as credentials.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct RenewArgs {
    /// Folders with certificates, or trees of them
    #[cfg_attr(not(feature = "kubernetes"), arg(required = true))]
    #[cfg_attr(feature = "kubernetes", arg(required_unless_present = "k8s_secret", conflicts_with = "k8s_secret"))]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// URL of the CA, for folders whose record names none
    #[arg(short, long, value_name = "URL", env = "FABCERT_URL", hide_env_values = true, help_heading = "CA")]
    url: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Renew when this time is left, in place of a third of the life
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_RENEW_BEFORE")]
    renew_before: Option<Duration>,
    /// Keep the current keys
    #[arg(long, env = "FABCERT_REUSE_KEY")]
    reuse_key: bool,
    #[command(flatten)]
    channels: ChannelArgs,
    /// Number of identities to renew at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64), env = "FABCERT_JOBS")]
    jobs: u16,
    /// Keep trying each identity for this time while the CA cannot be reached
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_WAIT")]
    wait: Option<Duration>,
    /// List what is due, why and when. Sends no request and writes nothing; exit code 1 if something is due
    #[arg(long, env = "FABCERT_DRY_RUN")]
    dry_run: bool,
    /// MSP folder of a registrar, who asks each CA which certificates it lists as valid; others are due
    #[arg(long, value_name = "DIR", conflicts_with = "rollover", env = "FABCERT_REGISTRAR")]
    registrar: Option<PathBuf>,
    #[command(flatten)]
    rollover: RolloverArgs,
    #[cfg(feature = "kubernetes")]
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Replacing a root CA by another.
#[derive(Args, Debug)]
#[command(next_help_heading = "Root CA")]
struct RolloverArgs {
    /// Replace the root CA, in phases: trust both roots, issue the certificates again, drop the old root
    #[arg(long, env = "FABCERT_ROLLOVER")]
    #[cfg_attr(feature = "kubernetes", arg(conflicts_with = "k8s_secret"))]
    rollover: bool,
    /// New root and its intermediates (PEM). Repeatable; without it, those of the CA
    #[arg(long, value_name = "FILE", requires = "rollover", env = "FABCERT_NEW_ROOT")]
    new_root: Vec<PathBuf>,
    /// Root to replace (PEM). Repeatable; without it, the root of the same name, or the only one
    #[arg(long, value_name = "FILE", requires = "rollover", env = "FABCERT_OLD_ROOT")]
    old_root: Vec<PathBuf>,
    /// Phase to run; without it, the next one
    #[arg(long, value_name = "PHASE", requires = "rollover", env = "FABCERT_PHASE")]
    phase: Option<PhaseArg>,
}

/// A phase of a rollover.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PhaseArg {
    /// Trust the new root too
    Trust,
    /// Issue the certificates again, one member of a gateway at a time
    Reissue,
    /// Trust the old root no more
    Drop,
}

impl From<PhaseArg> for Phase {
    fn from(phase: PhaseArg) -> Self {
        match phase {
            PhaseArg::Trust => Self::Trust,
            PhaseArg::Reissue => Self::Reissue,
            PhaseArg::Drop => Self::Drop,
        }
    }
}

pub(super) fn run(args: &RenewArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let disk = Disk::real().with_patience(args.connection.timeout);
    let ca =
        args.url.as_deref().map(|url| args.connection.access(CaUrl::parse(url)?.0, String::new(), None)).transpose()?;
    let options = Options {
        ca,
        anchors: args.connection.tls_ca.iter().cloned().map(Into::into).collect(),
        connect_timeout: args.connection.connect_timeout,
        timeout: args.connection.timeout,
        renew_before: args.renew_before,
        reuse_key: args.reuse_key,
        channels: args.channels.request(),
        jobs: usize::from(args.jobs),
        wait: args.wait,
        dry_run: args.dry_run,
        registrar: args.registrar.clone(),
    };
    let env = Environment::new(&disk, &process::now);
    if args.rollover.rollover {
        return run_rollover(args, &options, &env, output);
    }
    #[cfg(feature = "kubernetes")]
    if let Some(in_cluster) = InCluster::fetch(&args.cluster, None, (args.connection.timeout, args.wait), &disk)? {
        let folders = [in_cluster.folders().to_owned()];
        let mut pass = pass_over(&folders, &options, &in_cluster.keeping(&env), output)?;
        in_cluster.name_secrets_in(&mut pass);
        return print(&pass, output);
    }
    print(&pass_over(&args.paths, &options, &env, output)?, output)
}

/// A pass over the identities below `paths`, with its progress.
fn pass_over(paths: &[PathBuf], options: &Options, env: &Environment<'_>, output: &OutputArgs) -> Result<Pass, Error> {
    let found = find(paths, env.disk)?;
    let line = Line::new(output.quiet || output.output == OutputForm::Json || output.log_format == LogForm::Json);
    Ok(pass(&found, options, &|progress| line.renewing(progress), env))
}

fn print(pass: &Pass, output: &OutputArgs) -> Result<ExitCode, Error> {
    let printed = match output.output {
        OutputForm::Json => output::print_json(pass),
        OutputForm::Human => output::print(&lines(pass)),
    };
    let renewed = pass.count(RowAction::Reenrolled);
    output::after(printed, || format!("{renewed} of {} identities were renewed", pass.identities.len()))?;
    Ok(ExitCode::from(pass.exit_code()))
}

fn run_rollover(
    args: &RenewArgs,
    options: &Options,
    env: &Environment<'_>,
    output: &OutputArgs,
) -> Result<ExitCode, Error> {
    let RolloverArgs { new_root, old_root, phase, .. } = &args.rollover;
    let sources = |paths: &[PathBuf]| paths.iter().cloned().map(Into::into).collect();
    let given = RootsGiven { new: sources(new_root), old: sources(old_root) };
    let report = rollover(&args.paths, (&given, phase.map(Into::into)), options, env)?;
    let printed = match output.output {
        OutputForm::Json => output::print_json(&report),
        OutputForm::Human => output::print(&rollover_lines(&report)),
    };
    output::after(printed, || format!("phase {} was run", report.phase))?;
    Ok(ExitCode::from(report.exit_code()))
}

/// One line for each folder, and what is next.
fn rollover_lines(report: &Report) -> Lines {
    let mut lines = Lines::new();
    let width = report.folders.iter().map(|row| row.id.chars().count()).max().unwrap_or_default().clamp(2, 40);
    lines.line(format_args!("{:<7}  {:<7}  {:<7}  {:<width$}  FOLDER", "NEXT", "TRUSTS", "LEAF", "ID"));
    for row in &report.folders {
        lines.line(format_args!(
            "{:<7}  {:<7}  {:<7}  {:<width$}  {}",
            row.phase,
            row.trusts,
            row.leaf,
            row.id,
            row.path.display()
        ));
        if let Some(at) = &row.next_at {
            lines.hanging(11, format_args!("         waits for a member of its gateway until {at}"));
        }
        if let Some(error) = &row.error {
            lines.hanging(11, format_args!("         error: {}", error.message));
            if let Some(help) = &error.help {
                lines.hanging(11, format_args!("         {help}"));
            }
        }
    }
    let next = match (report.next, &report.next_at) {
        (Phase::Done, _) => "the rollover is complete".to_owned(),
        (Phase::Reissue, Some(at)) => format!("next: reissue, from {at}"),
        (next, _) => format!("next: {next}"),
    };
    if report.dry_run {
        lines.gap().line(format_args!("{next}"));
    } else {
        lines.gap().line(format_args!("phase {} was run; {next}", report.phase));
    }
    lines
}

/// One line for each folder, with a sentence below it where there is something to say, and a summary.
fn lines(pass: &Pass) -> Lines {
    let mut lines = Lines::new();
    let ids = pass.identities.iter().map(|row| row.id.chars().count());
    let width = ids.max().unwrap_or_default().clamp(2, 40);
    lines.line(format_args!("{:<10}  {:<width$}  {:<20}  {:<20}  FOLDER", "STATE", "ID", "DUE", "EXPIRES"));
    for row in &pass.identities {
        for folder in &row.folders {
            let state = if row.error.is_none() && folder.reason.is_none() { "unchanged" } else { row.action.word() };
            lines.line(format_args!(
                "{state:<10}  {:<width$}  {:<20}  {:<20}  {}",
                row.id,
                folder.due_at,
                folder.not_after,
                folder.path.display()
            ));
            if let Some(reason) = &folder.reason {
                lines.hanging(14, format_args!("            {reason}"));
            }
        }
        if let Some(error) = &row.error {
            lines.hanging(14, format_args!("            error: {}", error.message));
            if let Some(help) = &error.help {
                lines.hanging(14, format_args!("            {help}"));
            }
        }
    }
    let count = |action| pass.count(action);
    let (unchanged, failed) = (count(RowAction::Unchanged), count(RowAction::Failed));
    let (verb, changed) =
        if pass.dry_run { ("due", count(RowAction::Due)) } else { ("renewed", count(RowAction::Reenrolled)) };
    lines.gap().line(format_args!("{changed} {verb}, {unchanged} not due, {failed} failed"));
    lines
}
