//! A new enrolment secret: given, or generated and kept in a file before it is sent, so that no answer that is lost costs it.

use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::disk::Disk;
use crate::identity::SecretSource;
use crate::secret::{Cleaned, LIMIT};
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

/// What [`NewSecret::prepare`] wrote.
#[derive(Debug)]
pub(crate) struct Written(Option<PathBuf>);

impl NewSecret {
    /// Whether the secret is in no other place than the result.
    pub(crate) const fn is_printed(&self) -> bool {
        matches!(self, Self::Printed)
    }

    /// The secret. A generated one is in its file before it is returned.
    ///
    /// # Errors
    /// When the source cannot be read, or the file cannot be written.
    pub(crate) fn prepare(&self, disk: &Disk) -> Result<(Secret, Written), Error> {
        match self {
            Self::Given(source) => Ok((source.read(disk)?, Written(None))),
            Self::Printed => Ok((generated()?, Written(None))),
            Self::Kept(path) => {
                if let Some(secret) = earlier(path, disk)? {
                    return Ok((secret, Written(None)));
                }
                let secret = generated()?;
                disk.write_new(path, format!("{}\n", secret.expose()).as_bytes(), 0o600)?;
                Ok((secret, Written(Some(path.clone()))))
            }
        }
    }
}

impl Written {
    /// `error`, after the file is removed where the CA surely does not know its secret; otherwise it says that the file stays.
    /// `is_ambiguous`: whether the CA may know it.
    pub(crate) fn after(self, is_ambiguous: bool, error: Error, disk: &Disk) -> Error {
        let Some(path) = self.0 else { return error };
        if is_ambiguous {
            return error.with_detail(&format!("the CA may know the secret in {}, so the file stays", path.display()));
        }
        match disk.remove_file(&path) {
            Ok(()) => error,
            Err(e) => error.with_detail(&format!("{} holds a secret that the CA does not know: {e}", path.display())),
        }
    }
}

/// The secret of an earlier run.
fn earlier(path: &Path, disk: &Disk) -> Result<Option<Secret>, Error> {
    if disk.metadata(path)?.is_none() {
        return Ok(None);
    }
    let bytes = disk.read_secret(path, LIMIT)?;
    let cleaned = Cleaned::read(&bytes).map_err(|reason| {
        Error::new(ErrorKind::Input, format!("{} {reason}", path.display()))
            .with_help("it would hold the secret of an earlier run: remove it, or give another file")
    })?;
    tracing::info!("using the secret in {}, which an earlier run wrote", path.display());
    Ok(Some(cleaned.secret))
}

fn generated() -> Result<Secret, Error> {
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
        let (first, written) = source.prepare(&disk).unwrap();
        assert_eq!(first.expose().len(), LENGTH);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", first.expose()));
        assert_eq!(disk.metadata(&path).unwrap().unwrap().mode & 0o777, 0o600);
        let (second, again) = source.prepare(&disk).unwrap();
        assert_eq!(second.expose(), first.expose());

        let error = || Error::new(ErrorKind::Refused, "refused");
        again.after(false, error(), &disk);
        assert!(path.exists(), "it is of an earlier run");
        written.after(false, error(), &disk);
        assert!(!path.exists(), "no CA knows it");
    }

    #[test]
    fn two_generated_secrets_differ() {
        let disk = Disk::real();
        let secret = || NewSecret::Printed.prepare(&disk).unwrap().0.expose().to_owned();
        assert_ne!(secret(), secret());
    }
}
