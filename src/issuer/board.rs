//! What the health server shows of the controller.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::time::Instant;

use crate::agent::health::{Page, Pages, exposed, not_found, readiness};
use crate::agent::metrics::{Values, gauge};

/// The longest time between two turns of the loop.
const TURNS_WITHIN: Duration = Duration::from_secs(60);

/// Counters and states.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Whether all kinds were listed.
    pub(super) is_listed: bool,
    pub(super) is_leader: bool,
    /// Things that wait, and that are at work.
    pub(super) queued: usize,
    pub(super) running: usize,
    /// Answers by their reason.
    pub(super) answers: BTreeMap<&'static str, u64>,
    /// Requests to the CA for a certificate of a request.
    pub(super) signatures: u64,
    /// Issuers by whether they are ready.
    pub(super) issuers: [usize; 2],
}

/// Shared by the controller and the server.
#[derive(Debug)]
pub(super) struct Board {
    shown: Mutex<Shown>,
    turned: Mutex<Instant>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { shown: Mutex::default(), turned: Mutex::new(Instant::now()) }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown());
    }

    /// The loop turns.
    pub(super) fn turned(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_alive(&self) -> bool {
        self.turned.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < TURNS_WITHIN
    }
}

#[derive(Serialize)]
struct Readiness {
    schema_version: u32,
    ready: bool,
    leader: bool,
    queued: usize,
}

impl Pages for Board {
    fn page(&self, path: &str) -> Page {
        let shown = self.shown().clone();
        let page = |ready| {
            let Shown { is_leader, queued, .. } = shown;
            readiness(ready, &Readiness { schema_version: 1, ready, leader: is_leader, queued })
        };
        match path {
            "/livez" | "/healthz" => page(self.is_alive()),
            // One that waits for the Lease is as ready as the one that has it.
            "/readyz" => page(self.is_alive() && shown.is_listed),
            "/metrics" => {
                let mut registry = Registry::with_prefix("fabcert_issuer");
                registry.register_collector(Box::new(Exposed(shown)));
                let mut text = String::new();
                exposed(encode(&mut text, &registry).map(|()| text))
            }
            _ => not_found("expected /livez, /healthz, /readyz or /metrics\n"),
        }
    }
}

#[derive(Debug)]
struct Exposed(Shown);

impl Collector for Exposed {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(shown) = self;
        let one = |value: usize| Values::<0>::from([([], i64::try_from(value).unwrap_or(i64::MAX))]);
        gauge(&mut to, "leader", "Whether this process has the Lease", None, &one(shown.is_leader.into()))?;
        gauge(&mut to, "queued", "Requests and issuers that wait for a look", None, &one(shown.queued))?;
        gauge(&mut to, "running", "Requests and issuers that are at work", None, &one(shown.running))?;
        let [ready, unready] = shown.issuers.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let issuers =
            Values::from([([("ready", "true".to_owned())], ready), ([("ready", "false".to_owned())], unready)]);
        gauge(&mut to, "issuers", "Issuers by whether they are ready", None, &issuers)?;
        let kind = ConstCounter::new(0_u64).metric_type();
        let signatures = to.encode_descriptor("signatures", "Requests to the CA for a certificate", None, kind)?;
        ConstCounter::new(shown.signatures).encode(signatures)?;
        let mut answers = to.encode_descriptor("answers", "Answers to requests by their reason", None, kind)?;
        for (reason, count) in &shown.answers {
            ConstCounter::new(*count).encode(answers.encode_family(&[("reason", *reason)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_is_ready_when_everything_was_listed() {
        let board = Board::new();
        assert_eq!(board.page("/readyz").0.as_u16(), 503);
        assert_eq!(board.page("/healthz").0.as_u16(), 200);
        board.update(|shown| shown.is_listed = true);
        assert_eq!(board.page("/readyz").0.as_u16(), 200);
        assert_eq!(board.page("/other").0.as_u16(), 404);
    }

    #[test]
    fn metrics_have_their_series() {
        let board = Board::new();
        board.update(|shown| {
            shown.answers.insert("Issued", 3);
            shown.issuers = [2, 1];
        });
        let text = board.page("/metrics").2;
        for line in [
            "fabcert_issuer_leader 0",
            "fabcert_issuer_queued 0",
            "fabcert_issuer_issuers{ready=\"true\"} 2",
            "fabcert_issuer_signatures_total 0",
            "fabcert_issuer_answers_total{reason=\"Issued\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
