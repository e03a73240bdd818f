//! Verifies an answer, received from a CA or carried by hand.

use super::current::Current;
use super::overlap::not_trusted_yet;
use super::plan::Plan;
use super::state::pending::Asked;
use super::task::Task;
use crate::pki::key::KeyPair;
use crate::pki::name;
use crate::pki::x509::Cert;
use crate::proof::{Expected, RoleRule, VerifiedEnrollment, VerifyError, verify};
use crate::{Error, Timestamp};

/// An answer that is not verified yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unproven<'a> {
    /// One certificate, PEM.
    pub(crate) cert_pem: &'a [u8],
    /// CA certificates, PEM, in any order.
    pub(crate) chain_pem: &'a [u8],
    /// The CA's time, from the HTTP `Date` header.
    pub(crate) server_date: Option<Timestamp>,
}

/// A verified certificate with its key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) verified: VerifiedEnrollment,
    pub(crate) key: KeyPair,
    /// When the answer arrived.
    pub(crate) received_at: Timestamp,
    /// The folder, without the CAs of a TLS certificate of the same run, if it was planned for the verification.
    pub(crate) plan: Option<Plan>,
    /// The request that the certificate answers, if it is known.
    pub(crate) asked: Option<Asked>,
    /// Whether the certificate answers the pending key; it is the current one otherwise.
    pub(crate) is_new: bool,
    /// Whether the CA was asked with the secret in this run.
    pub(crate) by_secret: bool,
}

/// Verifies that `answer` is what `task` requests, for `key`, and that Fabric and its clients accept the resulting folder.
///
/// # Errors
/// When the answer is not as requested.
pub(crate) fn prove(
    task: &Task<'_>,
    current: &Current,
    key: &KeyPair,
    answer: &Unproven<'_>,
    now: Timestamp,
) -> Result<(VerifiedEnrollment, Option<Plan>), Error> {
    let verified = if task.force {
        verified(task, key, answer, None, now)?
    } else {
        // Of a folder whose root is being replaced, the new roots before the old one.
        let pinned = current.overlap.accepted(current.root.as_ref(), now);
        let mut rest = pinned.iter().copied().map(Some);
        let mut proven = verified(task, key, answer, rest.next().flatten(), now);
        for root in rest {
            proven = proven.or_else(|_| verified(task, key, answer, root, now));
        }
        let proven = proven?;
        let root = &proven.chain().root;
        if current.too_early(now).contains(&root) {
            return Err(not_trusted_yet(task.target, root));
        }
        proven
    };
    // A folder that would be refused is not as requested either. Faults that an operator can fix are reported at
    // install.
    let plan = match task.plan(current, &verified, key, None, now) {
        Err(e) if e.is_about_the_answer() => return Err(e.into()),
        planned => planned.ok(),
    };
    Ok((verified, plan))
}

/// The current certificate with its chain, verified as of its own issue and for its own names; `None` if it does not form
/// a usable set.
pub(crate) fn current_as_verified(task: &Task<'_>, current: &Current) -> Option<VerifiedEnrollment> {
    let (chain, key) = (current.chain.as_ref()?, current.key.as_ref()?);
    let cas: String = chain.intermediates.iter().chain([&chain.root]).map(Cert::to_pem).collect();
    let expected = Expected {
        enrollment_id: task.id,
        spki_der: &key.spki_der(),
        sans: &[],
        purpose: task.purpose(),
        role: RoleRule::Any,
        pinned_root: None,
        now: Timestamp::from_unix(chain.leaf.not_before().unix() + 1),
        server_date: None,
    };
    verify(chain.leaf.to_pem().as_bytes(), cas.as_bytes(), &expected).ok()
}

/// Verifies `answer` without the folder.
///
/// # Errors
/// When the answer is not as requested.
fn verified(
    task: &Task<'_>,
    key: &KeyPair,
    answer: &Unproven<'_>,
    pinned_root: Option<&Cert>,
    now: Timestamp,
) -> Result<VerifiedEnrollment, Error> {
    let expected = Expected {
        enrollment_id: task.id,
        spki_der: &key.spki_der(),
        sans: &task.sans,
        purpose: task.purpose(),
        role: task.role,
        pinned_root,
        now,
        server_date: answer.server_date,
    };
    verify(answer.cert_pem, answer.chain_pem, &expected).map_err(|e| {
        let VerifyError::SanMissing { missing, .. } = &e else { return e.into() };
        let kept: Vec<String> =
            missing.iter().filter(|name| name::holds(&task.kept, name)).map(ToString::to_string).collect();
        if kept.is_empty() {
            return e.into();
        }
        Error::from(e).with_detail(&format!(
            "the current certificate holds {}, and its names are kept unless --drop-san names them",
            kept.join(", ")
        ))
    })
}
