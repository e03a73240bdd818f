//! Manifests in an audit: an organisation of two peers behind a gateway Service, healthy, and with one fault at a time.

mod fix;
mod inputs;
mod live;
mod names;
pub(crate) mod organisation;
#[cfg(feature = "dev-ca")]
mod render;
mod rules;
