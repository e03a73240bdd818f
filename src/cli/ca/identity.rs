//! `fabcert ca identity`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::borrow::Cow;
use std::fmt;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::registrar::{NewSecretArgs, RegistrarArgs, print_csv, print_json_list};
use crate::ca::{Attribute, IdentityChange, RegisteredIdentity};
use crate::cli::args::OutputForm;
use crate::cli::output;
use crate::registrar::attribute;
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
    fabcert ca identity list --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp

    fabcert ca identity show org1-peer1 --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp

  A new secret, which also ends the lock after wrong ones:
    fabcert ca identity rotate-secret org1-peer1 --url https://org1-ca \\
        --tls-ca ca.pem --registrar admin/msp --secret-out org1-peer1.secret

Exit code 1: show found no identity with this id.";

/// Show, change and remove identities
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true, after_help = EXAMPLES)]
pub(super) struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Subcommand, Debug)]
enum IdentityCommand {
    /// List the identities that the registrar may see
    List(ListArgs),
    /// Show one identity
    Show(OneArgs),
    /// Change an identity
    Modify(ModifyArgs),
    /// Set a new enrolment secret
    RotateSecret(SecretArgs),
    /// End the lock after wrong secrets, which takes a new secret
    Unlock(SecretArgs),
    /// Remove an identity, and revoke its certificates
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// Print CSV
    #[arg(long, env = "FABCERT_CSV")]
    csv: bool,
}

#[derive(Args, Debug)]
struct OneArgs {
    /// Enrolment id
    id: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
}

#[derive(Args, Debug)]
struct ModifyArgs {
    /// Enrolment id
    id: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// New type: peer, orderer, client or admin
    #[arg(long = "type", value_name = "TYPE", env = "FABCERT_TYPE", help_heading = "Identity")]
    identity_type: Option<String>,
    /// New affiliation; "." is the root
    #[arg(long, value_name = "NAME", env = "FABCERT_AFFILIATION", help_heading = "Identity")]
    affiliation: Option<String>,
    /// New number of enrolments; -1 is unlimited, 0 allows none
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..), env = "FABCERT_MAX_ENROLLMENTS", help_heading = "Identity")]
    max_enrollments: Option<i64>,
    /// New or changed attribute, NAME=VALUE[:ecert]; an empty value removes it. Repeatable
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = attribute, env = "FABCERT_ATTR", help_heading = "Identity")]
    attrs: Vec<Attribute>,
}

#[derive(Args, Debug)]
struct SecretArgs {
    /// Enrolment id
    id: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
    #[command(flatten)]
    secret: NewSecretArgs,
}

#[derive(Args, Debug)]
struct RemoveArgs {
    /// Enrolment id
    id: String,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// Remove the identity also if it is the registrar itself
    #[arg(long, env = "FABCERT_REMOVE_REGISTRAR")]
    remove_registrar: bool,
}

pub(super) fn run(args: &IdentityArgs, form: OutputForm) -> Result<ExitCode, Error> {
    match &args.command {
        IdentityCommand::List(args) => list(args, form)?,
        IdentityCommand::Show(args) => {
            let found = args.registrar.act(async |registrar, _| registrar.identity(&args.id).await)?;
            let Some(identity) = found else {
                let nothing = format!("the CA has no identity \"{}\" that this registrar may see", args.id);
                match form {
                    OutputForm::Json => {
                        output::print_json(&serde_json::json!({"schema_version": 1, "identity": null}))?;
                    }
                    OutputForm::Human => output::print_line(format_args!("{nothing}"))?,
                }
                return Ok(ExitCode::from(1));
            };
            print(&identity, "", None, form)?;
        }
        IdentityCommand::Modify(args) => modify(args, form)?,
        IdentityCommand::RotateSecret(args) => set_secret(args, "set a new secret of", form)?,
        IdentityCommand::Unlock(args) => set_secret(args, "unlocked, with a new secret,", form)?,
        IdentityCommand::Remove(args) => {
            args.registrar.act(async |registrar, _| registrar.remove(&args.id, args.remove_registrar).await)?;
            let printed = match form {
                OutputForm::Json => {
                    output::print_json(&serde_json::json!({"schema_version": 1, "action": "removed", "id": args.id}))
                }
                OutputForm::Human => {
                    output::print_line(format_args!("removed {}; its certificates are revoked", args.id))
                }
            };
            output::after(printed, || format!("\"{}\" is removed", args.id))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs, form: OutputForm) -> Result<(), Error> {
    let all = args.registrar.act(async |registrar, _| registrar.identities().await)?;
    if args.csv {
        let row = |identity: RegisteredIdentity| {
            let attrs = Words(&identity.attrs).to_string();
            vec![identity.id, identity.identity_type, identity.affiliation, identity.max_enrollments.to_string(), attrs]
        };
        return print_csv(&["id", "type", "affiliation", "max_enrollments", "attrs"], all.into_iter().map(row));
    }
    if form == OutputForm::Json {
        return print_json_list("identities", &all);
    }
    let width = all.iter().map(|i| i.id.chars().count()).max().unwrap_or_default().clamp(2, 40);
    let wide = all.iter().map(|i| i.affiliation.chars().count()).max().unwrap_or_default().clamp(11, 40);
    let mut lines = Lines::new();
    lines.line(format_args!(
        "{:<width$}  {:<8}  {:<wide$}  {:>10}  ATTRIBUTES",
        "ID", "TYPE", "AFFILIATION", "ENROLMENTS"
    ));
    for identity in &all {
        lines.line(format_args!(
            "{:<width$}  {:<8}  {:<wide$}  {:>10}  {}",
            identity.id,
            identity.identity_type,
            identity.affiliation,
            limit(identity.max_enrollments),
            Words(&identity.attrs)
        ));
    }
    output::print(&lines)
}

fn modify(args: &ModifyArgs, form: OutputForm) -> Result<(), Error> {
    if args.identity_type.is_none()
        && args.affiliation.is_none()
        && args.max_enrollments.is_none()
        && args.attrs.is_empty()
    {
        return Err(Error::new(ErrorKind::Usage, "nothing to change")
            .with_help("give --type, --affiliation, --max-enrollments or --attr"));
    }
    let change = IdentityChange {
        identity_type: args.identity_type.as_deref(),
        affiliation: args.affiliation.as_deref().map(|name| if name == "." { "" } else { name }),
        max_enrollments: args.max_enrollments,
        attrs: &args.attrs,
        secret: None,
    };
    let changed = args.registrar.act(async |registrar, _| registrar.modify(&args.id, &change).await)?;
    print(&changed, "changed", None, form)
}

fn set_secret(args: &SecretArgs, verb: &'static str, form: OutputForm) -> Result<(), Error> {
    let source = args.secret.source()?;
    let (identity, secret) =
        args.registrar.act(async |registrar, env| registrar.set_secret(&args.id, &source, env).await)?;
    let shown = Some(secret.expose()).filter(|_| source.is_printed());
    print(&identity, verb, shown, form)
}

/// Prints one identity, after what was done to it.
fn print(identity: &RegisteredIdentity, verb: &str, secret: Option<&str>, form: OutputForm) -> Result<(), Error> {
    let printed = match form {
        OutputForm::Json => {
            output::print_json(&serde_json::json!({"schema_version": 1, "identity": identity, "secret": secret}))
        }
        OutputForm::Human => {
            let mut lines = Lines::new();
            let space = if verb.is_empty() { "" } else { " " };
            lines.line(format_args!("{verb}{space}{}", identity.id));
            describe(&mut lines, identity);
            if let Some(secret) = secret {
                lines.line(format_args!("  secret           {secret}"));
                lines.line(format_args!("  the secret is shown only now; --secret-out writes it to a file instead"));
            }
            output::print(&lines)
        }
    };
    if verb.is_empty() { printed } else { output::after(printed, || format!("{verb} \"{}\"", identity.id)) }
}

/// Appends what the CA has of an identity.
pub(super) fn describe(lines: &mut Lines, identity: &RegisteredIdentity) {
    let affiliation = if identity.affiliation.is_empty() { "(root)" } else { &identity.affiliation };
    lines.line(format_args!("  type             {}", identity.identity_type));
    lines.line(format_args!("  affiliation      {affiliation}"));
    lines.line(format_args!("  max enrollments  {}", limit(identity.max_enrollments)));
    for attr in &identity.attrs {
        let ecert = if attr.ecert { " (in certificates)" } else { "" };
        lines.line(format_args!("  attribute        {}={}{ecert}", attr.name, attr.value));
    }
}

fn limit(max_enrollments: i64) -> Cow<'static, str> {
    if max_enrollments == -1 { "unlimited".into() } else { max_enrollments.to_string().into() }
}

/// Attributes as the command line takes them, without those that the CA adds.
struct Words<'a>(&'a [Attribute]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_own =
            |attr: &&Attribute| !matches!(attr.name.as_str(), "hf.EnrollmentID" | "hf.Type" | "hf.Affiliation");
        for (at, attr) in self.0.iter().filter(is_own).enumerate() {
            let (space, ecert) = (if at == 0 { "" } else { " " }, if attr.ecert { ":ecert" } else { "" });
            write!(f, "{space}{}={}{ecert}", attr.name, attr.value)?;
        }
        Ok(())
    }
}
