//! The memory of an expired credential that the CA refused: it is not sent in a loop. It locks no identity, so that it does
//! not count as a refused secret.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::disk::Disk;
use crate::install::{InstallError, Place};

/// The file in the state folder.
const FILE: &str = "token-refusal.json";

/// The time until the same credential is sent again, in seconds.
const PAUSE: u64 = 3600;

#[derive(Serialize, Deserialize)]
struct Noted {
    /// Serial number of the credential, hex.
    serial: String,
    /// The CA.
    url: String,
    at: Timestamp,
}

/// The time until a credential that was refused at `at` is sent again.
pub(crate) fn pause_after(at: Timestamp, now: Timestamp) -> Duration {
    at.plus(Duration::from_secs(PAUSE)).since(now)
}

/// Notes that the CA refused the certificate with this serial number.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn note(place: &Place, disk: &Disk, serial: &str, url: &str, now: Timestamp) -> Result<(), InstallError> {
    let noted = Noted { serial: serial.to_owned(), url: url.to_owned(), at: now };
    place.write_state_file(disk, FILE, &serde_json::to_vec(&noted).unwrap_or_default(), 0o600)
}

/// When the CA refused this certificate, if that was in the last hour. A file that cannot be read counts as none.
pub(crate) fn recent(place: &Place, disk: &Disk, serial: &str, url: &str, now: Timestamp) -> Option<Timestamp> {
    let bytes = place.read_state_file(disk, FILE).ok()??;
    let noted: Noted = serde_json::from_slice(&bytes).ok()?;
    let is_recent = now >= noted.at && !pause_after(noted.at, now).is_zero();
    (noted.serial == serial && noted.url == url && is_recent).then_some(noted.at)
}
