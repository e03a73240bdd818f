//! The turn of a member: it holds the Lease of the gateway from before its restart until it is back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::event::micro_time;
use super::lease::{DURATION, Held, Judged, Observed, RENEWAL};
use crate::agent::hooks::Turn;
use crate::cluster::access::Access;
use crate::cluster::error::Object;
use crate::{Error, Timestamp};

/// A member of a gateway, and the Lease of that.
#[derive(Debug)]
pub(super) struct LeaseTurn {
    name: String,
    /// Who this is: `pod/NAME/UID`, or `deployment/NAME/UID`.
    holder: String,
    now: fn() -> Timestamp,
    observed: Mutex<Observed>,
    renewal: Mutex<Option<AbortHandle>>,
}

/// What became of a request for the turn.
#[derive(Debug)]
pub(super) enum Taken {
    Now,
    /// Another has it.
    Not(String),
    /// Another had it and ended; [`LeaseTurn::take_over`] takes it where that one is back or gone.
    Left(String, Box<Lease>),
}

fn object(name: &str) -> Object<'_> {
    Object { kind: "Lease", name, rights: "get, create and update of leases.coordination.k8s.io" }
}

fn held(lease: &Lease) -> Held {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Held {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    }
}

/// The Lease as `holder` writes it.
fn written(mut lease: Lease, holder: Option<&str>, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    let is_other = spec.holder_identity.as_deref() != holder;
    if is_other && holder.is_some() {
        spec.acquire_time = Some(micro_time(now));
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(-1).saturating_add(1));
    }
    spec.holder_identity = holder.map(str::to_owned);
    spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
    spec.renew_time = Some(micro_time(now));
    lease
}

impl LeaseTurn {
    pub(super) fn new(name: String, holder: String, now: fn() -> Timestamp) -> Self {
        Self { name, holder, now, observed: Mutex::default(), renewal: Mutex::default() }
    }

    /// Asks for the turn, and keeps it if it gets it.
    ///
    /// # Errors
    /// When the API server does not answer, or does not allow it.
    pub(super) async fn take(&self, access: &Access) -> Result<Taken, Error> {
        let Some(lease) = self.read(access).await? else {
            let name = Some(self.name.clone());
            let new = Lease { metadata: ObjectMeta { name, ..ObjectMeta::default() }, spec: None };
            return self.write(access, written(new, Some(&self.holder), (self.now)()), true).await;
        };
        let judged = {
            let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
            observed.judge(&held(&lease), &self.holder, Instant::now())
        };
        match judged {
            Judged::Free => self.write(access, written(lease, Some(&self.holder), (self.now)()), false).await,
            Judged::Taken(holder) => Ok(Taken::Not(holder)),
            Judged::Expired(holder) => Ok(Taken::Left(holder, Box::new(lease))),
        }
    }

    /// Takes a Lease whose holder ended and is back or gone, if nobody has changed it since.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) async fn take_over(&self, access: &Access, lease: Lease) -> Result<Taken, Error> {
        self.write(access, written(lease, Some(&self.holder), (self.now)()), false).await
    }

    /// Gives the turn to the next.
    ///
    /// # Errors
    /// As [`Self::take`]; the Lease then expires.
    pub(super) async fn release(&self, access: &Access) -> Result<(), Error> {
        self.end_renewal();
        let Some(lease) = self.read(access).await? else { return Ok(()) };
        if held(&lease).holder.as_ref() != Some(&self.holder) {
            return Ok(());
        }
        let lease = written(lease, None, (self.now)());
        self.put(access, &lease).await.map_err(|e| access.explain("release", object(&self.name), e))
    }

    async fn read(&self, access: &Access) -> Result<Option<Lease>, Error> {
        let read = |leases: Api<Lease>| {
            let name = self.name.clone();
            async move { leases.get_opt(&name).await }
        };
        let found = access.send("read", object(&self.name), read).await;
        found.map_err(|e| access.explain("read", object(&self.name), e))
    }

    /// Replaces the Lease, if it still has the version that was read.
    async fn put(&self, access: &Access, lease: &Lease) -> Result<(), kube::Error> {
        let put = |leases: Api<Lease>| {
            let (name, lease) = (self.name.clone(), lease.clone());
            async move { leases.replace(&name, &PostParams::default(), &lease).await }
        };
        access.send("write", object(&self.name), put).await.map(drop)
    }

    async fn write(&self, access: &Access, lease: Lease, is_new: bool) -> Result<Taken, Error> {
        let create = |leases: Api<Lease>| {
            let lease = lease.clone();
            async move { leases.create(&PostParams::default(), &lease).await }
        };
        let done = if is_new {
            access.send("create", object(&self.name), create).await.map(drop)
        } else {
            self.put(access, &lease).await
        };
        match done {
            Ok(()) => {
                self.keep(access);
                Ok(Taken::Now)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Taken::Not("another member".to_owned())),
            Err(e) => Err(access.explain("write", object(&self.name), e)),
        }
    }

    /// Renews the Lease from now on, until it is released, lost, or the process ends.
    fn keep(&self, access: &Access) {
        let (leases, name, holder, now) = (access.objects::<Lease>(), self.name.clone(), self.holder.clone(), self.now);
        let mut renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        if renewal.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        *renewal = Some(access.spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                // A failed try is repeated: what counts is what the others see.
                let Ok(Some(lease)) = leases.get_opt(&name).await else { continue };
                if held(&lease).holder.as_deref() != Some(&holder) {
                    tracing::warn!("another member has taken over the Lease {name}");
                    return;
                }
                let lease = written(lease, Some(&holder), now());
                if let Err(e) = leases.replace(&name, &PostParams::default(), &lease).await {
                    tracing::debug!("the Lease {name} was not renewed: {e}");
                }
            }
        }));
    }

    fn end_renewal(&self) {
        if let Some(running) = self.renewal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.abort();
        }
    }
}

impl Drop for LeaseTurn {
    fn drop(&mut self) {
        self.end_renewal();
    }
}

/// What a member says that waits for `holder`.
pub(super) fn waits_for(lease: &str, holder: &str) -> Turn {
    Turn::Wait(format!("{holder} has its turn (Lease {lease})"))
}
