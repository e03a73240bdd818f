//! One fabcert at a time for each target.

use crate::Timestamp;
use crate::disk::{self, Disk, LockFile, Locked};

use super::{InstallError, Place, Placement, generation, swap};

/// The lock file's name in the state folder.
pub(super) const FILE: &str = "lock";

/// The right to change a place. Dropping it gives it up, as does the end of the process, however it ends.
///
/// The file is never removed: a process that had opened it just before would then hold a lock on a file that nobody
/// else sees, beside the holder of a new one. A lock file that a dead process left is no obstacle, since the kernel
/// keeps the lock (`flock`), not the file.
#[derive(Debug)]
pub struct Lock {
    place: Place,
    _file: LockFile,
}

impl Lock {
    /// Locks `place` and clears up what a killed run left there; the current folder is whole afterwards. Makes the
    /// state folder where it is missing. `now` goes into the file, for the message that another run gets.
    ///
    /// # Errors
    /// [`InstallError::Locked`] when another run holds it; when the folder is filled by Kubernetes itself; when the
    /// state folder cannot be made or cleared up.
    pub fn acquire(disk: &Disk, place: &Place, now: Timestamp) -> Result<Self, InstallError> {
        Self::take(disk, place, Some(now))
    }

    /// `since` is left as a note for other runs; a run that only looks leaves none, and so writes nothing.
    fn take(disk: &Disk, place: &Place, since: Option<Timestamp>) -> Result<Self, InstallError> {
        if place.layout() == Placement::Mounted {
            generation::refuse_foreign(disk, place)?;
        }
        let path = place.make_state_dir(disk)?.join(FILE);
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
            // A note for others only: the lock holds without it, on a full disk for example.
            let _: disk::Result<()> = file.rewrite(&path, &format!("pid {}\nsince {now}\n", std::process::id()));
        }
        recover(disk, place)?;
        Ok(Self { place: place.clone(), _file: file })
    }

    /// Like [`Lock::acquire`] where the state folder exists, and otherwise makes nothing and gives `None`: nothing was
    /// ever begun there.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn acquire_existing(disk: &Disk, place: &Place, now: Timestamp) -> Result<Option<Self>, InstallError> {
        if disk.metadata(&place.state_dir())?.is_none() {
            return Ok(None);
        }
        Self::acquire(disk, place, now).map(Some)
    }

    /// For a run that may have nothing to do: locks `place` when its state folder exists, so that what is then read is
    /// whole. Writes nothing where no killed run left anything to clear up. Also `None` on a read-only file system, where
    /// nobody can change anything.
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

    /// Locks several places, always in the order of their paths, so that two runs never wait for each other; the locks
    /// come back in the order of `places`.
    ///
    /// # Errors
    /// As [`Lock::acquire`], and [`InstallError::Overlap`] when one place lies inside another.
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

    /// What is locked.
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

/// Brings the folder and its state back to order after a run that was killed or failed: the set that stood is whole
/// before and after.
pub(super) fn recover(disk: &Disk, place: &Place) -> Result<(), disk::FsError> {
    place.sweep_state_files(disk)?;
    match place.layout() {
        Placement::Plain => swap::recover(disk, place),
        Placement::Mounted => generation::recover(disk, place),
    }
}
