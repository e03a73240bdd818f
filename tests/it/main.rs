//! The integration tests, in one binary.

#![allow(missing_docs)]

mod install;
