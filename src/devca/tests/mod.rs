//! The dev CA over its own wire, by a client that knows nothing of it but TCP and HTTP.

mod accounts;
mod certificates;
mod client;
mod faults;
mod recorded;
mod serving;
mod tokens;

use super::{DevCa, DevCaConfig, IdentitySpec, Running};
use crate::Timestamp;

/// A minute of November 2026; nothing in these tests asks the system clock.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_400_000);

/// A plaintext dev CA named `rootca`, as in the recorded exchanges, on [`NOW`].
pub(super) fn plain() -> DevCaConfig {
    let mut config = DevCaConfig::new(|| NOW);
    config.ca_names = vec!["rootca".to_owned()];
    config.plaintext = true;
    config
}

pub(super) fn start(config: DevCaConfig) -> Running {
    DevCa::spawn_thread(config).expect("the dev CA starts")
}

/// One that knows `peer0` with secret `peer0pw`.
pub(super) fn start_with_peer() -> Running {
    start(plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer").at("org1.department1")))
}
