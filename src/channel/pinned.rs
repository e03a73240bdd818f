//! The keys by which a channel knows its consenters.
//!
//! An orderer finds itself among the consenters of a channel by the public key of one certificate, and so do the other
//! orderers. The rest of the certificate may change (hyperledger/fabric at commit 0c423ac4):
//!
//! - Raft: the server's TLS certificate (`orderer/consensus/etcdraft/consenter.go:94-116` `detectSelfID`,
//!   `orderer/common/cluster/connections.go:58-67` `verifyHandshake`), or the client's where the orderer dials with another
//!   one (`orderer/consensus/etcdraft/util.go:395-403` `IsConsenterOfChannel`, `orderer/common/cluster/util.go:108-116`
//!   `LookupByClientCert`). The public key alone counts since 1.4.9 and 2.2.1 (`docs/source/certs_management.md`); before, the
//!   whole certificate did.
//! - BFT: the certificate of the signing identity (`orderer/consensus/smartbft/consenter.go:335-360` `detectSelfID`,
//!   `orderer/common/cluster/clusterservice.go:163-170` `VerifyAuthRequest`). The public key alone counts since 3.1.2 (pull
//!   request 5268). TLS certificates are verified by the roots of the MSP and compared with nothing
//!   (`orderer/common/cluster/commauth.go:164`).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::config::{ChannelConfig, Consenter};
use super::read::LARGEST;
use crate::Error;
use crate::disk::Disk;
use crate::pki::x509::Cert;

/// A file with the configuration of a channel.
#[derive(Clone, Debug)]
pub(crate) struct ChannelFile {
    /// The file, as it was given.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) config: ChannelConfig,
}

impl ChannelFile {
    /// Reads a file: a block, a configuration or an update, encoded or as JSON.
    ///
    /// # Errors
    /// When it cannot be read, or is not a channel configuration.
    pub(crate) fn read(path: &Path, disk: &Disk) -> Result<Self, Error> {
        let content = disk.read_regular(path, LARGEST)?;
        let config = ChannelConfig::read_expected(&content).map_err(|e| e.in_file(path))?;
        Ok(Self { path: path.to_owned(), config })
    }

    /// The channel in words: its name, or the file whose form does not have the name.
    pub(crate) fn words(&self) -> String {
        match &self.config.channel {
            Some(name) => format!("the channel \"{name}\""),
            None => format!("the channel of {}", self.path.display()),
        }
    }
}

/// The certificate of a consenter that a channel compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PinnedAs {
    /// The TLS certificate of a Raft consenter, as server or as client.
    Tls,
    /// The certificate of the signing identity of a BFT consenter.
    Identity,
}

impl PinnedAs {
    /// The key in words.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Tls => "TLS key",
            Self::Identity => "signing key",
        }
    }
}

/// A key by which a channel knows a consenter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pinned<'a> {
    /// The channel.
    pub(crate) channel: &'a ChannelConfig,
    /// The consenter.
    pub(crate) consenter: &'a Consenter,
    /// The certificate that is compared.
    pub(crate) kind: PinnedAs,
    /// The certificate in the configuration.
    pub(crate) cert: &'a Cert,
}

impl<'a> Pinned<'a> {
    /// Every key that a channel pins; a certificate that cannot be read pins nothing.
    pub(crate) fn all(channel: &'a ChannelConfig) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for consenter in &channel.consenters {
            let mut pin = |kind, cert: Option<&'a Cert>| {
                let is_new = |cert: &&Cert| {
                    let before = all.last().filter(|pin| std::ptr::eq(pin.consenter, consenter));
                    before.is_none_or(|pin| pin.cert.spki_der() != cert.spki_der())
                };
                if let Some(cert) = cert.filter(is_new) {
                    all.push(Self { channel, consenter, kind, cert });
                }
            };
            if let Some(identity) = &consenter.identity {
                pin(PinnedAs::Identity, identity.cert());
            } else {
                pin(PinnedAs::Tls, consenter.server_tls.cert());
                pin(PinnedAs::Tls, consenter.client_tls.cert());
            }
        }
        all
    }

    /// The pins of a public key (`SubjectPublicKeyInfo`, DER) in a channel.
    pub(crate) fn of(channel: &'a ChannelConfig, kind: PinnedAs, spki: &[u8]) -> Vec<Self> {
        Self::all(channel).into_iter().filter(|pin| pin.kind == kind && pin.cert.spki_der() == spki).collect()
    }

    /// The pins of the consenters whose certificate has this common name.
    pub(crate) fn of_id(channel: &'a ChannelConfig, kind: PinnedAs, id: &str) -> Vec<Self> {
        let is_of = |pin: &Self| pin.kind == kind && pin.cert.common_name() == Some(id);
        Self::all(channel).into_iter().filter(is_of).collect()
    }

    /// Whether orderers of this version take another certificate with the same key; `None` if the version is not known.
    pub(crate) fn takes_same_key(&self, version: Option<FabricVersion>) -> Option<bool> {
        Some(match (self.kind, version?) {
            (PinnedAs::Tls, FabricVersion(1, 4, patch)) => patch >= 9,
            (PinnedAs::Tls, version) => version >= FabricVersion(2, 2, 1),
            (PinnedAs::Identity, version) => version >= FabricVersion(3, 1, 2),
        })
    }

    /// The versions of Fabric that take another certificate with the same key, in words.
    pub(crate) const fn versions(&self) -> &'static str {
        match self.kind {
            PinnedAs::Tls => "1.4.9, 2.2.1 or later",
            PinnedAs::Identity => "3.1.2 or later",
        }
    }

    /// Whether every version that can run the channel takes the same key: a channel with the capability `V3_0`, and Raft.
    pub(crate) fn is_certain(&self) -> bool {
        self.kind == PinnedAs::Tls && self.channel.capabilities.contains(ED25519_CAPABILITY)
    }
}

/// The capability of a channel that accepts Ed25519 identities (fabric at commit 0c423ac4, `msp/mspimplsetup.go:660-668`
/// `setupV3`, `common/capabilities/channel.go` `MSPVersion`).
pub(crate) const ED25519_CAPABILITY: &str = "V3_0";

impl ChannelFile {
    /// Whether the channel accepts Ed25519 identities.
    pub(crate) fn takes_ed25519(&self) -> bool {
        self.config.capabilities.contains(ED25519_CAPABILITY)
    }
}

impl FabricVersion {
    /// Whether nodes of this version accept Ed25519 identities.
    pub(crate) fn takes_ed25519(self) -> bool {
        self >= Self(3, 0, 0)
    }
}

/// A version of Fabric: major, minor, patch. Without a patch, the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FabricVersion(u32, u32, u32);

impl std::fmt::Display for FabricVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)?;
        if self.2 == u32::MAX { Ok(()) } else { write!(f, ".{}", self.2) }
    }
}

impl FromStr for FabricVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor]) => Ok(Self(*major, *minor, u32::MAX)),
            Some([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            _ => Err("expected a version of Fabric such as 2.5 or 3.1.2"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BFT, RAFT, read};
    use super::*;

    fn hosts(pins: &[Pinned<'_>]) -> Vec<String> {
        pins.iter().map(|pin| pin.consenter.address()).collect()
    }

    fn node(file: &str) -> Cert {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/channel/nodes").join(file);
        let pem = Disk::real().read_regular(&path, 10_000).expect("a file");
        Cert::all_from_pem(&pem).expect("a certificate").remove(0)
    }

    #[test]
    fn raft_pins_tls_keys_and_bft_pins_signing_keys() {
        let (raft, bft) = (read(RAFT), read(BFT));
        let (tls, identity, other) =
            (node("orderer2/server.crt"), node("orderer2/identity.pem"), node("peer0/server.crt"));
        let of = |channel, pinned_as, cert: &Cert| hosts(&Pinned::of(channel, pinned_as, cert.spki_der()));
        assert_eq!(of(&raft, PinnedAs::Tls, &tls), ["orderer2.orderers.example.com:7050"]);
        assert_eq!(of(&bft, PinnedAs::Identity, &identity), ["orderer2.orderers.example.com:7050"]);
        for (channel, pinned_as, cert) in
            [(&raft, PinnedAs::Identity, &identity), (&bft, PinnedAs::Tls, &tls), (&raft, PinnedAs::Tls, &other)]
        {
            assert!(of(channel, pinned_as, cert).is_empty(), "{pinned_as:?} of {}", cert.subject());
        }
        let by_id = Pinned::of_id(&bft, PinnedAs::Identity, "orderer3.orderers.example.com");
        assert_eq!(hosts(&by_id), ["orderer3.orderers.example.com:7050"]);
    }

    #[test]
    fn a_client_certificate_with_a_key_of_its_own_is_pinned_too() {
        let mut raft = read(RAFT);
        raft.consenters[0].client_tls = raft.consenters[1].client_tls.clone();
        assert_eq!(Pinned::all(&raft).len(), 4);
        let key = node("orderer2/server.crt");
        assert_eq!(Pinned::of(&raft, PinnedAs::Tls, key.spki_der()).len(), 2);
    }

    #[test]
    fn the_version_decides_whether_the_same_key_is_taken() {
        let (raft, bft) = (read(RAFT), read(BFT));
        let (tls, identity) = (Pinned::all(&raft)[0], Pinned::all(&bft)[0]);
        for (version, raft_takes, bft_takes) in [
            ("1.4.8", false, false),
            ("1.4.9", true, false),
            ("1.4", true, false),
            ("2.1.1", false, false),
            ("2.2.0", false, false),
            ("2.2.1", true, false),
            ("2.5", true, false),
            ("3.0", true, false),
            ("3.1.1", true, false),
            ("3.1.2", true, true),
            ("3.1", true, true),
            ("4.0.0", true, true),
        ] {
            let parsed = version.parse::<FabricVersion>().expect("a version");
            assert_eq!(parsed.to_string(), version);
            let takes = (tls.takes_same_key(Some(parsed)), identity.takes_same_key(Some(parsed)));
            assert_eq!(takes, (Some(raft_takes), Some(bft_takes)), "{version}");
        }
        assert_eq!((tls.takes_same_key(None), tls.is_certain(), identity.is_certain()), (None, false, false));
        for wrong in ["", "3", "3.x", "3.1.2.4", "v3.1"] {
            assert!(wrong.parse::<FabricVersion>().is_err(), "{wrong}");
        }
    }
}
