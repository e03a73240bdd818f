//! `fabcert ca info`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::without_wait;
use crate::ca::CaUrl;
use crate::cainfo::{Fingerprint, Inquiry, inquire};
use crate::cli::args::{ConnectionArgs, OutputForm};
use crate::cli::{output, process};
use crate::disk::Disk;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  The operator of the CA prints the fingerprint of its certificate, and you get
  the anchor file for --tls-ca with it:
    openssl x509 -in ca-cert.pem -noout -fingerprint -sha256
    fabcert ca info --url https://org1-ca --fingerprint AB:CD:... --out ca.pem

  Look at a CA whose certificate you have:
    fabcert ca info --url https://org1-ca --tls-ca ca.pem

  Show the fingerprints, to compare them with the operator's:
    fabcert ca info --url https://org1-ca

Exit code 8: no certificate of the CA has the fingerprint, or the TLS
certificate of its server does not lead to it. Nothing was written.";

/// Show a CA's name, version and chain; write its anchor file after comparing a fingerprint. Sends no credentials.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct InfoArgs {
    /// URL of the CA: https://HOST[:PORT][/PATH]. The default port is 7054
    #[arg(short, long, value_name = "URL", env = "FABCERT_URL")]
    url: String,
    /// SHA-256 fingerprint of a certificate that the TLS certificate of the CA leads to: of the CA's own certificate, its
    /// root, or the TLS certificate itself. Hex digits, with or without colons
    #[arg(long, value_name = "SHA256", env = "FABCERT_FINGERPRINT", conflicts_with = "tls_ca")]
    fingerprint: Option<Fingerprint>,
    /// File for the certificates that prove the CA (PEM), for --tls-ca
    #[arg(long, value_name = "FILE", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Replace the file of --out if it holds something else
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(super) fn run(args: &InfoArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let inquiry = args.inquiry()?;
    let disk = Disk::real();
    let now = process::now();
    let asked = process::runtime()?.block_on(process::until_signal(inquire(&inquiry, &disk, now)));
    let answer = asked.map_err(without_wait)?;
    let printed = match form {
        OutputForm::Json => output::print_json(&answer),
        OutputForm::Human => output::print(&answer.lines()),
    };
    match &args.out {
        Some(path) => output::after(printed, || format!("the certificates are in {}", path.display()))?,
        None => printed?,
    }
    if answer.is_unproven() {
        tracing::warn!(
            "nothing proves this answer: compare a fingerprint with the CA's operator, and give it with --fingerprint"
        );
    }
    Ok(ExitCode::SUCCESS)
}

impl InfoArgs {
    fn inquiry(&self) -> Result<Inquiry, Error> {
        // The id and a secret in the URL of an enrolment are not needed, and not sent.
        let (parsed, id, _) = CaUrl::parse(&self.url).map_err(|e| Error::from(e).about("--url"))?;
        if parsed.is_plaintext() && !self.connection.plaintext {
            return Err(Error::new(ErrorKind::Usage, format!("--url: {parsed} is plain HTTP, which proves nothing"))
                .with_help("use https://, or allow plain HTTP with --plaintext"));
        }
        let access = self.connection.access(parsed, id.unwrap_or_default(), None)?;
        Ok(Inquiry { access, fingerprint: self.fingerprint, out: self.out.clone(), force: self.force })
    }
}
