//! A whole audit: many subjects, with policy, manifests and live endpoints.

pub(crate) mod drive;
pub(crate) mod endpoints;
pub(crate) mod gateway;
pub(crate) mod key_sharing;
#[cfg(test)]
mod origins;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod served_on_disk;
pub(crate) mod unit;

pub use drive::{Progress, Source as UnitSource, drive};
pub use endpoints::Endpoints;
pub use gateway::{Gateway, GatewayMember, GatewayWatch};
pub use key_sharing::KeySharing;
pub use request::{AuditRequest, audit};
pub use served_on_disk::{ServedOnDisk, unreachable};
pub use unit::Criteria;
