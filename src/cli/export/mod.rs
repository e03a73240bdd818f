//! `fabcert export`: what client libraries and channels take.

mod config_update;
mod connection_profile;
mod wallet;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

pub(super) use self::config_update::UpdateFile;
use super::args::OutputForm;
use crate::Error;
use crate::disk::WorkingTree;

/// Write what client libraries and channels take: connection profiles, wallets, configuration updates
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct ExportArgs {
    #[command(subcommand)]
    export: Export,
}

#[derive(Subcommand, Debug)]
enum Export {
    /// Write a connection profile with the gateway's name as the peer
    ConnectionProfile(connection_profile::ConnectionProfileArgs),
    /// Put the identity of an MSP folder into a file-system wallet
    Wallet(wallet::WalletArgs),
    /// Write an unsigned update with which a channel learns or forgets a CA, or learns a CRL
    ConfigUpdate(config_update::ConfigUpdateArgs),
}

pub(super) fn run(args: &ExportArgs, form: OutputForm) -> Result<ExitCode, Error> {
    match &args.export {
        Export::ConnectionProfile(args) => connection_profile::run(args, form),
        Export::Wallet(args) => wallet::run(args, form),
        Export::ConfigUpdate(args) => config_update::run(args, form),
    }
}

/// Writes a file in one step; missing folders above it are made.
fn write(tree: &WorkingTree<'_>, path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tree.create_dirs(folder)?;
    }
    Ok(tree.replace(path, content, mode)?)
}
