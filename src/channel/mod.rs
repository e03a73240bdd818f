//! Channel configurations: who may order in a channel, whom it trusts, and where its nodes are.

mod config;
mod error;
mod message;
mod msp_change;
mod msp_verdict;
mod pinned;
mod read;
#[cfg(test)]
mod tests;
mod update;
#[cfg(test)]
mod update_tests;
mod wire;

pub(crate) use config::{ChannelCert, ChannelConfig, ChannelMsp, Consenter, Form, Organisation, Section};
pub(crate) use msp_change::{CaOf, MspChange};
pub(crate) use pinned::{ChannelFile, FabricVersion, Pinned, PinnedAs};
pub(crate) use read::LARGEST;
pub(crate) use update::{ChannelUpdate, is_signed_update, msp_update};
