//! What a CA says of itself, and how far it is proven: by trust anchors, by a fingerprint, or not at all.
//!
//! An operator who has only the fingerprint of the CA's certificate gets the anchor file from here. What is written is
//! bound to the fingerprint: see [`inquire`].

mod answer;
mod fingerprint;
mod inquiry;

pub(crate) use fingerprint::Fingerprint;
pub(crate) use inquiry::{Inquiry, inquire};
