//! A new enrolment secret: given, or generated and kept in a file before it is sent, so that no answer that is lost costs it.

use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::disk::Disk;
use crate::identity::SecretSource;
use crate::secret::{Cleaned, LIMIT};
use crate::text::shell_word;
use crate::{Error, ErrorKind, Secret};

/// The characters of a generated secret. They need no quotes in a shell, a URL or YAML.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 192 random bits. The CA takes no more than 72 bytes.
const LENGTH: usize = 32;

/// The source of a new enrolment secret.
#[derive(Clone, Debug)]
pub(crate) enum NewSecret {
    /// Chosen by the user.
    Given(SecretSource),
    /// Generated, and kept in this file (mode 0600). A file that exists holds the secret of an earlier run.
    Kept(PathBuf),
    /// Generated, and printed once.
    Printed,
}

/// What is to be done about a secret whose request failed.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// It is in another place, too.
    Known,
    /// It would have been printed.
    Printed,
    /// It was written to this file.
    Written(PathBuf, Secret),
}

/// Whether a file of a generated secret may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// It holds the secret that an earlier run of the same registration sent.
    IsUsed,
    /// Its secret would be set again in place of a new one.
    IsRefused,
}

impl NewSecret {
    /// Whether the secret is in no other place than the result.
    pub(crate) const fn is_printed(&self) -> bool {
        matches!(self, Self::Printed)
    }

    /// The secret. A generated one is in its file, synced, before it is returned.
    ///
    /// # Errors
    /// When the source cannot be read, the file cannot be written, or it exists and may not.
    pub(crate) fn prepare(&self, earlier: Earlier, disk: &Disk) -> Result<(Secret, Prepared), Error> {
        match self {
            Self::Given(source) => Ok((source.read(disk)?, Prepared::Known)),
            Self::Printed => Ok((generated()?, Prepared::Printed)),
            Self::Kept(path) => {
                if let Some(secret) = kept(path, earlier, disk)? {
                    return Ok((secret, Prepared::Known));
                }
                let secret = generated()?;
                disk.replace(path, format!("{}\n", secret.expose()).as_bytes(), 0o600)?;
                Ok((secret.clone(), Prepared::Written(path.clone(), secret)))
            }
        }
    }
}

impl Prepared {
    /// Whether the secret is in another place, too: this run wrote no file.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Known)
    }

    /// The error of a request with the secret. Where the CA surely does not know the secret, its file is removed; otherwise
    /// the error says where it is. `may_know`: whether the CA may know it.
    pub(crate) fn after(self, may_know: bool, error: Error, id: &str, disk: &Disk) -> Error {
        match (self, may_know) {
            (Self::Written(path, _), true) => {
                error.with_detail(&format!("the CA may know the secret in {}, so the file stays", path.display()))
            }
            (Self::Printed, true) => error.with_help(format!(
                "the CA may have taken a secret that nobody knows: fabcert ca identity rotate-secret {} sets another one",
                shell_word(id)
            )),
            (this, false) => match this.forget(disk) {
                Ok(()) => error,
                Err(detail) => error.with_detail(&detail),
            },
            (Self::Known, true) => error,
        }
    }

    /// Removes the file, unless another run has written it since.
    pub(crate) fn forget(self, disk: &Disk) -> Result<(), String> {
        let Self::Written(path, secret) = self else { return Ok(()) };
        let is_own =
            kept(&path, Earlier::IsUsed, disk).ok().flatten().is_some_and(|held| held.expose() == secret.expose());
        match is_own.then(|| disk.remove_file(&path)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(e)) => Err(format!("{} holds a secret that the CA does not know: {e}", path.display())),
        }
    }
}

/// The secret in a file that exists.
fn kept(path: &Path, earlier: Earlier, disk: &Disk) -> Result<Option<Secret>, Error> {
    if disk.metadata(path)?.is_none() {
        return Ok(None);
    }
    if earlier == Earlier::IsRefused {
        return Err(Error::new(ErrorKind::Input, format!("{} exists; its secret is not a new one", path.display()))
            .with_help("give another file, or remove it; --new-secret-file sets the secret that a file holds"));
    }
    let bytes = disk.read_secret(path, LIMIT)?;
    let cleaned = Cleaned::read(&bytes).map_err(|reason| {
        Error::new(ErrorKind::Input, format!("{} {reason}", path.display()))
            .with_help("it would hold the secret of an earlier run: remove it, or give another file")
    })?;
    Ok(Some(cleaned.secret))
}

/// A random secret.
///
/// # Errors
/// When the system has no randomness.
pub(super) fn generated() -> Result<Secret, Error> {
    let mut bytes = [0_u8; LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Io, "the system gave no random numbers for a secret"))?;
    Ok(Secret::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_is_in_its_file_and_a_second_run_uses_it() {
        let dir = tempfile::tempdir().unwrap();
        let (path, disk) = (dir.path().join("secret"), Disk::real());
        let source = NewSecret::Kept(path.clone());
        let (first, written) = source.prepare(Earlier::IsUsed, &disk).unwrap();
        assert_eq!(first.expose().len(), LENGTH);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", first.expose()));
        assert_eq!(disk.metadata(&path).unwrap().unwrap().mode & 0o777, 0o600);
        let (second, again) = source.prepare(Earlier::IsUsed, &disk).unwrap();
        assert_eq!(second.expose(), first.expose());
        assert_eq!(source.prepare(Earlier::IsRefused, &disk).unwrap_err().exit_code(), 4, "it would be no new secret");

        let error = || Error::new(ErrorKind::Refused, "refused");
        again.after(false, error(), "p", &disk);
        assert!(path.exists(), "it is of an earlier run");
        written.after(false, error(), "p", &disk);
        assert!(!path.exists(), "no CA knows it");
    }

    #[test]
    fn a_secret_that_the_ca_may_know_stays_or_has_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let (path, disk) = (dir.path().join("secret"), Disk::real());
        let error = || Error::new(ErrorKind::Unreachable, "no answer");
        let (_, written) = NewSecret::Kept(path.clone()).prepare(Earlier::IsRefused, &disk).unwrap();
        assert!(written.after(true, error(), "p", &disk).to_string().contains("the file stays"));
        assert!(path.exists());
        let (_, printed) = NewSecret::Printed.prepare(Earlier::IsUsed, &disk).unwrap();
        assert!(printed.after(true, error(), "p", &disk).help().unwrap().contains("rotate-secret p "));
    }

    #[test]
    fn a_file_that_another_run_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (path, disk) = (dir.path().join("secret"), Disk::real());
        let (_, written) = NewSecret::Kept(path.clone()).prepare(Earlier::IsUsed, &disk).unwrap();
        disk.replace(&path, b"of-another-run\n", 0o600).unwrap();
        written.forget(&disk).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of-another-run\n");
    }

    #[test]
    fn two_generated_secrets_differ() {
        let disk = Disk::real();
        let secret = || NewSecret::Printed.prepare(Earlier::IsUsed, &disk).unwrap().0.expose().to_owned();
        assert_ne!(secret(), secret());
    }
}
