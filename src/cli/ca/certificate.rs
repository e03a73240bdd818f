//! `fabcert ca certificate`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::registrar::{RegistrarArgs, print_csv, print_json_list};
use crate::ca::CertificateFilter;
use crate::cli::args::{OutputForm, parse_duration};
use crate::cli::output;
use crate::registrar::{CertificateRow, Selection, select};
use crate::text::escape::Lines;
use crate::{Error, Timestamp};

const EXAMPLES: &str = "\
Examples:
  What ends within 30 days, of each identity the last certificate only:
    fabcert ca certificate list --url https://org1-ca --tls-ca ca.pem \\
        --registrar admin/msp --not-revoked --expiring 30d --newest --csv

  The certificates of one identity:
    fabcert ca certificate list org1-peer1 --url https://org1-ca \\
        --tls-ca ca.pem --registrar admin/msp

A re-enrolment never revokes the certificate before it, so a CA lists many of
one identity. Times are RFC 3339, such as 2026-12-31T00:00:00Z.";

/// List issued certificates
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(super) struct CertificateArgs {
    #[command(subcommand)]
    command: CertificateCommand,
}

#[derive(Subcommand, Debug)]
enum CertificateCommand {
    /// List the certificates that the registrar may see, those that end first before others
    List(Box<ListArgs>),
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
struct ListArgs {
    /// Enrolment id
    id: Option<String>,
    #[command(flatten)]
    registrar: RegistrarArgs,
    /// Serial number, in hex
    #[arg(long, value_name = "HEX", value_parser = hex_digits, env = "FABCERT_SERIAL", help_heading = "Selection")]
    serial: Option<String>,
    /// Identifier of the issuer's key, in hex
    #[arg(long, value_name = "HEX", value_parser = hex_digits, env = "FABCERT_AKI", help_heading = "Selection")]
    aki: Option<String>,
    /// Only certificates that are not revoked
    #[arg(long, conflicts_with_all = ["revoked_from", "revoked_to"], env = "FABCERT_NOT_REVOKED", help_heading = "Selection")]
    not_revoked: bool,
    /// Only certificates that have not expired
    #[arg(long, conflicts_with_all = ["expired_from", "expired_to", "expiring"], env = "FABCERT_NOT_EXPIRED", help_heading = "Selection")]
    not_expired: bool,
    /// Only certificates that are valid and end within this time, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["expired_from", "expired_to"], env = "FABCERT_EXPIRING", help_heading = "Selection")]
    expiring: Option<Duration>,
    /// Only certificates that expire at this time or later
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_EXPIRED_FROM", help_heading = "Selection")]
    expired_from: Option<Timestamp>,
    /// Only certificates that expire at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_EXPIRED_TO", help_heading = "Selection")]
    expired_to: Option<Timestamp>,
    /// Only certificates that were revoked at this time or later
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_REVOKED_FROM", help_heading = "Selection")]
    revoked_from: Option<Timestamp>,
    /// Only certificates that were revoked at this time or earlier
    #[arg(long, value_name = "TIME", value_parser = time, env = "FABCERT_REVOKED_TO", help_heading = "Selection")]
    revoked_to: Option<Timestamp>,
    /// Of each identity and use (signing, TLS) the certificate that ends last
    #[arg(long, env = "FABCERT_NEWEST", help_heading = "Selection")]
    newest: bool,
    /// Print CSV
    #[arg(long, env = "FABCERT_CSV")]
    csv: bool,
}

/// Parses hex digits, with or without colons. Zeros alone would select everything.
pub(super) fn hex_digits(text: &str) -> Result<String, &'static str> {
    let digits = text.replace(':', "");
    let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit()) && digits.chars().any(|c| c != '0');
    if is_hex { Ok(text.to_owned()) } else { Err("expected hex digits, with or without colons") }
}

/// Parses a time.
pub(super) fn time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse_rfc3339(text).ok_or("expected a time such as 2026-12-31T00:00:00Z")
}

pub(super) fn run(args: &CertificateArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let CertificateCommand::List(args) = &args.command;
    let selection = Selection {
        filter: CertificateFilter {
            id: args.id.clone(),
            serial: args.serial.clone(),
            aki: args.aki.clone(),
            not_revoked: args.not_revoked,
            not_expired: args.not_expired,
            expired_from: args.expired_from,
            expired_to: args.expired_to,
            revoked_from: args.revoked_from,
            revoked_to: args.revoked_to,
        },
        expiring: args.expiring,
        newest: args.newest,
    };
    let rows = args.registrar.act(async |registrar, env| select(registrar, &selection, (env.now)()).await)?;
    if args.csv {
        let fields = |row: CertificateRow| {
            let sans = row.sans.join(" ");
            vec![
                row.id,
                row.role.to_owned(),
                row.serial,
                row.aki.to_string(),
                row.not_before.rfc3339(),
                row.not_after.rfc3339(),
                sans,
            ]
        };
        print_csv(&["id", "role", "serial", "aki", "not_before", "not_after", "sans"], rows.into_iter().map(fields))?;
    } else if form == OutputForm::Json {
        print_json_list("certificates", &rows)?;
    } else {
        print(&rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a table, some rows at a time: a list may be long.
fn print(rows: &[CertificateRow]) -> Result<(), Error> {
    const TOGETHER: usize = 500;
    let width = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or_default().clamp(2, 40);
    let mut head = Lines::new();
    head.line(format_args!("{:<20}  {:<4}  {:<width$}  {:<40}  NAMES", "EXPIRES", "ROLE", "ID", "SERIAL"));
    output::print(&head)?;
    for rows in rows.chunks(TOGETHER) {
        let mut lines = Lines::new();
        for row in rows {
            lines.line(format_args!(
                "{:<20}  {:<4}  {:<width$}  {:<40}  {}",
                row.not_after.rfc3339(),
                row.role,
                row.id,
                row.serial,
                row.sans.join(" ")
            ));
        }
        output::print(&lines)?;
    }
    Ok(())
}
