//! The key that a new certificate keeps: an orderer is known to its channels by its TLS key.

use super::current::Current;
use super::request::KeyRequest;
use super::task::Task;
use crate::pki::x509::NodeOu;
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind};

/// Whether the identity is an orderer: by the requested role, or without one by its current certificates or their records.
pub(crate) fn is_orderer(roles: &[RoleRule], currents: &[Current]) -> bool {
    let mut requested = roles.iter().filter_map(|role| match role {
        RoleRule::Exactly(ou) => Some(*ou == NodeOu::Orderer),
        _ => None,
    });
    let held = |current: &Current| match &current.leaf {
        Some(leaf) => NodeOu::among(leaf.organizational_units()).contains(&NodeOu::Orderer),
        None => current.record.as_ref().is_some_and(|record| record.is_orderer),
    };
    requested.next().unwrap_or_else(|| currents.iter().any(held))
}

impl Task<'_> {
    /// Decides where the key comes from. The TLS key of an orderer stays: the configuration of each channel holds the
    /// certificate of every consenter, and Raft compares the public key only (Fabric 1.4.9 and 2.2.1 and later,
    /// `orderer/consensus/etcdraft/util.go`).
    ///
    /// # Errors
    /// When that key is not there any more, or has another curve than requested.
    pub(crate) fn keep_key(
        &mut self,
        current: &Current,
        is_orderer: bool,
        is_new_requested: bool,
    ) -> Result<(), Error> {
        // A key without its certificate may be the orderer's: the certificate alone was lost.
        let is_held = match (&current.leaf, &current.record) {
            (Some(leaf), _) => leaf.common_name() == Some(self.id),
            (None, record) => {
                current.holds_a_key
                    && record.as_ref().and_then(|r| r.id.as_deref()).is_none_or(|id| id == self.id || !self.force)
            }
        };
        if let (true, KeyRequest::New(curve), Purpose::Tls) = (is_held, &self.key, self.purpose())
            && is_orderer
            && !is_new_requested
        {
            let leaf = current.leaf.as_ref();
            let pair = current.key.as_ref().filter(|key| leaf.is_none_or(|leaf| key.spki_der() == leaf.spki_der()));
            let what = match (pair, curve) {
                (None, _) if leaf.is_none() => "the key cannot be read without its certificate".to_owned(),
                (None, _) => "the folder does not hold the key of its certificate".to_owned(),
                (Some(key), Some(curve)) if *curve != key.algorithm() => {
                    format!("its key is {}, but {curve} was requested", key.algorithm())
                }
                _ => {
                    self.key = KeyRequest::Current;
                    return Ok(());
                }
            };
            return Err(Error::new(
                ErrorKind::Input,
                format!("the TLS key of an orderer is kept, but in {} {what}", self.target.display()),
            )
            .with_help(
                "put the key back, or make a new one with --new-tls-key: the orderer is then no consenter of its channels until their configurations hold the new certificate",
            ));
        }
        // Without a current key it is a request for a new one, for which a pending key is used.
        if self.key == KeyRequest::Current && current.key.is_none() {
            self.key = KeyRequest::New(None);
        }
        Ok(())
    }
}
