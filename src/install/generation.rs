//! [`Placement::Mounted`](super::Placement::Mounted): publishes a folder that cannot be moved in generations.
//!
//! As the kubelet's atomic writer does (`pkg/volume/util/atomic_writer.go` in Kubernetes), the target holds
//!
//! - `..set-<n>/`: the generations, current and previous;
//! - `..data`: a link to the current one, switched in one step;
//! - `<entry>`: for each owned entry a link to `..data/<entry>`; other entries stay as they are, and a generation links
//!   to them (`<entry>` to `../<entry>`), so that it is a complete folder when seen through `..data`;
//! - `.fabcert/`: the state folder.
//!
//! During a run there are also `..new` and `..current` (incomplete trees), `..data_tmp`, and in the state
//! folder `swapped` and `trash`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::stage::{self, Filling};
use super::{InstallError, Place, trash};
use crate::Error;
use crate::disk::{Disk, FsError, Kind};

/// The link to the current generation.
pub(super) const DATA: &str = "..data";
/// The state folder in the target.
pub(super) const STATE: &str = ".fabcert";

const NEXT_DATA: &str = "..data_tmp";
const SET: &str = "..set-";
const NEW: &str = "..new";
const COPY: &str = "..current";
const SWAPPED: &str = "swapped";

/// Whether this module uses `name` in the state folder.
pub(super) fn is_own_name(name: &str) -> bool {
    name == SWAPPED || trash::is_own_name(name)
}

/// Whether an entry of a target is reserved: the state folder, or a name that begins with `..`, as the kubelet uses them.
pub(super) fn is_reserved(name: &OsStr) -> bool {
    name == STATE || name.as_encoded_bytes().starts_with(b"..")
}

/// Refuses a volume whose `..data` another program switches.
pub(super) fn refuse_foreign(disk: &Disk, place: &Place) -> Result<(), InstallError> {
    match disk.link_target(&place.target().join(DATA))? {
        Some(to) if set_number(to.as_os_str()).is_none() => {
            Err(InstallError::Managed { target: place.target().to_owned() })
        }
        _ => Ok(()),
    }
}

/// Whether the target holds what a killed run left.
pub(super) fn has_leftovers(disk: &Disk, place: &Place) -> bool {
    let volume = Volume { disk, target: place.target(), state: place.state_dir() };
    let names = disk.read_dir(volume.target).unwrap_or_default();
    let unfinished = names.iter().any(|name| [NEW, COPY, NEXT_DATA].iter().any(|own| name == own));
    let current = volume.current_number().ok().flatten();
    let unpublished = names.iter().filter_map(|name| set_number(name)).any(|n| current.is_none_or(|now| n > now));
    unfinished || unpublished || names.iter().filter(|name| set_number(name).is_some()).count() > 2
}

/// The previous set's folder.
pub(super) fn previous(disk: &Disk, place: &Place) -> Result<Option<PathBuf>, FsError> {
    if disk.metadata(place.target())?.is_none() {
        return Ok(None);
    }
    let volume = Volume { disk, target: place.target(), state: place.state_dir() };
    Ok(volume.previous_number()?.map(|n| volume.set(n)))
}

/// Builds the new generation and switches `..data` to it.
pub(super) fn publish(
    disk: &Disk,
    place: &Place,
    owned: &[PathBuf],
    filling: &Filling<'_>,
    check: &dyn Fn(&Path) -> Result<(), Error>,
) -> Result<(), InstallError> {
    let volume = Volume { disk, target: place.target(), state: place.state_dir() };
    let owned = &volume.owned_in(owned, filling)?[..];
    let entries = volume.owned_entries(owned, filling)?;
    volume.refuse_unmovable(&entries)?;

    let new = volume.target.join(NEW);
    let not_owned = |path: &Path| !owned.iter().any(|o| o == path);
    stage::open(disk, &new, None)?;
    volume.copy_owned(&entries, &new, &not_owned)?;
    stage::fill(disk, &new, owned, filling)?;
    volume.link_others(&entries, &new)?;
    disk.chmod(&new, 0o755)?;
    check(&new).map_err(InstallError::Check)?;

    volume.settle_existing(&entries)?;
    stage::sync(disk, &new)?;
    let number = volume.next_number()?;
    disk.rename_noreplace(&new, &volume.set(number))?;
    for entry in &entries {
        let there = disk.metadata(&volume.set(number).join(entry))?.is_some();
        if there && disk.metadata(&volume.target.join(entry))?.is_none() {
            // It is a dangling link until the switch: `settle_existing` made sure of that.
            disk.symlink(&Path::new(DATA).join(entry), &volume.target.join(entry))?;
        }
    }
    volume.switch_to(number)?;

    let settle = || -> Result<(), FsError> {
        disk.sync(volume.target)?;
        recover(disk, place)?;
        disk.sync(volume.target)
    };
    settle().map_err(|e| InstallError::Unfinished { target: volume.target.to_owned(), source: Box::new(e.into()) })
}

/// Tries what [`publish`] does, up to the first step that a reader sees; `lock::recover` removes the result.
pub(super) fn rehearse(
    disk: &Disk,
    place: &Place,
    owned: &[PathBuf],
    try_files: &dyn Fn(&Path) -> Result<Vec<String>, InstallError>,
) -> Result<Vec<String>, InstallError> {
    let volume = Volume { disk, target: place.target(), state: place.state_dir() };
    let nothing = super::FolderPlan::default();
    let entries = volume.owned_entries(owned, &Filling::Plan(&nothing))?;
    volume.refuse_unmovable(&entries)?;
    volume.next_number()?;
    let new = volume.target.join(NEW);
    stage::open(disk, &new, None)?;
    let warnings = try_files(&new)?;
    volume.copy_owned(&entries, &new, &|_| true)?;
    let link = volume.target.join(NEXT_DATA);
    disk.symlink(Path::new(NEW), &link).map_err(|e| {
        if e.is_refusal() { InstallError::NoLinks { path: volume.target.to_owned() } } else { e.into() }
    })?;
    disk.rename(&link, &link.with_file_name(COPY))?;
    disk.remove_file(&link.with_file_name(COPY))?;
    volume.refuse_folders_without_exchange(&volume.real(&entries)?)?;
    Ok(warnings)
}

/// Cleans up after a run, however it ended: keeps the current and the previous generation and the links that resolve,
/// and nothing else.
pub(super) fn recover(disk: &Disk, place: &Place) -> Result<(), FsError> {
    let volume = Volume { disk, target: place.target(), state: place.state_dir() };
    disk.remove_file(&volume.target.join(NEXT_DATA))?;
    for path in [volume.target.join(NEW), volume.target.join(COPY), volume.state.join(SWAPPED)] {
        disk.remove_tree(&path)?;
    }
    trash::empty(disk, &volume.state)?;
    let current = volume.current_number()?;
    let previous = volume.previous_number()?;
    for number in volume.numbers()? {
        if Some(number) != current && Some(number) != previous {
            // Moved away first, so that a folder named as a generation is always complete.
            let gone = trash::free(disk, &volume.state)?;
            disk.rename_noreplace(&volume.set(number), &gone)?;
            trash::remove(disk, &gone)?;
        }
    }
    for entry in disk.read_dir(volume.target)? {
        if volume.is_data_link(&entry)? && disk.metadata(&volume.target.join(DATA).join(&entry))?.is_none() {
            disk.remove_file(&volume.target.join(&entry))?;
        }
    }
    Ok(())
}

/// The number in a generation's name.
fn set_number(name: &OsStr) -> Option<u64> {
    name.to_str()?.strip_prefix(SET)?.parse().ok()
}

/// A target with its state folder.
struct Volume<'a> {
    disk: &'a Disk,
    target: &'a Path,
    state: PathBuf,
}

impl Volume<'_> {
    fn set(&self, number: u64) -> PathBuf {
        self.target.join(format!("{SET}{number}"))
    }

    /// The numbers of all generations, in order.
    fn numbers(&self) -> Result<BTreeSet<u64>, FsError> {
        Ok(self.disk.read_dir(self.target)?.iter().filter_map(|name| set_number(name)).collect())
    }

    /// The generation that readers see.
    fn current_number(&self) -> Result<Option<u64>, FsError> {
        Ok(self.disk.link_target(&self.target.join(DATA))?.and_then(|to| set_number(to.as_os_str())))
    }

    /// The number of the next generation.
    fn next_number(&self) -> Result<u64, InstallError> {
        let next = self.current_number()?.unwrap_or(0).checked_add(1);
        next.ok_or_else(|| InstallError::Managed { target: self.target.to_owned() })
    }

    /// Refuses entries that could not be moved or removed later, in place or in the current generation.
    fn refuse_unmovable(&self, entries: &BTreeSet<OsString>) -> Result<(), InstallError> {
        for entry in entries {
            let above = if self.is_data_link(entry)? { self.target.join(DATA) } else { self.target.to_owned() };
            stage::refuse_unmovable(self.disk, &above.join(entry))?;
        }
        Ok(())
    }

    /// The entries that are real files or folders.
    fn real<'e>(&self, entries: &'e BTreeSet<OsString>) -> Result<Vec<&'e OsString>, FsError> {
        let mut real = Vec::new();
        for entry in entries {
            if self.disk.metadata(&self.target.join(entry))?.is_some() && !self.is_data_link(entry)? {
                real.push(entry);
            }
        }
        Ok(real)
    }

    /// Refuses folders of another program if the file system cannot swap them for links, before anything is published.
    fn refuse_folders_without_exchange(&self, real: &[&OsString]) -> Result<(), InstallError> {
        for entry in real {
            let path = self.target.join(entry);
            if self.disk.metadata(&path)?.is_some_and(|m| m.kind == Kind::Dir) {
                return if self.can_exchange()? { Ok(()) } else { Err(InstallError::NoExchange { path }) };
            }
        }
        Ok(())
    }

    /// Whether the file system swaps a link for a folder in one step.
    fn can_exchange(&self) -> Result<bool, FsError> {
        let (folder, link) = (self.target.join(COPY), self.state.join(SWAPPED));
        self.disk.create_dir(&folder, 0o700)?;
        self.disk.symlink(Path::new(DATA), &link)?;
        let can = self.disk.exchange(&link, &folder)?;
        self.disk.remove_tree(&folder)?;
        self.disk.remove_tree(&link)?;
        Ok(can)
    }

    /// The generation before the current one. A higher number was never published.
    fn previous_number(&self) -> Result<Option<u64>, FsError> {
        let Some(current) = self.current_number()? else { return Ok(None) };
        Ok(self.numbers()?.range(..current).next_back().copied())
    }

    /// Whether `entry` of the target is a link through `..data`.
    fn is_data_link(&self, entry: &OsStr) -> Result<bool, FsError> {
        Ok(self.disk.link_target(&self.target.join(entry))?.is_some_and(|to| to == Path::new(DATA).join(entry)))
    }

    /// Whether `entry` of the generation `set` is a link to an entry of the target that is not owned.
    fn is_link_to_other(&self, set: &Path, entry: &OsStr) -> Result<bool, FsError> {
        Ok(self.disk.link_target(&set.join(entry))?.is_some_and(|to| to == Path::new("..").join(entry)))
    }

    /// The paths of `owned` that `filling` fills. An entry that was not owned when an earlier set was made is not owned
    /// when that set returns.
    fn owned_in(&self, owned: &[PathBuf], filling: &Filling<'_>) -> Result<Vec<PathBuf>, FsError> {
        let Filling::Tree(tree) = filling else { return Ok(owned.to_vec()) };
        let mut kept = Vec::new();
        for path in owned {
            let entry = path.iter().next().unwrap_or_default();
            if !self.is_link_to_other(tree, entry)? {
                kept.push(path.clone());
            }
        }
        Ok(kept)
    }

    /// The names of the entries that go through `..data`, after this run or already.
    fn owned_entries(&self, owned: &[PathBuf], filling: &Filling<'_>) -> Result<BTreeSet<OsString>, FsError> {
        let mut entries = BTreeSet::new();
        let mut paths: Vec<&Path> = owned.iter().map(PathBuf::as_path).collect();
        if let Filling::Plan(plan) = filling {
            paths.extend(plan.dirs.iter().map(|d| d.path.as_path()));
        }
        entries.extend(paths.iter().filter_map(|path| path.iter().next()).map(OsStr::to_owned));
        for entry in self.disk.read_dir(self.target)? {
            if self.is_data_link(&entry)? {
                entries.insert(entry);
            }
        }
        Ok(entries)
    }

    /// Copies the current content of `entries` to `to`, as far as it is `wanted`.
    fn copy_owned(
        &self,
        entries: &BTreeSet<OsString>,
        to: &Path,
        wanted: &dyn Fn(&Path) -> bool,
    ) -> Result<(), InstallError> {
        let data = self.target.join(DATA);
        for entry in entries.iter().filter(|e| wanted(Path::new(e))) {
            let linked = self.is_data_link(entry)?;
            if linked && self.is_link_to_other(&data, entry)? {
                continue;
            }
            let from = if linked { &data } else { self.target };
            if !linked {
                self.refuse_links_out(Path::new(entry))?;
            }
            stage::copy(self.disk, from, to, Path::new(entry), wanted)?;
        }
        Ok(())
    }

    /// Refuses relative links that leave their entry: a generation is one folder deeper than the target, so they would
    /// point elsewhere.
    fn refuse_links_out(&self, path: &Path) -> Result<(), InstallError> {
        let mut pending = vec![path.to_owned()];
        while let Some(path) = pending.pop() {
            let here = self.target.join(&path);
            match self.disk.metadata(&here)?.map(|m| m.kind) {
                Some(Kind::Link) => {
                    let to = self.disk.link_target(&here)?.unwrap_or_default();
                    let ups = to.iter().take_while(|part| *part == "..").count();
                    let depth = path.iter().count() - 1;
                    if to.is_relative() && ups >= depth {
                        return Err(InstallError::LinkOut { path: here, to });
                    }
                }
                Some(Kind::Dir) => {
                    pending.extend(self.disk.read_dir(&here)?.into_iter().rev().map(|name| path.join(name)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Links the entries that are not owned into a generation.
    fn link_others(&self, entries: &BTreeSet<OsString>, set: &Path) -> Result<(), FsError> {
        for entry in self.disk.read_dir(self.target)? {
            if !entries.contains(&entry) && !is_reserved(&entry) {
                self.disk.symlink(&Path::new("..").join(&entry), &set.join(&entry))?;
            }
        }
        Ok(())
    }

    /// Makes every owned entry a link through `..data` if some are still real files or folders, with no change for
    /// readers: publishes a generation equal to the current content, then swaps each entry for its link.
    fn settle_existing(&self, entries: &BTreeSet<OsString>) -> Result<(), InstallError> {
        let data = self.target.join(DATA);
        let real = self.real(entries)?;
        let mut hidden = false;
        for entry in entries {
            let exists = self.disk.metadata(&self.target.join(entry))?.is_some();
            hidden |= !exists && self.disk.metadata(&data.join(entry))?.is_some();
        }
        if real.is_empty() && !hidden {
            return Ok(());
        }
        self.refuse_folders_without_exchange(&real)?;
        let copy = self.target.join(COPY);
        stage::open(self.disk, &copy, None)?;
        self.copy_owned(entries, &copy, &|_| true)?;
        self.link_others(entries, &copy)?;
        self.disk.chmod(&copy, 0o755)?;
        stage::sync(self.disk, &copy)?;
        let number = self.next_number()?;
        self.disk.rename_noreplace(&copy, &self.set(number))?;
        self.switch_to(number)?;
        self.disk.sync(self.target)?;
        for entry in real {
            self.swap_for_link(entry)?;
        }
        Ok(self.disk.sync(self.target)?)
    }

    /// Swaps the real `entry` for a link to its copy in the current generation.
    fn swap_for_link(&self, entry: &OsStr) -> Result<(), InstallError> {
        let (path, swapped) = (self.target.join(entry), self.state.join(SWAPPED));
        self.disk.symlink(&Path::new(DATA).join(entry), &swapped)?;
        if !self.disk.exchange(&swapped, &path)? {
            // A link can replace a file in one step, but not a folder.
            if self.disk.metadata(&path)?.is_some_and(|m| m.kind == Kind::Dir) {
                return Err(InstallError::NoExchange { path });
            }
            self.disk.rename(&swapped, &path)?;
        }
        Ok(self.disk.remove_tree(&swapped)?)
    }

    /// Switches `..data`: the step in which readers go from one set to the next.
    fn switch_to(&self, number: u64) -> Result<(), FsError> {
        let next = self.target.join(NEXT_DATA);
        self.disk.sync(self.target)?;
        self.disk.symlink(Path::new(&format!("{SET}{number}")), &next)?;
        self.disk.rename(&next, &self.target.join(DATA))
    }
}
