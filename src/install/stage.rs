//! Builds the new tree where no reader sees it.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{FolderPlan, InstallError};
use crate::disk::{Disk, FsError, Kind, Metadata, Op};

/// The source of the owned paths.
pub(super) enum Filling<'a> {
    /// A plan.
    Plan(&'a FolderPlan),
    /// The folder of another set.
    Tree(&'a Path),
}

/// Creates the folder in which the tree is built, in place of `current`. Entries get the group that they would get there.
/// It has the final mode at once, for file systems that do not change modes: no reader looks there, and keys are closed.
pub(super) fn open(disk: &Disk, stage: &Path, current: Option<&Metadata>) -> Result<(), FsError> {
    disk.create_dir(stage, current.map_or(0o755, |m| m.mode | 0o700))?;
    match current {
        Some(current) => set_owner(disk, stage, current),
        None => Ok(()),
    }
}

/// Fills the owned paths.
pub(super) fn fill(disk: &Disk, stage: &Path, owned: &[PathBuf], filling: &Filling<'_>) -> Result<(), InstallError> {
    match filling {
        Filling::Plan(plan) => write_plan(disk, stage, plan),
        Filling::Tree(tree) => {
            for path in owned {
                let inner = path.ancestors().skip(1).any(|above| owned.iter().any(|o| o == above));
                if !inner && disk.metadata(&tree.join(path))?.is_some() {
                    make_parents(disk, stage, path)?;
                    copy(disk, tree, stage, path, &|_| true)?;
                }
            }
            Ok(())
        }
    }
}

fn write_plan(disk: &Disk, stage: &Path, plan: &FolderPlan) -> Result<(), InstallError> {
    let mut dirs: Vec<_> = plan.dirs.iter().collect();
    dirs.sort_unstable_by_key(|d| &d.path);
    for dir in dirs {
        make_parents(disk, stage, &dir.path)?;
        let path = stage.join(&dir.path);
        if !is_dir_at(disk, &path)? {
            disk.create_dir(&path, dir.mode)?;
            if let Some(group) = dir.group {
                disk.chgrp(&path, group)?;
            }
        }
    }
    for file in &plan.files {
        make_parents(disk, stage, &file.path)?;
        let path = stage.join(&file.path);
        if let Some(group) = file.group {
            // Closed until it has the group.
            disk.write_new(&path, &file.bytes, file.mode & 0o707)?;
            disk.chgrp(&path, group)?;
            disk.chmod(&path, file.mode)?;
        } else {
            disk.write_new(&path, &file.bytes, file.mode)?;
        }
    }
    Ok(())
}

/// Creates the missing folders above `path` in `stage`.
fn make_parents(disk: &Disk, stage: &Path, path: &Path) -> Result<(), InstallError> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    if is_dir_at(disk, &stage.join(parent))? {
        return Ok(());
    }
    make_parents(disk, stage, parent)?;
    Ok(disk.create_dir(&stage.join(parent), 0o755)?)
}

/// Whether there is a folder at `path`; an error if there is anything else.
fn is_dir_at(disk: &Disk, path: &Path) -> Result<bool, InstallError> {
    match disk.metadata(path)? {
        None => Ok(false),
        Some(m) if m.kind == Kind::Dir => Ok(true),
        Some(_) => Err(InstallError::NotAFolder { path: path.to_owned() }),
    }
}

/// Copies `path` below `from` to the same path below `to`, with mode, time and owner, links as links; of a folder only
/// the `wanted` entries.
///
/// Copies, not hard links: an operator who later edits a file in place must not change the previous set.
pub(super) fn copy(
    disk: &Disk,
    from: &Path,
    to: &Path,
    path: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<(), InstallError> {
    carry(disk, from, to, vec![Step::Copy(path.to_owned())], wanted)
}

/// Copies the `wanted` entries of the folder `path` below `from` to the folder `path` below `to`.
pub(super) fn copy_entries(
    disk: &Disk,
    from: &Path,
    to: &Path,
    path: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<(), InstallError> {
    let steps = entries(disk, from, path, wanted)?;
    carry(disk, from, to, steps, wanted)
}

/// A step of a copy. A stack of them replaces recursion: an operator's folders may be thousands of levels deep.
enum Step {
    Copy(PathBuf),
    /// Gives a folder whose content is copied the owner, mode and time of its source.
    Finish(PathBuf, Metadata),
}

/// The steps for the `wanted` entries of a folder, the first on top.
fn entries(disk: &Disk, from: &Path, path: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<Step>, FsError> {
    let names = disk.read_dir(&from.join(path))?.into_iter().rev();
    Ok(names.map(|name| path.join(name)).filter(|entry| wanted(entry)).map(Step::Copy).collect())
}

fn carry(
    disk: &Disk,
    from: &Path,
    to: &Path,
    mut steps: Vec<Step>,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<(), InstallError> {
    while let Some(step) = steps.pop() {
        let path = match step {
            Step::Copy(path) => path,
            Step::Finish(path, found) => {
                let copy_of = to.join(path);
                set_owner(disk, &copy_of, &found)?;
                disk.chmod(&copy_of, found.mode)?;
                disk.set_modified(&copy_of, found.modified)?;
                continue;
            }
        };
        let (source, copy_of) = (from.join(&path), to.join(&path));
        let Some(found) = disk.metadata(&source)? else { continue };
        match found.kind {
            Kind::Special => return Err(InstallError::Special { path: source }),
            Kind::File => {
                disk.copy_file(&source, &copy_of)?;
                set_owner(disk, &copy_of, &found)?;
            }
            Kind::Link => {
                let points_to = disk.link_target(&source)?.unwrap_or_default();
                disk.symlink(&points_to, &copy_of)?;
                set_owner(disk, &copy_of, &found)?;
                disk.set_modified(&copy_of, found.modified)?;
            }
            Kind::Dir => {
                disk.create_dir(&copy_of, 0o700)?;
                let below = entries(disk, from, &path, wanted)?;
                steps.push(Step::Finish(path, found));
                steps.extend(below);
            }
        }
    }
    Ok(())
}

/// Sets the owner and group of `like` on `path`. A file of root or its group that cannot be given back stays with this
/// process's user: root needs no ownership. A link stays too: its owner does not matter.
fn set_owner(disk: &Disk, path: &Path, like: &Metadata) -> Result<(), FsError> {
    let Some(made) = disk.metadata(path)? else { return Ok(()) };
    let give = |id: u32, uid: Option<u32>, gid: Option<u32>| match disk.chown(path, uid, gid) {
        Err(e) if e.is(Errno::PERM) && (id == 0 || made.kind == Kind::Link) => Ok(()),
        // A file system that has no owners, or that maps root to another user.
        Err(e) if e.is_refusal() && disk.may_give(uid, gid) => Ok(()),
        done => done,
    };
    // The group first: a process that gives a file away may no longer change it.
    if made.gid != like.gid {
        give(like.gid, None, Some(like.gid))?;
    }
    if made.uid != like.uid {
        give(like.uid, Some(like.uid), None)?;
    }
    Ok(())
}

/// Refuses a current tree that cannot be moved safely: one that is or holds a mount point, which would move along, or
/// that holds a folder that could not be removed later.
pub(super) fn refuse_unmovable(disk: &Disk, tree: &Path) -> Result<(), InstallError> {
    let mut pending = vec![tree.to_owned()];
    while let Some(path) = pending.pop() {
        let Some(found) = disk.metadata(&path)? else { continue };
        if disk.is_mount_point(&path)? {
            return Err(InstallError::MountInside { path });
        }
        if found.kind != Kind::Link && disk.is_immutable(&path) {
            return Err(InstallError::Immutable { path });
        }
        if found.kind == Kind::Dir {
            let names = disk.read_dir(&path)?;
            if !names.is_empty() && !disk.may_empty(&path, &found) {
                return Err(FsError::new(Op::RemoveTree, &path, Errno::ACCESS).into());
            }
            pending.extend(names.into_iter().rev().map(|name| path.join(name)));
        }
    }
    Ok(())
}

/// Syncs the whole tree to the disk: files, then folders from the inside out. All at the end, and the writing of all begins
/// before the first is waited for: the first sync then commits the file system's journal for the rest.
pub(super) fn sync(disk: &Disk, tree: &Path) -> Result<(), FsError> {
    let (mut files, mut folders, mut pending) = (Vec::new(), Vec::new(), vec![tree.to_owned()]);
    while let Some(path) = pending.pop() {
        match disk.metadata(&path)?.map(|m| m.kind) {
            Some(Kind::File) => {
                disk.begin_sync(&path);
                files.push(path);
            }
            Some(Kind::Dir) => {
                pending.extend(disk.read_dir(&path)?.into_iter().rev().map(|name| path.join(name)));
                folders.push(path);
            }
            _ => {}
        }
    }
    files.iter().chain(folders.iter().rev()).try_for_each(|path| disk.sync(path))
}
