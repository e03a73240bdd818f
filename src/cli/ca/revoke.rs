//! `fabcert ca revoke`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::certificate::hex_digits;
use super::registrar::RegistrarArgs;
use crate::ca::RevocationReason;
use crate::cli::args::OutputForm;
use crate::cli::output;
use crate::registrar::{Revoked, What, revoke};
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Disable an identity for good, with all its certificates:
    fabcert ca revoke org1-user1 --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp --reason keycompromise

  Revoke one certificate:
    fabcert ca revoke --certificate old.pem --url https://org1-ca \\
        --tls-ca ca.pem --registrar admin/msp --reason superseded

A revocation at the CA changes no channel and no node: the command says what is
left to do.";

/// Revoke an identity or a certificate
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").args(["id", "certificate", "serial"]).required(true))]
pub(super) struct RevokeArgs {
    /// Enrolment id of an identity to disable for good
    id: Option<String>,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// File with the certificate (PEM)
    #[arg(long, value_name = "FILE", env = "FABCERT_CERTIFICATE", help_heading = "What to revoke")]
    certificate: Option<PathBuf>,
    /// Serial number of the certificate, in hex
    #[arg(long, value_name = "HEX", value_parser = hex_digits, requires = "aki", env = "FABCERT_SERIAL", help_heading = "What to revoke")]
    serial: Option<String>,
    /// Identifier of the key that signed it, in hex
    #[arg(long, value_name = "HEX", value_parser = hex_digits, requires = "serial", env = "FABCERT_AKI", help_heading = "What to revoke")]
    aki: Option<String>,
    /// Reason
    #[arg(long, value_name = "WORD", default_value = "unspecified", value_parser = PossibleValuesParser::new(RevocationReason::ALL.map(RevocationReason::word)), env = "FABCERT_REASON", help_heading = "What to revoke")]
    reason: String,
}

pub(super) fn run(args: &RevokeArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let what = match (&args.id, &args.certificate, &args.serial, &args.aki) {
        (Some(id), ..) => What::Identity(id.clone()),
        (_, Some(path), ..) => What::File(path.clone()),
        (_, _, Some(serial), Some(aki)) => What::Certificate { serial: serial.clone(), aki: aki.clone() },
        _ => return Err(Error::new(ErrorKind::Usage, "nothing to revoke")),
    };
    let reason = RevocationReason::ALL.into_iter().find(|reason| reason.word() == args.reason).unwrap_or_default();
    let revoked = args.registrar.act(async |registrar, env| revoke(registrar, &what, reason, env.disk).await)?;
    let printed = match form {
        OutputForm::Json => output::print_json(&serde_json::json!({
            "schema_version": 1,
            "action": if revoked.unchanged { "unchanged" } else { "revoked" },
            "id": revoked.id,
            "certificates": revoked.certificates,
            "open": revoked.open,
        })),
        OutputForm::Human => output::print(&lines(&revoked)),
    };
    output::after(printed, || format!("{} certificates are revoked", revoked.certificates.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn lines(revoked: &Revoked) -> Lines {
    let mut lines = Lines::new();
    match (&revoked.id, revoked.unchanged) {
        (Some(id), _) => lines.line(format_args!("{id} is disabled for good")),
        (None, true) => lines.line(format_args!("the certificate was revoked before")),
        (None, false) => lines.line(format_args!("revoked")),
    };
    for certificate in &revoked.certificates {
        lines.line(format_args!("  serial {}  issuer's key {}", certificate.serial, certificate.aki));
    }
    if revoked.id.is_some() && revoked.certificates.is_empty() {
        lines.line(format_args!("  it had no certificate that was not revoked before"));
    }
    lines.line(format_args!("still to do:"));
    for open in &revoked.open {
        lines.hanging(4, format_args!("  - {open}"));
    }
    lines
}
