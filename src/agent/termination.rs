//! The termination message: why the process ended, where Kubernetes looks for it (`terminationMessagePath`).

use std::path::{Path, PathBuf};

use crate::Error;
use crate::disk::{Disk, Kind};
use crate::text::escape::Shown;

/// Where Kubernetes mounts the file of a container.
const DEFAULT: &str = "/dev/termination-log";

/// The most bytes of a message; Kubernetes keeps 4 KiB of a container and 12 KiB of a pod.
const LIMIT: usize = 1024;

/// The file for the message: the given one, or that of Kubernetes if it exists.
///
/// # Errors
/// If that of Kubernetes cannot be looked at.
pub(crate) fn file(given: Option<&Path>, disk: &Disk) -> Result<Option<PathBuf>, Error> {
    if let Some(given) = given {
        return Ok(Some(given.to_owned()));
    }
    let found = disk.metadata(Path::new(DEFAULT))?;
    Ok(found.filter(|found| found.kind == Kind::File).map(|_| DEFAULT.into()))
}

/// Writes why the process ends. The file is written in place: Kubernetes mounts it.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(error: &Error, file: &Path, disk: &Disk) -> Result<(), Error> {
    Ok(disk.write_in_place(file, message(error).as_bytes(), 0o644)?)
}

/// The error with its cause and what to do next, one a line.
fn message(error: &Error) -> String {
    let mut text = Shown(format_args!("fabcert: {error}")).to_string();
    for (what, more) in [("cause", error.cause()), ("help", error.help().map(str::to_owned))] {
        if let Some(more) = more {
            text = format!("{text}\n{what}: {}", Shown(more));
        }
    }
    let end = (0..LIMIT).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_message_has_error_cause_and_help() {
        let error = Error::new(ErrorKind::Unreachable, "the CA was not reached")
            .with_source(std::io::Error::other("refused\u{1b}[2J"))
            .with_help("start it");
        let expected = "fabcert: the CA was not reached\ncause: refused\\u{1b}[2J\nhelp: start it\n";
        assert_eq!(message(&error), expected);
    }

    #[test]
    fn a_message_has_at_most_a_kibibyte() {
        for text in ["é".repeat(5000), "e".repeat(5000), "\u{1b}".repeat(5000)] {
            let text = message(&Error::new(ErrorKind::Input, text).with_help("h"));
            assert!(text.len() <= LIMIT && text.len() > LIMIT - 3 && text.ends_with('\n'), "{}", text.len());
        }
    }

    #[test]
    fn the_file_is_written_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let disk = Disk::real();
        std::fs::File::create(&path).unwrap().set_len(5000).unwrap();
        let before = std::fs::metadata(&path).unwrap().ino();
        let error = Error::new(ErrorKind::Input, "unusable");
        write(&error, &path, &disk).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "fabcert: unusable\n");
        assert_eq!(std::fs::metadata(&path).unwrap().ino(), before);
        write(&error, &dir.path().join("new"), &disk).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("new")).unwrap().mode() & 0o777, 0o644);
        std::os::unix::fs::symlink(&path, dir.path().join("link")).unwrap();
        assert_eq!(write(&error, &dir.path().join("link"), &disk).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn a_given_file_is_used_although_it_does_not_exist() {
        let disk = Disk::real();
        assert_eq!(file(Some(Path::new("/x/log")), &disk).unwrap(), Some("/x/log".into()));
        let is_there = Path::new(DEFAULT).is_file();
        assert_eq!(file(None, &disk).unwrap().is_some(), is_there);
    }
}
