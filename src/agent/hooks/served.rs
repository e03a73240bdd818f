//! What the node serves, held against what is on disk.

use std::time::Duration;

use tokio::time::Instant;

use crate::identity::state::record::sha256;
use crate::live::{DialOptions, Endpoint, Sample, dial_all};

/// The time limit of one look.
const LOOK: Duration = Duration::from_secs(5);
/// The pauses between looks, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// What endpoints serve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Every address serves the expected certificate.
    Expected,
    /// At least one serves another; the reasons of all that do not serve the expected one.
    Other(String),
    /// At least one does not answer, and none serves another; the reasons.
    Silent(String),
}

/// Dials every address of the endpoints once.
pub(super) async fn look(endpoints: &[Endpoint], is_expected: &dyn Fn(&str) -> bool) -> Answer {
    let options = || DialOptions { server_name: None, samples: 1, timeout: LOOK, client: None };
    let samples = dial_all(endpoints.iter().map(|endpoint| (endpoint.clone(), options())).collect()).await;
    let (mut faults, mut is_other) = (Vec::new(), false);
    for (endpoint, samples) in endpoints.iter().zip(&samples) {
        for Sample { served, .. } in samples {
            match served {
                Err(reason) => faults.push(format!("{endpoint}: {reason}")),
                Ok(chain) if chain.first().is_some_and(|leaf| is_expected(&sha256(leaf))) => {}
                Ok(_) => {
                    is_other = true;
                    faults.push(format!("{endpoint}: it serves a certificate other than the one on disk"));
                }
            }
        }
    }
    match faults.join("; ") {
        none if none.is_empty() => Answer::Expected,
        faults if is_other => Answer::Other(faults),
        faults => Answer::Silent(faults),
    }
}

/// Looks again and again until every endpoint serves what is expected; at least once.
///
/// # Errors
/// The reasons, where they do not within this time.
pub(super) async fn prove(
    endpoints: &[Endpoint],
    is_expected: &dyn Fn(&str) -> bool,
    within: Duration,
) -> Result<(), String> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let reasons = match look(endpoints, is_expected).await {
            Answer::Expected => return Ok(()),
            Answer::Other(reasons) | Answer::Silent(reasons) => reasons,
        };
        let left = within.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(reasons);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}
