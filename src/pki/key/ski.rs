//! The key identifier in Fabric's key file names.

use std::fmt;

use ring::digest;

/// SHA-256 over the uncompressed point `04 || X || Y` (fabric-lib-go `bccsp/sw/ecdsakey.go`). It is not the SKI
/// extension of a certificate, which is SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ski([u8; 32]);

impl Ski {
    /// The SKI of an uncompressed point (EC), or of the raw public key bits of any other algorithm.
    pub fn of_point(point: &[u8]) -> Self {
        let mut out = [0u8; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, point).as_ref());
        Self(out)
    }

    /// Lower-case hex, 64 characters.
    pub fn hex(&self) -> String {
        crate::text::hex(&self.0)
    }

    /// `<hex>_sk`, the name of the key's file in a keystore.
    pub fn key_file_name(&self) -> String {
        format!("{}_sk", self.hex())
    }
}

impl fmt::Debug for Ski {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Display for Ski {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}
