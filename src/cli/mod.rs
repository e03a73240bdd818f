//! The command line: one file a command, and the only place that prints, reads the environment and asks the clock.

mod args;
mod audit;
mod completions;
mod csr;
#[cfg(feature = "dev-ca")]
mod demo;
#[cfg(feature = "dev-ca")]
mod dev_ca;
mod enroll;
mod fabric_env;
mod inspect;
mod install;
mod logging;
mod manifests;
mod names;
mod output;
mod render;
mod rollback;
mod rules;
mod target;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::builder::{BoolishValueParser, Resettable};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{Error, ErrorKind, Timestamp};

const AFTER_HELP: &str = "\
Exit codes:
   0  done, or nothing to do
   1  the answer is no
   2  usage
   3  nothing to look at
   4  configuration or input that cannot be used
   5  local input or output failed
   6  CA or endpoint not reached (may be tried again)
   7  CA refused (never tried again by itself)
   8  what the CA issued is not what was asked; nothing was written
   9  another fabcert holds the lock (may be tried again)
  10  a hook failed; the certificate is in place
  70  a bug in fabcert
 130  ended by Ctrl-C (143: by SIGTERM); the same command goes on where it stopped

Examples:
  fabcert demo
  FABCERT_SECRET=peerpw fabcert enroll --url https://org1-peer1@org1-ca --tls-ca ca.pem \\
      --hostname org1-peer1 --gateway-service org1-peer-gateway-svc --namespace fabric \\
      --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls --role peer";

/// Enrol Hyperledger Fabric identities with the names clients really dial, prove what came back, install it in one step.
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
    /// Enrol an identity: key and CSR, the CA's answer proven, MSP and TLS folders in place
    Enroll(Box<enroll::EnrollArgs>),
    /// Audit certificates, bundles, MSP and TLS folders: what fails today, what will fail, and what Fabric would say
    Audit(Box<audit::AuditArgs>),
    /// Say which names each node of Kubernetes manifests needs in its TLS certificate, each with its reason
    Names(Box<names::NamesArgs>),
    /// Render Kubernetes manifests for an organisation: peers that enrol before they start, behind a gateway Service
    Render(Box<render::RenderArgs>),
    /// Say what is in certificates, CSRs, keys, revocation lists, MSP and TLS folders, manifests
    Inspect(inspect::InspectArgs),
    /// List the rules of the audit
    Rules(rules::RulesArgs),
    /// Explain a rule, an error code of a Fabric CA, or a line of a log
    Explain(rules::ExplainArgs),
    /// Make a key and a CSR for a CA that cannot be reached from here
    Csr(Box<csr::CsrArgs>),
    /// Put a certificate from such a CA in place, after the same proof
    Install(Box<install::InstallArgs>),
    /// Bring back the folders as they were before the last install
    Rollback(rollback::RollbackArgs),
    /// The whole story on this machine in seconds: dev CA, two peers, one gateway name, failover
    #[cfg(feature = "dev-ca")]
    Demo(demo::DemoArgs),
    /// An embedded Fabric-CA-compatible server, for development and tests only
    #[cfg(feature = "dev-ca")]
    DevCa(Box<dev_ca::DevCaArgs>),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Write man pages
    Man(completions::ManArgs),
}

/// Runs the command line on the process's arguments, environment, clock and standard streams.
pub fn main() -> ExitCode {
    let parsed = with_variables(Cli::command()).try_get_matches().and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => return usage_exit(&e),
    };
    let (form, log) = (cli.output.output, cli.output.log_format);
    #[cfg(feature = "dev-ca")]
    let tells_itself = matches!(cli.command, Command::Demo(_));
    #[cfg(not(feature = "dev-ca"))]
    let tells_itself = false;
    logging::start(&cli.output, tells_itself);
    match run(cli) {
        Ok(code) => code,
        Err(e) => output::failure(&e, form, log),
    }
}

/// The command with variables taken as manifests of containers set them: 1 and yes are true, and what is empty or says no is
/// not set at all, so that it is in nobody's way.
fn with_variables(command: clap::Command) -> clap::Command {
    let arg = |arg: clap::Arg| {
        let none: &[&str] = match arg.get_action() {
            ArgAction::SetTrue => &["", "0", "n", "no", "f", "false", "off"],
            ArgAction::Count => &["", "0"],
            _ => &[""],
        };
        let value = arg.get_env().and_then(std::env::var_os);
        let is_unset = value.is_some_and(|value| none.iter().any(|none| value.eq_ignore_ascii_case(none)));
        let arg = if is_unset { arg.env(Resettable::Reset) } else { arg };
        match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        }
    };
    command.mut_args(arg).mut_subcommands(with_variables)
}

fn run(cli: Cli) -> Result<ExitCode, Error> {
    let form = cli.output.output;
    match cli.command {
        Command::Enroll(args) => enroll::run(*args, form),
        Command::Audit(args) => audit::run(&args, &cli.output),
        Command::Names(args) => names::run(&args, form),
        Command::Render(args) => render::run(&args, form),
        Command::Inspect(args) => inspect::run(&args, form),
        Command::Rules(args) => rules::rules(&args, form),
        Command::Explain(args) => rules::explain(&args, form),
        Command::Csr(args) => csr::run(&args, form),
        Command::Install(args) => install::run(&args, form),
        Command::Rollback(args) => rollback::run(&args, form),
        #[cfg(feature = "dev-ca")]
        Command::Demo(args) => demo::run(&args, form),
        #[cfg(feature = "dev-ca")]
        Command::DevCa(args) => dev_ca::run(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }
}

/// clap prints its own errors well; `--help` and `--version` come this way too. Its text never holds a value of ours but
/// the word that was wrong, and secrets are no words of the command line except inside URLs, which clap does not parse.
fn usage_exit(e: &clap::Error) -> ExitCode {
    let help = !e.use_stderr();
    let json = std::env::args().any(|a| a == "--output=json")
        || std::env::args().collect::<Vec<_>>().windows(2).any(|w| w[0] == "--output" && w[1] == "json")
        || std::env::var("FABCERT_OUTPUT").is_ok_and(|v| v == "json");
    if json && !help {
        let text = e.render().to_string();
        // What is missing stands in the lines below the first.
        let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let first = lines.join(" ").trim_start_matches("error: ").to_owned();
        return output::failure(
            &Error::new(ErrorKind::Usage, first).with_help("see fabcert --help"),
            args::OutputForm::Json,
            args::LogForm::Text,
        );
    }
    match e.print() {
        Err(io) if io.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::from(ErrorKind::Io.exit_code()),
        _ if help => ExitCode::SUCCESS,
        _ => ExitCode::from(ErrorKind::Usage.exit_code()),
    }
}

/// Everything on standard input; it may hold keys.
fn read_stdin() -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    let mut content = zeroize::Zeroizing::new(Vec::new());
    std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut content)
        .map_err(|e| Error::new(ErrorKind::Io, "standard input cannot be read").with_source(e))?;
    Ok(content)
}

/// The one call to the system clock.
#[allow(clippy::disallowed_methods, reason = "the edge at which time comes in")]
fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A runtime for one thread: an enrolment is one request at a time.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Io, "the runtime could not be started").with_source(e))
}

/// Lets `work` end, or gives it up at Ctrl-C or SIGTERM where it waits for the network; steps on the disk are finished
/// first. Without a handler of its own, process 1 of a container would not end before it is killed.
async fn until_signal<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let failed = |e: std::io::Error| Error::new(ErrorKind::Io, "signals cannot be waited for").with_source(e);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (number, name) = tokio::select! {
        biased;
        done = work => return done,
        _ = terminate.recv() => (15, "SIGTERM"),
        _ = interrupt.recv() => (2, "Ctrl-C"),
    };
    Err(Error::new(ErrorKind::Signal(number), format!("ended by {name}; nothing is half written"))
        .with_help("run the same command again: it goes on where this one stopped"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        with_variables(Cli::command()).debug_assert();
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
        check(&Cli::command());
    }
}
