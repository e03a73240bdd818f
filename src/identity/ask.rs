//! Sends the request: credential, retries, remembered refusals.

use ring::rand::{SecureRandom as _, SystemRandom};

use super::Environment;
use super::by_secret::{BySecret, Failure};
use super::ca_access::CaAccess;
use super::state::pending::{self, Pending};
use super::task::Task;
use crate::ca::{AttrRequest, CaError, Client, Credential, EnrollRequest, Enrollment, Patience};
use crate::install::Place;
use crate::pki::key::KeyPair;
use crate::{Error, ErrorKind, Secret};

/// The parts of a request that its task does not hold.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    /// Attribute requests; `None` leaves the choice to the CA.
    pub(crate) attributes: Option<&'a [AttrRequest]>,
    /// The signing identity (certificate PEM and key): the credential for the second certificate when identity and CA
    /// are the same.
    pub(crate) signed: Option<(String, &'a KeyPair)>,
    /// The time of the whole run.
    pub(crate) patience: &'a mut Patience,
    /// Every target of the run; a refused try is remembered in each.
    pub(crate) places: &'a [&'a Place],
    /// The secret that the run has sent; the CA's later answers must not hold it either.
    pub(crate) sent: &'a mut Option<Secret>,
}

/// Asks the CA with the signing identity if there is one; without one, or when the CA refuses it, with the secret.
/// Returns the answer, and whether it was by secret: the memory of tries is to be cleared once the answer is kept.
///
/// # Errors
/// When there is no secret, earlier tries of it forbid another, the CA cannot be reached, or the CA refuses.
pub(crate) async fn ask(
    task: &Task<'_>,
    ca: &CaAccess,
    asking: &mut Asking<'_>,
    client: &Client,
    body: &EnrollRequest<'_>,
    pending: &mut Pending,
    env: &Environment<'_>,
) -> Result<(Enrollment, bool), Error> {
    let patience = &mut *asking.patience;
    // The outcome of a request in flight is unknown: the CA may issue, and count, after this process is killed.
    let mut lost = pending.answer_lost;
    let keep = |pending: &mut Pending, open: bool| {
        pending.answer_lost = open;
        Ok::<(), Error>(task.place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?)
    };
    if let Some((cert_pem, key)) = &asking.signed {
        keep(pending, true)?;
        tracing::info!("asking {} for the {} of {} (re-enrolment)", ca.url, task.purpose().words(), ca.id);
        let credential = Credential { cert_pem: cert_pem.as_bytes(), key };
        let note = |e: &CaError| lost |= e.is_ambiguous();
        match patience.run(random, note, || client.reenroll(&credential, body)).await {
            Ok(answer) => return Ok((answer, false)),
            Err(e) if e.is_refusal() => {
                tracing::info!("{e}; enrolling with the secret instead");
                keep(pending, lost)?;
            }
            Err(e) => {
                let error = keep_if_ambiguous(task, pending, &e, lost, env)?;
                return Err(patience.ended(error.unwrap_or_else(|| ca.explain(e))));
            }
        }
    }
    let secret = ca.secret.read(env.disk)?;
    *asking.sent = Some(secret.clone());
    let by_secret = BySecret { ca, client, body, secret: &secret, places: asking.places, force: task.force };
    let mut sent = false;
    let sending = || {
        keep(pending, true)?;
        if !sent {
            tracing::info!("asking {} for the {} of {}", ca.url, task.purpose().words(), ca.id);
        }
        sent = true;
        Ok(())
    };
    match by_secret.enroll(patience, env, random, sending, || lost = true).await {
        Ok(answer) => Ok((answer, true)),
        Err(Failure::Unsent(error)) => {
            // The error in hand says more than a second one of the same disk.
            if sent && let Err(e) = keep(pending, lost) {
                tracing::debug!("{e}");
            }
            Err(patience.ended(error))
        }
        Err(Failure::Ca(e, refusals)) => {
            let error = keep_if_ambiguous(task, pending, &e, lost, env)?;
            Err(patience.ended(refusals.explain(error.unwrap_or_else(|| ca.explain(e)), (env.now)())))
        }
    }
}

/// Keeps the pending key if the CA may have issued for it, now or earlier, and drops it if the CA did not. `lost`: the
/// answer to an earlier request with this key was lost.
fn keep_if_ambiguous(
    task: &Task<'_>,
    pending: &mut Pending,
    e: &CaError,
    lost: bool,
    env: &Environment<'_>,
) -> Result<Option<Error>, Error> {
    pending.answer_lost = e.is_ambiguous() || lost;
    if e.is_refusal() && !pending.answer_lost && pending.answer.is_none() {
        task.place.remove_state_file(env.disk, pending::FILE)?;
    } else {
        task.place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    }
    if e.is_refusal() && lost {
        return Ok(Some(
            Error::new(
                ErrorKind::Refused,
                format!("{e}; an earlier answer was lost, so the CA may have issued for the pending key and counted it"),
            )
            .with_help(format!(
                "have the registrar fetch the issued certificates (fabric-ca-client certificate list --id {}), and install the right one with fabcert install; the key is kept in {}",
                task.id,
                task.place.state_dir().join(pending::FILE).display()
            )),
        ));
    }
    Ok(None)
}

/// A number in `[0, 1)` for the jitter.
fn random() -> f64 {
    let mut bytes = [0u8; 4];
    // Without randomness the pause only has less jitter.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0
}
