//! `fabcert export wallet`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::cli::args::OutputForm;
use crate::cli::{output, process};
use crate::disk::{Disk, DiskFolder, Kind, WorkingTree};
use crate::export::{Card, CardOnDisk, LARGEST_CARD};
use crate::msp::CurrentMsp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Put an enrolled identity into the wallet of an application:
    fabcert export wallet --msp-dir user1/msp --msp-id Org1MSP --wallet wallet

  Keep the wallet at the newest certificate, as a hook of the agent:
    fabcert agent --hook '[\"fabcert\", \"export\", \"wallet\", \"--msp-dir\",
        \"user1/msp\", \"--msp-id\", \"Org1MSP\", \"--wallet\", \"wallet\"]' user1

The file LABEL.id has the form that the Node, Java and Go client libraries
write. Only its owner can read it.";

/// Put the identity of an MSP folder into a file-system wallet
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WalletArgs {
    /// MSP folder with the certificate and its key
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir")]
    msp_dir: PathBuf,
    /// MSP id of the organisation
    #[arg(long, value_name = "ID", env = "FABCERT_MSP_ID")]
    msp_id: String,
    /// Folder of the wallet
    #[arg(long, value_name = "DIR", env = "FABCERT_WALLET")]
    wallet: PathBuf,
    /// Label of the identity [default: its enrolment id]
    #[arg(long, value_name = "LABEL", env = "FABCERT_LABEL")]
    label: Option<String>,
    /// Replace the file of another identity, and take a certificate that expired
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

pub(super) fn run(args: &WalletArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let (certificate, key) = identity(args, &disk)?;
    warn_of_key(args, key.algorithm());
    let id = certificate.common_name().unwrap_or_default();
    let label = args.label.as_deref().unwrap_or(id);
    let path = args.wallet.join(format!("{}.id", file_name(label)?));
    let tree = WorkingTree::here(&disk)?.with([path.as_path()]);
    let content = Card { msp_id: &args.msp_id, certificate: &certificate, key: &key }.to_json()?;
    let before = current(&path, &disk)?;
    if let Some(before) = before.as_deref().filter(|_| !args.force) {
        refuse_other(before, &path, (id, &args.msp_id))?;
    }
    // A copied wallet may have a mode with which others read the key.
    let is_open = disk.metadata_followed(&path)?.is_some_and(|found| found.mode & 0o077 != 0);
    let is_new = is_open || before.is_none_or(|before| *before != *content);
    if is_new {
        super::write(&tree, &path, &content, 0o600)?;
    }
    let end = certificate.not_after();
    let printed = match form {
        OutputForm::Json => output::print_json(&serde_json::json!({
            "schema_version": 1,
            "action": if is_new { "export wallet" } else { "unchanged" },
            "path": path,
            "label": label,
            "id": id,
            "msp_id": args.msp_id,
            "not_after": end.rfc3339(),
        })),
        OutputForm::Human => {
            let what = if is_new { "the identity" } else { "unchanged: the identity" };
            output::print_line(format_args!("{}: {what} {id} of {}, valid to {end}", path.display(), args.msp_id))
        }
    };
    output::after(printed, || format!("the identity is in {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The certificate of the folder and its key.
fn identity(args: &WalletArgs, disk: &Disk) -> Result<(Cert, KeyPair), Error> {
    if disk.metadata_followed(&args.msp_dir)?.is_none() {
        return Err(Error::new(ErrorKind::Input, format!("{} does not exist", args.msp_dir.display()))
            .with_help("give the MSP folder of an enrolled identity with --msp-dir"));
    }
    let msp = CurrentMsp::read(&DiskFolder::new(disk, &args.msp_dir), None);
    let refuse = |reason: String| {
        Error::new(ErrorKind::Input, format!("{}: {reason}", args.msp_dir.display()))
            .with_help("see what is wrong with it: fabcert audit FOLDER")
    };
    if !msp.pair_matches() {
        let reason = match &*msp.problems {
            [] => "it holds no certificate".to_owned(),
            [first, ..] => format!("{}: {}", first.path.display(), first.reason),
        };
        return Err(refuse(reason));
    }
    let (Some((_, certificate)), Some((_, key))) = (msp.leaf, msp.key) else {
        return Err(refuse("it holds no certificate with its key".to_owned()));
    };
    if certificate.not_after() <= process::now() && !args.force {
        return Err(refuse(format!("its certificate expired at {}", certificate.not_after()))
            .with_help("renew it: fabcert renew FOLDER; or take it all the same with --force"));
    }
    Ok((certificate, key))
}

/// The older libraries for Node and Java take the curve from their settings, P-256, and not from the key (`fabric-common`,
/// `CryptoSuite_ECDSA_AES.js`; `fabric-sdk-java`, `CryptoPrimitives.java`). None of the older ones knows Ed25519.
fn warn_of_key(args: &WalletArgs, algorithm: KeyAlgorithm) {
    let libraries = match algorithm {
        KeyAlgorithm::P256 => return,
        KeyAlgorithm::P384 => "the older client libraries for Node (fabric-network) and Java (fabric-gateway-java)",
        KeyAlgorithm::Ed25519 => "the older client libraries for Node, Java and Go",
    };
    tracing::warn!(
        "{}: peers refuse what {libraries} sign with a {algorithm} key; the libraries of the Gateway API can use it",
        args.msp_dir.display()
    );
}

/// A label that is a file name.
fn file_name(label: &str) -> Result<&str, Error> {
    let is_name = !label.is_empty() && !label.starts_with('.') && !label.contains(['/', '\\', '\0']);
    if is_name && label.len() <= 200 {
        return Ok(label);
    }
    Err(Error::new(ErrorKind::Input, format!("\"{label}\" cannot be the label of an identity in a wallet"))
        .with_help("give another one with --label"))
}

/// The content of the file, if there is one.
fn current(path: &Path, disk: &Disk) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Error> {
    match disk.metadata_followed(path)? {
        None => Ok(None),
        Some(found) if found.kind == Kind::File => Ok(Some(disk.read_secret(path, LARGEST_CARD)?)),
        Some(_) => Err(Error::new(ErrorKind::Input, format!("{} is no regular file", path.display()))
            .with_help("give another folder with --wallet, or another label")),
    }
}

/// Refuses to replace a file of another identity.
fn refuse_other(before: &[u8], path: &Path, (id, msp_id): (&str, &str)) -> Result<(), Error> {
    let holds = match CardOnDisk::read(before) {
        Some(card) if card.msp_id == msp_id && card.id().is_none_or(|other| other == id) => return Ok(()),
        Some(card) => format!("the identity {} of {}", card.id().unwrap_or_default(), card.msp_id),
        None => "something else".to_owned(),
    };
    Err(Error::new(ErrorKind::Input, format!("{} holds {holds}", path.display()))
        .with_help("give another label with --label, or replace it with --force"))
}
