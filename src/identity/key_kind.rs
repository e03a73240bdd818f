//! The kind of the signing key: an Ed25519 identity is valid only in some channels.

use super::current::Current;
use super::pinned_key::Channels;
use super::request::KeyRequest;
use super::task::Task;
use crate::disk::Disk;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::proof::Purpose;
use crate::{Error, ErrorKind};

impl Task<'_> {
    /// Checks, before a request, that Fabric will accept the kind of the signing key. A TLS key of each kind is accepted.
    ///
    /// # Errors
    /// When the key is of the kind Ed25519, the current one is not, and a channel does not accept it, the version of Fabric
    /// does not, or neither is known.
    pub(crate) fn check_key_kind(&self, current: &Current, channels: &Channels, disk: &Disk) -> Result<(), Error> {
        let of_current = current.key.as_ref().map(KeyPair::algorithm);
        let kind = match &self.key {
            KeyRequest::New(kind) => *kind,
            KeyRequest::Current => of_current,
            KeyRequest::Given(_) => self.key.named(disk)?.map(|key| key.algorithm()),
        };
        if self.purpose() != Purpose::Sign || kind != Some(KeyAlgorithm::Ed25519) {
            return Ok(());
        }
        match channels.why_not_ed25519() {
            None => Ok(()),
            // The identity has such a key already, and it must not expire.
            Some(why) if of_current == kind => {
                if channels.is_known() {
                    tracing::warn!("{}: {why}", self.target.display());
                }
                Ok(())
            }
            Some(why) => {
                let message = format!("{}: {why}; no request was sent", self.target.display());
                Err(Error::new(ErrorKind::Input, message).with_help(
                    "Fabric accepts Ed25519 identities from 3.0, in channels with the capability V3_0: give the configuration of each channel with --channel-config, or the version of the nodes with --fabric-version, or use --key-algorithm p256",
                ))
            }
        }
    }
}
