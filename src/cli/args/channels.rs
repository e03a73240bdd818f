//! The channels that know an identity as a consenter.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::Args;

use crate::channel::FabricVersion;
use crate::identity::ChannelRequest;

/// The channels that know an identity as a consenter.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct ChannelArgs {
    /// Configuration of a channel (a block of peer channel fetch config, or its JSON): a consenter keeps its key. Repeatable
    #[arg(long, value_name = "FILE", env = "FABCERT_CHANNEL_CONFIG", value_delimiter = ',', help_heading = "Key")]
    pub(in crate::cli) channel_config: Vec<PathBuf>,
    /// Oldest version of Fabric that the orderers of these channels run, such as 2.5 or 3.1.2
    #[arg(long, value_name = "VERSION", env = "FABCERT_FABRIC_VERSION", help_heading = "Key")]
    pub(in crate::cli) fabric_version: Option<FabricVersion>,
}

impl ChannelArgs {
    /// The channels as part of a request.
    pub(in crate::cli) fn request(&self) -> ChannelRequest {
        ChannelRequest { files: self.channel_config.clone(), fabric_version: self.fabric_version }
    }
}
