//! Enrolment with the binary: on the real Fabric CA, and on the dev CA with its faults.

mod again;
#[cfg(feature = "dev-ca")]
mod answering;
#[cfg(feature = "dev-ca")]
mod by_program;
#[cfg(feature = "dev-ca")]
mod ca_info;
mod carried;
mod corrected;
mod defects;
#[cfg(feature = "dev-ca")]
mod doctor;
mod echoes;
mod ed25519;
#[cfg(feature = "dev-ca")]
pub(crate) mod faults;
mod form;
#[cfg(feature = "dev-ca")]
mod judged;
mod kept;
#[cfg(feature = "dev-ca")]
mod kill;
mod locks;
#[cfg(feature = "dev-ca")]
mod loops;
#[cfg(feature = "dev-ca")]
mod minted;
#[cfg(feature = "dev-ca")]
mod odd_answers;
mod on_a_real_ca;
#[cfg(feature = "dev-ca")]
pub(crate) mod on_the_dev_ca;
mod other_tls_ca;
mod own_key;
mod pinned;
pub(crate) mod pod_volume;
mod profile;
mod refused;
#[cfg(feature = "dev-ca")]
mod rolled_back;
#[cfg(feature = "dev-ca")]
mod same_answers;
pub(crate) mod scene;
mod secrets;
#[cfg(feature = "dev-ca")]
mod state;
mod transport;
