//! Locates a refusal: an existing file, with its line.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::model::subject::{KeyKind, Subject};
use crate::disk::{EntryKind, FolderReader};
use crate::msp::MspRefusal;
use crate::text::yaml::{self, Node};

const CONFIG: &str = "config.yaml";

/// The file or folder, the line, and the reason with details of that place.
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
    // NodeOUs would also satisfy Fabric; they are set in config.yaml.
    if refusal.number == 58 && is_there(folder, Path::new(CONFIG)) {
        return (CONFIG.into(), None, reason);
    }
    match instead(folder, &refusal.path) {
        Some(other) => {
            let reason = format!("{name} does not exist, and Fabric does not read {}", other.display());
            (other, None, reason)
        }
        None => (PathBuf::new(), None, format!("{name}: {reason}")),
    }
}

fn is_there(folder: &dyn FolderReader, path: &Path) -> bool {
    let is_absent = |e: io::Error| e.kind() == io::ErrorKind::NotFound;
    !(folder.list(path).is_err_and(is_absent) && folder.read(path).is_err_and(is_absent))
}

/// The only file in a folder.
fn only_file(folder: &dyn FolderReader, path: &Path) -> Option<PathBuf> {
    let mut files = folder.list(path).ok()?.into_iter().filter(|e| e.kind == EntryKind::File);
    match (files.next(), files.next()) {
        (Some(only), None) => Some(path.join(only.name)),
        _ => None,
    }
}

/// A likely substitute of an absent folder: the same name in other letter case, or an MSP nested one level too deep.
fn instead(folder: &dyn FolderReader, absent: &Path) -> Option<PathBuf> {
    let folders = || folder.list(Path::new("")).into_iter().flatten().filter(|e| e.kind == EntryKind::Folder);
    let other_letters = folders().find(|e| e.name.eq_ignore_ascii_case(absent.as_os_str()));
    let nested = || folders().map(|e| PathBuf::from(e.name)).find(|p| folder.list(&p.join(absent)).is_ok());
    other_letters.map(|e| e.name.into()).or_else(nested)
}

/// The reason why the only key there is unusable, if known.
fn key_reason(path: &Path, subject: &Subject) -> Option<&'static str> {
    let path = subject.inside(path);
    subject.keys.iter().find(|k| k.at.path == path).and_then(|key| match &key.kind {
        KeyKind::Encrypted => Some("the key there is encrypted"),
        KeyKind::Plain(_) if key.at.block.is_some_and(|b| b > 1) => {
            Some("another block, such as EC PARAMETERS, precedes the key, and Fabric reads only the first block")
        }
        KeyKind::Plain(kind) if kind.starts_with("RSA") => Some("the key there is RSA, which Fabric does not read"),
        KeyKind::Plain(_) => None,
        KeyKind::BehindParameters => Some("EC PARAMETERS precede the key, and Fabric reads only the first block"),
        KeyKind::Unreadable(_) => Some("the key there cannot be read"),
    })
}

/// The line of `config.yaml` that a refusal concerns: that of a YAML error, or that of the OU named in the reason.
fn config_line(refusal: &MspRefusal, subject: &Subject) -> Option<usize> {
    let text = &subject.msp.as_ref()?.config_text;
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(e) => return Some(e.line),
    };
    let config = documents.first()?;
    if refusal.number == 13 {
        // The error of Fabric's YAML parser states the line.
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
