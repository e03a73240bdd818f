//! The validity of a certificate and of its CAs.

use super::{Expected, Purpose, VerifyError};
use crate::Timestamp;
use crate::pki::x509::{Cert, Chain};

/// Whether the certificate is valid now.
pub(super) fn check_leaf(leaf: &Cert, expected: &Expected<'_>) -> Result<(), VerifyError> {
    let Expected { now, server_date, .. } = *expected;
    if leaf.not_before() > now {
        return Err(VerifyError::NotYetValid { not_before: leaf.not_before(), now, server_date });
    }
    if leaf.not_after() <= now {
        return Err(VerifyError::Expired { not_after: leaf.not_after(), now, server_date });
    }
    Ok(())
}

/// The time at which a chain is judged: by Fabric one second after the leaf's start (`msp/mspimplvalidate.go`,
/// `getValidityOptsForCert`), by a TLS client now.
pub(super) fn judged_at(leaf: &Cert, purpose: Purpose, now: Timestamp) -> Timestamp {
    match purpose {
        Purpose::Sign => Timestamp::from_unix(leaf.not_before().unix() + 1),
        Purpose::Tls => now,
    }
}

/// Whether every CA of the chain is valid `at` that time.
pub(super) fn check_cas(chain: &Chain, at: Timestamp) -> Result<(), VerifyError> {
    match chain.cas().find(|ca| at < ca.not_before() || at > ca.not_after()) {
        None => Ok(()),
        Some(ca) => Err(VerifyError::CaOutOfDate {
            subject: ca.subject().to_owned(),
            at,
            not_before: ca.not_before(),
            not_after: ca.not_after(),
        }),
    }
}
