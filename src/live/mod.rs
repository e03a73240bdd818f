//! Live TLS endpoints: every address that a name resolves to is dialled, several times, and what is served is kept.
//!
//! Nothing is trusted here: the certificates are taken as they come and judged by the audit. No byte of an application
//! goes over the connection.

mod dial;
mod endpoint;
mod served;

pub use dial::{ClientPair, DialOptions, Sample, dial};
pub use endpoint::{Endpoint, NoEndpoint};
pub use served::{Member, members};
