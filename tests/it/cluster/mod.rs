//! Secrets of a real API server as the store, on the real Fabric CA and on the dev CA with the same code.

mod api_server;
mod cert_manager;
mod from_secret;
mod issuer;
mod issuer_refused;
#[cfg(feature = "dev-ca")]
mod outage;
mod refused;
mod renewed;
#[cfg(feature = "dev-ca")]
mod restarts;
mod secrets;
