//! Tests of the dev CA over its wire protocol, with a client that uses only TCP and HTTP.

mod accounts;
mod certificates;
mod client;
mod faults;
mod limits;
mod recorded;
mod serving;
mod tokens;

use super::{DevCa, DevCaConfig, IdentitySpec, Running};
use crate::Timestamp;

/// A minute of November 2026; these tests do not use the system clock.
pub(super) const NOW: Timestamp = Timestamp::from_unix(1_795_400_000);

/// A plaintext dev CA named `rootca`, as in the recorded exchanges, at [`NOW`].
pub(super) fn plain() -> DevCaConfig {
    let mut config = DevCaConfig::new(|| NOW);
    config.ca_names = vec!["rootca".to_owned()];
    config.plaintext = true;
    config
}

pub(super) fn start(config: DevCaConfig) -> Running {
    DevCa::spawn_thread(config).expect("the dev CA starts")
}

/// A dev CA with `peer0` and secret `peer0pw`.
pub(super) fn start_with_peer() -> Running {
    start(plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer").at("org1.department1")))
}
