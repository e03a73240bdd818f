//! Random identifiers of runs and requests.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{Error, ErrorKind};

/// 16 random bytes in hex.
///
/// # Errors
/// When the operating system provides no randomness.
pub(crate) fn random_id() -> Result<String, Error> {
    let mut bytes = [0u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Io, "the operating system provided no random bytes"))?;
    Ok(crate::text::hex(&bytes))
}
