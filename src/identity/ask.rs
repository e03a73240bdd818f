//! Sends the request: credential, retries, remembered refusals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::Environment;
use super::ca_access::CaAccess;
use super::state::pending::{self, Pending};
use super::state::refusal::{self, Refusal};
use super::task::Task;
use crate::ca::{AttrRequest, CaError, Class, Client, Credential, EnrollRequest, Enrollment, RetryPolicy};
use crate::install::Place;
use crate::pki::key::KeyPair;
use crate::{Error, ErrorKind, Secret};

/// The parts of a request that its task does not hold.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    /// Attribute requests; `None` leaves the choice to the CA.
    pub(crate) attributes: Option<&'a [AttrRequest]>,
    /// How long to keep trying while the CA cannot be reached.
    pub(crate) wait: Option<Duration>,
    /// The signing identity (certificate PEM and key): the credential for the second certificate when identity and CA
    /// are the same.
    pub(crate) signed: Option<(String, &'a KeyPair)>,
    /// Every target of the run; a refusal is remembered in each.
    pub(crate) places: &'a [&'a Place],
}

/// Asks the CA with the signing identity if there is one; without one, or when the CA refuses it, with the secret.
///
/// # Errors
/// When there is no secret, an earlier refusal of it is remembered, the CA cannot be reached, or the CA refuses.
pub(crate) async fn ask(
    task: &Task<'_>,
    ca: &CaAccess,
    asking: &Asking<'_>,
    client: &Client,
    body: &EnrollRequest<'_>,
    pending: &mut Pending,
    env: &Environment<'_>,
) -> Result<Enrollment, Error> {
    let Asking { places, .. } = *asking;
    let disk = env.disk;
    // The outcome of a request in flight is unknown: the CA may issue, and count, after this process is killed.
    let lost_before = pending.answer_lost;
    let keep = |pending: &mut Pending, open: bool| {
        pending.answer_lost = open;
        task.place.write_state_file(disk, pending::FILE, &pending.to_bytes(), 0o600)
    };
    let policy = asking.wait.map_or_else(RetryPolicy::once, RetryPolicy::until);
    let lost = AtomicBool::new(false);
    let note = |e: &CaError, pause: Duration| {
        if e.is_ambiguous() {
            lost.store(true, Ordering::Relaxed);
        }
        tracing::warn!("{e}; trying again in {:.1} s", pause.as_secs_f64());
    };
    if let Some((cert_pem, key)) = &asking.signed {
        keep(pending, true)?;
        tracing::info!("asking {} for the {} of {} (re-enrolment)", ca.url, task.purpose().words(), ca.id);
        let credential = Credential { cert_pem: cert_pem.as_bytes(), key };
        match policy.run(random, note, || client.reenroll(&credential, body)).await {
            Ok(answer) => return Ok(answer),
            Err(e) if e.is_refusal() => {
                tracing::info!("{e}; enrolling with the secret instead");
                keep(pending, lost_before || lost.load(Ordering::Relaxed))?;
            }
            Err(e) => {
                return Err(keep_if_ambiguous(task, pending, &e, lost_before || lost.load(Ordering::Relaxed), env)?
                    .unwrap_or_else(|| ca.explain(e)));
            }
        }
    }
    let secret = ca.secret.read(disk)?;
    let remembered = remembered_refusal(places, ca, &secret, env)?;
    if let Some((refusal, place)) = &remembered
        && !task.force
        && let Some(stop) = refusal.stops((env.now)(), &place.state_dir().join(refusal::FILE))
    {
        return Err(stop);
    }
    keep(pending, true)?;
    tracing::info!("asking {} for the {} of {}", ca.url, task.purpose().words(), ca.id);
    match policy.run(random, note, || client.enroll(&ca.id, &secret, body)).await {
        Ok(answer) => {
            for place in places {
                place.remove_state_file(disk, refusal::FILE)?;
            }
            Ok(answer)
        }
        Err(e) => {
            if let CaError::Server { error: server, .. } = &e
                && matches!(server.class, Class::Credential | Class::Locked)
            {
                let before = remembered.map(|(r, _)| r).filter(|_| !task.force);
                let refusal = Refusal::after(before, ca, &secret, &secret.redact(&e.to_string()), (env.now)())?;
                for place in places {
                    place.write_state_file(disk, refusal::FILE, &refusal.to_bytes(), 0o600)?;
                }
            }
            Err(keep_if_ambiguous(task, pending, &e, lost_before || lost.load(Ordering::Relaxed), env)?
                .unwrap_or_else(|| ca.explain(e)))
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

/// The refusal of this secret that one of the targets remembers.
fn remembered_refusal<'a>(
    places: &[&'a Place],
    ca: &CaAccess,
    secret: &Secret,
    env: &Environment<'_>,
) -> Result<Option<(Refusal, &'a Place)>, Error> {
    for place in places {
        let refusal = place.read_state_file(env.disk, refusal::FILE)?.and_then(|b| Refusal::parse(&b));
        if let Some(refusal) = refusal.filter(|r| r.concerns(ca, secret)) {
            return Ok(Some((refusal, place)));
        }
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
