//! Go's behaviour, because Fabric is a Go program: a reader and verifier of certificates that follows Go's rules, and
//! the use of a TLS folder by a Go server and a Go client.

pub mod tls;
pub(crate) mod x509;
