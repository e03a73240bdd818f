//! The private key.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::identity::KeyRequest;
use crate::pki::key::KeyAlgorithm;

/// The private key.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct KeyArgs {
    /// Kind of a new key [default: p256]. A signing key of the kind ed25519 needs channels with the capability V3_0: --channel-config or --fabric-version
    #[arg(long, value_enum, env = "FABCERT_KEY_ALGORITHM", help_heading = "Key")]
    pub(in crate::cli) key_algorithm: Option<KeyAlgorithmArg>,
    /// Keep the current key of the folder
    #[arg(
        long,
        env = "FABCERT_REUSE_KEY",
        alias = "csr.keyrequest.reusekey",
        conflicts_with = "key_file",
        help_heading = "Key"
    )]
    pub(in crate::cli) reuse_key: bool,
    /// Make a new TLS key for an orderer too. Without it the TLS key of an orderer stays: its channels know it by this key
    #[arg(long, env = "FABCERT_NEW_TLS_KEY", conflicts_with_all = ["reuse_key", "key_file"], help_heading = "Key")]
    pub(in crate::cli) new_tls_key: bool,
    /// Use the key in this file (PEM, PKCS#8 or SEC 1)
    #[arg(long, value_name = "PATH", env = "FABCERT_KEY_FILE", help_heading = "Key")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// --csr.keyrequest.algo of the Go client; only ecdsa
    #[arg(long = "csr.keyrequest.algo", hide = true, value_parser = ["ecdsa"])]
    pub(in crate::cli) keyrequest_algo: Option<String>,
    /// --csr.keyrequest.size of the Go client
    #[arg(long = "csr.keyrequest.size", hide = true, value_parser = ["256", "384"])]
    pub(in crate::cli) keyrequest_size: Option<String>,
}

impl KeyArgs {
    /// The requested kind, if any.
    pub(in crate::cli) fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.key_algorithm.map(Into::into).or(match self.keyrequest_size.as_deref() {
            Some("384") => Some(KeyAlgorithm::P384),
            Some(_) => Some(KeyAlgorithm::P256),
            None => None,
        })
    }

    /// Where the key comes from.
    pub(in crate::cli) fn request(&self) -> KeyRequest {
        match &self.key_file {
            Some(path) => KeyRequest::Given(path.clone().into()),
            None if self.reuse_key => KeyRequest::Current,
            None => KeyRequest::New(self.algorithm()),
        }
    }
}

/// Kinds of keys on the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum KeyAlgorithmArg {
    /// NIST P-256
    P256,
    /// NIST P-384
    P384,
    /// Ed25519, from Fabric 3.0
    Ed25519,
}

impl From<KeyAlgorithmArg> for KeyAlgorithm {
    fn from(a: KeyAlgorithmArg) -> Self {
        match a {
            KeyAlgorithmArg::P256 => Self::P256,
            KeyAlgorithmArg::P384 => Self::P384,
            KeyAlgorithmArg::Ed25519 => Self::Ed25519,
        }
    }
}
