//! Proofs and plans.

mod checks;
mod minted;
mod plans;
mod tls;
