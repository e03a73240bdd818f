//! Why a folder cannot be locked, installed or rolled back.

use std::path::PathBuf;

use crate::disk::FsError;
use crate::{Error, ErrorKind};

/// A folder that could not be locked, installed or rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// A file operation failed; the target is unchanged.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The path is not a folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The target is the working directory or a folder above it: the next command of the shell would work in the replaced
    /// set.
    #[error("{} contains the working directory, which would move away with the replaced folder", path.display())]
    WorkingDirectory {
        /// The target.
        path: PathBuf,
    },
    /// The target is in a state folder, where replaced sets are kept.
    #[error("{} is in a folder where fabcert keeps replaced sets", path.display())]
    Replaced {
        /// The target.
        path: PathBuf,
    },
    /// The target, or a folder above it, is a dangling link.
    #[error("{} is a dangling symbolic link", path.display())]
    DanglingLink {
        /// The link.
        path: PathBuf,
    },
    /// Another program switches the target's `..data`.
    #[error("{} is a volume that Kubernetes fills itself (a Secret, a ConfigMap or a projected volume)", target.display())]
    Managed {
        /// The target.
        target: PathBuf,
    },
    /// A file system is mounted inside the target.
    #[error("{} is a mount point inside the folder to replace", path.display())]
    MountInside {
        /// The mount point.
        path: PathBuf,
    },
    /// A device, pipe or socket inside the target.
    #[error("{} is not a file, folder or link and cannot be carried over", path.display())]
    Special {
        /// The entry.
        path: PathBuf,
    },
    /// A link that would point elsewhere from a generation.
    #[error("the symbolic link {} points out of its folder to {} and cannot be carried over", path.display(), to.display())]
    LinkOut {
        /// The link.
        path: PathBuf,
        /// Its target.
        to: PathBuf,
    },
    /// A folder inside a mount cannot be turned into a link in one step.
    #[error("the file system cannot swap the folder {} for a link in one step", path.display())]
    NoExchange {
        /// The folder.
        path: PathBuf,
    },
    /// A mount whose file system has no symbolic links, or refuses them to this user.
    #[error("the file system of {} has no symbolic links, and a mount point can be replaced in one step only through one", path.display())]
    NoLinks {
        /// The target.
        path: PathBuf,
    },
    /// A file or folder that nobody can move or remove.
    #[error("{} is immutable or append-only (chattr), and could not be removed later", path.display())]
    Immutable {
        /// The entry.
        path: PathBuf,
    },
    /// State, or a set, that another user owns or may write.
    #[error("{} cannot be trusted: {reason}", path.display())]
    NotOwn {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no previous set.
    #[error("there is no previous set for {}", target.display())]
    NoPrevious {
        /// The target.
        target: PathBuf,
    },
    /// One target is inside the other.
    #[error("one of {} and {} is inside the other", a.display(), b.display())]
    Overlap {
        /// One target.
        a: PathBuf,
        /// The other.
        b: PathBuf,
    },
    /// Another run holds the lock.
    #[error("another fabcert (pid {pid}, since {since}) holds {}", file.display())]
    Locked {
        /// The lock file.
        file: PathBuf,
        /// The process that holds it, in its own process namespace.
        pid: String,
        /// The time of the lock.
        since: String,
    },
    /// The plan names a path outside the target, a reserved path, or a path twice.
    #[error("the plan has the invalid path {path:?}")]
    BadPlan {
        /// The path.
        path: PathBuf,
    },
    /// The caller's check did not pass; nothing was installed.
    #[error(transparent)]
    Check(Error),
    /// The new set is in place, but the cleanup failed; the next run does it.
    #[error("the new {} is in place, but the cleanup failed: {source}", target.display())]
    Unfinished {
        /// The target.
        target: PathBuf,
        /// The cause.
        source: Box<Self>,
    },
}

impl InstallError {
    /// Whether the new set is in the target all the same.
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
                    .with_help("run the same command again: it cleans up first")
                    .with_source(*source);
            }
            InstallError::NotAFolder { .. } => (ErrorKind::Input, "name a folder, or a path that does not exist yet"),
            InstallError::WorkingDirectory { .. } => {
                (ErrorKind::Input, "go to another folder (cd ..), and name this one by its path")
            }
            InstallError::Replaced { .. } => (
                ErrorKind::Input,
                "name the target by its absolute path; a shell that worked in it when it was replaced must enter it again (cd \"$PWD\")",
            ),
            InstallError::DanglingLink { .. } => {
                (ErrorKind::Input, "remove the link, or create the folder that it points to")
            }
            InstallError::Managed { .. } => {
                (ErrorKind::Input, "give fabcert an emptyDir or a persistent volume, and have the peer read from there")
            }
            InstallError::MountInside { .. } => {
                (ErrorKind::Input, "mount it outside the folder, or mount the folder as a whole")
            }
            InstallError::Special { .. } => (ErrorKind::Input, "move it out of the folder"),
            InstallError::LinkOut { .. } => (ErrorKind::Input, "make the link absolute, or replace it with its target"),
            InstallError::NoExchange { .. } => (
                ErrorKind::Io,
                "give fabcert a sub-folder of the mount (it is then replaced as a whole, without links), empty the folder while no peer reads it, or use a volume of another type",
            ),
            InstallError::NoLinks { .. } => {
                (ErrorKind::Io, "give fabcert a sub-folder of the mount: it is replaced as a whole, without links")
            }
            InstallError::Immutable { .. } => {
                (ErrorKind::Io, "remove the attribute with chattr -i -a, or move the file out of the folder")
            }
            InstallError::NotOwn { path, .. } => {
                return Self::new(ErrorKind::Input, message).with_help(format!(
                    "another user may have put a key there: run fabcert as the owner, or look into it, then close it with chmod go-w {0}, or remove it with rm -r {0}",
                    path.display()
                ));
            }
            InstallError::NoPrevious { .. } => {
                (ErrorKind::Input, "only an install that replaced another set can be rolled back")
            }
            InstallError::Overlap { .. } => (ErrorKind::Usage, "name two separate folders, such as msp and tls"),
            InstallError::Locked { .. } => (ErrorKind::Locked, "wait until it ends, then run again"),
            InstallError::BadPlan { .. } => (ErrorKind::Bug, "this is a bug in fabcert; please report it"),
        };
        Self::new(kind, message).with_help(help)
    }
}
