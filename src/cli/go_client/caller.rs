//! The identity of the MSP folder, whose key signs requests, and the words of the CA's refusals.

use super::site::Site;
use crate::ca::{CaError, Client, Credential};
use crate::cli::process;
use crate::identity::{Environment, SecretSource};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::registrar::Signer;
use crate::{Error, ErrorKind};

/// An identity at its CA.
pub(super) struct Caller<'a> {
    pub(super) client: &'a Client,
    signer: &'a Signer,
}

impl Caller<'_> {
    pub(super) const fn credential(&self) -> Credential<'_> {
        self.signer.credential()
    }
}

/// Carries out `work` as the identity of the MSP folder; a signal ends it.
///
/// # Errors
/// When the folder holds no identity, and those of `work`.
pub(super) fn act<T>(site: &Site<'_>, work: impl AsyncFnOnce(&Caller<'_>) -> Result<T, CaError>) -> Result<T, Error> {
    let disk = &site.process.disk;
    let signer = signer(site)?;
    let client = site.access(String::new(), SecretSource::None)?.client(disk)?.build()?;
    let caller = Caller { client: &client, signer: &signer };
    let done = process::runtime()?.block_on(process::until_signal(async { Ok(work(&caller).await) }))?;
    done.map_err(worded)
}

/// Carries out `work` at the CA without an identity.
///
/// # Errors
/// Those of `work`.
pub(super) fn ask<T>(site: &Site<'_>, work: impl AsyncFnOnce(&Client) -> Result<T, CaError>) -> Result<T, Error> {
    let client = site.access(String::new(), SecretSource::None)?.client(&site.process.disk)?.build()?;
    let done = process::runtime()?.block_on(process::until_signal(async { Ok(work(&client).await) }))?;
    done.map_err(worded)
}

fn signer(site: &Site<'_>) -> Result<Signer, Error> {
    let disk = &site.process.disk;
    let env = Environment::new(disk, &process::now);
    if site.settings().given("mycertfile")?.is_none() && site.settings().given("myskfile")?.is_none() {
        return Signer::read(&site.msp, &env);
    }
    let (certificate, key) = pair(site)?;
    Signer::of(&site.msp, &certificate, key, &env)
}

/// The certificate in the MSP folder, or in the file that a setting names.
///
/// # Errors
/// When it cannot be read.
pub(super) fn certificate(site: &Site<'_>) -> Result<Cert, Error> {
    let path = site.certificate_file()?;
    let unusable =
        |why: String| Error::new(ErrorKind::Input, format!("{}: {why}", path.display())).with_help("enrol again");
    let certs = Cert::all_from_pem(&site.process.disk.read(&path, LIMIT)?).map_err(|e| unusable(e.to_string()))?;
    certs.into_iter().next().ok_or_else(|| unusable("it holds no certificate".to_owned()))
}

/// The certificate and the key of the MSP folder, of which settings name a file.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn pair(site: &Site<'_>) -> Result<(Cert, KeyPair), Error> {
    let disk = &site.process.disk;
    let cert = certificate(site)?;
    let custom = site.custom("myskfile")?.filter(|key| matches!(disk.metadata_followed(key), Ok(Some(_))));
    let key_file = custom.unwrap_or_else(|| site.msp.join("keystore").join(cert.ski().key_file_name()));
    let pem = disk.read_secret(&key_file, LIMIT)?;
    let key = KeyPair::from_pem(&pem).map_err(|e| Error::from(e).about(&key_file.display().to_string()))?;
    Ok((cert, key))
}

/// The largest file of a certificate or a key.
pub(super) const LIMIT: usize = 1024 * 1024;

/// The error of a request, in the words of the Go client where the CA answered.
pub(super) fn worded(e: CaError) -> Error {
    let error = Error::from(e);
    match error.answer() {
        Some((code, text)) => {
            let help = error.help().map(str::to_owned).unwrap_or_default();
            Error::new(error.kind(), response(code, text)).with_help(help)
        }
        None => error,
    }
}

/// The error of an enrolment: it begins with the words of the Go client where the CA answered, or a refusal is remembered.
pub(super) fn begun(error: Error) -> Error {
    let words = match error.answer() {
        Some((code, text)) => Some(response(code, text)),
        None if error.kind() == ErrorKind::Refused => error.items().iter().rev().find_map(|item| remembered(item)),
        None => None,
    };
    match words {
        Some(words) => error.about(&words),
        None => error,
    }
}

/// What the Go client says of an answer.
fn response(code: i64, text: &str) -> String {
    format!("Response from server: Error Code: {code} - {text}")
}

/// What the Go client said of a refusal that is remembered as `TIME: code 20 (HTTP 401)`. The memory has no texts; that of code
/// 20 is always the same (fabric-ca v1.5.21 `lib/caerrors/servererror.go`).
fn remembered(item: &str) -> Option<String> {
    let (at, what) = item.split_once(": code ")?;
    let code = what.split(' ').next()?.parse().ok()?;
    let text = if code == 20 { "Authentication failure" } else { "refused" };
    Some(format!("{} ({at}, remembered)", response(code, text)))
}
