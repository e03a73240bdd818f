//! Secrets of a real API server as the store, on the real Fabric CA and on the dev CA with the same code.

mod api_server;
mod refused;
mod renewed;
mod secrets;
