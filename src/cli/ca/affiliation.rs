//! `fabcert ca affiliation`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::registrar::{RegistrarArgs, print_json_list};
use crate::Error;
use crate::cli::args::OutputForm;
use crate::cli::output;
use crate::text::escape::Lines;

const EXAMPLES: &str = "\
Examples:
    fabcert ca affiliation list --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp

    fabcert ca affiliation add org1.department3 --url https://org1-ca \\
        --tls-ca ca.pem --registrar admin/msp";

/// Show, add, rename and remove affiliations
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true, after_help = EXAMPLES)]
pub(super) struct AffiliationArgs {
    #[command(subcommand)]
    command: AffiliationCommand,
}

#[derive(Subcommand, Debug)]
enum AffiliationCommand {
    /// List the affiliations that the registrar may see
    List(ListArgs),
    /// Add an affiliation, with its parents
    Add(AddArgs),
    /// Rename an affiliation
    Modify(ModifyArgs),
    /// Remove an affiliation
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    registrar: RegistrarArgs,
}

#[derive(Args, Debug)]
struct AddArgs {
    /// Full name, such as org1.department1
    name: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
}

#[derive(Args, Debug)]
struct ModifyArgs {
    /// Full name
    name: String,
    /// New full name
    #[arg(long, value_name = "NAME", env = "FABCERT_NEW_NAME")]
    new_name: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// Move the identities in it along
    #[arg(long, env = "FABCERT_MOVE_IDENTITIES")]
    move_identities: bool,
}

#[derive(Args, Debug)]
struct RemoveArgs {
    /// Full name
    name: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// Remove the affiliations below it and the identities in them, too
    #[arg(long, env = "FABCERT_REMOVE_IDENTITIES")]
    remove_identities: bool,
}

pub(super) fn run(args: &AffiliationArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let (action, name) = match &args.command {
        AffiliationCommand::List(args) => {
            let all = args.registrar.act(async |registrar, _| registrar.affiliations().await)?;
            list(&all, form)?;
            return Ok(ExitCode::SUCCESS);
        }
        AffiliationCommand::Add(args) => {
            let is_new = args.registrar.act(async |registrar, _| registrar.add_affiliation(&args.name).await)?;
            (if is_new { "added" } else { "unchanged" }, &args.name)
        }
        AffiliationCommand::Modify(args) => {
            let (name, new) = (&args.name, &args.new_name);
            args.registrar
                .act(async |registrar, _| registrar.rename_affiliation(name, new, args.move_identities).await)?;
            ("renamed", &args.new_name)
        }
        AffiliationCommand::Remove(args) => {
            args.registrar
                .act(async |registrar, _| registrar.remove_affiliation(&args.name, args.remove_identities).await)?;
            ("removed", &args.name)
        }
    };
    let printed = match form {
        OutputForm::Json => {
            output::print_json(&serde_json::json!({"schema_version": 1, "action": action, "affiliation": name}))
        }
        OutputForm::Human => output::print_line(format_args!("{action} {name}")),
    };
    output::after(printed, || format!("{action} \"{name}\""))?;
    Ok(ExitCode::SUCCESS)
}

fn list(all: &[String], form: OutputForm) -> Result<(), Error> {
    if form == OutputForm::Json {
        return print_json_list("affiliations", all);
    }
    let mut lines = Lines::new();
    for name in all {
        lines.line(format_args!("{name}"));
    }
    output::print(&lines)
}
