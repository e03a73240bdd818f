//! The expected content of a subject.

use crate::pki::name::SanName;
use crate::pki::x509::NodeOu;

/// The source of an expected name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum NameSource {
    /// `--expect-san`.
    ExpectSan,
    /// `--hostname`.
    Hostname,
    /// `--gateway-service`: the short form, which every member must hold.
    GatewayService(String),
    /// The gateway that the endpoint is a member of, dialled by the gateway's name.
    GatewayMember {
        /// The gateway's name.
        gateway: String,
        /// The number of the member, from 1.
        member: usize,
        /// The number of members.
        members: usize,
    },
    /// The name by which a live endpoint was dialled.
    Dialled,
    /// A line of the policy file.
    Policy {
        /// Its path, as reported.
        path: String,
        /// The line, from 1.
        line: usize,
    },
}

impl NameSource {
    /// Whether it is the name of a gateway.
    pub(crate) const fn is_gateway(&self) -> bool {
        matches!(self, Self::GatewayService(_) | Self::GatewayMember { .. })
    }

    /// A description of the source, for messages.
    pub(crate) fn words(&self) -> String {
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

/// A name that a TLS certificate must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedName {
    /// The name.
    pub(crate) name: SanName,
    /// The source of the expectation.
    pub(crate) source: NameSource,
    /// Whether it is a longer form of a Service name that no manifest dials: without it, a certificate works only in
    /// its own namespace.
    pub(crate) advised: bool,
}

/// The expected content of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// Names of the TLS certificate.
    pub(crate) names: Vec<ExpectedName>,
    /// The NodeOU of an identity.
    pub(crate) role: Option<NodeOu>,
    /// The number of days left below which a finding is an error.
    pub(crate) min_days_left: i64,
    /// The number of days left below which a finding is a warning.
    pub(crate) warn_days_left: i64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { names: Vec::new(), role: None, min_days_left: 7, warn_days_left: 30 }
    }
}

impl Expectation {
    /// The names that are required.
    pub(crate) fn required(&self) -> impl Iterator<Item = &ExpectedName> {
        self.names.iter().filter(|n| !n.advised)
    }

    /// The names that clients dial, as text, for the verdict of a Go client.
    pub(crate) fn dialled(&self) -> Vec<String> {
        self.required().map(|n| n.name.to_string()).collect()
    }
}
