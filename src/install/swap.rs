//! [`Placement::Plain`](super::Placement::Plain): swaps the whole folder with its new version.
//!
//! Entries of the state folder:
//!
//! - `build`: an incomplete tree; removed after a kill.
//! - `swap-<inode>`: a complete tree, named by the inode number of the new tree's folder. After the swap the old tree
//!   has that name and another inode number, which shows on which side of the swap a run was killed.
//! - `old`: the old tree, if the file system cannot swap and the folder is replaced in two moves.
//! - `previous`: the set before the current one.
//! - `trash`, `trash-<n>`: earlier sets, about to be removed.

use std::path::{Path, PathBuf};

use super::stage::{self, Filling};
use super::{InstallError, Place, trash};
use crate::Error;
use crate::disk::{Disk, FsError, Kind};

pub(super) const BUILD: &str = "build";
const READY: &str = "swap-";
const OLD: &str = "old";
const PREVIOUS: &str = "previous";

/// Whether this module uses `name` in the state folder.
pub(super) fn is_own_name(name: &str) -> bool {
    [BUILD, OLD, PREVIOUS].contains(&name) || name.starts_with(READY) || trash::is_own_name(name)
}

/// Whether `name` in the state folder is left over from a run that was killed.
pub(super) fn is_leftover(name: &str) -> bool {
    is_own_name(name) && name != PREVIOUS
}

/// The previous set's folder.
pub(super) fn previous(disk: &Disk, place: &Place) -> Result<Option<PathBuf>, FsError> {
    let path = place.state_dir().join(PREVIOUS);
    Ok(disk.metadata(&path)?.map(|_| path))
}

/// Builds the new tree and swaps it in.
pub(super) fn publish(
    disk: &Disk,
    place: &Place,
    owned: &[PathBuf],
    filling: &Filling<'_>,
    check: &dyn Fn(&Path) -> Result<(), Error>,
) -> Result<(), InstallError> {
    let (state, target) = (place.state_dir(), place.target());
    let build = state.join(BUILD);
    let current = disk.metadata(target)?;
    stage::open(disk, &build, current.as_ref())?;
    match (&current, filling) {
        (None, Filling::Tree(tree)) => stage::copy_entries(disk, tree, &build, Path::new(""), &|_| true)?,
        (None, Filling::Plan(_)) => stage::fill(disk, &build, owned, filling)?,
        (Some(found), _) => {
            if found.kind != Kind::Dir {
                return Err(InstallError::NotAFolder { path: target.to_owned() });
            }
            stage::refuse_unmovable(disk, target)?;
            let not_owned = |path: &Path| !owned.iter().any(|o| o == path);
            stage::copy_entries(disk, target, &build, Path::new(""), &not_owned)?;
            stage::fill(disk, &build, owned, filling)?;
        }
    }
    disk.chmod(&build, current.map_or(0o755, |m| m.mode))?;
    check(&build).map_err(InstallError::Check)?;
    stage::sync(disk, &build)?;

    if current.is_none() {
        disk.rename_noreplace(&build, target)?;
    } else {
        let inode = disk.metadata(&build)?.map_or(0, |m| m.inode);
        let ready = state.join(format!("{READY}{inode}"));
        disk.rename_noreplace(&build, &ready)?;
        if !disk.exchange(&ready, target)? {
            // Readers may find nothing for an instant, but never a mix; `recover` undoes the first move after a kill.
            disk.rename_noreplace(target, &state.join(OLD))?;
            disk.rename_noreplace(&ready, target)?;
        }
    }

    let settle = || -> Result<(), FsError> {
        // A file system that keeps the order of renames has those in the state folder then too.
        disk.sync(place.parent())?;
        recover(disk, place)
    };
    settle().map_err(|e| InstallError::Unfinished { target: target.to_owned(), source: Box::new(e.into()) })
}

/// Tries what [`publish`] does, up to the swap; `lock::recover` removes the result.
pub(super) fn rehearse(
    disk: &Disk,
    place: &Place,
    owned: &[PathBuf],
    try_files: &dyn Fn(&Path) -> Result<Vec<String>, InstallError>,
) -> Result<Vec<String>, InstallError> {
    let (target, state) = (place.target(), place.state_dir());
    let Some(current) = disk.metadata(target)? else { return try_files(&state) };
    let build = state.join(BUILD);
    stage::open(disk, &build, Some(&current))?;
    let warnings = try_files(&build)?;
    stage::refuse_unmovable(disk, target)?;
    let not_owned = |path: &Path| !owned.iter().any(|o| o == path);
    stage::copy_entries(disk, target, &build, Path::new(""), &not_owned)?;
    disk.chmod(&build, current.mode)?;
    if disk.is_overlay(target) {
        disk.create_dir(&build.join(BUILD), 0o700)?;
    }
    disk.may_move(target, &current, &build)?;
    Ok(warnings)
}

/// Cleans up after a run, however it ended: keeps the complete current set and one previous set, nothing else.
pub(super) fn recover(disk: &Disk, place: &Place) -> Result<(), FsError> {
    let (state, target) = (place.state_dir(), place.target());
    if !disk.read_dir(&state)?.iter().any(|name| name.to_str().is_some_and(is_leftover)) {
        return Ok(());
    }
    disk.remove_tree(&state.join(BUILD))?;
    trash::empty(disk, &state)?;
    let old = state.join(OLD);
    if disk.metadata(&old)?.is_some() {
        if disk.metadata(target)?.is_none() {
            disk.rename_noreplace(&old, target)?;
            disk.sync(place.parent())?;
        } else {
            keep_as_previous(disk, &state, &old)?;
        }
    }
    for name in disk.read_dir(&state)? {
        let Some(inode) = name.to_str().and_then(|n| n.strip_prefix(READY)) else { continue };
        let path = state.join(&name);
        let swapped = disk.metadata(&path)?.is_some_and(|m| m.inode.to_string() != inode);
        if swapped {
            keep_as_previous(disk, &state, &path)?;
        } else {
            disk.remove_tree(&path)?;
        }
    }
    Ok(())
}

/// Makes the tree at `path` the previous set. The earlier one is moved away before it is removed, so that `previous` is
/// always complete.
fn keep_as_previous(disk: &Disk, state: &Path, path: &Path) -> Result<(), FsError> {
    let (previous, gone) = (state.join(PREVIOUS), trash::free(disk, state)?);
    if disk.metadata(&previous)?.is_some() {
        disk.rename_noreplace(&previous, &gone)?;
    }
    disk.rename_noreplace(path, &previous)?;
    trash::remove(disk, &gone)
}
