//! One identity in one place: what is asked of it, what its folders hold now, whether something is due, what is remembered
//! between runs, how a certificate is obtained, and how it is put in place.

pub(crate) mod ask;
pub(crate) mod current;
pub(crate) mod due;
mod environment;
pub(crate) mod obtain;
pub(crate) mod prove;
pub(crate) mod put;
pub(crate) mod request;
pub(crate) mod state;
pub(crate) mod task;

pub use due::Reason;
pub use environment::Environment;
pub use request::{CaAccess, KeyRequest, MspForm, PemSource, Request, SecretSource, SignRequest, TlsFiles, TlsRequest};
