//! The configuration of a dev CA.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::limits::Limits;
use super::{Attribute, FaultRule};
use crate::{Secret, Timestamp};

/// Returns the time; an argument so that tests can change it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What becomes of the root of a CA that gets a new one: the content of `ca.chainfile` on the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormerRoot {
    /// It stays in the chain after the new one: its certificates are credentials still.
    InChain,
    /// The chain has the new root alone: certificates of the former one are refused.
    Gone,
}

/// The configuration of a dev CA.
#[derive(Clone)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct DevCaConfig {
    /// The address to listen on; port 0 selects a free one (`127.0.0.1:0`).
    pub listen: SocketAddr,
    /// CA names on this port; the first is the default. Each has its own root, identities and tokens.
    pub ca_names: Vec<String>,
    /// Intermediate CAs between the root and the issuing CA (0).
    pub intermediates: u8,
    /// Names in the server certificate besides `localhost`, `127.0.0.1` and `::1`.
    pub hosts: Vec<String>,
    /// Identities to register at every CA, in addition to the registrar `admin` with secret `adminpw`. Existing ones
    /// are not changed.
    pub identities: Vec<IdentitySpec>,
    /// Affiliations in addition to the real server's defaults (`org1.department1`, `org1.department2`,
    /// `org2.department1`).
    pub affiliations: Vec<String>,
    /// Serve plain HTTP instead of TLS.
    pub plaintext: bool,
    /// JSON file that keeps CA keys, identities and issued certificates across restarts; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Serve under this path (`/ca/org1`) as behind a reverse proxy that strips it: a token must then sign another path
    /// than the client sends.
    pub path_prefix: Option<String>,
    /// The CA's limit of enrolments for each identity: -1 is unlimited, 0 allows none (-1).
    pub max_enrollments: i64,
    /// Consecutive wrong secrets that lock an identity; 0 never locks (10).
    pub password_attempts: u32,
    /// Lifetime of certificates of the default profile (8760 h), limited by the CA's own end (`signing.default.expiry`).
    pub lifetime: Duration,
    /// Lifetime of certificates of the profile `tls` (`signing.profiles.tls.expiry`); `None` is that of the default profile.
    pub tls_lifetime: Option<Duration>,
    /// Allow reenrolment with an expired certificate (`ca.reenrollIgnoreCertExpiry`).
    pub reenroll_expired: bool,
    /// Allow the removal of identities (`cfg.identities.allowremove`).
    pub allow_removal: bool,
    /// Replace the root of each CA in the state file by a new one, once, at the start; `None` keeps it.
    pub new_root: Option<FormerRoot>,
    /// Require a TLS client certificate from the first CA.
    pub require_client_certificate: bool,
    /// Faults that are active from the start.
    pub faults: Vec<FaultRule>,
    /// The clock.
    pub clock: Clock,
    pub(super) limits: Limits,
}

impl DevCaConfig {
    /// One root CA named `dev-ca` on a free port of 127.0.0.1, over TLS, with only the registrar `admin`.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ca_names: vec!["dev-ca".to_owned()],
            intermediates: 0,
            hosts: Vec::new(),
            identities: Vec::new(),
            affiliations: Vec::new(),
            plaintext: false,
            state: None,
            path_prefix: None,
            max_enrollments: -1,
            password_attempts: 10,
            lifetime: Duration::from_secs(8760 * 3600),
            tls_lifetime: None,
            reenroll_expired: false,
            allow_removal: false,
            new_root: None,
            require_client_certificate: false,
            faults: Vec::new(),
            clock: Arc::new(clock),
            limits: Limits::default(),
        }
    }

    /// Adds an identity.
    #[must_use]
    pub fn with_identity(mut self, identity: IdentitySpec) -> Self {
        self.identities.push(identity);
        self
    }
}

impl fmt::Debug for DevCaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevCaConfig")
            .field("listen", &self.listen)
            .field("ca_names", &self.ca_names)
            .field("intermediates", &self.intermediates)
            .field("plaintext", &self.plaintext)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// An identity to register.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentitySpec {
    /// Enrolment id.
    pub id: String,
    /// Enrolment secret.
    pub secret: Secret,
    /// Type: `peer`, `orderer`, `admin`, `client` or another word.
    pub kind: String,
    /// Affiliation (`org1.department1`), empty for the root. Added to the CA's affiliations if new.
    pub affiliation: String,
    /// Enrolments allowed; -1 without limit, 0 as the CA allows.
    pub max_enrollments: i64,
    /// Attributes besides `hf.EnrollmentID`, `hf.Type` and `hf.Affiliation`.
    pub attributes: Vec<Attribute>,
}

impl IdentitySpec {
    /// An identity of type `kind` at the root affiliation, with unlimited enrolments and no attributes of its own.
    pub fn new(id: impl Into<String>, secret: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: Secret::new(secret),
            kind: kind.into(),
            affiliation: String::new(),
            max_enrollments: -1,
            attributes: Vec::new(),
        }
    }

    /// Parses `ID:SECRET:TYPE[:AFFILIATION]`; `None` if a part is missing or empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().filter(|p| !p.is_empty());
        let spec = Self::new(part()?, part()?, part()?);
        Some(spec.at(parts.next().unwrap_or("")))
    }

    /// Sets the affiliation.
    #[must_use]
    pub fn at(mut self, affiliation: impl Into<String>) -> Self {
        self.affiliation = affiliation.into();
        self
    }

    /// Limits the enrolments to `max`.
    #[must_use]
    pub const fn limited_to(mut self, max: i64) -> Self {
        self.max_enrollments = max;
        self
    }

    /// Adds an attribute; `ecert` puts it into certificates by default.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>, ecert: bool) -> Self {
        self.attributes.push(Attribute { name: name.into(), value: value.into(), ecert });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_parsed_from_its_short_form() {
        let spec = IdentitySpec::parse("org1-peer1:peerpw:peer:org1.department1").unwrap();
        assert_eq!(spec, IdentitySpec::new("org1-peer1", "peerpw", "peer").at("org1.department1"));
        assert_eq!(IdentitySpec::parse("a:b:client").unwrap().affiliation, "");
        for text in ["", "a", "a:b", "a::peer", ":b:peer"] {
            assert_eq!(IdentitySpec::parse(text), None, "{text}");
        }
    }
}
