//! `fabcert export config-update`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::channel::{CaOf, ChannelConfig, ChannelUpdate, Form, LARGEST, MspChange, is_signed_update, msp_update};
use crate::cli::args::OutputForm;
use crate::cli::next::command_line;
use crate::cli::{output, process};
use crate::disk::{Disk, Kind, WorkingTree};
use crate::pki::x509::{Cert, Crl};
use crate::text::escape::Lines;
use crate::text::pem_blocks;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Let a channel trust a new root CA and a new TLS root CA of an organisation:
    fabcert export config-update --channel-config config.block \\
        --msp Org1MSP --add-ca new-root.pem --add-tls-ca new-tls.pem \\
        --out update.pb

  Replace a root CA that the NodeOUs of the organisation name: add the new one,
  issue every certificate again, then remove the old one in another update:
    fabcert export config-update --channel-config config.block \\
        --msp Org1MSP --add-ca new-root.pem --unbind-node-ous --out update.pb

  Let it refuse revoked certificates (fabcert ca crl --into does both steps):
    fabcert export config-update --channel-config config.block \\
        --msp Org1MSP --crl crl.pem --out update.pb

  Then sign and send it as an administrator of the organisation:
    peer channel update -f update.pb -c CHANNEL -o ORDERER:PORT

The block is that of peer channel fetch config. The update has no signature
and changes nothing else. Peers take CRLs from channels at once.";

/// Write an unsigned update with which a channel learns or forgets a CA, or learns a CRL
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConfigUpdateArgs {
    /// Configuration block of the channel, as peer channel fetch config writes it
    #[arg(long, value_name = "BLOCK", env = "FABCERT_CHANNEL_CONFIG")]
    channel_config: PathBuf,
    /// MSP id of the organisation
    #[arg(long, value_name = "ID", env = "FABCERT_MSP")]
    msp: String,
    /// Root or intermediate CAs of identities to add (PEM). Repeatable
    #[arg(long, value_name = "FILE", value_delimiter = ',', env = "FABCERT_ADD_CA")]
    add_ca: Vec<PathBuf>,
    /// Root or intermediate CAs of TLS to add (PEM). Repeatable
    #[arg(long, value_name = "FILE", value_delimiter = ',', env = "FABCERT_ADD_TLS_CA")]
    add_tls_ca: Vec<PathBuf>,
    /// CAs of identities to remove (PEM). Repeatable
    #[arg(long, value_name = "FILE", value_delimiter = ',', env = "FABCERT_REMOVE_CA")]
    remove_ca: Vec<PathBuf>,
    /// CAs of TLS to remove (PEM). Repeatable
    #[arg(long, value_name = "FILE", value_delimiter = ',', env = "FABCERT_REMOVE_TLS_CA")]
    remove_tls_ca: Vec<PathBuf>,
    /// Let the NodeOUs count under every CA of the MSP, not under the one that they name
    #[arg(long, env = "FABCERT_UNBIND_NODE_OUS")]
    unbind_node_ous: bool,
    /// CRLs to put in the place of those of the same CA (PEM). Repeatable
    #[arg(long, value_name = "FILE", value_delimiter = ',', env = "FABCERT_CRL")]
    crl: Vec<PathBuf>,
    /// File for the update
    #[arg(long, value_name = "FILE", env = "FABCERT_OUT")]
    out: PathBuf,
    /// Overwrite the file if it holds something else than an update
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

pub(super) fn run(args: &ConfigUpdateArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let mut change = MspChange { unbind_node_ous: args.unbind_node_ous, ..MspChange::default() };
    for (of, paths) in [(CaOf::Identities, &args.add_ca), (CaOf::Tls, &args.add_tls_ca)] {
        for path in paths {
            change.added.extend(authorities(path, &disk)?.into_iter().map(|cert| (of, cert)));
        }
    }
    for (of, paths) in [(CaOf::Identities, &args.remove_ca), (CaOf::Tls, &args.remove_tls_ca)] {
        for path in paths {
            change.removed.extend(authorities(path, &disk)?.into_iter().map(|cert| (of, cert)));
        }
    }
    for path in &args.crl {
        change.crls.extend(lists(path, &disk)?);
    }
    if change.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "fabcert export config-update has nothing to change")
            .with_help("give --add-ca, --add-tls-ca, --remove-ca, --remove-tls-ca, --unbind-node-ous or --crl"));
    }
    let file = UpdateFile::new(&args.channel_config, &args.msp, &args.out, args.force, &disk)?;
    let update = file.write(&change, &disk)?;
    file.print(update.as_ref(), form)?;
    Ok(ExitCode::SUCCESS)
}

/// The file of an update, and the block that it is for.
pub(in crate::cli) struct UpdateFile<'a> {
    block: &'a Path,
    content: Vec<u8>,
    msp_id: &'a str,
    out: &'a Path,
}

impl<'a> UpdateFile<'a> {
    /// Reads the block, and checks it and the file to be written: before a request.
    ///
    /// # Errors
    /// When the block cannot be used, or the file holds something else.
    pub(in crate::cli) fn new(
        block: &'a Path,
        msp_id: &'a str,
        out: &'a Path,
        force: bool,
        disk: &Disk,
    ) -> Result<Self, Error> {
        let content = disk.read_regular(block, LARGEST)?.to_vec();
        let file = Self { block, content, msp_id, out };
        file.update(&MspChange::default())?;
        if !force {
            refuse_other(out, disk)?;
        }
        Ok(file)
    }

    fn update(&self, change: &MspChange) -> Result<Option<ChannelUpdate>, Error> {
        msp_update(&self.content, self.msp_id, change, process::now()).map_err(|e| e.of_update(self.block))
    }

    /// Writes the update; `None` without a file if the channel has it that way.
    ///
    /// # Errors
    /// When the change cannot be applied, or the file cannot be written.
    pub(in crate::cli) fn write(&self, change: &MspChange, disk: &Disk) -> Result<Option<ChannelUpdate>, Error> {
        let update = self.update(change)?;
        if let Some(update) = &update {
            for one in update.changed.iter().filter(|one| one.lost > 0) {
                tracing::warn!(
                    "the channel's list of \"{}\" revokes {} certificates that the new one lacks; a CA leaves out expired ones",
                    one.name,
                    one.lost
                );
            }
            for crl in change.crls.iter().filter(|crl| crl.next_update().is_some_and(|end| end <= process::now())) {
                tracing::warn!(
                    "the list of \"{}\" has ended: get a new one from the CA before it goes into a channel",
                    crl.issuer()
                );
            }
            if update.is_bound {
                tracing::warn!(
                    "the NodeOUs of {} name a CA, so that identities of another CA get no role; --unbind-node-ous lets them count under \
                     every CA of the MSP",
                    self.msp_id
                );
            }
            super::write(&WorkingTree::here(disk)?.with([self.out]), self.out, &update.envelope, 0o644)?;
        }
        Ok(update)
    }

    /// Prints what the update changes.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(in crate::cli) fn print(&self, update: Option<&ChannelUpdate>, form: OutputForm) -> Result<(), Error> {
        let printed = match (form, update) {
            (OutputForm::Json, _) => output::print_json(&self.json(update)),
            (OutputForm::Human, None) => {
                let block = self.block.display();
                output::print_line(format_args!("nothing to update: {} has {} that way", block, self.msp_id))
            }
            (OutputForm::Human, Some(update)) => output::print(&self.lines(update)),
        };
        output::after(printed, || match update {
            Some(_) => format!("the update is in {}", self.out.display()),
            None => "no file was written".to_owned(),
        })
    }

    fn json(&self, update: Option<&ChannelUpdate>) -> serde_json::Value {
        let changes = update.iter().flat_map(|update| &update.changed).map(|one| {
            serde_json::json!({"action": one.action, "what": one.what, "name": one.name, "revoked": one.revoked,
                "lost": one.lost})
        });
        serde_json::json!({
            "schema_version": 1,
            "action": if update.is_some() { "export config-update" } else { "unchanged" },
            "channel": update.map(|update| &update.channel),
            "msp_id": self.msp_id,
            "groups": update.map(|update| &update.groups),
            "changes": changes.collect::<Vec<_>>(),
            "out": update.map(|_| self.out),
        })
    }

    fn lines(&self, update: &ChannelUpdate) -> Lines {
        let mut lines = Lines::new();
        lines.line(format_args!(
            "{}: update of the channel \"{}\", unsigned, for {} in {}",
            self.out.display(),
            update.channel,
            self.msp_id,
            update.groups.join(" and ")
        ));
        for one in &update.changed {
            let revoked = one.revoked.map(|count| format!(", {count} revoked certificates")).unwrap_or_default();
            lines.line(format_args!("  {} {} {}{revoked}", one.action, one.what, one.name));
        }
        let out = self.out.display().to_string();
        let line = ["peer", "channel", "update", "-f", &out, "-c", &update.channel, "-o", "ORDERER:PORT"];
        lines.line(format_args!("next, as an administrator (others sign with peer channel signconfigtx before):"));
        lines.verbatim(format_args!("  {}", command_line(&line)));
        lines
    }
}

/// The CA certificates in a file.
fn authorities(path: &Path, disk: &Disk) -> Result<Vec<Cert>, Error> {
    let wrong = |reason: String| Error::new(ErrorKind::Input, format!("{}: {reason}", path.display()));
    let found = Cert::all_from_pem(&disk.read_regular(path, LARGEST)?).map_err(|e| wrong(e.to_string()))?;
    if found.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()).with_help("give a file with CA certificates (PEM)"));
    }
    for cert in &found {
        let fault = match (cert.is_ca(), cert.subject_key_id()) {
            (false, _) => "is not the certificate of a CA",
            (true, None) => "has no subject key identifier",
            (true, Some(_)) => continue,
        };
        return Err(wrong(format!("\"{}\" {fault}, and Fabric refuses an MSP with it", cert.subject()))
            .with_help("give CA certificates alone"));
    }
    Ok(found)
}

/// The CRLs in a file.
fn lists(path: &Path, disk: &Disk) -> Result<Vec<Crl>, Error> {
    let wrong = |reason: String| {
        Error::new(ErrorKind::Input, format!("{}: {reason}", path.display())).with_help("get it with fabcert ca crl")
    };
    let blocks = pem_blocks(&disk.read_regular(path, LARGEST)?).map_err(|e| wrong(e.to_string()))?;
    let lists: Vec<Crl> = blocks
        .into_iter()
        .filter(|block| block.label == "X509 CRL")
        .map(|block| Crl::from_der(block.der).map_err(wrong))
        .collect::<Result<_, _>>()?;
    if lists.is_empty() { Err(wrong("it holds no CRL (PEM)".to_owned())) } else { Ok(lists) }
}

/// Refuses to replace a file that is no update of a channel, such as the block itself.
fn refuse_other(path: &Path, disk: &Disk) -> Result<(), Error> {
    if disk.metadata_followed(path)?.is_none_or(|found| found.kind != Kind::File) {
        return Ok(());
    }
    let content = disk.read(path, LARGEST)?;
    let is_update =
        content.is_empty() || matches!(ChannelConfig::read(&content), Some(Ok(config)) if config.form == Form::Update);
    let holds = match (is_update, is_signed_update(&content)) {
        (true, false) => return Ok(()),
        (true, true) => "holds a signed update of a channel",
        (false, _) => "holds no update of a channel",
    };
    Err(Error::new(ErrorKind::Input, format!("--out: {} exists, and {holds}", path.display()))
        .with_help("give another file, or remove it"))
}
