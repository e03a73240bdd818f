//! What Go does, since Fabric is a Go program: a reader and verifier of certificates of its own, so that no habit of
//! another reader gets into the verdicts, and what a Go server and a Go client do with a TLS folder.

pub mod tls;
pub(crate) mod x509;
