//! Kubernetes manifests, the names that lead to each Fabric node, and the certificates that should have them.
//!
//! ```text
//! text -> placeholder -> Manifest (objects with file and line) -> Network (who selects, routes to, dials, mounts) -> Needed names
//! ```
//!
//! This module reads no files and parses no certificates: it takes texts, and returns names with their reasons.

mod backend;
mod certificate;
mod config_map;
mod container;
mod dial;
mod document;
mod endpoint;
mod fabric;
mod fix;
mod holding;
mod indent;
mod json_stream;
mod manifest;
mod member;
mod meta;
mod namespace;
mod near;
mod network;
mod operator;
mod placeholder;
mod profile;
mod proxy;
mod reach;
mod requested;
mod route;
mod secret;
mod selector;
mod service;
mod unset;
mod workload;

#[cfg(test)]
mod tests;

pub use backend::{Backend, PortRef};
pub use certificate::{Certificate, DnsNames, Issuer};
pub use config_map::{ConfigMap, Dialled};
pub use container::{Container, ContainerPort, EnvFrom, EnvSource, EnvVar, Mount};
pub use dial::Dial;
pub use document::Word;
pub use fabric::{FabricKind, FabricNode, SelfEndpoint};
pub use fix::{Addition, Fixed, with_names};
pub use holding::{HeldPem, Holding};
pub use manifest::{LeftOut, Manifest, Object, is_manifest};
pub use meta::{At, Labels, Meta};
pub use network::{Network, Settings};
pub use placeholder::{Unset, Variables};
pub use profile::{Profile, ProfileHost};
pub use proxy::KubeProxy;
pub use reach::{Lead, Need, Needed, Reason};
pub use requested::Requested;
pub use route::{Gateway, Passthrough, Route, RouteHost};
pub use secret::Secret;
pub use service::{Exposure, Service, ServicePort, Target};
pub(crate) use unset::refuse_unset;
pub use workload::{Operated, Volume, VolumeSource, Workload};
