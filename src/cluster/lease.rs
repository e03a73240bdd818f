//! A Lease: one holder at a time, whatever the clocks say.
//!
//! The holder renews it; another one takes it over only after it has itself seen the Lease unchanged for longer than its duration. No
//! time of another machine is compared with the own clock, and each write names the version that it changes.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::access::Access;
use super::objects::{Kind, Named};
use crate::{Error, Timestamp};

const LEASE: Kind = Kind { group: "coordination.k8s.io", version: "v1", name: "Lease", plural: "leases" };

/// A Lease, as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Found {
    metadata: FoundMetadata,
    #[serde(default)]
    spec: FoundSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundMetadata {
    resource_version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FoundSpec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u64>,
    lease_transitions: Option<u64>,
}

/// What to do about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It does not exist, nobody holds it, or its holder has not renewed it.
    Take,
    /// It is ours.
    Renew,
    /// It is somebody else's.
    Wait,
}

/// Judges a Lease that has not changed for a time by our own observation.
fn judge(found: Option<&Found>, own: &str, unchanged: Duration, duration: Duration) -> Turn {
    let Some(found) = found else { return Turn::Take };
    match found.spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) {
        None => Turn::Take,
        Some(holder) if holder == own => Turn::Renew,
        Some(_) => {
            let theirs = found.spec.lease_duration_seconds.map_or(duration, Duration::from_secs);
            if unchanged > theirs { Turn::Take } else { Turn::Wait }
        }
    }
}

/// A claim to a Lease in the namespace of an access.
pub(crate) struct Lease {
    name: String,
    /// Unique to this process.
    holder: String,
    duration: Duration,
    /// The version that was seen last, and since when.
    seen: Option<(String, Instant)>,
    /// When it was taken or renewed last.
    renewed: Option<Instant>,
}

impl Lease {
    pub(crate) const fn new(name: String, holder: String, duration: Duration) -> Self {
        Self { name, holder, duration, seen: None, renewed: None }
    }

    /// Takes or renews it; returns whether it is ours. `tick` is our own clock, `now` the time that others are told.
    ///
    /// # Errors
    /// When the API server cannot be asked. It may be ours still: see [`held_until`](Self::held_until).
    pub(crate) async fn claim(&mut self, access: &Access, tick: Instant, now: Timestamp) -> Result<bool, Error> {
        let name = self.name.clone();
        let named = Named { kind: &LEASE, namespace: Some(access.namespace()), name: &name };
        let found: Option<Found> = access.get_object(named).await?;
        let version = found.as_ref().map(|found| found.metadata.resource_version.clone()).unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            _ => tick,
        };
        self.seen = Some((version.clone(), since));
        let turn = judge(found.as_ref(), &self.holder, tick.saturating_duration_since(since), self.duration);
        if turn == Turn::Wait {
            self.renewed = None;
            return Ok(false);
        }
        let transitions = found.as_ref().and_then(|found| found.spec.lease_transitions).unwrap_or_default();
        let time = micro(now);
        let mut spec = json!({"holderIdentity": self.holder, "leaseDurationSeconds": self.duration.as_secs(),
            "renewTime": time, "leaseTransitions": transitions});
        if turn == Turn::Take {
            spec["acquireTime"] = time.into();
            spec["leaseTransitions"] = (transitions + u64::from(found.is_some())).into();
        }
        let is_ours = if found.is_some() {
            access.replace_object(named, json!({"metadata": {"resourceVersion": version}, "spec": spec})).await?
        } else {
            access.create_object(named, json!({"spec": spec})).await?
        };
        self.renewed = is_ours.then_some(tick);
        Ok(is_ours)
    }

    /// Until when it is surely ours: it was renewed so short a time before that nobody else can have taken it.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.duration * 2 / 3)
    }

    /// Gives it back if it is ours, so that the next holder need not wait.
    pub(crate) async fn release(&mut self, access: &Access, now: Timestamp) {
        if self.renewed.take().is_none() {
            return;
        }
        let named = Named { kind: &LEASE, namespace: Some(access.namespace()), name: &self.name };
        let released = async {
            let found: Option<Found> = access.get_object(named).await?;
            let Some(found) = found.filter(|found| found.spec.holder_identity.as_ref() == Some(&self.holder)) else {
                return Ok(true);
            };
            let spec = json!({"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": micro(now),
                "leaseTransitions": found.spec.lease_transitions.unwrap_or_default()});
            let version = found.metadata.resource_version;
            access.replace_object(named, json!({"metadata": {"resourceVersion": version}, "spec": spec})).await
        };
        let released: Result<bool, Error> = released.await;
        if let Err(e) = released {
            tracing::debug!("{e}; the next holder waits until the Lease ends");
        }
    }
}

/// The form of times in a Lease: RFC 3339 with six digits after the second.
fn micro(now: Timestamp) -> String {
    now.rfc3339().replace('Z', ".000000Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn found(holder: Option<&str>, seconds: Option<u64>) -> Found {
        let spec = FoundSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: seconds,
            lease_transitions: None,
        };
        Found { metadata: FoundMetadata { resource_version: "1".to_owned() }, spec }
    }

    #[test]
    fn a_free_lease_is_taken_and_an_own_one_renewed() {
        assert_eq!(judge(None, "a", Duration::ZERO, TEN), Turn::Take);
        assert_eq!(judge(Some(&found(None, None)), "a", Duration::ZERO, TEN), Turn::Take);
        assert_eq!(judge(Some(&found(Some(""), None)), "a", Duration::ZERO, TEN), Turn::Take);
        assert_eq!(judge(Some(&found(Some("a"), None)), "a", Duration::from_secs(99), TEN), Turn::Renew);
    }

    #[test]
    fn the_time_of_micro_seconds_is_written_as_the_api_server_reads_it() {
        assert_eq!(micro(Timestamp::from_unix(0)), "1970-01-01T00:00:00.000000Z");
    }

    proptest! {
        /// A holder that renews within its duration keeps the Lease, and is certain of it for a shorter time than others wait.
        #[test]
        fn nobody_takes_a_lease_that_its_holder_is_sure_of(duration in 3u64..600, since_renewal in 0u64..700) {
            let (lasts, passed) = (Duration::from_secs(duration), Duration::from_secs(since_renewal));
            let begun = Instant::now();
            let holder = Lease {
                name: String::new(), holder: "a".to_owned(), duration: lasts, seen: None, renewed: Some(begun),
            };
            // The other one saw the renewal at the earliest when it was made.
            let turn = judge(Some(&found(Some("a"), Some(duration))), "b", passed, lasts);
            let is_sure = holder.held_until().is_some_and(|until| begun + passed < until);
            prop_assert!(!(is_sure && turn == Turn::Take));
        }
    }
}
