//! The audit through the binary.

mod inputs;
mod live;
mod policy;
mod scene;
