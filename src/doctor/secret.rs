//! The enrolment secret: whether it can be read and sent as it is. Its value is never shown.

use super::check::Diagnosis;
use crate::disk::{Disk, Kind};
use crate::identity::SecretSource;

/// The size limit of a secret file, in bytes.
const LIMIT: usize = 64 * 1024;

/// Checks the secret. `is_needed`: no certificate is in place that makes an enrolment unnecessary.
pub(super) fn check(source: &SecretSource, is_needed: bool, disk: &Disk, diagnosis: &mut Diagnosis) {
    const CHECK: &str = "secret";
    let path = match source {
        SecretSource::None if is_needed => {
            let remedy = "give --secret-file FILE, or set FABCERT_SECRET";
            return diagnosis.fail(CHECK, "none is given", remedy);
        }
        SecretSource::None => return diagnosis.skip(CHECK, "none is given, and none is needed now"),
        SecretSource::Given(secret) if secret.is_empty() => {
            return diagnosis.fail(CHECK, "it is empty", "set FABCERT_SECRET, or give --secret-file FILE");
        }
        SecretSource::Given(secret) => {
            return match fault(secret.expose().as_bytes()) {
                Some(fault) => diagnosis.fail(CHECK, format!("it {fault}"), "give the secret alone"),
                None => diagnosis.ok(CHECK, "given without a file"),
            };
        }
        SecretSource::File(path) => path,
    };
    let shown = path.display();
    let mode = match disk.metadata_followed(path) {
        Ok(Some(found)) if found.kind == Kind::File => found.mode & 0o777,
        Ok(Some(_)) => {
            return diagnosis.skip(CHECK, format!("{shown} is not a regular file, so it is not read here"));
        }
        // A secret that is given in place of a path is not shown.
        Ok(None) | Err(_) => {
            let remedy = "--secret-file takes the path of a file; check it, and the mount of the Secret";
            return diagnosis.fail(CHECK, "the secret file cannot be found", remedy);
        }
    };
    match disk.read_secret(path, LIMIT) {
        Err(e) => diagnosis.failed(CHECK, &e.into()),
        Ok(bytes) => {
            let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            if let Some(fault) = fault(content) {
                diagnosis.fail(
                    CHECK,
                    format!("{shown} {fault}"),
                    "write the secret alone into it: printf %s SECRET > FILE",
                );
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
        }
    }
}

/// Why the content cannot be sent as it is meant.
fn fault(content: &[u8]) -> Option<&'static str> {
    let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if content.is_empty() {
        Some("is empty")
    } else if content.starts_with(b"\xef\xbb\xbf")
        || content.starts_with(b"\xff\xfe")
        || content.starts_with(b"\xfe\xff")
    {
        Some("begins with a byte order mark, which would be sent")
    } else if content.contains(&0) {
        Some("holds a NUL byte")
    } else if content.contains(&b'\n') {
        Some("holds several lines")
    } else if std::str::from_utf8(content).is_err() {
        Some("is not UTF-8")
    } else if is_blank(content.first()) || is_blank(content.last()) {
        Some("begins or ends with a blank, which would be sent")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_sent_besides_the_secret_is_found() {
        assert_eq!(fault(b"peerpw"), None);
        assert_eq!(fault("p\u{e4}ss word".as_bytes()), None);
        let faults = [&b""[..], b"\xef\xbb\xbfpw", b"\xff\xfep\0", b"p\0w", b"a\nb", b"\xff", b" pw", b"pw\t", b"pw\r"];
        for content in faults {
            assert!(fault(content).is_some(), "{content:?}");
        }
    }
}
