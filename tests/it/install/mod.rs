//! The one-step install: the target is complete, whatever happens.

mod faults;
mod kill;
mod mounts;
mod places;
mod readers;
mod rights;
mod rollback;
mod sync;
pub(crate) mod world;
