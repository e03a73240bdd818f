//! The enrolment secret: whether it can be read and sent as it is. Its value is never shown.

use super::check::Diagnosis;
use crate::Secret;
use crate::disk::{Disk, Kind};
use crate::identity::SecretSource;
use crate::secret::Cleaned;

/// The size limit of a secret file, in bytes.
const LIMIT: usize = 64 * 1024;

/// Checks the secret, and returns it if it was read and can be sent. `is_needed`: no certificate is in place that makes an
/// enrolment unnecessary. Only a regular file is read: a pipe gives its content once, and the next run needs it.
pub(super) fn check(source: &SecretSource, is_needed: bool, disk: &Disk, diagnosis: &mut Diagnosis) -> Option<Secret> {
    const CHECK: &str = "secret";
    let path = match source {
        SecretSource::None if is_needed => {
            let remedy = "give --secret-file FILE, or set FABCERT_SECRET";
            diagnosis.fail(CHECK, "none is given", remedy);
            return None;
        }
        SecretSource::None => {
            diagnosis.skip(CHECK, "none is given, and none is needed now");
            return None;
        }
        SecretSource::Given(secret) => {
            match Cleaned::read(secret.expose().as_bytes()) {
                Err(fault) => {
                    diagnosis.fail(CHECK, format!("it {fault}"), "give the secret alone");
                    return None;
                }
                Ok(Cleaned { notes, .. }) if !notes.is_empty() => {
                    diagnosis.warn(CHECK, format!("it {}", notes.join("; it ")), "give the secret alone");
                }
                Ok(_) => diagnosis.ok(CHECK, "given without a file"),
            }
            return Some(secret.clone());
        }
        SecretSource::File(path) => path,
    };
    let shown = path.display();
    let mode = match disk.metadata_followed(path) {
        Ok(Some(found)) if found.kind == Kind::File => found.mode & 0o777,
        Ok(Some(_)) => {
            diagnosis.skip(CHECK, format!("{shown} is not a regular file, so it is not read here"));
            return None;
        }
        // A secret that is given in place of a path is not shown.
        Ok(None) | Err(_) => {
            let remedy = "--secret-file takes the path of a file; check it, and the mount of the Secret";
            diagnosis.fail(CHECK, "the secret file cannot be found", remedy);
            return None;
        }
    };
    match disk.read_secret(path, LIMIT) {
        Err(e) => {
            diagnosis.failed(CHECK, &e.into());
            None
        }
        Ok(bytes) => {
            const ALONE: &str = "write the secret alone into it: printf %s SECRET > FILE";
            let Cleaned { secret, notes } = match Cleaned::read(&bytes) {
                Err(fault) => {
                    diagnosis.fail(CHECK, format!("{shown} {fault}"), ALONE);
                    return None;
                }
                Ok(cleaned) => cleaned,
            };
            if !notes.is_empty() {
                diagnosis.warn(CHECK, format!("{shown} {}", notes.join("; it ")), ALONE);
            } else if mode & 0o077 != 0 {
                let message = format!("{shown} can be read; its mode is {mode:04o}, so others may read it too");
                diagnosis.warn(
                    CHECK,
                    message,
                    format!("chmod 600 {shown}, or defaultMode: 0400 of a Kubernetes Secret"),
                );
            } else {
                diagnosis.ok(CHECK, format!("{shown} can be read"));
            }
            Some(secret)
        }
    }
}
