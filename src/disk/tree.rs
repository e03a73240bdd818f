//! The working tree: files that somebody else put there must not lead what a command writes out of it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::error::LeadsOut;
use super::replace::is_stream;
use super::{Disk, FsError, Kind, Op, Result};

/// The most links on the way to a file, as in the kernel.
const MOST_LINKS: usize = 40;

/// The folders whose content somebody else may have made: repositories that were checked out. A symbolic link inside
/// one is followed only to a place inside.
#[derive(Debug)]
pub(crate) struct WorkingTree<'a> {
    disk: &'a Disk,
    /// The working directory, links resolved.
    here: PathBuf,
    /// Links resolved.
    roots: Vec<PathBuf>,
}

impl<'a> WorkingTree<'a> {
    /// The repository around the working directory, or the working directory itself.
    ///
    /// # Errors
    /// When the working directory cannot be inspected.
    pub(crate) fn here(disk: &'a Disk) -> Result<Self> {
        let here = disk.canonical(Path::new("."))?;
        let roots = vec![repository(disk, &here).unwrap_or_else(|| here.clone())];
        Ok(Self { disk, here, roots })
    }

    /// Adds folders that are trees too, in whatever folders they are. For a file its folder is added.
    #[must_use]
    pub(crate) fn with<'p>(mut self, paths: impl IntoIterator<Item = &'p Path>) -> Self {
        for path in paths {
            let Ok(path) = self.disk.canonical(path) else { continue };
            let is_folder = self.disk.metadata(&path).is_ok_and(|found| found.is_some_and(|m| m.kind == Kind::Dir));
            let folder = if is_folder { Some(path.as_path()) } else { path.parent() };
            self.roots.extend(folder.map(Path::to_owned));
        }
        self
    }

    /// Like [`Disk::replace`], inside the tree.
    ///
    /// # Errors
    /// When a link leads out of the tree, or a step fails; nothing is written then.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.replace_with(path, mode, |out| out.write_all(bytes))
    }

    /// Like [`Disk::replace_with`], inside the tree.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub(crate) fn replace_with(
        &self,
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let target = self.resolve(path, Op::Write)?;
        self.disk.replace_with(&target, mode, write).map_err(|e| e.on(path))
    }

    /// Like [`Disk::check_replace`], inside the tree.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub(crate) fn check_replace(&self, path: &Path) -> Result<()> {
        let target = self.resolve(path, Op::Write)?;
        self.disk.check_replace(&target).map_err(|e| e.on(path))
    }

    /// Like [`Disk::create_dirs`], inside the tree.
    ///
    /// # Errors
    /// When a link leads out of the tree, or a folder cannot be created.
    pub(crate) fn create_dirs(&self, path: &Path) -> Result<()> {
        self.disk.create_dirs(&self.resolve(path, Op::CreateDir)?)
    }

    /// Checks a path before the work whose result goes there.
    ///
    /// # Errors
    /// When a link leads out of the tree.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.resolve(path, Op::Write).map(drop)
    }

    /// The path with its links resolved, if it has any.
    fn resolve(&self, path: &Path, op: Op) -> Result<PathBuf> {
        if is_stream(path) {
            return Ok(path.to_owned());
        }
        let fail = |e: io::Error| FsError::new(op, path, e);
        let mut at = self.here.clone();
        let mut rest: Vec<OsString> = Vec::new();
        push(&mut rest, path);
        let (mut links, mut left) = (0, None);
        while let Some(part) = rest.pop() {
            match Path::new(&part).components().next() {
                Some(Component::RootDir) => at = PathBuf::from("/"),
                Some(Component::ParentDir) => drop(at.pop()),
                Some(Component::Normal(name)) => at.push(name),
                _ => continue,
            }
            let Some(to) = self.disk.link_target(&at)? else { continue };
            links += 1;
            if links > MOST_LINKS {
                return Err(fail(Errno::LOOP.into()));
            }
            let folder = at.parent().map_or_else(|| at.clone(), Path::to_owned);
            left = left.or_else(|| self.tree_of(&folder).map(|tree| (at.clone(), tree)));
            at = folder;
            push(&mut rest, &to);
        }
        match left {
            Some((link, tree)) if !at.starts_with(&tree) && !self.roots.iter().any(|root| at.starts_with(root)) => {
                Err(fail(io::Error::new(io::ErrorKind::PermissionDenied, LeadsOut { link, tree, to: at })))
            }
            _ if links == 0 => Ok(path.to_owned()),
            _ => Ok(at),
        }
    }

    /// The tree that holds a folder.
    fn tree_of(&self, folder: &Path) -> Option<PathBuf> {
        let root = self.roots.iter().find(|root| folder.starts_with(root));
        root.cloned().or_else(|| repository(self.disk, folder))
    }
}

/// The repository that holds a folder.
fn repository(disk: &Disk, folder: &Path) -> Option<PathBuf> {
    let holds_git = |folder: &&Path| disk.metadata(&folder.join(".git")).is_ok_and(|found| found.is_some());
    folder.ancestors().find(holds_git).map(Path::to_owned)
}

/// Puts the parts of a path on the stack, the first on top.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    rest.extend(path.components().rev().map(|part| part.as_os_str().to_owned()));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Scene {
        dir: tempfile::TempDir,
        disk: Disk,
    }

    impl Scene {
        /// A checkout `in` beside a folder `out`.
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("in/.git")).unwrap();
            fs::create_dir_all(dir.path().join("in/sub")).unwrap();
            fs::create_dir(dir.path().join("out")).unwrap();
            fs::write(dir.path().join("out/kept"), "kept").unwrap();
            Self { dir, disk: Disk::real() }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(path)
        }

        /// Writes to `path` below the working directory `here`.
        fn write(&self, here: &str, path: &str) -> Result<()> {
            let here = self.path(here);
            let roots = vec![repository(&self.disk, &here).unwrap_or_else(|| here.clone())];
            WorkingTree { disk: &self.disk, here, roots }.replace(&self.path(path), b"new", 0o644)
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_out_of_the_tree() {
        let scene = Scene::new();
        symlink("../out/kept", scene.path("in/file")).unwrap();
        symlink(scene.path("out/new"), scene.path("in/dangling")).unwrap();
        symlink("../out", scene.path("in/folder")).unwrap();
        symlink("file", scene.path("in/twice")).unwrap();
        symlink("/dev/null", scene.path("in/device")).unwrap();
        symlink("loop", scene.path("in/loop")).unwrap();
        for path in ["file", "dangling", "folder/kept", "folder/new", "twice", "sub/../file", "device", "loop"] {
            let error = scene.write("in/sub", &format!("in/{path}")).unwrap_err();
            assert_eq!(error.path(), scene.path(&format!("in/{path}")));
            let expected = if path == "loop" { "too many levels" } else { "leads out of the working tree" };
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(fs::read(scene.path("out/kept")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(scene.path("out")).unwrap().count(), 1);
        fs::create_dir(scene.path("elsewhere")).unwrap();
        assert!(scene.write("elsewhere", "in/file").is_err(), "a repository elsewhere is a tree as well");
    }

    #[test]
    fn links_inside_the_tree_and_links_of_the_user_are_followed() {
        let scene = Scene::new();
        symlink("sub", scene.path("in/folder")).unwrap();
        symlink("sub/b", scene.path("in/file")).unwrap();
        symlink("in/sub", scene.path("entry")).unwrap();
        symlink("out", scene.path("elsewhere")).unwrap();
        for (path, to) in
            [("in/folder/a", "in/sub/a"), ("in/file", "in/sub/b"), ("entry/c", "in/sub/c"), ("elsewhere/d", "out/d")]
        {
            scene.write("in", path).unwrap();
            assert_eq!(fs::read(scene.path(to)).unwrap(), b"new", "{path}");
        }
        assert!(fs::symlink_metadata(scene.path("in/file")).unwrap().is_symlink());
    }
}
