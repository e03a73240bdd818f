//! From paths to subjects: the walk finds what there is to look at, the load reads one of them whole.

mod blocks;
mod classify;
mod content;
mod load;
mod walk;

pub use load::{LoadOptions, load};
pub use walk::{ServedUnit, Unit, WalkOptions, walk};
