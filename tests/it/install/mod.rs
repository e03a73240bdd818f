//! The one-step install: what stands is whole, whatever happens.

mod faults;
mod kill;
mod mounts;
mod places;
mod readers;
mod rights;
mod rollback;
mod sync;
pub(crate) mod world;
