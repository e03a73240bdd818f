//! The source of the enrolment secret.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, FsError, Kind};
use crate::secret::{Cleaned, LIMIT, TOO_LARGE};
use crate::{Error, ErrorKind, Secret};

/// Where container engines mount secrets, readable by all in the container.
const MOUNTED: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// The source of the enrolment secret; read only when a request is sent.
#[derive(Clone, Debug)]
pub(crate) enum SecretSource {
    /// From the environment, standard input or the URL.
    Given(Secret),
    /// In a file.
    File(PathBuf),
    /// No secret; an error when one is needed.
    None,
}

impl SecretSource {
    /// A secret as `source` (standard input, a variable) gives it. Logs what was removed.
    ///
    /// # Errors
    /// When it holds no secret (input).
    pub(crate) fn given(bytes: &[u8], source: &str) -> Result<Self, Error> {
        cleaned(bytes, source).map(Self::Given)
    }

    /// Reads the secret. Logs what was removed from a file, and that others can read it.
    ///
    /// # Errors
    /// When no secret was given (usage), the file cannot be read (I/O), or it holds no secret (input).
    pub(crate) fn read(&self, disk: &Disk) -> Result<Secret, Error> {
        let secret = match self {
            Self::Given(secret) => secret.clone(),
            Self::File(path) => {
                let bytes = disk.read_secret(path, LIMIT).map_err(|e| unreadable(disk, path, e))?;
                let secret = cleaned(&bytes, &format!("the secret file {}", path.display()))?;
                if let Some(mode) = wide_mode(disk, path) {
                    tracing::warn!(
                        "other users can read the secret file {} (mode {mode:04o}); use chmod 600",
                        path.display()
                    );
                }
                secret
            }
            Self::None => {
                return Err(Error::new(ErrorKind::Usage, "no enrolment secret was given")
                    .with_help("give --secret-file PATH (or - for standard input), or set FABCERT_SECRET"));
            }
        };
        if secret.is_empty() {
            return Err(Error::new(ErrorKind::Input, "the enrolment secret is empty").with_help(COST));
        }
        Ok(secret)
    }
}

const COST: &str = "nothing was sent: a wrong secret uses up one of the tries before the CA locks the identity";

fn cleaned(bytes: &[u8], source: &str) -> Result<Secret, Error> {
    let Cleaned { secret, notes } = Cleaned::read(bytes)
        .map_err(|reason| Error::new(ErrorKind::Input, format!("{source} {reason}")).with_help(COST))?;
    for note in notes {
        tracing::warn!("{source} {note}");
    }
    Ok(secret)
}

/// The error for a file that cannot be read. Where the path leads nowhere, it may be the secret itself, and is not shown.
pub(crate) fn unreadable(disk: &Disk, path: &Path, e: FsError) -> Error {
    if e.io_kind() == std::io::ErrorKind::FileTooLarge {
        return Error::new(ErrorKind::Input, format!("the secret file {} {TOO_LARGE}", path.display())).with_help(COST);
    }
    let is_there = |path: &Path| matches!(disk.metadata_followed(path), Ok(Some(_)));
    let mut folders = path.ancestors().skip(1).filter(|folder| !["", "/"].iter().any(|top| *folder == Path::new(top)));
    if is_there(path) || folders.any(is_there) {
        return e.into();
    }
    Error::new(
        ErrorKind::Io,
        "the secret file does not exist; its name is not shown, because it may be the secret itself",
    )
    .with_help("--secret-file takes the path of a file; set FABCERT_SECRET to give the secret itself")
}

/// The mode of a secret file that others can read. Mounted secrets pass, because their mode is not the user's choice, and files
/// in a folder that nobody else may enter.
pub(crate) fn wide_mode(disk: &Disk, path: &Path) -> Option<u32> {
    let found = disk.metadata_followed(path).ok()??;
    if found.kind != Kind::File || found.mode & 0o044 == 0 {
        return None;
    }
    let real = disk.canonical(path).ok()?;
    // The kubelet's `..data` leads to `..2026_11_29_...`.
    let is_mounted = real.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b".."))
        || MOUNTED.iter().any(|folder| real.starts_with(folder))
        || disk.is_mount_point(&real).unwrap_or(false);
    let is_closed = real.parent().and_then(|folder| disk.metadata(folder).ok()?).is_some_and(|m| m.mode & 0o011 == 0);
    (!is_mounted && !is_closed).then_some(found.mode)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test sets its scene")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(dir: &Path, name: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "pw\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_missing_file_is_named_only_if_its_folder_exists() {
        let dir = tempfile::tempdir().unwrap();
        let error = |path: &Path| SecretSource::File(path.to_owned()).read(&Disk::real()).unwrap_err();
        for secret in ["s3cr3t", "/s3cr3t", "s3/cr3t", "s3cr3t/"] {
            let error = error(Path::new(secret));
            assert_eq!(error.exit_code(), 5);
            assert!(!format!("{error} {error:?} {:?}", error.help()).contains("cr3t"), "{error:?}");
        }
        let long = "s3cr3t".repeat(1000);
        assert!(!format!("{:?}", error(Path::new(&long))).contains("s3cr3t"));
        assert!(error(&dir.path().join("gone")).to_string().contains("gone"));
        assert!(error(&dir.path().join("gone/gone")).to_string().contains("gone"));
    }

    #[test]
    fn a_mode_is_wide_if_others_can_read_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::real();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(wide_mode(&disk, &file(dir.path(), "wide", 0o644)), Some(0o644));
        assert_eq!(wide_mode(&disk, &file(dir.path(), "group", 0o640)), Some(0o640));
        assert_eq!(wide_mode(&disk, &file(dir.path(), "narrow", 0o600)), None);
        file(dir.path(), "..2026_11_29/secret", 0o644);
        std::os::unix::fs::symlink("..2026_11_29", dir.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/secret", dir.path().join("secret")).unwrap();
        assert_eq!(wide_mode(&disk, &dir.path().join("secret")), None, "a Secret of Kubernetes");
        let closed = file(dir.path(), "closed/secret", 0o644);
        std::fs::set_permissions(dir.path().join("closed"), PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(wide_mode(&disk, &closed), None, "nobody else enters the folder");
    }
}
