//! Sends the request: credential, retries, remembered refusals.

use ring::rand::{SecureRandom as _, SystemRandom};

use super::Environment;
use super::by_secret::{BySecret, Failure};
use super::ca_access::CaAccess;
use super::credential::{self, Signed};
use super::request::Authentication;
use super::state::pending::{self, Pending};
use super::state::token_refusal;
use super::task::Task;
use crate::ca::{AttrRequest, CaError, Client, Connections, Credential, EnrollRequest, Enrollment, Patience};
use crate::install::Place;
use crate::{Error, ErrorKind, Secret};

/// The parts of a request that its task does not hold.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    /// Attribute requests; `None` leaves the choice to the CA.
    pub(crate) attributes: Option<&'a [AttrRequest]>,
    pub(crate) authentication: Authentication,
    /// The certificates that can be the credential, the preferred one first. By secret: the signing certificate at most.
    pub(crate) signed: &'a [Signed<'a>],
    /// The time of the whole run.
    pub(crate) patience: &'a mut Patience,
    /// Every target of the run; a refused try is remembered in each.
    pub(crate) places: &'a [&'a Place],
    /// The secret that the run has sent; the CA's later answers must not hold it either.
    pub(crate) sent: &'a mut Option<Secret>,
    pub(crate) connections: &'a mut Connections,
}

/// Asks the CA with a certificate if there is one to sign with; without one, or when the CA refuses it, with the secret. A
/// re-enrolment sends the secret only in place of an expired certificate, and only if it may.
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
        Ok::<(), Error>(pending.keep_for_token(&task.place, env.disk)?)
    };
    let is_token = asking.authentication != Authentication::Secret;
    let chosen = match asking.authentication {
        Authentication::Secret => asking.signed.first().map(|signed| Chosen { signed, has_expired: false }),
        Authentication::Token { secret_if_expired } => {
            let chosen = choose(task, ca, asking.signed, patience, client, env).await?;
            let serial = chosen.signed.cert.serial_hex();
            let url = ca.url.to_string();
            let before = token_refusal::recent(&task.place, env.disk, &serial, &url, (env.now)());
            match before.filter(|_| chosen.has_expired && !task.insist) {
                None => Some(chosen),
                Some(at) if secret_if_expired => {
                    tracing::info!(
                        "{}: the CA refused the expired certificate at {at}; enrolling with the secret instead",
                        task.target.display()
                    );
                    None
                }
                Some(at) => {
                    let pause = token_refusal::pause_after(at, (env.now)());
                    return Err(credential::expired(chosen.signed, ca, None, Some(at)).with_retry_after(pause));
                }
            }
        }
    };
    if let Some(Chosen { signed, has_expired }) = chosen {
        keep(pending, true)?;
        env.keep_state().await?;
        tracing::info!("asking {} for the {} of {} (re-enrolment)", ca.url, task.purpose().words(), ca.id);
        let cert_pem = signed.cert.to_pem();
        let credential = Credential { cert_pem: cert_pem.as_bytes(), key: signed.key };
        let note = |e: &CaError| lost |= e.is_ambiguous();
        match patience.run(random, note, || client.reenroll(&credential, body)).await {
            Ok(answer) => return Ok((answer, false)),
            Err(e) if e.is_refusal() && (!is_token || has_expired && e.is_about_the_credential()) => {
                if has_expired {
                    let (serial, url) = (signed.cert.serial_hex(), ca.url.to_string());
                    if let Err(e) = token_refusal::note(&task.place, env.disk, &serial, &url, (env.now)()) {
                        tracing::warn!("{}: the refusal could not be noted: {e}", task.target.display());
                    }
                }
                if asking.authentication == (Authentication::Token { secret_if_expired: false }) {
                    let error = keep_if_ambiguous(task, pending, &e, lost, env)?;
                    let error = error.unwrap_or_else(|| ca.explain(e));
                    let now = (env.now)();
                    let error = credential::expired(signed, ca, Some(error), None);
                    return Err(patience.ended(error.with_retry_after(token_refusal::pause_after(now, now))));
                }
                tracing::info!("{}: {e}; enrolling with the secret instead", task.target.display());
                keep(pending, lost)?;
            }
            Err(e) if e.is_refusal() && e.is_about_the_credential() => {
                let error = keep_if_ambiguous(task, pending, &e, lost, env)?;
                // The record may be wrong about the CA.
                let judged = client.info().await.ok().map(|info| {
                    credential::fitting(std::slice::from_ref(signed), task, ca, &info, (env.now)()).map(drop)
                });
                let error = error.unwrap_or_else(|| ca.explain(e));
                return Err(patience.ended(match judged {
                    Some(Err(other)) => other.with_detail(&error.to_string()),
                    _ => credential::revoked(error, signed, task),
                }));
            }
            Err(e) => {
                let error = keep_if_ambiguous(task, pending, &e, lost, env)?;
                return Err(patience.ended(error.unwrap_or_else(|| ca.explain(e))));
            }
        }
    }
    Ok((ask_by_secret(task, ca, asking, (client, body), (pending, lost), env).await?, true))
}

/// Asks the CA with the secret. `lost`: the answer to an earlier request with the pending key was lost.
async fn ask_by_secret(
    task: &Task<'_>,
    ca: &CaAccess,
    asking: &mut Asking<'_>,
    (client, body): (&Client, &EnrollRequest<'_>),
    (pending, mut lost): (&mut Pending, bool),
    env: &Environment<'_>,
) -> Result<Enrollment, Error> {
    let patience = &mut *asking.patience;
    let secret = ca.secret.read(env.disk)?;
    *asking.sent = Some(secret.clone());
    let by_secret = BySecret { ca, client, body, secret: &secret, places: asking.places, force: task.insist };
    let mut sent = false;
    let sending = || {
        pending.answer_lost = true;
        // The memory of tries is written to the same folder next.
        task.place.write_state_file_before(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
        if !sent {
            tracing::info!("asking {} for the {} of {}", ca.url, task.purpose().words(), ca.id);
        }
        sent = true;
        Ok(())
    };
    match by_secret.enroll(patience, env, random, sending, || lost = true).await {
        Ok(answer) => Ok(answer),
        Err(Failure::Unsent(error)) => {
            pending.answer_lost = lost;
            let keep = || task.place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600);
            // The error in hand says more than a second one of the same disk.
            if sent && let Err(e) = keep() {
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

/// The credential of a request.
struct Chosen<'s, 'a> {
    signed: &'s Signed<'a>,
    /// Whether it has expired, by the CA's clock if that is known.
    has_expired: bool,
}

/// The credential for a re-enrolment. Where no record says that the CA issued a certificate, or it has expired, the CA is asked
/// about itself first, which needs no credentials.
///
/// # Errors
/// When no certificate fits, or the CA cannot be reached.
async fn choose<'s, 'a>(
    task: &Task<'_>,
    ca: &CaAccess,
    signed: &'s [Signed<'a>],
    patience: &mut Patience,
    client: &Client,
    env: &Environment<'_>,
) -> Result<Chosen<'s, 'a>, Error> {
    let now = (env.now)();
    if signed.is_empty() {
        return Err(credential::missing(task));
    }
    if let Some(signed) = signed.iter().find(|signed| signed.is_recorded_of(ca) && !signed.has_expired(now)) {
        return Ok(Chosen { signed, has_expired: false });
    }
    let info = patience.run(random, |_| {}, || client.info()).await;
    let info = info.map_err(|e| patience.ended(ca.explain(e)))?;
    let now = info.server_date.unwrap_or(now);
    let signed = credential::fitting(signed, task, ca, &info, now)?;
    Ok(Chosen { signed, has_expired: signed.has_expired(now) })
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
                "have the registrar fetch the issued certificates (fabcert ca certificate list {}), and install the right one with fabcert install; the key is kept in {}",
                task.id,
                task.place.state_dir().join(pending::FILE).display()
            )),
        ));
    }
    Ok(None)
}

/// A number in `[0, 1)` for the jitter.
pub(super) fn random() -> f64 {
    let mut bytes = [0u8; 4];
    // Without randomness the pause only has less jitter.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0
}
