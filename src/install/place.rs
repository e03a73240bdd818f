//! The place of a folder: how it can be replaced, and where its state is kept.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{InstallError, generation, swap};
use crate::disk::{Disk, FsError, Kind, Op};

/// The lock file's name in the state folder.
pub(super) const LOCK_FILE: &str = "lock";

/// The largest state file that is read, in bytes.
const STATE_FILE_LIMIT: usize = 1 << 20;

/// The suffix of an incomplete state file.
const UNFINISHED: &str = ".tmp";

/// How a folder is replaced in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// The whole folder is swapped with its new version, which is staged beside it.
    Plain,
    /// The folder cannot be moved (a mount point, or its parent is not writable): its entries are links through
    /// `..data`, which is switched from one generation to the next, as the kubelet does with its volumes.
    Mounted,
}

/// A target folder, the way it is replaced, and fabcert's state folder for it.
///
/// Creating a `Place` writes nothing. The state folder (mode `0700`) is `<parent>/.<name>.fabcert` for
/// [`Placement::Plain`] and `<target>/.fabcert` for [`Placement::Mounted`]; the first lock or state file creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    target: PathBuf,
    layout: Placement,
}

impl Place {
    /// Inspects `target`. A symbolic link is resolved: the folder that it points to is the target. The target, and
    /// folders above it, may be missing.
    ///
    /// # Errors
    /// When the path is not a folder or cannot be inspected.
    pub fn of(disk: &Disk, target: &Path) -> Result<Self, InstallError> {
        let Some(current) = disk.metadata_followed(target)? else {
            return Ok(Self { target: resolve_missing(disk, target)?, layout: Placement::Plain });
        };
        if current.kind != Kind::Dir {
            return Err(InstallError::NotAFolder { path: target.to_owned() });
        }
        let target = disk.canonical(target)?;
        let Some(parent) = target.parent() else { return Err(InstallError::NotAFolder { path: target }) };
        let mounted = disk.link_target(&target.join(generation::DATA))?.is_some()
            || disk.is_mount_point(&target)?
            || !disk.may_write_in(parent);
        Ok(Self { target, layout: if mounted { Placement::Mounted } else { Placement::Plain } })
    }

    /// A place with a given layout; `target` must be absolute, below `/`, and free of links.
    #[doc(hidden)]
    pub fn with_layout(target: &Path, layout: Placement) -> Self {
        Self { target: target.to_owned(), layout }
    }

    /// The target folder: absolute, links resolved.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// How the folder is replaced.
    pub const fn layout(&self) -> Placement {
        self.layout
    }

    /// The folder that holds the target.
    pub(super) fn parent(&self) -> &Path {
        self.target.parent().unwrap_or(&self.target)
    }

    /// The state folder of this target, whether it exists or not.
    pub fn state_dir(&self) -> PathBuf {
        match self.layout {
            Placement::Mounted => self.target.join(generation::STATE),
            Placement::Plain => {
                let mut name = OsString::from(".");
                name.push(self.target.file_name().unwrap_or_default());
                name.push(".fabcert");
                self.parent().join(name)
            }
        }
    }

    /// Whether one of the two targets, or its state, is inside the other; such targets cannot be replaced
    /// independently.
    pub fn overlaps(&self, other: &Self) -> bool {
        let inside = |a: &Self, b: &Self| a.target.starts_with(&b.target) || a.target.starts_with(b.state_dir());
        inside(self, other) || inside(other, self)
    }

    /// The folder with the previous set, in the same shape as the target; `None` if no set was replaced yet.
    ///
    /// # Errors
    /// When the state folder cannot be read.
    pub fn previous(&self, disk: &Disk) -> Result<Option<PathBuf>, InstallError> {
        match self.layout {
            Placement::Plain => Ok(swap::previous(disk, self)?),
            Placement::Mounted => Ok(generation::previous(disk, self)?),
        }
    }

    /// Creates the state folder, and the missing folders above it with mode `0755`.
    pub(super) fn make_state_dir(&self, disk: &Disk) -> Result<PathBuf, InstallError> {
        let state = self.state_dir();
        match disk.metadata(&state)? {
            Some(m) if m.kind != Kind::Dir => return Err(InstallError::NotAFolder { path: state }),
            // Closed to others: it holds pending keys.
            Some(m) if m.mode & 0o007 != 0 => disk.chmod(&state, m.mode & 0o7770)?,
            Some(_) => {}
            None => {
                disk.create_dirs(state.parent().unwrap_or(&state))?;
                match disk.create_dir(&state, 0o700) {
                    // Another process created it first.
                    Err(e) if e.is(Errno::EXIST) => {}
                    done => done?,
                }
            }
        }
        Ok(state)
    }

    /// Removes the leftovers of a killed [`Place::write_state_file`].
    pub(super) fn sweep_state_files(&self, disk: &Disk) -> Result<(), FsError> {
        let state = self.state_dir();
        for name in disk.read_dir(&state)? {
            if name.to_str().is_some_and(|n| n.ends_with(UNFINISHED)) {
                disk.remove_file(&state.join(name))?;
            }
        }
        Ok(())
    }

    /// The content of the state file `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, or holds more than 1 MiB.
    pub fn read_state_file(&self, disk: &Disk, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, InstallError> {
        let path = self.state_file(name)?;
        if disk.metadata(&path)?.is_none() {
            return Ok(None);
        }
        Ok(Some(disk.read_secret(&path, STATE_FILE_LIMIT)?))
    }

    /// Writes the state file `name` in one step and syncs it: after a crash the file holds the old content or the new.
    /// Creates the state folder if it is missing. Take the [`Lock`](super::Lock) first.
    ///
    /// # Errors
    /// When it cannot be written; the old content then stays.
    pub fn write_state_file(&self, disk: &Disk, name: &str, bytes: &[u8], mode: u32) -> Result<(), InstallError> {
        self.replace_state_file(disk, name, bytes, mode, true)
    }

    /// Like [`Place::write_state_file`], without the sync: for content that may be lost in a power failure and is
    /// recognised as incomplete when read. After a kill the file holds the old content or the new all the same.
    ///
    /// # Errors
    /// As [`Place::write_state_file`].
    pub fn write_state_note(&self, disk: &Disk, name: &str, bytes: &[u8], mode: u32) -> Result<(), InstallError> {
        self.replace_state_file(disk, name, bytes, mode, false)
    }

    fn replace_state_file(
        &self,
        disk: &Disk,
        name: &str,
        bytes: &[u8],
        mode: u32,
        durable: bool,
    ) -> Result<(), InstallError> {
        let sync = |path: &Path| if durable { disk.sync(path) } else { Ok(()) };
        let path = self.state_file(name)?;
        let state = self.make_state_dir(disk)?;
        let unfinished = state.join(format!("{name}{UNFINISHED}"));
        disk.remove_file(&unfinished)?;
        let written = disk
            .write_new(&unfinished, bytes, mode)
            .and_then(|()| sync(&unfinished))
            .and_then(|()| disk.rename(&unfinished, &path))
            .and_then(|()| sync(&state));
        if written.is_err() {
            // The write's own error says more than the cleanup's.
            let _ = disk.remove_file(&unfinished);
        }
        Ok(written?)
    }

    /// Removes the state file `name`; a missing file is not an error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_state_file(&self, disk: &Disk, name: &str) -> Result<(), InstallError> {
        let path = self.state_file(name)?;
        if disk.metadata(&path)?.is_some() {
            disk.remove_file(&path)?;
            disk.sync(&self.state_dir())?;
        }
        Ok(())
    }

    /// Like [`Place::remove_state_file`], without the sync: for a file that is recognised as obsolete if a power
    /// failure brings it back.
    ///
    /// # Errors
    /// As [`Place::remove_state_file`].
    pub fn drop_state_file(&self, disk: &Disk, name: &str) -> Result<(), InstallError> {
        Ok(disk.remove_file(&self.state_file(name)?)?)
    }

    /// The path of a state file; the names that this module uses itself are refused.
    fn state_file(&self, name: &str) -> Result<PathBuf, FsError> {
        let path = self.state_dir().join(name);
        let plain = path.file_name() == Some(OsStr::new(name)) && !name.ends_with(UNFINISHED);
        let taken = name == LOCK_FILE || swap::is_own_name(name) || generation::is_own_name(name);
        if plain && !taken { Ok(path) } else { Err(FsError::new(Op::Look, &path, Errno::INVAL)) }
    }
}

/// The absolute path of a missing target, with the links above it resolved.
fn resolve_missing(disk: &Disk, target: &Path) -> Result<PathBuf, InstallError> {
    let mut missing = Vec::new();
    let mut at = target;
    loop {
        let here = if at.as_os_str().is_empty() { Path::new(".") } else { at };
        match disk.metadata_followed(here)? {
            Some(m) if m.kind == Kind::Dir => {
                let mut path = disk.canonical(here)?;
                path.extend(missing.iter().rev());
                return Ok(path);
            }
            Some(_) => return Err(InstallError::NotAFolder { path: here.to_owned() }),
            None if disk.metadata(here)?.is_some() => {
                return Err(InstallError::DanglingLink { path: here.to_owned() });
            }
            None => {}
        }
        // `..` below a missing folder cannot be resolved.
        let (Some(name), Some(parent)) = (at.file_name(), at.parent()) else {
            return Err(FsError::new(Op::Look, target, Errno::NOENT).into());
        };
        missing.push(name);
        at = parent;
    }
}
