//! Renewal: one pass over many identities. What is due, when and why; those that are due are re-enrolled.

mod found;
mod pass;
mod schedule;

pub(crate) use found::find;
pub(crate) use pass::{Options, Pass, RowAction, pass};
