//! Reads and writes pipes, terminals and devices that the user named, within a time limit: a pipe without another end
//! would wait for ever, and a device may have no end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

/// The time limit for the whole content, if the caller sets none.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The time limit for another program to open the other end of a pipe.
const OTHER_END: Duration = Duration::from_secs(5);
/// The time between two looks at a pipe that has no other end: the kernel does not report when one is opened.
const PAUSE: Duration = Duration::from_millis(50);
/// The number of bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Reads `file`, opened without blocking, to its end.
pub(super) fn read_bounded(file: &mut File, limit: usize, patience: Duration) -> io::Result<Vec<u8>> {
    let (begun, is_pipe) = (Instant::now(), file.metadata()?.file_type().is_fifo());
    let mut chunk = Zeroizing::new(vec![0; CHUNK.min(limit.saturating_add(1))]);
    // The content may be a secret: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(chunk.len());
    loop {
        let other_end = match file.read(&mut chunk) {
            Ok(0) => is_pipe && bytes.is_empty() && ready(file, Duration::ZERO)?.is_empty(),
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                if bytes.len() > limit {
                    return Err(too_large(limit));
                }
                continue;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let Some(left) = patience.checked_sub(begun.elapsed()) else {
                    return Err(late(&format!("its content did not end within {patience:?}")));
                };
                ready(file, left)?;
                continue;
            }
            Err(e) => return Err(e),
        };
        if !other_end {
            return Ok(bytes);
        }
        let most = patience.min(OTHER_END);
        if begun.elapsed() >= most {
            return Err(late(&format!("no program opened the pipe for writing within {most:?}")));
        }
        ready(file, PAUSE)?;
    }
}

/// Waits until `file` can be read or its other end is closed.
fn ready(file: &File, limit: Duration) -> io::Result<PollFlags> {
    waited(file, PollFlags::IN, limit)
}

fn waited(file: &File, wanted: PollFlags, limit: Duration) -> io::Result<PollFlags> {
    let mut polled = [PollFd::new(file, wanted)];
    let limit = Timespec::try_from(limit).map_err(|_| Errno::INVAL)?;
    match poll(&mut polled, Some(&limit)) {
        Ok(_) => Ok(polled[0].revents()),
        Err(Errno::INTR) => Ok(PollFlags::empty()),
        Err(e) => Err(e.into()),
    }
}

/// A pipe or device that is written to: an error if it takes nothing for a while.
pub(super) struct Written {
    file: File,
    patience: Duration,
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begun = Instant::now();
        loop {
            match self.file.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let Some(left) = self.patience.checked_sub(begun.elapsed()) else {
                return Err(late(&format!("its reader took nothing for {:?}", self.patience)));
            };
            waited(&self.file, PollFlags::OUT, left)?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a pipe or device for writing; a pipe that no program reads is an error after a while. Writing to a `stream` of the
/// process itself has no time limit.
pub(super) fn open_for_writing(path: &Path, stream: bool, patience: Duration) -> io::Result<Written> {
    let (begun, most) = (Instant::now(), patience.min(OTHER_END));
    let flags = super::os_flags(OFlags::NONBLOCK | OFlags::NOCTTY);
    let file = loop {
        match OpenOptions::new().append(true).custom_flags(flags).open(path) {
            Err(e) if e.raw_os_error() == Some(Errno::NXIO.raw_os_error()) && is_pipe(path) => {
                if begun.elapsed() >= most {
                    return Err(late(&format!("no program opened the pipe for reading within {most:?}")));
                }
                std::thread::sleep(PAUSE);
            }
            opened => break opened?,
        }
    };
    if stream {
        // The user chose its reader, such as a pager, and ends it.
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    }
    Ok(Written { file, patience })
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

pub(super) fn too_large(limit: usize) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it holds more than {limit} bytes"))
}

fn late(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::Disk;

    fn pipe(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        path
    }

    #[test]
    fn a_pipe_without_a_writer_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real().with_patience(Duration::from_millis(200));
        let error = disk.read(&pipe(dir.path()), 9).unwrap_err();
        assert!(error.to_string().ends_with("no program opened the pipe for writing within 200ms"), "{error}");
    }

    #[test]
    fn a_writer_that_never_ends_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        let writer = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        (&writer).write_all(b"half").unwrap();
        let error = Disk::real().with_patience(Duration::from_millis(200)).read(&path, 9).unwrap_err();
        assert!(error.to_string().ends_with("its content did not end within 200ms"), "{error}");
    }

    #[test]
    fn a_pipe_is_read_from_a_writer_that_comes_late_and_pauses() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(100));
                let mut file = OpenOptions::new().write(true).open(path).unwrap();
                std::thread::sleep(Duration::from_millis(100));
                file.write_all(b"sec").unwrap();
                std::thread::sleep(Duration::from_millis(100));
                file.write_all(b"ret").unwrap();
            }
        });
        assert_eq!(Disk::real().read_secret(&path, 9).unwrap().as_slice(), b"secret");
        writer.join().unwrap();
    }

    #[test]
    fn a_device_without_end_is_read_up_to_the_limit() {
        let error = Disk::real().read(Path::new("/dev/zero"), 100_000).unwrap_err();
        assert!(error.to_string().ends_with("it holds more than 100000 bytes"), "{error}");
        assert_eq!(Disk::real().read(Path::new("/dev/null"), 1).unwrap(), b"");
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        let disk = Disk::real().with_patience(Duration::from_millis(200));
        let error = disk.replace(&path, b"report", 0o644).unwrap_err();
        assert!(error.to_string().ends_with("no program opened the pipe for reading within 200ms"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_that_takes_nothing_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        let _reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let disk = Disk::real().with_patience(Duration::from_millis(200));
        let error = disk.replace(&path, &vec![b'x'; 1 << 20], 0o644).unwrap_err();
        assert!(error.to_string().ends_with("its reader took nothing for 200ms"), "{error}");
    }

    #[test]
    fn a_slow_reader_gets_everything() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || {
                let (mut file, mut chunk, mut count) = (File::open(path).unwrap(), vec![0; 65536], 0);
                loop {
                    std::thread::sleep(Duration::from_millis(50));
                    match file.read(&mut chunk).unwrap() {
                        0 => return count,
                        read => count += read,
                    }
                }
            }
        });
        let disk = Disk::real().with_patience(Duration::from_millis(500));
        disk.replace(&path, &vec![b'x'; 1 << 20], 0o644).unwrap();
        assert_eq!(reader.join().unwrap(), 1 << 20);
    }
}
