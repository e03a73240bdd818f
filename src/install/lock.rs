//! One run at a time on each target.

use crate::Timestamp;
use crate::disk::{self, Disk, LockFile, Locked};

use super::place::LOCK_FILE;
use super::{InstallError, Place, Placement, generation, swap};

/// The right to change a place. It ends when the value is dropped or the process ends.
///
/// The file is never removed: a process that had just opened it would then lock a file that nobody else sees, while
/// another process locks a new one. A file that a dead process left does not block: the kernel keeps the lock
/// (`flock`), not the file.
#[derive(Debug)]
pub struct Lock {
    place: Place,
    _file: LockFile,
}

impl Lock {
    /// Locks `place` and cleans up after a killed run; the current folder is complete afterwards. Creates the state
    /// folder if it is missing. `now` is written to the file for the message of another run.
    ///
    /// # Errors
    /// [`InstallError::Locked`] when another run holds it; when Kubernetes fills the folder itself; when the state
    /// folder cannot be created or cleaned up.
    pub fn acquire(disk: &Disk, place: &Place, now: Timestamp) -> Result<Self, InstallError> {
        Self::take(disk, place, Some(now))
    }

    /// `since` is written as a note for other runs; a run that only looks leaves it out, and so writes nothing.
    fn take(disk: &Disk, place: &Place, since: Option<Timestamp>) -> Result<Self, InstallError> {
        if place.layout() == Placement::Mounted {
            generation::refuse_foreign(disk, place)?;
        }
        let path = place.make_state_dir(disk)?.join(LOCK_FILE);
        let mut file = match disk.try_lock(&path)? {
            Locked::ByUs(file) => file,
            Locked::ByOther(note) => {
                let field = |key: &str| {
                    note.lines().find_map(|l| l.strip_prefix(key)).map_or_else(|| "unknown".to_owned(), str::to_owned)
                };
                return Err(InstallError::Locked { file: path, pid: field("pid "), since: field("since ") });
            }
        };
        if let Some(now) = since {
            // Only a note for others: the lock holds without it, for example on a full disk.
            let _: disk::Result<()> = file.rewrite(&path, &format!("pid {}\nsince {now}\n", std::process::id()));
        }
        recover(disk, place)?;
        Ok(Self { place: place.clone(), _file: file })
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

    /// For a run that may have nothing to do: locks `place` if its state folder exists, so that what is then read is
    /// complete. Writes nothing unless a killed run left something to clean up. Returns `None` on a read-only file
    /// system too, where no process can change anything.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn acquire_to_look(disk: &Disk, place: &Place) -> Result<Option<Self>, InstallError> {
        if disk.metadata(&place.state_dir())?.is_none() {
            return Ok(None);
        }
        match Self::take(disk, place, None) {
            Err(InstallError::Fs(e)) if e.io_kind() == std::io::ErrorKind::ReadOnlyFilesystem => Ok(None),
            done => done.map(Some),
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
        order.sort_by_key(|&i| places[i].target());
        let mut locks = Vec::new();
        for i in order {
            locks.push((i, Self::acquire(disk, places[i], now)?));
        }
        locks.sort_by_key(|(i, _)| *i);
        Ok(locks.into_iter().map(|(_, lock)| lock).collect())
    }

    /// The locked place.
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

/// Cleans up the folder and its state after a run that was killed or failed; the current set is complete before and
/// after.
pub(super) fn recover(disk: &Disk, place: &Place) -> Result<(), disk::FsError> {
    place.sweep_state_files(disk)?;
    match place.layout() {
        Placement::Plain => swap::recover(disk, place),
        Placement::Mounted => generation::recover(disk, place),
    }
}
