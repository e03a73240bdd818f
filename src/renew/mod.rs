//! Renewal: one pass over many identities. What is due, when and why; those that are due are re-enrolled.

mod found;
mod listed;
mod pass;
mod rollover;
mod row;
pub(crate) mod schedule;

pub(crate) use found::{Finds, Found, find};
pub(crate) use pass::{Options, Pass, Progress, dates, never_fresh, pass, request};
pub(crate) use rollover::{Phase, Report, RootsGiven, rollover};
pub(crate) use row::RowAction;
