//! The integration tests, in one binary.

#![allow(missing_docs)]
// Tests set the scene behind fabcert's back, and say why they are skipped.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

mod agent;
mod audit;
mod audit_reports;
mod ca;
mod channel;
#[cfg(feature = "kubernetes")]
mod cluster;
mod command;
mod console;
mod counterparts;
mod coverage;
mod defects;
mod dependencies;
#[cfg(feature = "dev-ca")]
mod devca;
#[cfg(feature = "dev-ca")]
mod differential;
mod docs;
mod enroll;
mod escaping;
mod export;
mod go_client;
// Frozen for the plain binary.
#[cfg(all(feature = "dev-ca", not(feature = "kubernetes")))]
mod help;
mod hostile;
#[cfg(feature = "kubernetes")]
mod image;
mod install;
mod layers;
mod library;
mod network;
#[cfg(feature = "dev-ca")]
mod output;
mod process;
mod real;
mod reenroll;
mod renew;
mod reserved;
mod systemd;
#[cfg(feature = "dev-ca")]
mod terminal;
mod unshown;
mod usage;
mod verdicts;
