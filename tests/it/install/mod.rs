//! The one-step install: what stands is whole, whatever happens.

mod faults;
mod kill;
mod mounts;
mod places;
mod readers;
mod rights;
mod rollback;
pub(crate) mod world;
