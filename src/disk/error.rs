//! The error of a file operation: operation, path, cause and remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Op;
use crate::{Error, ErrorKind};

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {op} {}: {}", path.display(), reason(source))]
pub struct FsError {
    op: Op,
    path: PathBuf,
    source: io::Error,
}

impl FsError {
    /// `op` on `path` failed with `source`.
    pub fn new(op: Op, path: &Path, source: impl Into<io::Error>) -> Self {
        Self { op, path: path.to_owned(), source: source.into() }
    }

    /// The same error for another path.
    pub(super) fn on(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// The operation.
    pub const fn op(&self) -> Op {
        self.op
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The class of the cause.
    pub fn io_kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The cause alone.
    pub(super) fn into_io(self) -> io::Error {
        self.source
    }

    /// Whether the file system does not have the operation, or refuses it to this user.
    pub(crate) fn is_refusal(&self) -> bool {
        super::is_refused(&self.source)
    }

    /// Whether the cause is this `errno`.
    pub(crate) fn is(&self, errno: Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }

    /// The remedy, if the cause has one.
    pub fn help(&self) -> Option<String> {
        let path = self.path.display();
        if let Some(leads_out) = self.source.get_ref().and_then(|e| e.downcast_ref::<LeadsOut>()) {
            let to = leads_out.to.display();
            return Some(format!("if the file is to be at {to}, name that path; otherwise remove the link"));
        }
        let errno = Errno::from_raw_os_error(self.source.raw_os_error()?);
        let text = match errno {
            Errno::ACCESS | Errno::PERM => match self.op {
                Op::Read | Op::List | Op::Look => {
                    format!("run fabcert as a user who may read {path}, or give its user that right")
                }
                // These change the path itself; every other step changes the folder that it is in.
                Op::Edit | Op::Mode | Op::Own | Op::Time | Op::Sync => {
                    format!("run fabcert as the owner of {path}, or give its user the right to change it")
                }
                _ => {
                    let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
                    let folder = folder.unwrap_or_else(|| Path::new(".")).display();
                    format!("run fabcert as the owner of {folder}, or give its user the right to write there")
                }
            },
            Errno::NOENT => match (self.op, self.path.parent()) {
                (Op::Read | Op::List | Op::Look, _) => {
                    "check the path: a relative path starts at the working directory".to_owned()
                }
                (_, Some(folder)) if !folder.as_os_str().is_empty() => {
                    format!("create its folder first: mkdir -p {}", folder.display())
                }
                _ => return None,
            },
            Errno::ISDIR => format!("{path} is a folder: name a file"),
            Errno::ROFS => {
                "the file system is read-only: choose a folder on a writable volume, in Kubernetes an emptyDir or a \
                 persistent volume"
                    .to_owned()
            }
            Errno::NOSPC | Errno::DQUOT => {
                format!("make room on the file system of {path}, then run the same command again")
            }
            Errno::BUSY => format!(
                "{path} is in use, probably as a mount point: give fabcert the mount point itself, or a folder that \
                 holds no mount"
            ),
            Errno::XDEV => format!(
                "{path} and its new content are on different file systems, or it belongs to a layer of a container \
                 image: put it on a volume of its own"
            ),
            _ => return None,
        };
        Some(text)
    }
}

/// A link leads out of the working tree.
#[derive(Debug)]
pub(super) struct LeadsOut {
    pub(super) link: PathBuf,
    pub(super) tree: PathBuf,
    pub(super) to: PathBuf,
}

impl fmt::Display for LeadsOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, tree, to } = self;
        let (link, tree, to) = (link.display(), tree.display(), to.display());
        write!(f, "the symbolic link {link} leads out of the working tree {tree}, to {to}")
    }
}

impl std::error::Error for LeadsOut {}

/// The operating system's message without its number.
fn reason(source: &io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

impl From<FsError> for Error {
    fn from(error: FsError) -> Self {
        let help = error.help();
        let message = format!("cannot {} {}", error.op, error.path.display());
        let error = Self::new(ErrorKind::Io, message).with_source(error.source);
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_operation_path_and_cause() {
        let e = FsError::new(Op::Write, Path::new("/a/b"), Errno::NOSPC);
        assert_eq!(e.to_string(), "cannot write /a/b: no space left on device");
        let e = Error::from(e);
        assert_eq!((e.exit_code(), e.to_string().as_str()), (5, "cannot write /a/b"));
        assert_eq!(e.cause().as_deref(), Some("No space left on device (os error 28)"));
        assert!(e.help().is_some_and(|h| h.contains("make room on the file system of /a/b")));
    }

    #[test]
    fn causes_with_a_remedy_have_help() {
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::NOSPC, Errno::DQUOT, Errno::BUSY, Errno::XDEV] {
            assert!(FsError::new(Op::Move, Path::new("/a"), errno).help().is_some(), "{errno:?}");
        }
        assert_eq!(FsError::new(Op::Move, Path::new("/a"), Errno::IO).help(), None);
    }

    #[test]
    fn the_right_to_write_is_asked_for_where_it_lacks() {
        let help = |op, path: &str| FsError::new(op, Path::new(path), Errno::ACCESS).help().unwrap_or_default();
        for op in [Op::CreateDir, Op::Write, Op::Copy, Op::Link, Op::Move, Op::Exchange, Op::Remove, Op::Lock] {
            assert!(help(op, "/ro/.msp.fabcert").contains("the owner of /ro, or"), "{op}: {}", help(op, "/ro/x"));
        }
        assert!(help(Op::Write, "new").contains("the owner of ., or"));
        assert!(help(Op::Mode, "/ro/file").contains("the owner of /ro/file, or"));
        assert!(help(Op::Read, "/ro/file").contains("may read /ro/file"));
    }
}
