//! Certificates as `crypto/x509`, `encoding/pem` and `encoding/asn1` of Go 1.26 read, refuse and verify them. Fabric
//! and the clients of a peer are Go programs, so Go's rules decide, not RFC 5280: Go refuses much that other parsers
//! read, and reads some input that they refuse. Each file names the Go file that it follows.

mod algorithm;
mod asn1;
mod certificate;
mod chain;
mod constraints;
mod crl;
mod der;
mod domain;
mod ecdsa;
mod extensions;
mod name_constraints;
mod p224;
mod pem;
mod policy;
mod private_key;
mod public_key;
mod rsa;
mod signature;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod url;

pub(crate) use algorithm::{Hash, SignatureAlgorithm};
pub(crate) use certificate::{Certificate, ParseError};
pub(crate) use chain::{Pool, VerifyError, VerifyOptions, verify, verify_host};
pub(crate) use crl::RevocationList;
pub(crate) use pem::{Block, Blocks, first_block};
pub(crate) use private_key::PrivateKey;
pub(crate) use public_key::{Curve, PublicKey, parse_spki};
