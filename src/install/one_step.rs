//! A whole folder put in place, or brought back, in one step.

use std::path::{Component, Path, PathBuf};

use super::stage::Filling;
use super::{FolderPlan, Lock, Placement, generation, lock, swap};
use crate::disk::{Disk, FsError};
use crate::{Error, ErrorKind};

/// A folder that could not be locked, installed or rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// A file operation failed; the target holds what it held.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Something else stands where a folder is wanted.
    #[error("{} is not a folder that can be replaced", path.display())]
    NotAFolder {
        /// What stands there.
        path: PathBuf,
    },
    /// The target, or a folder above it, is a link to nowhere.
    #[error("{} is a symbolic link that leads nowhere", path.display())]
    DanglingLink {
        /// The link.
        path: PathBuf,
    },
    /// The target's `..data` is not ours.
    #[error("{} is a volume that Kubernetes fills itself (a Secret, a ConfigMap or a projected volume)", target.display())]
    Managed {
        /// The target.
        target: PathBuf,
    },
    /// A file system is mounted inside the target.
    #[error("{} is a mount point inside the folder that is to be replaced", path.display())]
    MountInside {
        /// The mount point.
        path: PathBuf,
    },
    /// A device, pipe or socket inside the target.
    #[error("{} is neither a file nor a folder nor a link and cannot be carried over", path.display())]
    Special {
        /// What it is about.
        path: PathBuf,
    },
    /// A link that would point elsewhere inside a generation.
    #[error("the symbolic link {} points out of its folder to {} and cannot be carried over", path.display(), to.display())]
    LinkOut {
        /// The link.
        path: PathBuf,
        /// What it points to.
        to: PathBuf,
    },
    /// A folder inside a mount cannot be turned into a link in one step.
    #[error("the file system cannot swap the folder {} for a link in one step", path.display())]
    NoExchange {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to go back to.
    #[error("there is no previous set for {}", target.display())]
    NoPrevious {
        /// The target.
        target: PathBuf,
    },
    /// Two targets lie in each other.
    #[error("{} and {} lie inside each other", a.display(), b.display())]
    Overlap {
        /// One target.
        a: PathBuf,
        /// The other.
        b: PathBuf,
    },
    /// Another run is at work.
    #[error("another fabcert (pid {pid}, since {since}) holds {}", file.display())]
    Locked {
        /// The lock file.
        file: PathBuf,
        /// The process that holds it, in the process namespace in which it runs.
        pid: String,
        /// Since when.
        since: String,
    },
    /// The plan names a path that is not below the target, or names it twice.
    #[error("the plan holds the path {path:?}")]
    BadPlan {
        /// The path.
        path: PathBuf,
    },
    /// The caller's check did not pass; nothing was installed.
    #[error(transparent)]
    Check(Error),
    /// The new set is in place, but not all that follows could be done; the next run does the rest.
    #[error("the new {} is in place, but clearing up after it did not succeed: {source}", target.display())]
    Unfinished {
        /// The target.
        target: PathBuf,
        /// What went wrong.
        source: Box<Self>,
    },
}

impl InstallError {
    /// Whether the new set stands in the target all the same.
    pub const fn is_in_place(&self) -> bool {
        matches!(self, Self::Unfinished { .. })
    }
}

impl From<InstallError> for Error {
    fn from(error: InstallError) -> Self {
        let message = error.to_string();
        let (kind, help) = match error {
            InstallError::Fs(e) => return e.into(),
            InstallError::Check(e) => return e,
            InstallError::Unfinished { source, .. } => {
                return Self::new(ErrorKind::Io, message)
                    .with_help("run the same command again: it clears up first")
                    .with_source(*source);
            }
            InstallError::NotAFolder { .. } => (ErrorKind::Input, "name a folder, or a path where nothing stands yet"),
            InstallError::DanglingLink { .. } => {
                (ErrorKind::Input, "remove the link, or make the folder that it points to")
            }
            InstallError::Managed { .. } => {
                (ErrorKind::Input, "give fabcert an emptyDir or a persistent volume, and have the peer read from there")
            }
            InstallError::MountInside { .. } => {
                (ErrorKind::Input, "mount it outside the folder, or mount the folder as a whole")
            }
            InstallError::Special { .. } => (ErrorKind::Input, "move it out of the folder"),
            InstallError::LinkOut { .. } => {
                (ErrorKind::Input, "make the link absolute, or put what it points to in its place")
            }
            InstallError::NoExchange { .. } => (
                ErrorKind::Io,
                "empty the folder while no peer reads it, or use a volume of another type, then run again",
            ),
            InstallError::NoPrevious { .. } => {
                (ErrorKind::Input, "only an install that replaced another set can be rolled back")
            }
            InstallError::Overlap { .. } => {
                (ErrorKind::Input, "name two folders beside each other, such as msp and tls")
            }
            InstallError::Locked { .. } => (ErrorKind::Locked, "wait for it to end, then run again"),
            InstallError::BadPlan { .. } => (ErrorKind::Bug, "this is a bug in fabcert; please report it"),
        };
        Self::new(kind, message).with_help(help)
    }
}

/// Puts `plan` in place of what stands at the locked place, in one step.
///
/// The new tree is staged on the same file system, in a folder of mode `0700` of fabcert's own; then `check` judges it
/// by the path it is given, then it is forced to the disk and swapped in. Whatever happens, the target holds the old set
/// whole or the new set whole, and never anything temporary. What stood before is kept as the previous set. The mode,
/// owner and group of the current folder stay; a new one gets `0755`. Files that are not ours are carried over with
/// mode, time of modification, owner and group (what root owned may become this user's; extended attributes and access
/// lists are not kept).
///
/// # Errors
/// [`InstallError::Check`] when `check` says no. On any other error but [`InstallError::Unfinished`] the target holds
/// what it held; the next [`Lock`] clears up.
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

/// Brings the previous set back in one step; what stood becomes the previous set, so that a second rollback undoes the
/// first. As with [`install`], only `owned` paths (all that a plan may write) change: files that are not ours stay as
/// they stand today. Where the target is missing altogether, the previous folder comes back whole.
///
/// # Errors
/// [`InstallError::NoPrevious`] when there is none; otherwise as [`install`].
pub fn rollback(disk: &Disk, lock: &Lock, owned: &[PathBuf]) -> Result<(), InstallError> {
    let Some(previous) = lock.place().previous(disk)? else {
        return Err(InstallError::NoPrevious { target: lock.place().target().to_owned() });
    };
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
    let published = match place.layout() {
        Placement::Plain => swap::publish(disk, place, owned, filling, check),
        Placement::Mounted => generation::publish(disk, place, owned, filling, check),
    };
    if published.is_err() {
        // What cannot be cleared up now is cleared up by the next lock; the first error is the one to tell.
        let _ = lock::recover(disk, place);
    }
    published
}

impl FolderPlan {
    /// Every path is below the target, is not one that fabcert needs for itself, and no file is there twice.
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
        sorted.sort();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InstallError::BadPlan { path: pair[0].clone() }),
            None => Ok(()),
        }
    }
}
