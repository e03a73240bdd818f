//! `fabcert doctor`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{OutputForm, fabric_env};
use super::enroll::{self, EnrollArgs, IdentityArgs};
use super::{output, process};
use crate::Error;
use crate::ca::CaUrl;
use crate::disk::Disk;
use crate::doctor::{Patient, examine};
use crate::identity::{CaAccess, Environment, SecretSource};

const EXAMPLES: &str = "\
Examples:
  Look for what would stop the enrolment of a peer: the same line as for enroll,
  with the other word:
    fabcert doctor --url https://org1-ca --tls-ca ca.pem \\
        --id org1-peer1 --secret-file /run/secrets/enroll --role peer \\
        --hostname org1-peer1 --msp-dir /var/hyperledger/peer/msp

Sends no credentials, spends no enrolment, and leaves no file behind. Every
check is made, also after one that failed. Exit code 1: a check failed. 6: the
only failure is that the CA was not reached.";

/// Check everything that an enrolment needs: the CA and the way to it, the secret, the folders.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    enroll: EnrollArgs,
}

pub(super) fn run(args: DoctorArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let env = fabric_env::of_process(&[])?;
    let mut args = args.enroll;
    enroll::complete(&mut args.identity, &env);
    let (access, folders) = parts(&args.identity);
    let key_access = args.identity.target.key_access();
    let patient = match enroll::checked_request(args, &env) {
        Ok(request) => Patient::Request(Box::new(request)),
        Err(error) => Patient::Parts { error, access: access.map(Box::new), folders, key_access },
    };
    let disk = Disk::real();
    let environment = Environment::new(&disk, &process::now);
    let examined = async { Ok(examine(&patient, &environment).await) };
    let diagnosis = process::runtime()?.block_on(process::until_signal(examined))?;
    match form {
        OutputForm::Json => output::print_json(&diagnosis)?,
        OutputForm::Human => output::print(&diagnosis.lines())?,
    }
    Ok(ExitCode::from(diagnosis.exit_code()))
}

/// The CA and the folders of arguments that may not make a request, as far as they are given.
fn parts(args: &IdentityArgs) -> (Option<CaAccess>, Vec<PathBuf>) {
    let IdentityArgs { ca, target, .. } = args;
    let access = ca.url.as_deref().and_then(|text| {
        let (url, id, _) = CaUrl::parse(text).ok()?;
        let id = ca.id.clone().or(id).unwrap_or_default();
        let mut access = ca.connection.access(url, id, target.home.as_deref()).ok()?;
        access.secret = ca
            .secret_file
            .clone()
            .filter(|path| path.as_os_str() != "-")
            .map_or(SecretSource::None, SecretSource::File);
        Some(access)
    });
    let (msp, tls) = target.folders();
    (access, msp.into_iter().chain(tls).collect())
}
