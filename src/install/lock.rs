//! One run at a time on each target.

use std::path::Path;

use crate::Timestamp;
use crate::disk::{self, Disk, LockFile, Locked};

use super::place::LOCK_FILE;
use super::{InstallError, Place, Placement, generation, swap};

/// The right to change a place. It ends when the value is dropped or the process ends.
///
/// A process that locks a file checks afterwards that the file is still there: otherwise it would hold a file that nobody
/// else sees, while another process locks a new one. A file that a dead process left does not block: the kernel keeps
/// the lock (`flock`), not the file.
#[derive(Debug)]
pub struct Lock {
    place: Place,
    file: LockFile,
}

impl Lock {
    /// Locks `place` and cleans up after a killed run; the current folder is complete afterwards. Creates the state
    /// folder if it is missing. `now` is written to the file for the message of another run.
    ///
    /// # Errors
    /// [`InstallError::Locked`] when another run holds it; when Kubernetes fills the folder itself; when the state
    /// folder cannot be created or cleaned up.
    pub fn acquire(disk: &Disk, place: &Place, now: Timestamp) -> Result<Self, InstallError> {
        if place.layout() == Placement::Mounted {
            generation::refuse_foreign(disk, place)?;
        }
        let path = place.state_dir().join(LOCK_FILE);
        let file = Self::lock_file(disk, place, &path)?;
        // Only a note for others: the lock holds without it, for example on a full disk.
        let _: disk::Result<()> = file.rewrite(&path, &format!("pid {}\nsince {now}\n", std::process::id()));
        recover(disk, place)?;
        Ok(Self { place: place.clone(), file })
    }

    fn lock_file(disk: &Disk, place: &Place, path: &Path) -> Result<LockFile, InstallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match place.make_state(disk)?.try_lock(LOCK_FILE)? {
                Locked::ByUs(file) => return Ok(file),
                // Another run gave up and removed what it had made.
                Locked::Removed(file) if tries > 3 => return Ok(file),
                Locked::Removed(_) => {}
                Locked::ByOther(note) => return Err(held(path, &note)),
            }
        }
    }

    /// Like [`Lock::acquire`] if the state folder exists; otherwise creates nothing and returns `None`: no run started
    /// there.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn acquire_existing(disk: &Disk, place: &Place, now: Timestamp) -> Result<Option<Self>, InstallError> {
        if disk.metadata(&place.state_dir())?.is_none() {
            return Ok(None);
        }
        Self::acquire(disk, place, now).map(Some)
    }

    /// Checks that no other run holds `place`. Leaves everything as it is.
    ///
    /// # Errors
    /// [`InstallError::Locked`] when another run holds it; when the state folder belongs to another user or cannot be read.
    pub fn check_free(disk: &Disk, place: &Place) -> Result<(), InstallError> {
        let Some(state) = place.state(disk)? else { return Ok(()) };
        if !state.names()?.iter().any(|name| name == LOCK_FILE) {
            return Ok(());
        }
        match state.try_lock(LOCK_FILE) {
            Ok(Locked::ByOther(note)) => Err(held(&place.state_dir().join(LOCK_FILE), &note)),
            Err(InstallError::Fs(e)) if e.io_kind() != std::io::ErrorKind::ReadOnlyFilesystem => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Locks several places, in the order of their paths, so that two runs never wait for each other; returns the locks
    /// in the order of `places`.
    ///
    /// # Errors
    /// As [`Lock::acquire`], and [`InstallError::Overlap`] when one place is inside another.
    pub fn acquire_all(disk: &Disk, places: &[&Place], now: Timestamp) -> Result<Vec<Self>, InstallError> {
        for (i, a) in places.iter().enumerate() {
            for b in &places[i + 1..] {
                if a.overlaps(b) {
                    return Err(InstallError::Overlap { a: a.target().to_owned(), b: b.target().to_owned() });
                }
            }
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_unstable_by_key(|&i| places[i].target());
        let mut locks = Vec::new();
        for i in order {
            match Self::acquire(disk, places[i], now) {
                Ok(lock) => locks.push((i, lock)),
                Err(e) => {
                    for (_, lock) in locks {
                        lock.withdraw(disk);
                    }
                    return Err(e);
                }
            }
        }
        locks.sort_unstable_by_key(|(i, _)| *i);
        Ok(locks.into_iter().map(|(_, lock)| lock).collect())
    }

    /// Ends the lock of a run that changed nothing, and removes the state folder if it holds nothing else.
    pub fn withdraw(self, disk: &Disk) {
        if let Ok(Some(state)) = self.place.state(disk) {
            // What may stay is an empty folder.
            let _ = state.remove_unused(LOCK_FILE, self.file);
        }
    }

    /// Runs `change` under the lock; if it fails, the lock is withdrawn.
    ///
    /// # Errors
    /// Those of `change`.
    pub(crate) fn withdrawn_on_error<T, E>(
        self,
        disk: &Disk,
        change: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let changed = change(&self);
        if changed.is_err() {
            self.withdraw(disk);
        }
        changed
    }

    /// Whether the lock holds for processes on other machines that share the file system too.
    pub const fn is_shared(&self) -> bool {
        self.file.is_shared()
    }

    /// The locked place.
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

impl Place {
    /// Whether another run holds it, as far as that can be seen. Leaves everything as it is.
    pub(crate) fn is_locked(&self, disk: &Disk) -> bool {
        matches!(Lock::check_free(disk, self), Err(InstallError::Locked { .. }))
    }
}

/// The error for a place that another run holds; `note` is the content of its lock file.
fn held(file: &Path, note: &str) -> InstallError {
    let field =
        |key: &str| note.lines().find_map(|l| l.strip_prefix(key)).map_or_else(|| "unknown".to_owned(), str::to_owned);
    InstallError::Locked { file: file.to_owned(), pid: field("pid "), since: field("since ") }
}

/// Cleans up the folder and its state after a run that was killed or failed; the current set is complete before and
/// after.
pub(super) fn recover(disk: &Disk, place: &Place) -> Result<(), InstallError> {
    place.sweep_state_files(disk)?;
    match place.layout() {
        Placement::Plain => Ok(swap::recover(disk, place)?),
        Placement::Mounted => Ok(generation::recover(disk, place)?),
    }
}
