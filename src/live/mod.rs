//! Live TLS endpoints: dials every address that a name resolves to several times, and returns the served certificates of
//! servers that prove to hold their key.
//!
//! Trusts nothing else: the audit judges the certificates. Sends no application data.

mod dial;
mod endpoint;
mod handshake;
mod possession;
mod served;

pub(crate) use dial::dial_all;
pub use dial::{ClientPair, DialOptions, Sample, dial};
pub use endpoint::{Endpoint, NoEndpoint};
pub use served::{Member, members};
