//! `fabcert reenroll`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::process::ExitCode;

use clap::Args;

use super::args::{OutputArgs, fabric_env};
#[cfg(feature = "kubernetes")]
use super::cluster::InCluster;
use super::enroll::{self, EnrollArgs};
use super::process;
use crate::Error;
use crate::disk::Disk;
use crate::identity::Environment;

const EXAMPLES: &str = "\
Examples:
  Get new certificates for the MSP and TLS folders of a peer:
    fabcert reenroll --url https://org1-ca --tls-ca ca.pem \\
        --msp-dir /var/hyperledger/peer/msp --tls-dir /var/hyperledger/peer/tls

  Add a name, and keep the key:
    fabcert reenroll --url https://org1-ca --tls-ca ca.pem --reuse-key \\
        --tls-dir /var/hyperledger/peer/tls --san org1-peer1.example.com

  Use the secret if the certificate has expired:
    fabcert reenroll --url https://org1-ca --tls-ca ca.pem \\
        --enroll-if-expired --secret-file /run/secrets/enroll \\
        --msp-dir /var/hyperledger/peer/msp

Each run gets new certificates. The current ones stay valid until they expire:
revoke them at the CA where a key is lost. The limit of enrolments of the
identity does not apply.";

/// Re-enrol an identity: the current certificate is the credential, and its names are kept.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("url", |a| a.help("URL of the CA: https://HOST[:PORT][/PATH]. The default port is 7054")))]
#[command(mut_arg("id", |a| a.help("Enrolment id: that of the current certificate")))]
#[command(mut_arg("secret_file", |a| a.help("File with the enrolment secret for --enroll-if-expired, or - for standard input. You can set FABCERT_SECRET to the secret instead")))]
#[command(mut_arg("san", |a| a.help("Name to add to those of the current certificate: DNS name, IP address, e-mail address or URI. Repeat it, or separate several with commas")))]
#[command(mut_arg("msp_dir", |a| a.help("MSP folder with the current signing identity")))]
#[command(mut_arg("tls_dir", |a| a.help("TLS folder with the current pair: server.crt, server.key and ca.crt")))]
#[command(mut_arg("profile", |a| a.help("Signing profile at the CA, for one folder alone [default: that of the current certificate]")))]
#[command(mut_arg("attrs", |a| a.help("Attributes to request, NAME or NAME:opt [default: those of the last request]")))]
#[command(mut_arg("key_algorithm", |a| a.help("Kind of a new key [default: that of the current key]. A signing key of the kind ed25519 needs channels with the capability V3_0: --channel-config or --fabric-version")))]
#[command(mut_arg("wait", |a| a.help("Keep trying for this time while the CA cannot be reached")))]
#[command(mut_arg("force", |a| a.help("Replace the root or a pending key, and send a request that the CA refused or answered with something else before")))]
pub(super) struct ReenrollArgs {
    #[command(flatten)]
    enroll: EnrollArgs,
    /// Enrol with the id and the secret if the current certificate has expired and the CA does not take it
    #[arg(long, env = "FABCERT_ENROLL_IF_EXPIRED", help_heading = "Request")]
    enroll_if_expired: bool,
}

pub(super) fn run(args: ReenrollArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let ReenrollArgs { mut enroll, enroll_if_expired } = args;
    let env = fabric_env::of_process(&[])?;
    enroll::complete(&mut enroll.identity, &env);
    let disk = Disk::real().with_patience(enroll.identity.ca.connection.timeout);
    let (dry_run, gateways) = (enroll.dry_run, enroll.identity.names.gateway_service.clone());
    #[cfg(feature = "kubernetes")]
    let in_cluster = InCluster::fetch_for(&enroll.cluster, &mut enroll.identity, (false, enroll.wait), &disk)?;
    let request = enroll::reenroll_request(enroll, enroll_if_expired, &disk, &env)?;
    let environment = Environment::new(&disk, &process::now);
    #[cfg(feature = "kubernetes")]
    if let Some(in_cluster) = in_cluster {
        return in_cluster.carry_out(&request, dry_run, &environment, output);
    }
    enroll::carry_out(&request, dry_run, &gateways, &environment, output)
}
