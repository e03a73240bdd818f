//! Proofs and plans.

mod plans;
