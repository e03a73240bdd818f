//! Fabric's verdicts on a subject, as reported.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::audit::ledger::{Word, word};

/// A verdict. A refusal always has a rule and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Fabric accepts the subject.
    Accept,
    /// Fabric refuses the subject.
    Refuse {
        /// The id of the rule that reports this refusal.
        rule: &'static str,
        /// The reason, with the file.
        reason: String,
    },
}

impl Verdict {
    /// Whether Fabric refuses.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refuse { .. })
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return CompactVerdict::serialize(self, serializer);
        }
        let mut map = serializer.serialize_map(Some(3))?;
        match self {
            Self::Accept => {
                map.serialize_entry("verdict", "accept")?;
                map.serialize_entry("rule", &None::<&str>)?;
                map.serialize_entry("reason", &None::<&str>)?;
            }
            Self::Refuse { rule, reason } => {
                map.serialize_entry("verdict", "refuse")?;
                map.serialize_entry("rule", rule)?;
                map.serialize_entry("reason", reason)?;
            }
        }
        map.end()
    }
}

/// The verdicts on a subject; `None` where a verdict does not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdicts {
    /// Fabric gives no verdict on such a subject.
    #[default]
    None,
    /// On an MSP folder.
    Msp {
        /// Whether `peer node start` succeeds with it.
        peer: Option<Verdict>,
        /// Whether an orderer starts with it.
        orderer: Option<Verdict>,
        /// Whether a channel can be configured with it.
        channel: Option<Verdict>,
        /// Whether its signing identity is a valid member of such a channel.
        member: Option<Verdict>,
    },
    /// On a TLS folder.
    Tls {
        /// Whether a peer starts with it.
        server: Option<Verdict>,
        /// Whether a Go client accepts it under each expected name.
        client: Option<Verdict>,
    },
}

impl Verdicts {
    /// The verdicts with their names, in report order.
    pub fn entries(&self) -> Vec<(&'static str, Option<&Verdict>)> {
        match self {
            Self::None => Vec::new(),
            Self::Msp { peer, orderer, channel, member } => vec![
                ("peer", peer.as_ref()),
                ("orderer", orderer.as_ref()),
                ("channel", channel.as_ref()),
                ("member", member.as_ref()),
            ],
            Self::Tls { server, client } => vec![("server", server.as_ref()), ("client", client.as_ref())],
        }
    }
}

/// The ledger form of a verdict.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict")]
enum CompactVerdict {
    Accept,
    Refuse {
        #[serde(with = "word")]
        rule: Word,
        reason: String,
    },
}

/// The ledger form of the verdicts.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdicts")]
enum CompactVerdicts {
    None,
    Msp { peer: Option<Verdict>, orderer: Option<Verdict>, channel: Option<Verdict>, member: Option<Verdict> },
    Tls { server: Option<Verdict>, client: Option<Verdict> },
}

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactVerdict::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Verdicts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactVerdicts::deserialize(deserializer)
    }
}

impl Serialize for Verdicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return CompactVerdicts::serialize(self, serializer);
        }
        let entries = self.entries();
        let mut map = serializer.serialize_map(Some(entries.len()))?;
        for (name, verdict) in entries {
            map.serialize_entry(name, &verdict)?;
        }
        map.end()
    }
}
