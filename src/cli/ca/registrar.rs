//! The registrar of a command, and the output of lists.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::ca::CaUrl;
use crate::cli::args::{ConnectionArgs, fabric_env};
use crate::cli::{enroll, output, process};
use crate::disk::Disk;
use crate::identity::{Environment, SecretSource};
use crate::registrar::{NewSecret, Registrar};
use crate::{Error, ErrorKind};

/// The CA, and the identity that signs the requests.
#[derive(Args, Debug)]
pub(super) struct RegistrarArgs {
    /// URL of the CA: https://HOST[:PORT][/PATH]. The default port is 7054
    #[arg(short, long, value_name = "URL", env = "FABCERT_URL", help_heading = "CA")]
    url: String,
    /// MSP folder of the registrar, whose key signs the requests
    #[arg(long, value_name = "DIR", env = "FABCERT_REGISTRAR", help_heading = "CA")]
    registrar: PathBuf,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl RegistrarArgs {
    /// Carries out `work` as the registrar; a signal ends it.
    ///
    /// # Errors
    /// Those of the registrar's folder, the CA and `work`.
    pub(super) fn act<T>(
        &self,
        work: impl AsyncFnOnce(&Registrar, &Environment<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // The id and a secret in the URL of an enrolment are not needed, and not sent.
        let (url, ..) = CaUrl::parse(&self.url).map_err(|e| Error::from(e).about("--url"))?;
        let access = self.connection.access(url, String::new(), None)?;
        let disk = Disk::real().with_patience(self.connection.timeout);
        let env = Environment::new(&disk, &process::now);
        let registrar = Registrar::open(access, &self.registrar, &env)?;
        process::runtime()?.block_on(process::until_signal(work(&registrar, &env)))
    }
}

/// The new secret of an identity.
#[derive(Args, Debug)]
pub(super) struct NewSecretArgs {
    /// File with the secret to set, or - for standard input. You can set FABCERT_NEW_SECRET to the secret instead
    #[arg(long, value_name = "PATH", env = "FABCERT_NEW_SECRET_FILE", conflicts_with = "secret_out")]
    new_secret_file: Option<PathBuf>,
    /// File for a generated secret (mode 0600), written before the request is sent [default: a generated secret is printed once]
    #[arg(long, value_name = "FILE", env = "FABCERT_SECRET_OUT")]
    secret_out: Option<PathBuf>,
}

impl NewSecretArgs {
    /// # Errors
    /// When the secret cannot be read from standard input or the environment.
    pub(super) fn source(&self) -> Result<NewSecret, Error> {
        if let Some(path) = &self.secret_out {
            return Ok(NewSecret::Kept(path.clone()));
        }
        Ok(
            match enroll::secret(
                self.new_secret_file.as_ref(),
                "FABCERT_NEW_SECRET",
                &fabric_env::of_process(&[])?,
                None,
            )? {
                SecretSource::None => NewSecret::Printed,
                given => NewSecret::Given(given),
            },
        )
    }

    pub(super) fn out(&self) -> Option<&PathBuf> {
        self.secret_out.as_ref()
    }
}

/// Prints rows as CSV (RFC 4180), with a line of names.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print_csv(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Error> {
    let line = |fields: Vec<String>| {
        let quoted = |field: String| {
            let is_plain = !field.contains(['"', ',', '\n', '\r']);
            if is_plain { field } else { format!("\"{}\"", field.replace('"', "\"\"")) }
        };
        fields.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
    };
    let mut text = line(names.iter().map(|name| (*name).to_owned()).collect());
    text.extend(rows.into_iter().map(line));
    output::document(&text)
}

/// A list as JSON: `{"schema_version":1,"NAME":[...]}`.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print_json_list<T: Serialize>(name: &'static str, rows: &[T]) -> Result<(), Error> {
    let rows = serde_json::to_value(rows)
        .map_err(|e| Error::new(ErrorKind::Bug, "the list has no JSON form").with_source(e))?;
    output::print_json(&serde_json::json!({"schema_version": 1, name: rows}))
}
