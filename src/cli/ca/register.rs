//! `fabcert ca register`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::registrar::{NewSecretArgs, RegistrarArgs};
use super::roster;
use crate::Error;
use crate::ca::{Attribute, RegisteredIdentity};
use crate::cli::args::OutputForm;
use crate::cli::output;
use crate::registrar::{Action, Common, IfExists, Registered, Registration, attribute, register};
use crate::text::escape::Lines;

const EXAMPLES: &str = "\
Examples:
  Register a peer, with its secret in a file that only you can read:
    fabcert ca register org1-peer1 --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp --type peer --affiliation org1.department1 \\
        --secret-out org1-peer1.secret

  Run it again: an identity that is as you want it is a success. If it differs,
  the exit code is 1, and the differences are shown. Change them:
    fabcert ca register org1-peer1 --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp --type peer --if-exists update

  Register all identities of a list, each with its secret in a file:
    fabcert ca register --from users.csv --secrets secrets \\
        --url https://org1-ca --tls-ca ca.pem --registrar admin/msp

  Give a registrar its rights:
    fabcert ca register deputy --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp --type client \\
        --attr hf.Registrar.Roles=peer --attr hf.Revoker=true

Attributes that the identity has and you do not name stay as they are.";

/// Register an identity, or compare a registered one; or all of a list
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct RegisterArgs {
    /// Enrolment id
    #[arg(required_unless_present = "from")]
    id: Option<String>,
    #[command(flatten)]
    pub(super) registrar: RegistrarArgs,
    /// CSV file with identities in place of an id. Its first line names the columns: id, and any of type, affiliation,
    /// max_enrollments and attrs (NAME=VALUE[:ecert], separated by blanks)
    #[arg(long, value_name = "FILE", requires = "secrets", conflicts_with_all = ["id", "attrs", "max_enrollments", "new_secret_file", "secret_out"], env = "FABCERT_FROM", help_heading = "Identity")]
    from: Option<PathBuf>,
    /// Folder for the generated secrets of --from: one file (mode 0600) with the name of each id
    #[arg(long, value_name = "DIR", env = "FABCERT_SECRETS", help_heading = "Identity")]
    secrets: Option<PathBuf>,
    /// Type: peer, orderer, client or admin. Nodes give roles by these words, in lower case [default: client for a new
    /// identity]
    #[arg(long = "type", value_name = "TYPE", env = "FABCERT_TYPE", help_heading = "Identity")]
    identity_type: Option<String>,
    /// Affiliation, such as org1.department1; "." is the root [default: that of the registrar]
    #[arg(long, value_name = "NAME", env = "FABCERT_AFFILIATION", help_heading = "Identity")]
    affiliation: Option<String>,
    /// Add the affiliation, with its parents, if the CA does not have it
    #[arg(long, env = "FABCERT_CREATE_AFFILIATION", help_heading = "Identity")]
    create_affiliation: bool,
    /// Number of enrolments; -1 is unlimited [default: the limit of the CA]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = enrolments, env = "FABCERT_MAX_ENROLLMENTS", help_heading = "Identity")]
    max_enrollments: Option<i64>,
    /// Attribute, NAME=VALUE, or NAME=VALUE:ecert for one that certificates hold without a request. Repeatable
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = attribute, env = "FABCERT_ATTR", help_heading = "Identity")]
    attrs: Vec<Attribute>,
    #[command(flatten)]
    secret: NewSecretArgs,
    /// What to do if the CA has the identity: compare it, change what differs, or fail
    #[arg(long, value_enum, default_value_t, env = "FABCERT_IF_EXISTS", help_heading = "Identity")]
    if_exists: IfExistsArg,
}

/// Parses a limit. The CA takes 0 as its own limit, which is what no flag says.
fn enrolments(text: &str) -> Result<i64, &'static str> {
    let limit = text.parse().ok().filter(|limit| *limit == -1 || *limit > 0);
    limit.ok_or("expected -1 for unlimited, or a number from 1")
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum IfExistsArg {
    #[default]
    Compare,
    Update,
    Fail,
}

impl From<IfExistsArg> for IfExists {
    fn from(arg: IfExistsArg) -> Self {
        match arg {
            IfExistsArg::Compare => Self::Compare,
            IfExistsArg::Update => Self::Update,
            IfExistsArg::Fail => Self::Fail,
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    schema_version: u32,
    action: Action,
    url: String,
    identity: &'a RegisteredIdentity,
    differences: &'a [String],
    /// Only a generated secret that is in no file.
    secret: Option<&'a str>,
    secret_file: Option<String>,
}

pub(super) fn run(args: &RegisterArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let is_role = |kind: &str| matches!(kind, "peer" | "orderer" | "client" | "admin");
    if let Some(kind) = args.identity_type.as_deref().filter(|kind| !is_role(kind)) {
        tracing::warn!(
            "a node gives no role to the type \"{kind}\": NodeOUs know peer, orderer, client and admin, in lower case"
        );
    }
    if let (Some(list), Some(secrets)) = (&args.from, &args.secrets) {
        let common = Common {
            secrets,
            identity_type: args.identity_type.as_deref(),
            affiliation: args.affiliation.as_deref(),
            create_affiliation: args.create_affiliation,
            if_exists: args.if_exists.into(),
        };
        return roster::run(&args.registrar, list, &common, form);
    }
    if args.secrets.is_some() {
        tracing::warn!("--secrets is for --from, and is not used");
    }
    let wanted = Registration {
        id: args.id.clone().unwrap_or_default(),
        identity_type: args.identity_type.clone(),
        affiliation: args.affiliation.as_deref().map(|name| if name == "." { "" } else { name }.to_owned()),
        max_enrollments: args.max_enrollments,
        attrs: args.attrs.clone(),
        secret: args.secret.source()?,
        create_affiliation: args.create_affiliation,
        if_exists: args.if_exists.into(),
    };
    let (done, url) =
        args.registrar.act(async |registrar, env| Ok((register(registrar, &wanted, env).await?, registrar.url())))?;
    let is_new = done.action == Action::Registered;
    let secret = done.secret.as_ref().filter(|_| wanted.secret.is_printed()).map(crate::Secret::expose);
    let secret_file = args.secret.out().filter(|_| is_new).map(|path| path.display().to_string());
    let printed = match form {
        OutputForm::Json => output::print_json(&Answer {
            schema_version: 1,
            action: done.action,
            url,
            identity: &done.identity,
            differences: &done.differences,
            secret,
            secret_file,
        }),
        OutputForm::Human => output::print(&lines(&done, &url, secret, secret_file.as_deref())),
    };
    output::after(printed, || format!("the identity \"{}\" is registered", done.identity.id))?;
    Ok(ExitCode::from(u8::from(done.action == Action::Differs)))
}

fn lines(done: &Registered, url: &str, secret: Option<&str>, secret_file: Option<&str>) -> Lines {
    let mut lines = Lines::new();
    let id = &done.identity.id;
    match done.action {
        Action::Registered => lines.line(format_args!("registered {id} at {url}")),
        Action::Unchanged => {
            lines.line(format_args!("{id} is registered at {url} as you want it; nothing was changed"))
        }
        Action::Updated => lines.line(format_args!("changed {id} at {url}")),
        Action::Differs => {
            lines.line(format_args!("{id} is registered at {url} and differs; --if-exists update changes it"))
        }
    };
    for difference in &done.differences {
        let was = if done.action == Action::Updated { "was: " } else { "" };
        lines.line(format_args!("  {was}{difference}"));
    }
    super::identity::describe(&mut lines, &done.identity);
    if let Some(secret) = secret {
        lines.line(format_args!("  secret           {secret}"));
        lines.line(format_args!("  the secret is shown only now; --secret-out writes it to a file instead"));
    }
    if let Some(file) = secret_file {
        lines.line(format_args!("  secret           in {file}"));
    }
    lines
}
