//! What a subject ought to hold.

use crate::pki::name::SanName;
use crate::pki::x509::NodeOu;

/// Who asks for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameSource {
    /// `--expect-san`.
    ExpectSan,
    /// `--hostname`.
    Hostname,
    /// `--gateway-service`: the short form, which every member must hold.
    GatewayService(String),
    /// The gateway whose member a live endpoint is, and by whose name it was dialled.
    GatewayMember {
        /// The gateway's name.
        gateway: String,
        /// Which member, from 1.
        member: usize,
        /// Of how many.
        members: usize,
    },
    /// The name by which a live endpoint was dialled.
    Dialled,
    /// The policy file, at a line.
    Policy {
        /// Its path, as reported.
        path: String,
        /// The line, from 1.
        line: usize,
    },
}

impl NameSource {
    /// Whether it is the name of a gateway.
    pub const fn is_gateway(&self) -> bool {
        matches!(self, Self::GatewayService(_) | Self::GatewayMember { .. })
    }

    /// Words for messages: who asks.
    pub fn words(&self) -> String {
        match self {
            Self::ExpectSan => "--expect-san".to_owned(),
            Self::Hostname => "--hostname".to_owned(),
            Self::GatewayService(service) => format!("gateway service {service}"),
            Self::GatewayMember { gateway, member, members } => {
                format!("gateway {gateway}, member {member} of {members}")
            }
            Self::Dialled => "dialled by this name".to_owned(),
            Self::Policy { path, line } => format!("{path}:{line}"),
        }
    }
}

/// A name that a TLS certificate ought to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedName {
    /// The name.
    pub name: SanName,
    /// Who asks for it.
    pub source: NameSource,
    /// A longer form of a Service's name that nobody was seen to dial: a certificate without it works in its own namespace only.
    pub advised: bool,
}

/// What a subject ought to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Names of a TLS certificate.
    pub names: Vec<ExpectedName>,
    /// The NodeOU of an identity.
    pub role: Option<NodeOu>,
    /// Fewer days left than this is an error.
    pub min_days_left: i64,
    /// Fewer days left than this is a warning.
    pub warn_days_left: i64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { names: Vec::new(), role: None, min_days_left: 7, warn_days_left: 30 }
    }
}

impl Expectation {
    /// The names that must be held.
    pub fn required(&self) -> impl Iterator<Item = &ExpectedName> {
        self.names.iter().filter(|n| !n.advised)
    }

    /// What clients dial, as text, for the verdict of a Go client.
    pub fn dialled(&self) -> Vec<String> {
        self.required().map(|n| n.name.to_string()).collect()
    }
}
