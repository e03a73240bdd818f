//! Enrols by secret: the memory of refused tries decides whether and when the secret is sent.

use std::time::Duration;

use super::Environment;
use super::ca_access::CaAccess;
use super::state::refusals::{Next, Refusals, Subject};
use crate::ca::{CaError, Client, EnrollRequest, Enrollment, LockRisk, Patience};
use crate::install::Place;
use crate::{Error, Secret, Timestamp};

/// The pause after the last try that a run waits out even without `--wait`, if that try got no answer: its run was
/// killed, or the connection broke.
const SHORT: Duration = Duration::from_secs(10);

/// One request for a certificate by secret.
#[derive(Debug)]
pub(super) struct BySecret<'a, 'p> {
    pub(super) ca: &'a CaAccess,
    pub(super) client: &'a Client,
    pub(super) body: &'a EnrollRequest<'a>,
    pub(super) secret: &'a Secret,
    /// Every target of the run.
    pub(super) places: &'p [&'p Place],
    /// Send at once, whatever is remembered; only the first request of a run.
    pub(super) force: bool,
}

/// Why there is no certificate.
#[derive(Debug)]
pub(super) enum Failure<'a> {
    /// The last request by secret failed; the memory explains it.
    Ca(CaError, Box<Refusals<'a>>),
    /// The secret was not sent again.
    Unsent(Error),
}

impl<'p> BySecret<'_, 'p> {
    /// Sends the secret as often as it may be sent within the time of the run. `sending` is called before each request, `lost` after each whose
    /// answer is lost; `random` returns numbers in 0..1.
    ///
    /// # Errors
    /// The last failure.
    pub(super) async fn enroll(
        &self,
        patience: &mut Patience,
        env: &Environment<'_>,
        random: fn() -> f64,
        mut sending: impl FnMut() -> Result<(), Error>,
        mut lost: impl FnMut(),
    ) -> Result<Enrollment, Failure<'p>> {
        let Self { ca, client, secret, .. } = *self;
        let subject = Subject::new(&ca.url, ca.ca_name.as_deref(), &ca.id);
        let read = Refusals::read(self.places, subject, ca.url.to_string(), secret, env.disk);
        let mut refusals = read.map_err(Failure::Unsent)?;
        patience.start();
        let mut force = self.force;
        let mut failures = 0;
        let mut failed: Option<CaError> = None;
        loop {
            let forced = force && refusals.next((env.now)()) != Next::Now;
            if !forced && let Some(stop) = pause(&refusals, patience, failed.as_ref(), (env.now)()).await {
                return Err(failed.map_or(Failure::Unsent(stop), |e| Failure::Ca(e, Box::new(refusals))));
            }
            if !forced && let Some(error) = self.unreached(&refusals, patience).await {
                patience.attempt();
                failures += 1;
                let Some(pause) = patience.pause(&error, failures, random()) else {
                    return Err(Failure::Unsent(Error::from(error).with_detail("no secret was sent")));
                };
                patience.report(&error.to_string(), &patience.trying_again());
                Patience::sleep(pause).await;
                continue;
            }
            sending().and_then(|()| refusals.begin(secret, env.disk, (env.now)())).map_err(Failure::Unsent)?;
            env.keep_state().await.map_err(Failure::Unsent)?;
            patience.attempt();
            let error = match client.enroll(&ca.id, secret, self.body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            force = false;
            if error.is_ambiguous() {
                lost();
            }
            if let Err(e) = refusals.settle(&error, secret, env.disk, (env.now)()) {
                tracing::warn!("the outcome of the request could not be noted: {e}");
            }
            if error.lock_risk() == LockRisk::None {
                failures += 1;
                let Some(pause) = patience.pause(&error, failures, random()) else {
                    return Err(Failure::Ca(error, Box::new(refusals)));
                };
                patience.report(&error.to_string(), &patience.trying_again());
                Patience::sleep(pause).await;
            } else if !error.may_pass() || patience.left().is_none() {
                return Err(Failure::Ca(error, Box::new(refusals)));
            }
            failed = Some(error);
        }
    }

    /// The error of a CA that cannot be reached: before a secret is sent again, and before it is sent by a run that
    /// waits, the CA must answer `cainfo`, which needs no secret. So a proxy without a CA behind it costs no try.
    async fn unreached(&self, refusals: &Refusals<'_>, patience: &Patience) -> Option<CaError> {
        let again = !refusals.is_empty();
        if !again && !patience.waits() {
            return None;
        }
        let error = self.client.info().await.err()?;
        (error.is_retryable() || (again && error.is_foreign())).then_some(error)
    }
}

/// Waits until the secret may be sent. Returns an error if that is not within the time of the run. `last` is the failure
/// of this run's last try.
async fn pause(
    refusals: &Refusals<'_>,
    patience: &mut Patience,
    last: Option<&CaError>,
    now: Timestamp,
) -> Option<Error> {
    let stop = refusals.stop(now)?;
    let Next::At(at) = refusals.next(now) else { return Some(stop) };
    let pause = Duration::from_secs(u64::try_from(at.seconds_since(now)).unwrap_or(0));
    let is_short = last.is_none() && refusals.last_is_open() && pause <= SHORT;
    if !is_short && patience.left().is_none_or(|left| pause >= left) {
        return Some(stop);
    }
    let cause = last.map_or_else(|| stop.message().to_owned(), ToString::to_string);
    patience.report(&cause, &format!("waiting until {at}"));
    Patience::sleep(pause).await;
    None
}
