//! A Fabric CA behind cert-manager (cargo feature `kubernetes`): the kinds `FabricCAIssuer` and `FabricCAClusterIssuer`.
//!
//! ```text
//! controller: watches -> observed -> queue -> look: decision (pure) -> credential (enrolled once) -> sign -> status
//! ```
//!
//! A credential is an identity of the issuer's own, kept in Secrets as any other. It signs the requests by `reenroll`, which takes a CSR for
//! any key as long as the CN is its id, and which the CA does not count. What the CA issues is proven before a request is ready.

mod board;
mod chain_map;
mod check;
mod controller;
mod crd;
mod credential;
mod decision;
mod kind;
mod look;
mod objects;
mod observed;
mod queue;
mod request;
mod sign;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use controller::{Settings, run};
pub(crate) use crd::yaml;
