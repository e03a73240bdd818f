//! The enrolment secret: whether it can be read and sent as it is. Its value is never shown.

use super::check::Diagnosis;
use crate::Secret;
use crate::disk::{Disk, Kind};
use crate::identity::SecretSource;
use crate::identity::secret_source::{unreadable, wide_mode};
use crate::secret::{Cleaned, LIMIT};

const CHECK: &str = "secret";
const ALONE: &str = "write the secret alone into it: printf %s SECRET > FILE";

/// Checks the secret, and returns it if it was read and can be sent. `is_needed`: no certificate is in place that makes an
/// enrolment unnecessary. A pipe is not read: it gives its content once, and the next run needs it.
pub(super) fn check(source: &SecretSource, is_needed: bool, disk: &Disk, diagnosis: &mut Diagnosis) -> Option<Secret> {
    let path = match source {
        SecretSource::None if is_needed => {
            diagnosis.fail(CHECK, "none is given", "give --secret-file FILE, or set FABCERT_SECRET");
            return None;
        }
        SecretSource::None => {
            diagnosis.skip(CHECK, "none is given, and none is needed now");
            return None;
        }
        SecretSource::Given(_) => {
            return match source.read(disk) {
                Err(e) => {
                    diagnosis.failed(CHECK, &e);
                    None
                }
                Ok(secret) => {
                    diagnosis.ok(CHECK, "given without a file");
                    Some(secret)
                }
            };
        }
        SecretSource::File(path) => path,
    };
    let shown = path.display();
    if matches!(disk.metadata_followed(path), Ok(Some(found)) if found.kind == Kind::Special) {
        diagnosis.skip(CHECK, format!("{shown} is not a regular file, so it is not read here"));
        return None;
    }
    let bytes = match disk.read_secret(path, LIMIT) {
        Err(e) => {
            diagnosis.failed(CHECK, &unreadable(disk, path, e));
            return None;
        }
        Ok(bytes) => bytes,
    };
    let Cleaned { secret, notes } = match Cleaned::read(&bytes) {
        Err(fault) => {
            diagnosis.fail(CHECK, format!("{shown} {fault}"), ALONE);
            return None;
        }
        Ok(cleaned) => cleaned,
    };
    if !notes.is_empty() {
        diagnosis.warn(CHECK, format!("{shown} {}", notes.join("; it ")), ALONE);
    } else if let Some(mode) = wide_mode(disk, path) {
        let message = format!("{shown} can be read; its mode is {mode:04o}, so other users can read it too");
        diagnosis.warn(CHECK, message, format!("chmod 600 {shown}"));
    } else {
        diagnosis.ok(CHECK, format!("{shown} can be read"));
    }
    Some(secret)
}
