//! The command line: one file for each command, `args` for the arguments that they share, `output` for everything that
//! is printed, `process` for standard input, the clock and signals. Only this module reads the environment.

mod agent;
mod args;
mod audit;
mod ca;
#[cfg(feature = "kubernetes")]
mod cluster;
mod completions;
mod crash;
mod csr;
mod dates;
mod deferred;
#[cfg(feature = "dev-ca")]
mod demo;
#[cfg(feature = "dev-ca")]
mod dev_ca;
mod doctor;
mod enroll;
#[cfg(test)]
mod examples;
mod export;
mod go_client;
mod input;
mod inspect;
mod install;
#[cfg(feature = "kubernetes")]
mod issuer;
mod logging;
mod manifests;
mod names;
mod next;
mod origin;
mod outcome;
mod output;
mod place_names;
mod probe;
mod process;
mod progress;
mod prompt;
mod reading;
mod reenroll;
mod render;
mod renew;
#[cfg(feature = "kubernetes")]
#[cfg(feature = "kubernetes")]
mod restart;
mod rollback;
mod rules;
mod unshown;
mod usage;
mod variables;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::args::{LogForm, OutputForm};
use self::deferred::Deferred;
use self::process::{now, runtime};
use self::reading::as_read;
use crate::Error;

const AFTER_HELP: &str = "\
Exit codes:
   0  Done, or nothing to do
   1  The answer is no, for example because the audit found an error
   2  The command line is wrong
   3  The paths hold nothing to look at
   4  A configuration or an input cannot be used
   5  Local input or output failed
   6  The CA or the endpoint was not reached; you can try again
   7  The CA refused; remove the cause before you run it again
   8  What the CA issued differs from the request; nothing was written
   9  Another fabcert holds the lock; you can try again
  10  A hook failed; the certificate is in place
  70  A bug in fabcert
 130  Ended by Ctrl-C (143: by SIGTERM); run the same command to continue

Examples:
  fabcert demo

  FABCERT_SECRET=peerpw fabcert enroll --url https://org1-peer1@org1-ca \\
      --tls-ca ca.pem --hostname org1-peer1 --namespace fabric --role peer \\
      --gateway-service org1-peer-gateway-svc \\
      --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls";

/// Enrol Hyperledger Fabric identities with the names that clients dial, verify what the CA issues, and install it in one
/// step.
#[derive(Parser, Debug)]
#[command(name = "fabcert", version, after_help = AFTER_HELP, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    output: args::OutputArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Enrol an identity: create a key and a CSR, verify what the CA issues, install the MSP and TLS folders
    Enroll(Box<Deferred<enroll::EnrollArgs>>),
    /// Get new certificates with the current ones as credentials; their names are kept
    Reenroll(Box<Deferred<reenroll::ReenrollArgs>>),
    /// Re-enrol every identity below some folders whose certificate is due, or list what is due
    Renew(Box<Deferred<renew::RenewArgs>>),
    /// Enrol if necessary, then renew in time, for ever: for a sidecar or a service
    Agent(Box<Deferred<agent::AgentArgs>>),
    /// Sign the certificate requests of cert-manager with a Fabric CA, for ever
    #[cfg(feature = "kubernetes")]
    Issuer(Box<Deferred<issuer::IssuerArgs>>),
    /// Check everything that an enrolment needs: the CA and the way to it, the secret, the folders
    Doctor(Box<Deferred<doctor::DoctorArgs>>),
    /// Use a CA's API: register, revoke, list, CRLs; show the CA, get its anchor file by fingerprint
    Ca(Deferred<ca::CaCommandArgs>),
    /// Audit certificates, MSP and TLS folders, manifests and live endpoints: what fails now, and what will fail
    Audit(Box<Deferred<audit::AuditArgs>>),
    /// List the names that each node in Kubernetes manifests needs in its TLS certificate, with the reasons
    Names(Box<Deferred<names::NamesArgs>>),
    /// Write what client libraries and channels take: connection profiles, wallets, configuration updates
    Export(Box<Deferred<export::ExportArgs>>),
    /// Render Kubernetes manifests for peers that enrol before they start, behind a gateway Service
    Render(Box<Deferred<render::RenderArgs>>),
    /// Check, as an exec probe, that folders and the running node hold a valid certificate with the wanted names now
    Probe(Deferred<probe::ProbeArgs>),
    /// Show the contents of certificates, CSRs, keys, revocation lists, MSP and TLS folders, and manifests
    Inspect(Deferred<inspect::InspectArgs>),
    /// List the rules of the audit
    Rules(Deferred<rules::RulesArgs>),
    /// Explain a rule, an error code of a Fabric CA, or a line of a log
    Explain(Deferred<rules::ExplainArgs>),
    /// Create a key and a CSR for a CA that this machine cannot reach
    Csr(Box<Deferred<csr::CsrArgs>>),
    /// Verify and install a certificate from a CA that this machine cannot reach
    Install(Box<Deferred<install::InstallArgs>>),
    /// Restore the folders that the last install replaced
    Rollback(Deferred<rollback::RollbackArgs>),
    /// Show on this machine, in seconds, what a missing name does: a development CA, peers, a gateway, a failover
    #[cfg(feature = "dev-ca")]
    Demo(Deferred<demo::DemoArgs>),
    /// Run an embedded server with the API of a Fabric CA, for development and tests only
    #[cfg(feature = "dev-ca")]
    DevCa(Box<Deferred<dev_ca::DevCaArgs>>),
    /// Run a command line of fabric-ca-client, Fabric CA's own client: every command, flag, variable and file of it
    #[command(disable_help_flag = true)]
    FabricCaClient(GoClientArgs),
    /// Print a completion script for a shell
    Completions(Deferred<completions::CompletionsArgs>),
    /// Write man pages
    Man(Deferred<completions::ManArgs>),
    /// Print the version, as --version does
    #[command(hide = true)]
    Version,
}

/// The command line of the Go client, which has a grammar of its own.
#[derive(clap::Args, Debug)]
#[command(after_help = GO_CLIENT_EXAMPLES)]
struct GoClientArgs {
    /// Command and flags of fabric-ca-client
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

const GO_CLIENT_EXAMPLES: &str = "\
Examples:
  Enrol an identity:
    fabcert fabric-ca-client enroll -u https://admin:adminpw@org1-ca:7054 \\
        --tls.certfiles ca.pem

  Run scripts unchanged: link the program under the name of the Go client.
    ln -s \"$(command -v fabcert)\" /usr/local/bin/fabric-ca-client";

/// Runs the command line on the process's arguments, environment, clock and standard streams.
pub fn main() -> ExitCode {
    process::forbid_core_dumps();
    crash::record();
    if go_client::is_called(std::env::args_os().next().as_deref()) {
        return go_client::main(std::env::args_os().skip(1).collect());
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == go_client::NAME) {
        return go_client::main(std::env::args_os().skip(2).collect());
    }
    crash::caught(OutputForm::Human, LogForm::Text, || {
        let words: Vec<_> = std::env::args_os().skip(1).collect();
        let mut command = as_read(command(|command| words.iter().any(|word| word == command.get_name())));
        let mut parsed = parse(&mut command);
        if parsed.is_err() {
            // What is suggested may belong to any command.
            command = as_read(whole_command());
            parsed = parse(&mut command.clone());
        }
        let line = usage::Line { words: &words, command: &command };
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        let known = variables::check(whole_command, &line.names(), variables);
        match parsed {
            Ok((cli, matches)) => started(cli, known, &matches, &command),
            Err(e) => usage_exit(e, &line, known.err()),
        }
    })
}

/// Parses the process's arguments.
fn parse(command: &mut clap::Command) -> Result<(Cli, clap::ArgMatches), clap::Error> {
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

/// Runs a command line that is understood, if its variables are `known`; warns of those that it does not read.
fn started(
    cli: Cli,
    known: Result<Option<String>, Error>,
    matches: &clap::ArgMatches,
    command: &clap::Command,
) -> ExitCode {
    let (form, log, color) = (cli.output.output, cli.output.log_format, cli.output.color);
    #[cfg(feature = "dev-ca")]
    let narrates = matches!(cli.command, Command::Demo(_));
    #[cfg(not(feature = "dev-ca"))]
    let narrates = false;
    logging::start(&cli.output, narrates, is_service(&cli.command));
    crash::caught(form, log, || {
        process::outlive_file_size_limit();
        let outcome = known.and_then(|unread| {
            if let Some(unread) = unread {
                tracing::warn!("{unread}");
            }
            watched(cli)
        });
        outcome.unwrap_or_else(|e| output::failure(&origin::named(e, matches, command), form, log, color))
    })
}

/// Whether the command runs for ever.
const fn is_service(command: &Command) -> bool {
    match command {
        Command::Agent(_) => true,
        #[cfg(feature = "kubernetes")]
        Command::Issuer(_) => true,
        _ => false,
    }
}

/// Runs the command, and ends it at SIGTERM and Ctrl-C where nothing else would.
fn watched(cli: Cli) -> Result<ExitCode, Error> {
    match cli.command {
        // It has handlers of its own from the start.
        #[cfg(feature = "dev-ca")]
        Command::DevCa(_) => run(cli),
        // It has handlers while it waits for the network, and may block before.
        Command::Enroll(_)
        | Command::Reenroll(_)
        | Command::Renew(_)
        | Command::Agent(_)
        | Command::Doctor(_)
        | Command::Ca(_) => process::watched(move || run(cli)),
        #[cfg(feature = "kubernetes")]
        Command::Issuer(_) => process::watched(move || run(cli)),
        _ if std::process::id() == 1 => process::watched(move || run(cli)),
        _ => run(cli),
    }
}

/// The command, of which those below have arguments that `is_needed` says of.
fn command(is_needed: impl Fn(&clap::Command) -> bool) -> clap::Command {
    let below = |command| if is_needed(&command) { deferred::defined(command) } else { command };
    Cli::command().mut_subcommands(below)
}

/// The command with the arguments of every command below it.
fn whole_command() -> clap::Command {
    command(|_| true)
}

fn run(cli: Cli) -> Result<ExitCode, Error> {
    let form = cli.output.output;
    match cli.command {
        Command::Enroll(args) => enroll::run(args.0, &cli.output),
        Command::Reenroll(args) => reenroll::run(args.0, &cli.output),
        Command::Renew(args) => renew::run(&args.0, &cli.output),
        Command::Agent(args) => agent::run(args.0),
        #[cfg(feature = "kubernetes")]
        Command::Issuer(args) => issuer::run(&args.0),
        Command::Doctor(args) => doctor::run(args.0, form),
        Command::Ca(args) => ca::run(&args.0, form),
        Command::Audit(args) => audit::run(&args.0, &cli.output),
        Command::Names(args) => names::run(&args.0, &cli.output),
        Command::Render(args) => render::run(&args.0, &cli.output),
        Command::Export(args) => export::run(&args.0, form),
        Command::Probe(args) => probe::run(&args.0, form),
        Command::Inspect(args) => inspect::run(&args.0, form),
        Command::Rules(args) => rules::rules(&args.0, form),
        Command::Explain(args) => rules::explain(&args.0, form),
        Command::Csr(args) => csr::run(&args.0, &cli.output),
        Command::Install(args) => install::run(&args.0, &cli.output),
        Command::Rollback(args) => rollback::run(&args.0, form),
        #[cfg(feature = "dev-ca")]
        Command::Demo(args) => demo::run(&args.0, &cli.output),
        #[cfg(feature = "dev-ca")]
        Command::DevCa(args) => dev_ca::run(&args.0),
        Command::Completions(args) => completions::completions(&args.0, whole_command()),
        Command::Man(args) => completions::man(&args.0, whole_command()),
        Command::FabricCaClient(args) => Ok(go_client::main(args.words.into_iter().map(Into::into).collect())),
        Command::Version => version(form),
    }
}

fn version(form: OutputForm) -> Result<ExitCode, Error> {
    let version = env!("CARGO_PKG_VERSION");
    match form {
        OutputForm::Json => {
            output::print_json(&serde_json::json!({"schema_version": 1, "version": version}))?;
        }
        OutputForm::Human => output::print_line(format_args!("fabcert {version}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what clap says: help and the version as they are, a usage error as every other error. Unknown variables come
/// before a usage error, which they may cause.
fn usage_exit(e: clap::Error, line: &usage::Line<'_>, unknown: Option<Error>) -> ExitCode {
    let e = quoted(unshown::without_secrets(e, line.command, line.words));
    let is = |flag: &str, value: &str| {
        line.has_option(flag, value) || std::env::var_os(input::variable(flag)).is_some_and(|set| set == value)
    };
    let color = if is("color", "never") {
        args::ColorChoice::Never
    } else if is("color", "always") {
        args::ColorChoice::Always
    } else {
        args::ColorChoice::Auto
    };
    let form = if is("output", "json") { OutputForm::Json } else { OutputForm::Human };
    let log = if is("log-format", "json") { LogForm::Json } else { LogForm::Text };
    let is_help = e.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && unknown.is_none();
    if !e.use_stderr() || is_help && form == OutputForm::Human && log == LogForm::Text {
        let after = line.described().get_after_help().filter(|_| e.kind() != clap::error::ErrorKind::DisplayVersion);
        return output::clap(&e, color, after.map(ToString::to_string));
    }
    let error = unknown.unwrap_or_else(|| usage::error(&e, line));
    logging::start(&args::OutputArgs { output: form, verbose: 0, quiet: false, log_format: log, color }, false, false);
    output::failure(&error, form, log, color)
}

/// The error with each word of the command line in it as one line of text.
fn quoted(mut e: clap::Error) -> clap::Error {
    let context: Vec<(ContextKind, ContextValue)> = e.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let quoted = match value {
            ContextValue::String(text) => ContextValue::String(output::shown(&text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| output::shown(text)).collect())
            }
            ContextValue::StyledStrs(tips) => {
                ContextValue::StyledStrs(tips.iter().map(|tip| output::shown(&tip.to_string()).into()).collect())
            }
            // The usage is fabcert's own text.
            _ => continue,
        };
        e.insert(kind, quoted);
    }
    e
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        as_read(whole_command()).debug_assert();
    }

    #[test]
    fn examples_are_not_wrapped_on_a_terminal_of_80_columns() {
        fn check(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "fabcert {}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&whole_command());
    }

    #[test]
    fn an_error_of_a_value_keeps_the_words_of_fabcert_and_repeats_none_of_the_value() {
        const VALUES: [&str; 8] = [
            "group",
            "time",
            "expected",
            "s3cr3t-0f-peer1",
            "\"s3cr3t\"x-s3cr3t",
            "slow=s3cr3t\"s3cr3t",
            "errors3cr3t",
            "peers3cr3t",
        ];
        fn check(root: &clap::Command, command: &clap::Command, above: &[&str], refused: &mut Vec<String>) {
            let any = [std::any::TypeId::of::<String>(), std::any::TypeId::of::<std::path::PathBuf>()];
            let narrow = |arg: &&clap::Arg| !any.iter().any(|id| arg.get_value_parser().type_id() == *id);
            for flag in command.get_arguments().filter(narrow).filter_map(clap::Arg::get_long) {
                for value in VALUES {
                    let mut words: Vec<std::ffi::OsString> = above.iter().map(Into::into).collect();
                    words.push(format!("--{flag}={value}").into());
                    let line = usage::Line { words: &words, command: root };
                    let parsed = root.clone().try_get_matches_from([&["fabcert".into()], &words[..]].concat());
                    let Err(e) = parsed else { continue };
                    let text = usage::error(&quoted(unshown::without_secrets(e, root, &words)), &line).to_string();
                    assert!(!text.contains("s3cr3t") && !text.contains("[redacted]"), "{words:?}: {text}");
                    refused.extend(text.contains(" does not take ").then(|| flag.to_owned()));
                }
            }
            for below in command.get_subcommands() {
                check(root, below, &[above, &[below.get_name()]].concat(), refused);
            }
        }
        let (root, mut refused) = (whole_command(), Vec::new());
        check(&root, &root, &[], &mut refused);
        for flag in ["group", "key-mode", "timeout", "wait", "at", "samples", "fingerprint", "role", "output"] {
            assert!(refused.iter().any(|found| found == flag), "--{flag} is not in {refused:?}");
        }
    }

    #[test]
    fn every_flag_has_the_variable_of_its_name() {
        fn check(command: &clap::Command) {
            for arg in command
                .get_arguments()
                .filter(|a| !a.is_hide_set() && !["help", "version"].contains(&a.get_id().as_str()))
            {
                // Those with a dot are the Go client's, and have its variables.
                let Some(flag) = arg.get_long().filter(|flag| !flag.contains('.')) else { continue };
                let variable = format!("FABCERT_{}", flag.replace('-', "_").to_ascii_uppercase());
                let known = arg.get_env().map(|name| name.to_string_lossy().into_owned());
                assert_eq!(known, Some(variable), "fabcert {} --{flag}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&whole_command());
    }
}
