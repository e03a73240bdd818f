//! `fabcert ca`: the API of a Fabric CA.

mod affiliation;
mod certificate;
mod crl;
mod identity;
mod info;
mod register;
mod registrar;
mod revoke;
mod roster;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::args::OutputForm;
use crate::Error;

/// The API of a Fabric CA
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct CaCommandArgs {
    #[command(subcommand)]
    command: CaCommand,
}

#[derive(Subcommand, Debug)]
enum CaCommand {
    /// Show a CA's name, version and chain; write its anchor file after comparing a fingerprint
    Info(Box<info::InfoArgs>),
    /// Register an identity, or compare a registered one; or all of a list
    Register(Box<register::RegisterArgs>),
    /// Show, change and remove identities
    Identity(Box<identity::IdentityArgs>),
    /// Show, add, rename and remove affiliations
    Affiliation(Box<affiliation::AffiliationArgs>),
    /// List issued certificates
    Certificate(Box<certificate::CertificateArgs>),
    /// Revoke an identity or a certificate
    Revoke(Box<revoke::RevokeArgs>),
    /// Get the CRL of the CA
    Crl(Box<crl::CrlArgs>),
}

pub(super) fn run(args: &CaCommandArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let ended = match &args.command {
        CaCommand::Info(args) => return info::run(args, form),
        CaCommand::Register(args) => register::run(args, form),
        CaCommand::Identity(args) => identity::run(args, form),
        CaCommand::Affiliation(args) => affiliation::run(args, form),
        CaCommand::Certificate(args) => certificate::run(args, form),
        CaCommand::Revoke(args) => revoke::run(args, form),
        CaCommand::Crl(args) => crl::run(args, form),
    };
    ended.map_err(without_wait)
}

/// The error without the advice to wait: these commands have no `--wait`.
fn without_wait(e: Error) -> Error {
    let Some(help) = e.help().filter(|help| help.contains("--wait")) else { return e };
    let help = match help.split_once("; --wait") {
        Some((help, _)) => help.to_owned(),
        None => help.replace(" (--wait retries)", ""),
    };
    e.with_help(help)
}
