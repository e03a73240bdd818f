//! The one-step install: the target is complete, whatever happens.

mod faults;
mod kill;
pub(crate) mod mounts;
pub(crate) mod odd;
mod places;
mod planted;
mod readers;
mod rights;
mod rollback;
mod sync;
pub(crate) mod world;
