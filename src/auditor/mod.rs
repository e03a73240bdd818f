//! A whole audit: many subjects, with policy, manifests and live endpoints.

mod ca_names;
mod channels;
mod drive;
mod endpoints;
mod fix;
mod gateway;
mod key_sharing;
mod live;
#[cfg(test)]
mod origins;
mod prepare;
mod request;
mod run;
mod served_on_disk;
pub(crate) mod unit;

pub(crate) use drive::Progress;
pub use request::{AuditRequest, audit};
pub(crate) use run::Looked;
