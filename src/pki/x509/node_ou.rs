//! The role of an identity by its certificate's OU.

use std::fmt;
use std::str::FromStr;

/// A NodeOU: the four roles that Fabric distinguishes by OU (fabric `msp/mspimplsetup.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeOu {
    /// `client`.
    Client,
    /// `peer`.
    Peer,
    /// `admin`.
    Admin,
    /// `orderer`.
    Orderer,
}

impl NodeOu {
    /// All four, in the order of Fabric's `config.yaml`.
    pub const ALL: [Self; 4] = [Self::Client, Self::Peer, Self::Admin, Self::Orderer];

    /// The OU's value in the certificate, compared case-sensitively.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Peer => "peer",
            Self::Admin => "admin",
            Self::Orderer => "orderer",
        }
    }

    /// The NodeOUs among `ous`, every occurrence: Fabric refuses a repeated OU as well.
    pub fn among(ous: &[String]) -> Vec<Self> {
        ous.iter().filter_map(|ou| ou.parse().ok()).collect()
    }
}

impl fmt::Display for NodeOu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role \"{0}\"; expected peer, orderer, admin or client")]
pub struct NoNodeOu(String);

impl FromStr for NodeOu {
    type Err = NoNodeOu;

    fn from_str(text: &str) -> Result<Self, NoNodeOu> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| NoNodeOu(text.to_owned()))
    }
}
