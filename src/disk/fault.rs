//! Fault points: a test can fail, cut short or kill every step that changes the disk.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A file operation; each change is one fault point before and one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Reads a file.
    Read,
    /// Lists a folder.
    List,
    /// Reads the metadata of a path.
    Look,
    /// Creates a folder.
    CreateDir,
    /// Creates a file and writes it.
    Write,
    /// Changes the content of a file that exists.
    Edit,
    /// Copies a file with its mode, time and owner.
    Copy,
    /// Creates a symbolic link.
    Link,
    /// Sets a mode.
    Mode,
    /// Sets an owner or a group.
    Own,
    /// Sets a modification time.
    Time,
    /// Syncs a file or a folder to the disk.
    Sync,
    /// Moves a path over another, or to a free path.
    Move,
    /// Swaps two paths in one step.
    Exchange,
    /// Removes a file or a link.
    Remove,
    /// Removes a folder with all its content.
    RemoveTree,
    /// Opens the lock file.
    Lock,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Look => "look at",
            Self::CreateDir => "create the folder",
            Self::Write => "write",
            Self::Edit => "edit",
            Self::Copy => "copy",
            Self::Link => "create the link",
            Self::Mode => "set the mode of",
            Self::Own => "set the owner of",
            Self::Time => "set the time of",
            Self::Sync => "sync",
            Self::Move => "move",
            Self::Exchange => "swap in one step",
            Self::Remove | Self::RemoveTree => "remove",
            Self::Lock => "lock",
        })
    }
}

/// The side of the step on which the hook is called.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The step has not happened.
    Before,
    /// The step has happened.
    After,
}

/// One fault point.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Step<'a> {
    /// The operation.
    pub op: Op,
    /// Its path.
    pub path: &'a Path,
    /// The side of the step.
    pub when: When,
}

/// The action at a fault point.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Nothing.
    Continue,
    /// The step fails with this `errno`; after the step, it has happened all the same.
    Fail(i32),
    /// A write or copy stores half the bytes and fails with `ENOSPC`; a tree is half removed and fails with `EIO`. Any
    /// other step fails with `ENOSPC` and does not happen.
    Partial,
    /// The step reports success and does not happen, for the steps that happen entirely or not at all.
    Skip,
    /// `SIGKILL` ends this process.
    Kill,
}

/// Called before and after every step that changes the disk.
#[doc(hidden)]
pub type FaultHook = Arc<dyn Fn(&Step<'_>) -> FaultAction + Send + Sync>;
