//! Tests of the client against recorded exchanges, loopback servers and generated certificates.

mod anchors;
mod exchange;
mod pki;
mod recorded;
mod server;
mod statuses;
mod tls;
mod waiting;
