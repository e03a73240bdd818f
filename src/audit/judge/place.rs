//! Where a refusal is to be seen: a file that is there, with its line.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::model::subject::{KeyKind, Subject};
use crate::disk::{EntryKind, FolderReader};
use crate::msp::MspRefusal;
use crate::text::yaml::{self, Node};

const CONFIG: &str = "config.yaml";

/// File or folder, line, and the reason as it is told there.
pub(super) fn of(
    refusal: &MspRefusal,
    folder: &dyn FolderReader,
    subject: &Subject,
) -> (PathBuf, Option<usize>, String) {
    let reason = refusal.reason.clone();
    if refusal.path == Path::new(CONFIG) {
        return (refusal.path.clone(), config_line(refusal, subject), reason);
    }
    if is_there(folder, &refusal.path) {
        let path = only_file(folder, &refusal.path).unwrap_or_else(|| refusal.path.clone());
        let why = if refusal.number == 33 { key_reason(&path, subject) } else { None };
        let reason = [Some(reason.as_str()), why].into_iter().flatten().collect::<Vec<_>>().join(": ");
        return (path, None, reason);
    }
    let name = refusal.path.display();
    // NodeOUs would do as well, and are said in config.yaml.
    if refusal.number == 58 && is_there(folder, Path::new(CONFIG)) {
        return (CONFIG.into(), None, reason);
    }
    match instead(folder, &refusal.path) {
        Some(other) => {
            let reason = format!("{name} is not there, and Fabric does not look into {}", other.display());
            (other, None, reason)
        }
        None => (PathBuf::new(), None, format!("{name}: {reason}")),
    }
}

fn is_there(folder: &dyn FolderReader, path: &Path) -> bool {
    let is_absent = |e: io::Error| e.kind() == io::ErrorKind::NotFound;
    !(folder.list(path).is_err_and(is_absent) && folder.read(path).is_err_and(is_absent))
}

/// The file that a folder holds, when it is the only one.
fn only_file(folder: &dyn FolderReader, path: &Path) -> Option<PathBuf> {
    let mut files = folder.list(path).ok()?.into_iter().filter(|e| e.kind == EntryKind::File);
    match (files.next(), files.next()) {
        (Some(only), None) => Some(path.join(only.name)),
        _ => None,
    }
}

/// What stands there instead of an absent folder: the name in other letters, or the MSP one level too deep.
fn instead(folder: &dyn FolderReader, absent: &Path) -> Option<PathBuf> {
    let folders = || folder.list(Path::new("")).into_iter().flatten().filter(|e| e.kind == EntryKind::Folder);
    let other_letters = folders().find(|e| e.name.eq_ignore_ascii_case(absent.as_os_str()));
    let nested = || folders().map(|e| PathBuf::from(e.name)).find(|p| folder.list(&p.join(absent)).is_ok());
    other_letters.map(|e| e.name.into()).or_else(nested)
}

/// Why the one key there does not count, as far as can be told.
fn key_reason(path: &Path, subject: &Subject) -> Option<&'static str> {
    let path = subject.inside(path);
    subject.keys.iter().find(|k| k.at.path == path).and_then(|key| match &key.kind {
        KeyKind::Encrypted => Some("the key there is encrypted"),
        KeyKind::Plain(_) if key.at.block.is_some_and(|b| b > 1) => {
            Some("another block stands before the key, such as EC PARAMETERS, and Fabric reads the first one only")
        }
        KeyKind::Plain(kind) if kind.starts_with("RSA") => Some("the key there is RSA, which Fabric does not read"),
        KeyKind::Plain(_) => None,
        KeyKind::BehindParameters => Some("EC PARAMETERS stand before the key, and Fabric reads the first block only"),
        KeyKind::Unreadable(_) => Some("the key there cannot be read"),
    })
}

/// The line of `config.yaml` that a refusal is about: of what is no YAML, or of the OU that the reason names.
fn config_line(refusal: &MspRefusal, subject: &Subject) -> Option<usize> {
    let text = &subject.msp.as_ref()?.config_text;
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(e) => return Some(e.line),
    };
    let config = documents.first()?;
    if refusal.number == 13 {
        // The reader of Fabric's YAML says where it stopped.
        let (_, behind) = refusal.reason.rsplit_once("at line ")?;
        return behind.split(' ').next()?.parse().ok();
    }
    let names_ou = |node: &Node| {
        let ou = node.get("OrganizationalUnitIdentifier").and_then(Node::text);
        ou.is_some_and(|ou| refusal.reason.contains(&format!("the OU \"{ou}\"")))
    };
    let node_ous = config.get("NodeOUs").and_then(Node::entries).unwrap_or_default().iter().map(|(_, v)| v);
    let required = config.get("OrganizationalUnitIdentifiers").and_then(Node::items).unwrap_or_default();
    let listed: Box<dyn Iterator<Item = &Node>> =
        if matches!(refusal.number, 14 | 52) { Box::new(required.iter()) } else { Box::new(node_ous) };
    let found = listed.into_iter().find(|n| names_ou(n))?;
    Some(found.get("Certificate").map_or(found.line, |n| n.line))
}
