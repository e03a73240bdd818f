//! From paths to subjects: the walk finds units, and the load reads each unit into a subject.

mod blocks;
mod channel;
mod classify;
mod content;
mod gather;
mod keys;
mod letters;
mod load;
mod manifest;
mod paths;
mod walk;

pub(crate) use gather::is_promising;
pub(crate) use load::{LoadOptions, load};
pub(crate) use walk::{ServedUnit, Unit, Walk, WalkOptions, walk};
