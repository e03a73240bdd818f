//! Arguments that several commands share, one group a file, and what they mean to the library.

mod ca;
mod channels;
#[cfg(feature = "kubernetes")]
mod cluster;
mod duration;
pub(super) mod fabric_env;
mod hooks;
mod key;
mod manifests;
mod names;
pub(super) mod offline;
mod output;
mod target;

pub(super) use ca::{CaArgs, ConnectionArgs, TlsCaArgs};
pub(super) use channels::ChannelArgs;
#[cfg(feature = "kubernetes")]
pub(super) use cluster::{ClusterArgs, RestartArg, RestartArgs, SecretArgs};
pub(super) use duration::parse_duration;
pub(super) use hooks::HookArgs;
pub(super) use key::KeyArgs;
pub(super) use manifests::ManifestArgs;
pub(super) use names::NameArgs;
pub(super) use output::{ColorChoice, LogForm, OutputArgs, OutputForm};
#[cfg(feature = "kubernetes")]
pub(super) use target::TlsNamesArg;
pub(super) use target::{LayoutArg, RoleArg, TargetArgs, below_home, check_apart};
