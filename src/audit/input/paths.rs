//! The named paths: files, folders, patterns, standard input.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use super::walk::{FolderId, folder_id, is_ours_or_the_kubelets};
use crate::disk::{Disk, Kind};
use crate::text::Pattern;
use crate::{Error, ErrorKind};

/// One named path.
#[derive(Debug)]
pub(super) enum Named {
    Dir(PathBuf, FolderId),
    File(PathBuf),
    Stdin,
    Special(PathBuf),
    Unreadable(PathBuf, String),
}

/// Resolves `paths`, each once.
///
/// # Errors
/// If a path does not exist and matches nothing as a pattern.
pub(super) fn named(disk: &Disk, paths: &[PathBuf], excluded: &dyn Fn(&Path) -> bool) -> Result<Vec<Named>, Error> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    for path in paths.iter().filter(|p| seen.insert(p.as_path())) {
        if path.as_os_str() == "-" {
            out.push(Named::Stdin);
        } else if let Some(found) = look(disk, path) {
            out.push(found);
        } else if is_pattern(path) {
            let before = out.len();
            expand(disk, path, excluded, &mut out)?;
            if out.len() == before {
                return Err(Error::new(ErrorKind::Input, format!("nothing matches {}", path.display()))
                    .with_help("`*` and `?` stay within a name, `**` matches any folders in between"));
            }
        } else {
            return Err(Error::new(ErrorKind::Input, format!("{} does not exist", path.display()))
                .with_help("name files or folders that hold certificates or manifests"));
        }
    }
    Ok(out)
}

/// The kind of entry at a path, links followed; `None` if the path does not exist.
fn look(disk: &Disk, path: &Path) -> Option<Named> {
    let path = path.to_owned();
    Some(match disk.metadata_followed(&path) {
        Ok(Some(m)) => match m.kind {
            Kind::Dir => Named::Dir(path, folder_id(&m)),
            Kind::File => Named::File(path),
            Kind::Link | Kind::Special => Named::Special(path),
        },
        Ok(None) => return None,
        // No file system accepts such a name.
        Err(e) if e.io_kind() == std::io::ErrorKind::InvalidFilename => return None,
        Err(e) => Named::Unreadable(path, e.to_string()),
    })
}

fn has_wildcard(part: Component<'_>) -> bool {
    matches!(part, Component::Normal(name) if name.to_string_lossy().contains(['*', '?', '{']))
}

fn is_pattern(path: &Path) -> bool {
    path.components().any(has_wildcard)
}

/// All matches of a pattern, sorted by name. Entries below a matching folder are part of that match.
fn expand(disk: &Disk, path: &Path, excluded: &dyn Fn(&Path) -> bool, out: &mut Vec<Named>) -> Result<(), Error> {
    let fixed: PathBuf = path.components().take_while(|c| !has_wildcard(*c)).collect();
    let rest: PathBuf = path.components().skip_while(|c| !has_wildcard(*c)).collect();
    let pattern = Pattern::parse(&rest.to_string_lossy())
        .map_err(|e| Error::new(ErrorKind::Input, e.to_string()).with_help("name several paths instead"))?;
    let depth = if rest.components().any(|c| c.as_os_str() == "**") { usize::MAX } else { rest.components().count() };
    let mut seen = HashSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let dir = fixed.join(&below);
        let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
        let new = disk.metadata_followed(&dir).is_ok_and(|m| m.is_some_and(|m| seen.insert(folder_id(&m))));
        if !new {
            continue;
        }
        let entries = match disk.list(&dir) {
            Ok(entries) => entries,
            Err(e) if e.io_kind() == std::io::ErrorKind::NotADirectory => continue,
            Err(e) => {
                out.push(Named::Unreadable(dir, e.to_string()));
                continue;
            }
        };
        let mut folders = Vec::new();
        for entry in entries.into_iter().filter(|e| !is_ours_or_the_kubelets(&e.name)) {
            let (below, path) = (below.join(&entry.name), fixed.join(&below).join(&entry.name));
            if excluded(&path) {
                continue;
            }
            if pattern.matches(&below) {
                out.extend(look(disk, &path));
            } else if matches!(entry.kind, Kind::Dir | Kind::Link) && below.components().count() < depth {
                folders.push(below);
            }
        }
        open.extend(folders.into_iter().rev());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_expand_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        for path in ["b/tls/server.crt", "a/tls/server.crt", "a/deep/er/tls/x", "a/other/x", "c.pem", ".git/tls/x"] {
            let path = dir.path().join(path);
            disk.create_dirs(path.parent().unwrap()).unwrap();
            disk.write_new(&path, b"", 0o600).unwrap();
        }
        std::os::unix::fs::symlink("..", dir.path().join("a/loop")).unwrap();
        let expand = |pattern: &str| {
            let found = named(&disk, &[dir.path().join(pattern)], &|p: &Path| p.ends_with("other"));
            found.map(|found| {
                let path = |n: &Named| match n {
                    Named::Dir(p, _) | Named::File(p) => p.strip_prefix(dir.path()).unwrap().display().to_string(),
                    other => format!("{other:?}"),
                };
                found.iter().map(path).collect::<Vec<_>>()
            })
        };
        assert_eq!(expand("*/tls").unwrap(), ["a/tls", "b/tls"]);
        assert_eq!(expand("**/tls").unwrap(), ["a/tls", "a/deep/er/tls", "b/tls"]);
        assert_eq!(expand("?.pem").unwrap(), ["c.pem"]);
        assert_eq!(expand("*/*/*.crt").unwrap(), ["a/tls/server.crt", "b/tls/server.crt"]);
        for missing in ["*.crt", "a/*.pem", "nowhere", "nowhere/*", "a/o*"] {
            assert_eq!(expand(missing).unwrap_err().exit_code(), 4, "{missing}");
        }
    }

    #[test]
    fn existing_file_wins_over_pattern() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, odd) = (Disk::real(), dir.path().join("a*.pem"));
        disk.write_new(&odd, b"", 0o600).unwrap();
        disk.write_new(&dir.path().join("ab.pem"), b"", 0o600).unwrap();
        let found = named(&disk, &[odd.clone(), odd.clone()], &|_: &Path| false).unwrap();
        assert!(matches!(&found[..], [Named::File(path)] if *path == odd), "{found:?}");
    }
}
