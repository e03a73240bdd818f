//! Replaces one file in one step.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use super::{Disk, FsError, Kind, Op, pipe};

impl Disk {
    /// Writes `bytes` beside `path` and renames the file: a reader sees the old content or the new. If `path` is a
    /// link, its target is replaced. A device or pipe is written to; the target of `/dev/stdout` is appended to.
    ///
    /// # Errors
    /// When a step fails; `path` is then unchanged.
    pub fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
        self.replace_with(path, mode, |out| out.write_all(bytes))
    }

    /// Like [`Self::replace`], with bytes from `write`.
    ///
    /// # Errors
    /// When a step fails; `path` is then unchanged.
    pub fn replace_with(
        &self,
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FsError> {
        let Some(target) = self.replaced(path)? else { return self.write_to(path, write) };
        self.through_staged(path, &target, |staged| {
            self.write_new_with(staged, mode, write)?;
            self.sync(staged)?;
            self.rename(staged, &target)
        })
    }

    /// Checks that [`Self::replace`] can create the new content of `path`, and leaves everything as it is.
    ///
    /// # Errors
    /// The one that [`Self::replace`] would end with.
    pub(crate) fn check_replace(&self, path: &Path) -> Result<(), FsError> {
        let Some(target) = self.replaced(path)? else { return Ok(()) };
        self.through_staged(path, &target, |staged| {
            self.write_new(staged, &[], 0o600)?;
            self.remove_file(staged)
        })
    }

    /// The file that is replaced, with links resolved; `None` for a device or pipe, which is written to.
    fn replaced(&self, path: &Path) -> Result<Option<PathBuf>, FsError> {
        Ok(match self.metadata_followed(path)? {
            Some(found) if found.kind == Kind::Special || is_stream(path) => None,
            Some(found) if found.kind == Kind::Dir => return Err(FsError::new(Op::Write, path, Errno::ISDIR)),
            Some(_) if self.link_target(path)?.is_some() => Some(self.canonical(path)?),
            _ => Some(path.to_owned()),
        })
    }

    /// Carries out `steps`, which write the new content of `target` to the path that they are given and rename it. Errors
    /// are about `path`; after one the new content is removed.
    pub(super) fn through_staged(
        &self,
        path: &Path,
        target: &Path,
        steps: impl FnOnce(&Path) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        let staged = self.staged_beside(target)?;
        steps(&staged).map_err(|e| {
            drop(self.remove_file(&staged));
            e.on(path)
        })
    }

    /// A path beside `target` for its new content, which no other run uses.
    fn staged_beside(&self, target: &Path) -> Result<PathBuf, FsError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let mut name = OsString::from(".");
            name.push(target.file_name().unwrap_or_default());
            name.push(format!(".fabcert-new-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            let staged = target.with_file_name(name);
            // A process of another container, or one that was killed, may have had the same number.
            if self.metadata(&staged)?.is_none() {
                return Ok(staged);
            }
        }
    }

    fn write_to(&self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FsError> {
        self.step(Op::Write, path, |_| {
            let mut out = io::BufWriter::new(pipe::open_for_writing(path, is_stream(path), self.patience())?);
            write(&mut out)?;
            out.flush()
        })
    }
}

/// Whether it is one of the process's own streams.
pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("/dev/stdout")
        || path == Path::new("/dev/stderr")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    #[test]
    fn a_link_stays_a_link_to_the_new_content() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        symlink("real", &link).unwrap();
        Disk::real().replace(&link, b"new", 0o644).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("real"));
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        Disk::real().replace(&pipe, b"report", 0o644).unwrap();
        assert_eq!(reader.join().unwrap(), b"report");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn an_error_names_the_given_file() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none/report.json");
        let error = Disk::real().replace(&missing, b"x", 0o644).unwrap_err();
        assert_eq!(error.path(), missing);
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        Disk::real().replace(&folder, b"x", 0o644).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no partial file is left beside it");
        assert!(error.help().is_some_and(|h| h.contains("mkdir -p")));
    }
}
