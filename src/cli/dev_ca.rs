//! `fabcert dev-ca`: runs the embedded server in the foreground until Ctrl-C or SIGTERM.

#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::args::parse_duration;
use super::{output, process};
use crate::devca::{DevCa, DevCaConfig, FAULT_NAMES, Fault, FaultRule, IdentitySpec, Running};
use crate::disk::{Disk, Kind, WorkingTree};
use crate::pki::name::SanName;
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

/// Run an embedded server with the API of a Fabric CA, for development and tests only.
#[derive(Args, Debug)]
#[command(after_help = after_help())]
pub(super) struct DevCaArgs {
    /// Address to listen on. Port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7054", env = "FABCERT_LISTEN")]
    listen: SocketAddr,
    /// File that keeps the CA keys, the identities and the certificates over a restart
    #[arg(long, value_name = "FILE", env = "FABCERT_STATE")]
    state: Option<PathBuf>,
    /// Name of a CA. Repeatable; the first one answers requests without a CA name
    #[arg(
        long = "ca-name",
        value_name = "NAME",
        default_value = "dev-ca",
        value_delimiter = ',',
        env = "FABCERT_CA_NAME"
    )]
    ca_names: Vec<String>,
    /// Number of intermediate CAs between the root and the issuing CA
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=8), env = "FABCERT_INTERMEDIATES")]
    intermediates: u8,
    /// Name in the server certificate, besides localhost, 127.0.0.1 and ::1. Repeatable
    #[arg(long = "host", value_name = "NAME", value_delimiter = ',', env = "FABCERT_HOST")]
    hosts: Vec<String>,
    /// Identity to register, besides admin:adminpw. Repeatable
    #[arg(
        long = "identity",
        value_name = "ID:SECRET:TYPE[:AFFILIATION]",
        env = "FABCERT_IDENTITY",
        hide_env_values = true
    )]
    identities: Vec<IdentityArg>,
    /// Lifetime of certificates, as signing.default.expiry of the real server [default: 8760h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_LIFETIME")]
    lifetime: Option<Duration>,
    /// Lifetime of certificates of the profile tls, as signing.profiles.tls.expiry [default: that of --lifetime]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, env = "FABCERT_TLS_LIFETIME")]
    tls_lifetime: Option<Duration>,
    /// Allow the removal of identities, as cfg.identities.allowremove of the real server
    #[arg(long, env = "FABCERT_ALLOW_REMOVAL")]
    allow_removal: bool,
    /// Serve plain HTTP
    #[arg(long, env = "FABCERT_PLAINTEXT")]
    plaintext: bool,
    /// Serve below this path, as behind a reverse proxy that strips it
    #[arg(long, value_name = "PATH", value_parser = path_prefix, env = "FABCERT_PATH_PREFIX")]
    path_prefix: Option<String>,
    /// Write the root certificate of the server's TLS to this file (PEM)
    #[arg(long, value_name = "FILE", env = "FABCERT_ANCHOR_OUT")]
    anchor_out: Option<PathBuf>,
    /// Fault in the answers to enroll and reenroll. Repeatable
    #[arg(long = "fault", value_name = "NAME[=ARG]", env = "FABCERT_FAULT")]
    faults: Vec<Fault>,
    /// Apply each fault to this many requests only
    #[arg(long, value_name = "N", requires = "faults", env = "FABCERT_FAULT_TIMES")]
    fault_times: Option<u32>,
}

fn after_help() -> String {
    format!("For development and tests only.\n\nFaults:\n  {}", FAULT_NAMES.join("\n  "))
}

/// An identity; `None` if the text does not describe one. Parsing never fails, because clap would print the text, which may
/// contain a secret.
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
        Err("expected a path that starts with one slash".to_owned())
    }
}

impl DevCaArgs {
    fn config(&self) -> Result<DevCaConfig, Error> {
        let identities: Option<Vec<IdentitySpec>> = self.identities.iter().map(|i| i.0.clone()).collect();
        let identities = identities.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "--identity: expected ID:SECRET:TYPE[:AFFILIATION]")
                .with_help("for example --identity org1-peer1:peerpw:peer:org1.department1")
        })?;
        self.hosts.iter().try_for_each(|host| host.parse::<SanName>().map(drop))?;
        let mut config = DevCaConfig::new(process::now);
        config.listen = self.listen;
        config.state.clone_from(&self.state);
        config.ca_names.clone_from(&self.ca_names);
        config.intermediates = self.intermediates;
        config.hosts.clone_from(&self.hosts);
        config.identities = identities;
        config.plaintext = self.plaintext;
        config.lifetime = self.lifetime.unwrap_or(config.lifetime);
        config.tls_lifetime = self.tls_lifetime;
        config.allow_removal = self.allow_removal;
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
/// If it cannot listen on the address, or cannot read or write a file.
pub(super) fn run(args: &DevCaArgs) -> Result<ExitCode, Error> {
    process::runtime()?.block_on(async {
        if let Some(path) = &args.anchor_out {
            replaceable(path)?;
        }
        let running = DevCa::start(args.config()?).await?;
        if let Some(path) = &args.anchor_out {
            WorkingTree::here(&Disk::real())?.replace(path, running.tls_anchor_pem().as_bytes(), 0o644)?;
        }
        // The handlers are in place before anybody can know that the server runs.
        let ended = process::Signals::new()?;
        output::print(&greeting(args, &running))?;
        ended.received().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Checks that the file for the anchor can be replaced: it is missing, empty, a device, or an earlier anchor.
fn replaceable(path: &Path) -> Result<(), Error> {
    const LIMIT: usize = 4 * 1024 * 1024;
    let disk = Disk::real();
    if disk.metadata_followed(path)?.is_none_or(|found| found.kind != Kind::File) {
        return Ok(());
    }
    let content = disk.read(path, LIMIT)?;
    if content.is_empty() || content.starts_with(b"-----BEGIN CERTIFICATE-----") {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Input,
        format!("{} does not hold a trust anchor, and is not overwritten", path.display()),
    )
    .with_help("give another file with --anchor-out, or move this one away"))
}

/// What the server is, its address, and how to enrol there.
fn greeting(args: &DevCaArgs, running: &Running) -> Lines {
    let url = running.url();
    let names = args.ca_names.join(", ");
    let trust = match &args.anchor_out {
        _ if args.plaintext => "--plaintext".to_owned(),
        Some(path) => format!("--tls-ca {}", path.display()),
        None => "--tls-ca ANCHOR (written by --anchor-out ANCHOR)".to_owned(),
    };
    let mut lines = Lines::new();
    lines.line(format_args!("serving {url} as {names}, for development and tests only"));
    for fault in &args.faults {
        lines.line(format_args!("fault: {fault}"));
    }
    lines.verbatim(format_args!(
        "try: FABCERT_SECRET=adminpw fabcert enroll --url {url} --id admin --msp-dir msp {trust}"
    ));
    lines
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
