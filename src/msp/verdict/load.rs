//! Loading the folder (fabric `msp/configbuilder.go`): refusals 6-14.

use std::io;
use std::path::{Path, PathBuf};

use super::{MspRefusal, Warnings, refuse};
use crate::disk::{FolderReader, clean};
use crate::msp::keystore::KEYSTORE;
use crate::msp::node_ous::{MspConfig, OuIdentifier};
use crate::msp::pem_folder::{PemFile, pem_files};
use crate::msp::read::CONFIG;
use crate::pki::x509::NodeOu;

const SIGNCERTS: &str = "signcerts";

/// An OU of `config.yaml` with its certificate.
pub(super) struct NamedOu {
    pub(super) name: String,
    /// Path and content; `None` if no file is named, or the file cannot be read.
    pub(super) certificate: Option<(PathBuf, Vec<u8>)>,
}

/// The folder as Fabric loads it, without the identity.
pub(super) struct Tree {
    pub(super) roots: Vec<PemFile>,
    pub(super) intermediates: Vec<PemFile>,
    pub(super) admins: Vec<PemFile>,
    pub(super) tls_roots: Vec<PemFile>,
    pub(super) tls_intermediates: Vec<PemFile>,
    pub(super) crls: Vec<PemFile>,
    pub(super) ou_identifiers: Vec<NamedOu>,
    /// Empty unless NodeOUs are enabled; without identifiers that have an empty OU.
    pub(super) node_ous: Vec<(NodeOu, NamedOu)>,
}

/// Loads the certificate of the identity, which only a local MSP has.
pub(super) fn load_signcert(folder: &dyn FolderReader, warnings: &mut Warnings) -> Result<PemFile, MspRefusal> {
    match read_folder(folder, SIGNCERTS, warnings) {
        Err(e) => refuse(7, Path::new(SIGNCERTS), unreadable(&e)),
        Ok(files) => match files.into_iter().next() {
            None => refuse(8, Path::new(SIGNCERTS), "it holds no certificate in PEM form"),
            Some(first) => Ok(first),
        },
    }
}

/// Fabric opens the keystore first, and creates it if it is missing.
pub(super) fn check_keystore(folder: &dyn FolderReader) -> Result<(), MspRefusal> {
    match folder.list(Path::new(KEYSTORE)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => refuse(6, Path::new(KEYSTORE), unreadable(&e)),
        // It cannot be created at a dangling link.
        Err(_) if folder.list(Path::new("")).is_ok_and(|entries| entries.iter().any(|e| e.name == KEYSTORE)) => {
            refuse(6, Path::new(KEYSTORE), "it is a dangling link")
        }
        _ => Ok(()),
    }
}

/// Whether the folder is an organisation's and not a node's: CAs, and neither certificate nor key.
pub(super) fn is_organization(folder: &dyn FolderReader) -> bool {
    let absent = |dir: &str| folder.list(Path::new(dir)).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
    !absent("cacerts") && absent(SIGNCERTS) && absent(KEYSTORE)
}

impl Tree {
    pub(super) fn load(folder: &dyn FolderReader, warnings: &mut Warnings) -> Result<Self, MspRefusal> {
        let roots = match read_folder(folder, "cacerts", warnings) {
            Err(e) => return refuse(9, Path::new("cacerts"), unreadable(&e)),
            Ok(files) if files.is_empty() => {
                return refuse(10, Path::new("cacerts"), "it holds no certificate in PEM form");
            }
            Ok(files) => files,
        };
        let mut optional = |dir: &str| match read_folder(folder, dir, warnings) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => refuse(11, Path::new(dir), unreadable(&e)),
            Ok(files) => Ok(files),
        };
        let admins = optional("admincerts")?;
        let intermediates = optional("intermediatecerts")?;
        let tls_roots = optional("tlscacerts")?;
        // Without TLS roots Fabric ignores them.
        let tls_intermediates = if tls_roots.is_empty() { Vec::new() } else { optional("tlsintermediatecerts")? };
        let crls = optional("crls")?;

        let config = load_config(folder)?;
        let mut ou_identifiers = Vec::new();
        for ou in config.ou_identifiers {
            let path = clean(Path::new(&ou.certificate));
            match folder.read(&path) {
                Ok(content) => {
                    let certificate = Some((path, content.to_vec()));
                    ou_identifiers.push(NamedOu { name: ou.organizational_unit, certificate });
                }
                Err(e) => {
                    let reason = format!(
                        "OrganizationalUnitIdentifiers names the certificate \"{}\" for the OU \"{}\", but {}",
                        ou.certificate,
                        ou.organizational_unit,
                        unreadable(&e)
                    );
                    return refuse(14, Path::new(CONFIG), reason);
                }
            }
        }
        let node_ous = config
            .node_ous
            .filter(|n| n.enable)
            .map(|n| n.identifiers)
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, ou)| !ou.organizational_unit.is_empty())
            .map(|(role, ou)| (role, node_ou(folder, role, ou, warnings)))
            .collect();
        Ok(Self { roots, intermediates, admins, tls_roots, tls_intermediates, crls, ou_identifiers, node_ous })
    }
}

fn read_folder(folder: &dyn FolderReader, dir: &str, warnings: &mut Warnings) -> io::Result<Vec<PemFile>> {
    let found = pem_files(folder, dir)?;
    for (path, reason) in found.skipped {
        let (number, meaning) =
            if dir == "crls" { (Some(67), "so it revokes nothing") } else { (None, "so Fabric ignores it") };
        warnings.push(number, &path, format!("{reason}, {meaning}"));
    }
    Ok(found.files)
}

fn load_config(folder: &dyn FolderReader) -> Result<MspConfig, MspRefusal> {
    let path = Path::new(CONFIG);
    match folder.read(path) {
        Ok(text) => MspConfig::parse(&text).or_else(|e| refuse(13, path, e.to_string())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(MspConfig::default()),
        Err(e) => refuse(12, path, unreadable(&e)),
    }
}

/// A missing or empty file does not cause a refusal (15): the OU is then not bound to a CA.
fn node_ou(folder: &dyn FolderReader, role: NodeOu, ou: OuIdentifier, warnings: &mut Warnings) -> NamedOu {
    let name = ou.organizational_unit;
    if ou.certificate.is_empty() {
        return NamedOu { name, certificate: None };
    }
    let path = clean(Path::new(&ou.certificate));
    let certificate = match folder.read(&path) {
        Ok(content) if content.is_empty() => None,
        Ok(content) => Some((path, content.to_vec())),
        Err(e) => {
            let reason = format!(
                "the {role} OU names the certificate \"{}\", but {}: any CA of this MSP counts",
                ou.certificate,
                unreadable(&e)
            );
            warnings.push(Some(15), Path::new(CONFIG), reason);
            None
        }
    };
    NamedOu { name, certificate }
}

fn unreadable(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => format!("it cannot be read: {e}"),
    }
}
