//! A whole audit: many subjects, with policy, manifests and live endpoints.

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
mod unit;

pub use drive::{Progress, Source as UnitSource, drive};
pub use request::{AuditRequest, audit};
pub(crate) use run::Looked;
pub use unit::Criteria;
