//! The rules of the audit as data: title, rationale, sources and origins of each. The checks are in
//! [`mod@crate::audit`] (one subject) and `coverage` (all manifests together); this room uses neither, so every room
//! names a rule by reference: `&catalogue::SAN_GATEWAY_MISSING`.

mod audit;
mod authority;
mod cert_manager;
mod certificate;
mod chain;
mod channel;
mod key;
mod manifest;
mod msp;
mod names;
mod node_ou;
mod registry;
pub(crate) mod rule;
mod tls;

pub use audit::*;
pub use authority::*;
pub use cert_manager::*;
pub use certificate::*;
pub use chain::*;
pub use channel::*;
pub use key::*;
pub use manifest::*;
pub use msp::*;
pub use names::*;
pub use node_ou::*;
pub(crate) use registry::rule_of_refusal;
pub use registry::{RULES, rule_by_id};
pub use rule::{Confidence, Origin, Rule, Severity, Source};
pub use tls::*;
