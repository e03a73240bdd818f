//! A dry write: tries at a locked place what an install does there and undoes it, before an enrolment is spent.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::place::LOCK_FILE;
use super::{InstallError, KeyAccess, Lock, Place, Placement, generation, swap};
use crate::disk::{Disk, FsError, Op};

/// The name of the trial file: one that is removed from a state folder if the run is killed.
const TRIAL: &str = swap::BUILD;

/// Tries every kind of step that installing `owned` paths at the locked place takes: reads and copies what is kept,
/// writes a key with its mode and group, makes links and swaps where the layout needs them. Nothing is synced: the pending
/// key, which is synced to the same file system before a request that counts, shows whether that works. Readers see
/// nothing of it, and nothing is left. Returns what the file system does otherwise than asked, in words.
///
/// # Errors
/// When an install would fail here.
pub fn rehearse(disk: &Disk, lock: &Lock, owned: &[PathBuf], access: KeyAccess) -> Result<Vec<String>, InstallError> {
    let place = lock.place();
    place.refuse_working_directory(disk)?;
    let mut warnings = if is_shown_by_lock(disk, place, access)? {
        Vec::new()
    } else {
        let done = match place.layout() {
            Placement::Plain => swap::rehearse(disk, place, owned, &|build| try_files(disk, build, access)),
            Placement::Mounted => generation::rehearse(disk, place, owned, &|build| try_files(disk, build, access)),
        };
        let cleaned = super::lock::recover(disk, place);
        let warnings = done?;
        cleaned?;
        warnings
    };
    if !lock.is_shared() {
        warnings.push(format!(
            "the file system of {} has no locks: a fabcert on another machine that uses the folder is not locked out",
            place.target().display()
        ));
    }
    Ok(warnings)
}

/// Whether the lock file has shown all that can be tried: where nothing is kept or swapped, an install makes files beside the lock
/// file, with its mode, and the pending key shows before the request whether there is room.
fn is_shown_by_lock(disk: &Disk, place: &Place, access: KeyAccess) -> Result<bool, FsError> {
    if place.layout() != Placement::Plain || access != KeyAccess::default() || disk.metadata(place.target())?.is_some()
    {
        return Ok(false);
    }
    let lock = disk.metadata(&place.state_dir().join(LOCK_FILE))?;
    Ok(lock.is_some_and(|lock| lock.mode == access.mode))
}

/// Writes a key's file in the folder `build`, as an install does, and reads back what came out. Returns, in words, what the file
/// system does otherwise than asked.
///
/// # Errors
/// When an install would fail here; the file may be left then.
pub(crate) fn try_files(disk: &Disk, build: &Path, access: KeyAccess) -> Result<Vec<String>, InstallError> {
    let file = build.join(TRIAL);
    disk.write_new(&file, &[0; 4096], access.mode)?;
    if let Some(group) = access.group {
        disk.chgrp(&file, group)?;
    }
    let Some(found) = disk.metadata(&file)? else {
        return Err(FsError::new(Op::Look, &file, Errno::NOENT).into());
    };
    disk.remove_file(&file)?;
    let mut warnings = Vec::new();
    if found.mode != access.mode {
        warnings.push(format!(
            "the file system of {} does not keep modes: the key will have mode {:04o} instead of {:04o}{}",
            folder_above(build).display(),
            found.mode,
            access.mode,
            if found.mode & 0o004 == 0 { "" } else { ", and every user who can reach it can read it" }
        ));
    }
    if let Some(group) = access.group.filter(|group| *group != found.gid) {
        warnings.push(format!(
            "the file system of {} does not keep groups: the key will belong to group {} instead of {group}",
            folder_above(build).display(),
            found.gid
        ));
    }
    Ok(warnings)
}

fn folder_above(build: &Path) -> &Path {
    build.parent().unwrap_or(build)
}
