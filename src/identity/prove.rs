//! The proof of an answer, whether a CA sent it or somebody carried it here.

use super::current::Current;
use super::task::{Shape, Task};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::proof::{Expected, MspError, MspPlan, VerifiedEnrollment, verify};
use crate::{Error, Timestamp};

/// An answer that is not proven yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unproven<'a> {
    /// One certificate, PEM.
    pub(crate) cert_pem: &'a [u8],
    /// CA certificates, PEM, in any order.
    pub(crate) chain_pem: &'a [u8],
    /// The CA's own time, from the HTTP `Date` header.
    pub(crate) server_date: Option<Timestamp>,
}

/// A proven certificate with its key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) verified: VerifiedEnrollment,
    pub(crate) key: KeyPair,
    /// When the answer came.
    pub(crate) received_at: Timestamp,
    /// The MSP folder without a TLS certificate's CAs, if it was planned for the proof.
    pub(crate) plan: Option<MspPlan>,
}

/// Proves that `answer` is what `task` asks for, for `key`, and that Fabric accepts the folder made of it.
///
/// # Errors
/// When it is not as asked.
pub(crate) fn prove(
    task: &Task<'_>,
    current: &Current,
    key: &KeyPair,
    answer: &Unproven<'_>,
    now: Timestamp,
) -> Result<(VerifiedEnrollment, Option<MspPlan>), Error> {
    let pinned_root = current.root.as_ref().filter(|_| !task.force);
    let verified = verified(task, key, answer, pinned_root, now)?;
    // What Fabric would refuse is not as asked either. What an operator can fix in the folder is reported at its install.
    let plan = match task.shape {
        Shape::Msp(form) => match task.msp_folder(form, current).plan(&verified, key, None) {
            Err(e @ MspError::Issued { .. }) => return Err(e.into()),
            planned => planned.ok(),
        },
        Shape::Tls(_) => None,
    };
    for warning in verified.warnings() {
        tracing::warn!("{warning}");
    }
    Ok((verified, plan))
}

/// Proves `answer` alone, without the folder.
///
/// # Errors
/// When it is not as asked.
pub(crate) fn verified(
    task: &Task<'_>,
    key: &KeyPair,
    answer: &Unproven<'_>,
    pinned_root: Option<&Cert>,
    now: Timestamp,
) -> Result<VerifiedEnrollment, Error> {
    let expected = Expected {
        enrollment_id: task.id,
        key,
        sans: &task.sans,
        purpose: task.purpose(),
        role: task.role,
        pinned_root,
        now,
        server_date: answer.server_date,
    };
    Ok(verify(answer.cert_pem, answer.chain_pem, &expected)?)
}
