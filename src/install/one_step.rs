//! Installs or restores a whole folder in one step.

use std::path::{Component, Path, PathBuf};

use super::stage::Filling;
use super::{FolderPlan, InstallError, Lock, Placement, generation, lock, swap};
use crate::Error;
use crate::disk::Disk;

/// Installs `plan` at the locked place in one step.
///
/// The new tree is staged on the same file system, where no reader looks; `check` judges it there; then it is
/// synced to the disk and swapped in. Whatever happens, the target holds the complete old set or the complete new set,
/// and no temporary file. The old set is kept as the previous set. Mode, owner and group of the current folder stay; a
/// new folder gets `0755`. Other files are carried over with mode, modification time, owner and group (files of root
/// may become this user's; extended attributes and access lists are lost).
///
/// # Errors
/// [`InstallError::Check`] when `check` fails. On any other error but [`InstallError::Unfinished`] the target is
/// unchanged; the next [`Lock`] cleans up.
pub fn install(
    disk: &Disk,
    lock: &Lock,
    plan: &FolderPlan,
    check: &dyn Fn(&Path) -> Result<(), Error>,
) -> Result<(), InstallError> {
    plan.validate()?;
    let mut owned = plan.owned.clone();
    owned.extend(plan.files.iter().map(|f| f.path.clone()));
    publish(disk, lock, &owned, &Filling::Plan(plan), check)
}

/// Restores the previous set in one step; the current one becomes the previous set, so a second rollback undoes the
/// first. As with [`install`], only `owned` paths (all that a plan may write) change. If the target is missing, the
/// whole previous folder is restored.
///
/// # Errors
/// [`InstallError::NoPrevious`] when there is no previous set; [`InstallError::NotOwn`] when another user made it;
/// otherwise as [`install`].
pub fn rollback(disk: &Disk, lock: &Lock, owned: &[PathBuf]) -> Result<(), InstallError> {
    let Some(previous) = lock.place().previous(disk)? else {
        return Err(InstallError::NoPrevious { target: lock.place().target().to_owned() });
    };
    if lock.place().layout() == Placement::Mounted {
        // In the plain layout it is in the state folder, which is checked already.
        let found = disk.metadata(&previous)?;
        let state = lock.place().state(disk)?;
        if let (Some(found), Some(state)) = (found, state) {
            state.vouch_for(&previous, &found)?;
        }
    }
    publish(disk, lock, owned, &Filling::Tree(&previous), &|_| Ok(()))
}

fn publish(
    disk: &Disk,
    lock: &Lock,
    owned: &[PathBuf],
    filling: &Filling<'_>,
    check: &dyn Fn(&Path) -> Result<(), Error>,
) -> Result<(), InstallError> {
    let place = lock.place();
    place.refuse_working_directory(disk)?;
    let published = match place.layout() {
        Placement::Plain => swap::publish(disk, place, owned, filling, check),
        Placement::Mounted => generation::publish(disk, place, owned, filling, check),
    };
    if published.is_err() {
        // The next lock cleans up the rest; the first error is the one to report.
        let _ = lock::recover(disk, place);
    }
    published
}

impl FolderPlan {
    /// Checks that every path is below the target and not reserved, and that no file appears twice.
    fn validate(&self) -> Result<(), InstallError> {
        let files = self.files.iter().map(|f| &f.path);
        for path in self.dirs.iter().map(|d| &d.path).chain(files.clone()).chain(&self.owned) {
            let below = path.components().all(|c| matches!(c, Component::Normal(_)));
            let reserved = path.iter().next().is_none_or(generation::is_reserved);
            if !below || reserved {
                return Err(InstallError::BadPlan { path: path.clone() });
            }
        }
        let mut sorted: Vec<_> = files.collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InstallError::BadPlan { path: pair[0].clone() }),
            None => Ok(()),
        }
    }
}
