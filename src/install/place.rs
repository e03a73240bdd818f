//! The place of a folder: how it can be replaced, and where its state is kept.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::state_folder::{self, StateFolder, Sync, UNFINISHED};
use super::{InstallError, generation, swap};
use crate::disk::{Disk, FsError, Kind, Op};

/// The lock file's name in the state folder.
pub(super) const LOCK_FILE: &str = "lock";

/// The end of the name of the state folder beside a target.
const STATE_END: &str = ".fabcert";

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
/// Creating a `Place` writes nothing. The state folder (mode `0700`, or `0750` with a group) is `<parent>/.<name>.fabcert` for
/// [`Placement::Plain`] and `<target>/.fabcert` for [`Placement::Mounted`]; the first lock or state file creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    target: PathBuf,
    layout: Placement,
    group: Option<u32>,
}

impl Place {
    /// Inspects `target`. A symbolic link is resolved: the folder that it points to is the target. The target, and
    /// folders above it, may be missing.
    ///
    /// # Errors
    /// When the path is not a folder or cannot be inspected.
    pub fn of(disk: &Disk, target: &Path) -> Result<Self, InstallError> {
        let Some(current) = disk.metadata_followed(target)? else {
            let place = Self { target: resolve_missing(disk, target)?, layout: Placement::Plain, group: None };
            return if place.is_replaced() { Err(InstallError::Replaced { path: place.target }) } else { Ok(place) };
        };
        if current.kind != Kind::Dir {
            return Err(InstallError::NotAFolder { path: target.to_owned() });
        }
        let target = disk.canonical(target)?;
        let Some(parent) = target.parent() else { return Err(InstallError::NotAFolder { path: target }) };
        let mounted = disk.link_target(&target.join(generation::DATA))?.is_some()
            || disk.is_mount_point(&target)?
            || !disk.may_write_in(parent);
        let layout = if mounted { Placement::Mounted } else { Placement::Plain };
        let place = Self { target, layout, group: None };
        if place.is_replaced() {
            return Err(InstallError::Replaced { path: place.target });
        }
        Ok(place)
    }

    /// Checks that an install would not move the working directory of this process away.
    ///
    /// # Errors
    /// [`InstallError::WorkingDirectory`] when the target is replaced as a whole, and the working directory is in it.
    pub(super) fn refuse_working_directory(&self, disk: &Disk) -> Result<(), InstallError> {
        let is_here = || disk.canonical(Path::new(".")).is_ok_and(|here| here.starts_with(&self.target));
        if self.layout == Placement::Plain && is_here() {
            return Err(InstallError::WorkingDirectory { path: self.target.clone() });
        }
        Ok(())
    }

    /// Whether the target is in the state folder of a folder that is replaced.
    fn is_replaced(&self) -> bool {
        let is_state = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.len() > STATE_END.len() && name.starts_with(b".") && name.ends_with(STATE_END.as_bytes())
        };
        self.target.ancestors().skip(1).filter_map(Path::file_name).any(is_state)
    }

    /// A place with a given layout; `target` must be absolute, below `/`, and free of links.
    #[doc(hidden)]
    pub fn with_layout(target: &Path, layout: Placement) -> Self {
        Self { target: target.to_owned(), layout, group: None }
    }

    /// The same place, whose state is shared with the group `group`: its members may own it, and read what is not
    /// secret.
    #[must_use]
    pub fn for_group(self, group: Option<u32>) -> Self {
        Self { group, ..self }
    }

    /// The open state folder; `None` if it does not exist.
    pub(super) fn state<'a>(&self, disk: &'a Disk) -> Result<Option<StateFolder<'a>>, InstallError> {
        StateFolder::open(disk, &self.state_dir(), self.group)
    }

    /// The open state folder, created if necessary.
    pub(super) fn make_state<'a>(&self, disk: &'a Disk) -> Result<StateFolder<'a>, InstallError> {
        StateFolder::make(disk, &self.state_dir(), self.group)
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
                name.push(STATE_END);
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

    /// The places beside this one: folders of the same parent, or mounts beside it, in whose state folder there is a file
    /// `name`. Those that cannot be looked into are left out.
    pub(crate) fn beside_with(&self, disk: &Disk, name: &str) -> Vec<Self> {
        let as_place = |entry: OsString| {
            let text = entry.to_string_lossy();
            let hidden = text.strip_prefix('.').and_then(|text| text.strip_suffix(STATE_END));
            let (target, layout) = match hidden {
                Some(target) => (self.parent().join(target), Placement::Plain),
                None => (self.parent().join(&entry), Placement::Mounted),
            };
            let place = Self { target, layout, group: self.group };
            let is_there = disk.metadata(&place.state_dir().join(name)).is_ok_and(|found| found.is_some());
            (place.target != self.target && is_there).then_some(place)
        };
        disk.read_dir(self.parent()).unwrap_or_default().into_iter().filter_map(as_place).collect()
    }

    /// Whether a killed run may have left something to clean up. A folder that cannot be listed counts as clean.
    pub fn has_leftovers(&self, disk: &Disk) -> bool {
        let Ok(Some(state)) = self.state(disk) else { return false };
        let is_leftover = |name: &OsString| {
            let name = name.to_string_lossy();
            name.ends_with(UNFINISHED) || swap::is_leftover(&name) || generation::is_own_name(&name)
        };
        state.names().is_ok_and(|names| names.iter().any(is_leftover))
            || self.layout == Placement::Mounted && generation::has_leftovers(disk, self)
    }

    /// Why the state folder cannot be used, if another user owns it or may write there; `None` if it can, or does not
    /// exist.
    pub fn state_fault(&self, disk: &Disk) -> Option<InstallError> {
        self.state(disk).err().filter(|e| matches!(e, InstallError::NotOwn { .. }))
    }

    /// Checks who may have written the file `file` of the target, before a key in it is used again. `mode` is the mode that
    /// fabcert gives it.
    ///
    /// # Errors
    /// [`InstallError::NotOwn`] when it belongs neither to the effective user, root or the group of the place, nor to the
    /// owner of the target, or others may write it.
    pub fn vouch_for(&self, disk: &Disk, file: &Path, mode: u32) -> Result<(), InstallError> {
        let state = self.state(disk)?;
        state_folder::vouch_for_file(disk, state.as_ref(), (&self.target, self.group), file, mode)
    }

    /// Removes the leftovers of a killed [`Place::write_state_file`].
    pub(super) fn sweep_state_files(&self, disk: &Disk) -> Result<(), InstallError> {
        let Some(state) = self.state(disk)? else { return Ok(()) };
        for name in state.names()? {
            if let Some(name) = name.to_str().filter(|n| n.ends_with(UNFINISHED)) {
                state.remove(name, false)?;
            }
        }
        Ok(())
    }

    /// The content of the state file `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, or holds more than 1 MiB; [`InstallError::NotOwn`] when it, or the state folder, belongs
    /// to another user, others may write it, or it is a link.
    pub fn read_state_file(&self, disk: &Disk, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, InstallError> {
        self.state_file(name)?;
        match self.state(disk)? {
            Some(state) => state.read(name),
            None => Ok(None),
        }
    }

    /// The state files and their content, without those that this module uses itself.
    ///
    /// # Errors
    /// As [`Place::read_state_file`].
    pub fn state_files(&self, disk: &Disk) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, InstallError> {
        let Some(state) = self.state(disk)? else { return Ok(BTreeMap::new()) };
        let names = state.names()?.into_iter().filter_map(|name| name.into_string().ok());
        let mut files = BTreeMap::new();
        for name in names.filter(|name| self.state_file(name).is_ok()) {
            if let Some(content) = state.read(&name)? {
                files.insert(name, content);
            }
        }
        Ok(files)
    }

    /// Like [`Self::read_state_file`], for content that a run can do without: a file that belongs to somebody else or
    /// may not be read counts as missing.
    ///
    /// # Errors
    /// When it cannot be read for another reason.
    pub fn peek_state_file(&self, disk: &Disk, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, InstallError> {
        match self.read_state_file(disk, name) {
            Err(InstallError::NotOwn { .. }) => Ok(None),
            Err(InstallError::Fs(e)) if e.is(Errno::ACCESS) => Ok(None),
            done => done,
        }
    }

    /// Writes the state file `name` in one step and syncs it: after a crash the file holds the old content or the new.
    /// Creates the state folder if it is missing. Take the [`Lock`](super::Lock) first.
    ///
    /// # Errors
    /// When it cannot be written; the old content then stays.
    pub fn write_state_file(&self, disk: &Disk, name: &str, bytes: &[u8], mode: u32) -> Result<(), InstallError> {
        self.state_file(name)?;
        Ok(self.make_state(disk)?.write(name, bytes, (mode, None), Sync::All)?)
    }

    /// Like [`Place::write_state_file`], for a file that is followed by another one: the sync of the other's name syncs the name of
    /// this one too.
    ///
    /// # Errors
    /// As [`Place::write_state_file`].
    pub(crate) fn write_state_file_before(
        &self,
        disk: &Disk,
        name: &str,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), InstallError> {
        self.state_file(name)?;
        Ok(self.make_state(disk)?.write(name, bytes, (mode, None), Sync::Content)?)
    }

    /// Like [`Place::write_state_file`], without the sync, and readable for the group of the place: for content that is
    /// not secret, that may be lost in a power failure, and that is recognised as incomplete when read. After a kill the
    /// file holds the old content or the new all the same.
    ///
    /// # Errors
    /// As [`Place::write_state_file`].
    pub fn write_state_note(&self, disk: &Disk, name: &str, bytes: &[u8]) -> Result<(), InstallError> {
        self.state_file(name)?;
        let mode = if self.group.is_some() { 0o640 } else { 0o600 };
        Ok(self.make_state(disk)?.write(name, bytes, (mode, self.group), Sync::Nothing)?)
    }

    /// Like [`Place::write_state_file`], without the sync: after a power failure the file may be missing, or hold nothing or
    /// zeros, but not after a kill.
    ///
    /// # Errors
    /// As [`Place::write_state_file`].
    pub(crate) fn write_state_file_unsynced(
        &self,
        disk: &Disk,
        name: &str,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), InstallError> {
        self.state_file(name)?;
        Ok(self.make_state(disk)?.write(name, bytes, (mode, None), Sync::Nothing)?)
    }

    /// Removes the state file `name`; a missing file is not an error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_state_file(&self, disk: &Disk, name: &str) -> Result<(), InstallError> {
        self.state_file(name)?;
        self.state(disk)?.map_or(Ok(()), |state| Ok(state.remove(name, true)?))
    }

    /// Like [`Place::remove_state_file`], without the sync: for a file that is recognised as obsolete if a power
    /// failure brings it back.
    ///
    /// # Errors
    /// As [`Place::remove_state_file`].
    pub fn drop_state_file(&self, disk: &Disk, name: &str) -> Result<(), InstallError> {
        self.state_file(name)?;
        self.state(disk)?.map_or(Ok(()), |state| Ok(state.remove(name, false)?))
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
