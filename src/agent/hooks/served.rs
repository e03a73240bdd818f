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

/// Dials every address of the endpoints once.
///
/// # Errors
/// The reasons, if one does not answer or serves a certificate whose fingerprint is not expected.
pub(super) async fn look(endpoints: &[Endpoint], is_expected: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let options = || DialOptions { server_name: None, samples: 1, timeout: LOOK, client: None };
    let samples = dial_all(endpoints.iter().map(|endpoint| (endpoint.clone(), options())).collect()).await;
    let fault = |sample: &Sample| match &sample.served {
        Err(reason) => Some(reason.clone()),
        Ok(chain) if chain.first().is_some_and(|leaf| is_expected(&sha256(leaf))) => None,
        Ok(_) => Some("it serves a certificate other than the one on disk".to_owned()),
    };
    let faults: Vec<String> = endpoints
        .iter()
        .zip(&samples)
        .flat_map(|(endpoint, samples)| samples.iter().filter_map(move |s| Some(format!("{endpoint}: {}", fault(s)?))))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// Looks again and again until every endpoint serves what is expected; at least once.
///
/// # Errors
/// As [`look`], where they do not within this time.
pub(super) async fn prove(
    endpoints: &[Endpoint],
    is_expected: &dyn Fn(&str) -> bool,
    within: Duration,
) -> Result<(), String> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let looked = look(endpoints, is_expected).await;
        let left = within.saturating_sub(start.elapsed());
        if looked.is_ok() || left.is_zero() {
            return looked;
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}
