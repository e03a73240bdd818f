//! The CA's refusals, remembered so that a crash loop does not lock an identity: a Fabric CA locks it for good after
//! ten wrong secrets, and does not say how many are left.

use std::num::NonZeroU32;

use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::brake::Brake;
use crate::identity::ca_access::CaAccess;
use crate::{Error, ErrorKind, Secret, Timestamp};

/// The file in the state folder.
pub(crate) const FILE: &str = "refusal.json";

/// OWASP's figure for PBKDF2-HMAC-SHA256. The hash is computed only when a refusal is remembered.
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// A refusal of one secret for one identity at one CA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    schema_version: u32,
    url: String,
    ca_name: Option<String>,
    id: String,
    salt: String,
    /// Salted slow hash of the secret: recognises the same secret, and does not help to guess it.
    secret_hash: String,
    /// The number of refusals.
    count: u32,
    /// The time of the last one.
    last: Timestamp,
    /// The CA's message.
    message: String,
}

impl Refusal {
    /// Reads a remembered refusal; a broken file counts as none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|r: &Self| r.schema_version == 1)
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Whether the refusal concerns this secret for this identity at this CA.
    pub(crate) fn concerns(&self, ca: &CaAccess, secret: &Secret) -> bool {
        self.url == ca.url.to_string()
            && self.ca_name == ca.ca_name
            && self.id == ca.id
            && self.secret_hash == hash(secret, &self.salt)
    }

    /// The first refusal, or the next one after `before` (of the same secret).
    ///
    /// # Errors
    /// When the operating system provides no randomness for the salt.
    pub(crate) fn after(
        before: Option<Self>,
        ca: &CaAccess,
        secret: &Secret,
        message: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if let Some(before) = before {
            return Ok(Self {
                count: before.count.saturating_add(1),
                last: now,
                message: message.to_owned(),
                ..before
            });
        }
        let mut salt = [0u8; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| Error::new(ErrorKind::Io, "the operating system provided no random bytes"))?;
        let salt = crate::text::hex(&salt);
        Ok(Self {
            schema_version: 1,
            url: ca.url.to_string(),
            ca_name: ca.ca_name.clone(),
            id: ca.id.clone(),
            secret_hash: hash(secret, &salt),
            salt,
            count: 1,
            last: now,
            message: message.to_owned(),
        })
    }

    /// The error for a run that this refusal stops; `None` if it may ask again.
    pub(crate) fn stops(&self, now: Timestamp, state: &std::path::Path) -> Option<Error> {
        let until = Brake::after(self.count, self.last, now).words()?;
        Some(
            Error::new(
                ErrorKind::Refused,
                format!(
                    "the CA refused this secret for \"{}\" at {} ({} time{}, last at {}): {}; {until}, because the CA locks an identity after too many wrong secrets",
                    self.id,
                    self.url,
                    self.count,
                    if self.count == 1 { "" } else { "s" },
                    self.last,
                    self.message
                ),
            )
            .with_help(format!(
                "give another secret, or have the registrar check the identity (fabric-ca-client identity list --id {}); then use --force to ask at once (remembered in {})",
                self.id,
                state.display()
            )),
        )
    }
}

fn hash(secret: &Secret, salt: &str) -> String {
    let mut out = [0u8; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt.as_bytes(), secret.expose().as_bytes(), &mut out);
    crate::text::hex(&out)
}
