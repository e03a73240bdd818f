//! The client against recorded exchanges, small servers on loopback, and certificates made for the purpose.

mod anchors;
mod exchange;
mod pki;
mod recorded;
mod server;
mod statuses;
mod tls;
mod waiting;
