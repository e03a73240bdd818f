//! The Kubernetes API: Secrets as the store of an identity (cargo feature `kubernetes`).
//!
//! An identity has three Secrets: `NAME` is the TLS pair (`kubernetes.io/tls` with `ca.crt`), `NAME-msp` the MSP folder, `NAME-fabcert`
//! what fabcert remembers between runs. They are read into a [`WorkFolder`], where a run works as on any disk, and applied after it.
//!
//! A [`PodRestarter`] restarts the node of the agent's pod for a new certificate, in turn with the other members of its gateway.

mod access;
mod api_thread;
mod error;
mod key;
mod lease;
mod named;
mod objects;
mod pair;
mod restart;
mod secret;
mod store;
mod watch;
mod work_folder;

pub(crate) use access::{Access, Chosen};
pub(crate) use lease::Lease;
pub(crate) use objects::{Kind, Named};
pub(crate) use restart::{Engine, PodRestarter, Restarts, Workload};
pub(crate) use store::{SecretNames, Store};
pub(crate) use watch::Change;
pub(crate) use work_folder::WorkFolder;
