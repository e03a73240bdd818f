//! What client libraries take: connection profiles and wallets.

mod connection_profile;
mod wallet;

pub(crate) use connection_profile::{CaOfProfile, ConnectionProfile, gateway_root};
pub(crate) use wallet::{Card, CardOnDisk, LARGEST_CARD};
