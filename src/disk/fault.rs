//! Fault points: a test may fail, cut short or kill every step that changes the disk.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What fabcert does to the disk; each is one fault point before and one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Reads a file.
    Read,
    /// Lists a folder.
    List,
    /// Looks at a path.
    Look,
    /// Makes a folder.
    CreateDir,
    /// Makes a file and writes it.
    Write,
    /// Copies a file with its mode, time and owner.
    Copy,
    /// Makes a symbolic link.
    Link,
    /// Sets a mode.
    Mode,
    /// Sets an owner or a group.
    Own,
    /// Sets a time of modification.
    Time,
    /// Forces a file or a folder to the disk.
    Sync,
    /// Moves a path over another, or to where nothing stands.
    Move,
    /// Swaps two paths in one step.
    Exchange,
    /// Removes a file or a link.
    Remove,
    /// Removes a folder with all that is in it.
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

/// Whether the disk was already changed when the hook is asked.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing of the step has happened.
    Before,
    /// The whole step has happened.
    After,
}

/// One fault point.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Step<'a> {
    /// What is done.
    pub op: Op,
    /// To which path.
    pub path: &'a Path,
    /// On which side of it.
    pub when: When,
}

/// What happens at a fault point.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Nothing.
    Continue,
    /// The step fails with this `errno`; after the step, although it has happened.
    Fail(i32),
    /// A write or copy stores half the bytes and fails with `ENOSPC`; a tree is half removed and fails with `EIO`.
    /// Any other step fails with `ENOSPC` without having happened.
    Partial,
    /// This process dies by `SIGKILL`.
    Kill,
}

/// Asked before and after every step that changes the disk.
#[doc(hidden)]
pub type FaultHook = Arc<dyn Fn(&Step<'_>) -> FaultAction + Send + Sync>;
