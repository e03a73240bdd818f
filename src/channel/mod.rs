//! Channel configurations: who may order in a channel, whom it trusts, and where its nodes are.

mod config;
mod error;
mod message;
mod pinned;
mod read;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use config::{ChannelCert, ChannelConfig, ChannelMsp, Consenter, Form, Organisation, Section};
pub(crate) use pinned::{ChannelFile, FabricVersion, Pinned, PinnedAs};
pub(crate) use read::LARGEST;
