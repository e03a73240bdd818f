//! One identity in its folders: request, current contents, due check, state between runs, issue and installation.

pub(crate) mod ask;
mod by_secret;
pub(crate) mod ca_access;
pub(crate) mod credential;
pub(crate) mod current;
pub(crate) mod due;
mod environment;
pub(crate) mod form;
pub(crate) mod held;
mod kept_form;
pub(crate) mod kept_key;
mod key_kind;
pub(crate) mod names;
pub(crate) mod obtain;
mod operator_files;
pub(crate) mod overlap;
pub(crate) mod pinned_key;
mod plan;
pub(crate) mod pod_volume;
pub(crate) mod prove;
pub(crate) mod put;
pub(crate) mod request;
pub(crate) mod secret_source;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod trust;

pub use ca_access::CaAccess;
pub(crate) use due::Reason;
pub use environment::Environment;
pub(crate) use environment::Keeper;
#[cfg(feature = "kubernetes")]
pub(crate) use environment::Keeping;
pub use request::Request;
pub(crate) use request::{
    Authentication, ChannelRequest, FormGiven, KeyRequest, MspForm, SignRequest, TlsFiles, TlsRequest,
};
pub(crate) use secret_source::SecretSource;
