//! Kubernetes manifests, the names that lead to each Fabric node, and the certificates that should have them.
//!
//! ```text
//! text -> placeholder -> Manifest (objects with file and line) -> Network (who selects, routes to, dials, mounts) -> Needed names
//! ```
//!
//! This module reads no files and parses no certificates: it takes texts, and returns names with their reasons.

mod approach;
mod approval;
mod backend;
mod certificate;
mod config_map;
mod container;
mod crowded;
mod dial;
mod document;
mod endpoint;
mod environment;
mod fabric;
mod fix;
mod holding;
mod inbound;
mod indent;
mod index;
mod json_stream;
mod links;
mod manifest;
mod member;
mod meta;
mod namespace;
mod near;
mod needed;
mod network;
mod operator;
mod placeholder;
mod profile;
mod proxy;
mod reach;
mod requested;
mod restarted;
mod route;
mod secret;
mod selector;
mod service;
mod unset;
mod workload;

#[cfg(test)]
mod tests;

pub(crate) use backend::PortRef;
pub(crate) use certificate::Certificate;
pub(crate) use document::Word;
pub(crate) use fabric::FabricKind;
pub(crate) use fix::{Addition, with_names};
pub(crate) use holding::{HeldPem, Holding};
pub use manifest::LeftOut;
pub(crate) use manifest::{Manifest, Object};
pub use meta::At;
pub(crate) use meta::{Labels, Meta};
pub use needed::{Need, Needed, Reason};
pub(crate) use network::{Network, Settings};
pub(crate) use placeholder::{Unset, Variables};
pub(crate) use reach::Lead;
pub(crate) use requested::Requested;
pub(crate) use route::Passthrough;
pub(crate) use service::{ServicePort, Target};
pub(crate) use unset::refuse_unset;
pub(crate) use workload::Workload;
