//! What a dev CA is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Attribute, FaultRule};
use crate::{Secret, Timestamp};

/// Tells the time; an argument, so that tests can move it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a dev CA is started with.
#[derive(Clone)]
#[non_exhaustive]
pub struct DevCaConfig {
    /// Where to listen; port 0 takes a free one (`127.0.0.1:0`).
    pub listen: SocketAddr,
    /// CA names on this port; the first answers requests that name none. Each has its own root, identities and tokens.
    pub ca_names: Vec<String>,
    /// Intermediate CAs between the root and the CA that issues (0).
    pub intermediates: u8,
    /// Names in the server certificate besides `localhost`, `127.0.0.1` and `::1`.
    pub hosts: Vec<String>,
    /// Identities to register at every CA, besides the registrar `admin` with secret `adminpw`. Those known already stay
    /// as they are.
    pub identities: Vec<IdentitySpec>,
    /// Affiliations besides the real server's own (`org1.department1`, `org1.department2`, `org2.department1`).
    pub affiliations: Vec<String>,
    /// Serve plain HTTP instead of TLS.
    pub plaintext: bool,
    /// JSON file that keeps CA keys, identities and issued certificates over a restart; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Serve under this path (`/ca/org1`) as behind a reverse proxy that strips it: the path a token must sign is then
    /// not the one the client sends.
    pub path_prefix: Option<String>,
    /// Enrolments that the CA allows an identity: -1 without limit, 0 none at all (-1).
    pub max_enrollments: i64,
    /// Wrong secrets in a row that lock an identity; 0 never locks (10).
    pub password_attempts: u32,
    /// Lifetime of certificates of the profiles default and `tls` (8760 h), cut at the CA's own end.
    pub lifetime: Duration,
    /// Let an expired certificate reenrol (`ca.reenrollIgnoreCertExpiry`).
    pub reenroll_expired: bool,
    /// Ask for a TLS client certificate from the first CA, and refuse connections without one.
    pub require_client_certificate: bool,
    /// Faults that are on from the start.
    pub faults: Vec<FaultRule>,
    /// Tells the time.
    pub clock: Clock,
}

impl DevCaConfig {
    /// One root CA named `dev-ca` on a free port of 127.0.0.1, over TLS, with the registrar `admin` alone.
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
            reenroll_expired: false,
            require_client_certificate: false,
            faults: Vec::new(),
            clock: Arc::new(clock),
        }
    }

    /// The same with one more identity.
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
    /// Type: `peer`, `orderer`, `admin`, `client` or any other word.
    pub kind: String,
    /// Affiliation (`org1.department1`), empty for the root. Added to the CA's affiliations when new.
    pub affiliation: String,
    /// Enrolments allowed; -1 without limit, 0 as the CA allows.
    pub max_enrollments: i64,
    /// Attributes besides `hf.EnrollmentID`, `hf.Type` and `hf.Affiliation`.
    pub attributes: Vec<Attribute>,
}

impl IdentitySpec {
    /// An identity of type `kind` at the root affiliation, with enrolments without limit and no own attributes.
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

    /// Reads `ID:SECRET:TYPE[:AFFILIATION]`; `None` when a part is missing or empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().filter(|p| !p.is_empty());
        let spec = Self::new(part()?, part()?, part()?);
        Some(spec.at(parts.next().unwrap_or("")))
    }

    /// The same at `affiliation`.
    #[must_use]
    pub fn at(mut self, affiliation: impl Into<String>) -> Self {
        self.affiliation = affiliation.into();
        self
    }

    /// The same with at most `max` enrolments.
    #[must_use]
    pub const fn limited_to(mut self, max: i64) -> Self {
        self.max_enrollments = max;
        self
    }

    /// The same with one more attribute; `ecert` puts it into certificates by default.
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
    fn an_identity_is_read_from_its_short_form() {
        let spec = IdentitySpec::parse("org1-peer1:peerpw:peer:org1.department1").unwrap();
        assert_eq!(spec, IdentitySpec::new("org1-peer1", "peerpw", "peer").at("org1.department1"));
        assert_eq!(IdentitySpec::parse("a:b:client").unwrap().affiliation, "");
        for text in ["", "a", "a:b", "a::peer", ":b:peer"] {
            assert_eq!(IdentitySpec::parse(text), None, "{text}");
        }
    }
}
