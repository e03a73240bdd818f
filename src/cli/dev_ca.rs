//! `fabcert dev-ca`: the embedded Fabric-CA-compatible server in the foreground, until it is told to end.

#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::devca::{DevCa, DevCaConfig, FAULT_NAMES, Fault, FaultRule, IdentitySpec, Running, WARNING};
use crate::disk::Disk;
use crate::{Error, ErrorKind};

/// What `fabcert dev-ca` is given.
#[derive(Args, Debug)]
#[command(after_help = after_help())]
pub(super) struct DevCaArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7054", env = "FABCERT_LISTEN")]
    listen: SocketAddr,
    /// Keep CA keys, identities and certificates in this file over a restart
    #[arg(long, value_name = "FILE", env = "FABCERT_STATE")]
    state: Option<PathBuf>,
    /// Name of a CA; repeatable, the first answers requests that name none
    #[arg(
        long = "ca-name",
        value_name = "NAME",
        default_value = "dev-ca",
        value_delimiter = ',',
        env = "FABCERT_CA_NAME"
    )]
    ca_names: Vec<String>,
    /// Intermediate CAs between the root and the CA that issues
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=8), env = "FABCERT_INTERMEDIATES")]
    intermediates: u8,
    /// Name in the server certificate besides localhost, 127.0.0.1 and ::1; repeatable
    #[arg(long = "host", value_name = "NAME", value_delimiter = ',', env = "FABCERT_HOST")]
    hosts: Vec<String>,
    /// Identity to register besides admin:adminpw; repeatable
    #[arg(
        long = "identity",
        value_name = "ID:SECRET:TYPE[:AFFILIATION]",
        env = "FABCERT_IDENTITY",
        hide_env_values = true
    )]
    identities: Vec<IdentityArg>,
    /// Serve plain HTTP
    #[arg(long, env = "FABCERT_PLAINTEXT")]
    plaintext: bool,
    /// Serve under this path, as behind a reverse proxy that strips it
    #[arg(long, value_name = "PATH", value_parser = path_prefix, env = "FABCERT_PATH_PREFIX")]
    path_prefix: Option<String>,
    /// Write the trust anchor of the server's TLS to this file (PEM)
    #[arg(long, value_name = "FILE", env = "FABCERT_ANCHOR_OUT")]
    anchor_out: Option<PathBuf>,
    /// Misbehave at enroll and reenroll; repeatable
    #[arg(long = "fault", value_name = "NAME[=ARG]", env = "FABCERT_FAULT")]
    faults: Vec<Fault>,
    /// Let each fault strike so many requests only
    #[arg(long, value_name = "N", requires = "faults", env = "FABCERT_FAULT_TIMES")]
    fault_times: Option<u32>,
}

fn after_help() -> String {
    format!("For development and tests only.\n\nFaults:\n  {}", FAULT_NAMES.join("\n  "))
}

/// An identity, if the text was one. Reading never fails: clap would repeat the text, and it may hold a secret.
#[derive(Clone, Debug)]
struct IdentityArg(Option<IdentitySpec>);

impl From<String> for IdentityArg {
    fn from(text: String) -> Self {
        Self(IdentitySpec::parse(&text))
    }
}

fn path_prefix(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.contains("//") {
        Ok(text.to_owned())
    } else {
        Err("a path that starts with one slash is expected".to_owned())
    }
}

impl DevCaArgs {
    fn config(&self) -> Result<DevCaConfig, Error> {
        let identities: Option<Vec<IdentitySpec>> = self.identities.iter().map(|i| i.0.clone()).collect();
        let identities = identities.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "an --identity is not of the form ID:SECRET:TYPE[:AFFILIATION]")
                .with_help("for example --identity org1-peer1:peerpw:peer:org1.department1")
        })?;
        let mut config = DevCaConfig::new(super::now);
        config.listen = self.listen;
        config.state.clone_from(&self.state);
        config.ca_names.clone_from(&self.ca_names);
        config.intermediates = self.intermediates;
        config.hosts.clone_from(&self.hosts);
        config.identities = identities;
        config.plaintext = self.plaintext;
        config.path_prefix.clone_from(&self.path_prefix);
        let rule = |fault: &Fault| match self.fault_times {
            Some(times) => FaultRule::new(fault.clone()).times(times),
            None => FaultRule::new(fault.clone()),
        };
        config.faults = self.faults.iter().map(rule).collect();
        Ok(config)
    }
}

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the address cannot be listened on, or a file cannot be read or written.
pub(super) fn run(args: &DevCaArgs) -> Result<ExitCode, Error> {
    super::runtime()?.block_on(async {
        let ended = |e: std::io::Error| Error::new(ErrorKind::Io, "signals cannot be waited for").with_source(e);
        let mut terminate = signal(SignalKind::terminate()).map_err(ended)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ended)?;
        let running = DevCa::start(args.config()?).await?;
        if let Some(path) = &args.anchor_out {
            Disk::real().replace(path, running.tls_anchor_pem().as_bytes(), 0o644)?;
        }
        super::output::print(&greeting(args, &running))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What it is, where it is, and how to enrol there.
fn greeting(args: &DevCaArgs, running: &Running) -> String {
    let url = running.url();
    let names = args.ca_names.join(", ");
    let faults: Vec<String> = args.faults.iter().map(|fault| format!("fault switched on: {fault}\n")).collect();
    let faults = faults.concat();
    let trust = match &args.anchor_out {
        _ if args.plaintext => "--plaintext".to_owned(),
        Some(path) => format!("--tls-ca {}", path.display()),
        None => "--tls-ca ANCHOR (written by --anchor-out ANCHOR)".to_owned(),
    };
    format!(
        "warning: {WARNING}\nserving {url} as {names}\n{faults}\
         try: FABCERT_SECRET=adminpw fabcert enroll --url {url} --id admin --msp-dir msp {trust}\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        args: DevCaArgs,
    }

    fn parse(words: &[&str]) -> DevCaArgs {
        Line::try_parse_from([&["dev-ca"], words].concat()).unwrap().args
    }

    #[test]
    fn the_command_line_becomes_the_configuration() {
        let args = parse(&[
            "--listen=127.0.0.1:0",
            "--ca-name=a,b",
            "--identity=peer0:peer0pw:peer:org1",
            "--fault=slow=3",
            "--fault-times=2",
        ]);
        let config = args.config().unwrap();
        assert_eq!(config.ca_names, ["a", "b"]);
        assert_eq!(config.identities, [IdentitySpec::new("peer0", "peer0pw", "peer").at("org1")]);
        assert_eq!(config.faults, [FaultRule::new(Fault::Slow(3)).times(2)]);
    }

    #[test]
    fn no_secret_is_printed() {
        let args = parse(&["--identity=peer0:peer0pw:peer", "--identity=peer1peer1pw"]);
        assert!(!format!("{args:?}").contains("pw"), "{args:?}");
        let error = args.config().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(!error.to_string().contains("peer1pw"), "{error}");
    }
}
