//! The options of an enrolment.

use std::path::PathBuf;
use std::time::Duration;

use super::Enrolment;
use crate::ca::AttrRequest;
use crate::identity::{Authentication, CaAccess, KeyRequest};
use crate::msp::{Layout, TlsNames};
use crate::pki::key::KeyAlgorithm;
use crate::pki::x509::{NodeOu, SubjectFields};
use crate::{Error, ErrorKind, PemSource, Secret};

impl Enrolment {
    /// The enrolment secret.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.ca = self.ca.secret(secret);
        self
    }

    /// The file that holds the enrolment secret; read only when a request is sent.
    pub fn secret_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = self.ca.secret_file(path);
        self
    }

    /// Adds a file of trust anchors (PEM, one or many certificates) for the connection to the CA.
    pub fn anchor_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = self.ca.anchor_file(path);
        self
    }

    /// Adds trust anchors (PEM, one or many certificates) for the connection to the CA.
    pub fn anchor_pem(mut self, pem: impl Into<String>) -> Self {
        self.ca = self.ca.anchor_pem(pem);
        self
    }

    /// Allows `http://`: the secret then crosses the network in clear text.
    pub fn plaintext(mut self) -> Self {
        self.ca = self.ca.plaintext();
        self
    }

    /// The name of the CA on the server; the server's default CA if left out.
    pub fn ca_name(mut self, name: impl Into<String>) -> Self {
        self.ca = self.ca.ca_name(name);
        self
    }

    /// Client certificate (leaf first) and key for mutual TLS to the CA.
    pub fn client_identity(mut self, certificate: impl Into<PemSource>, key: impl Into<PemSource>) -> Self {
        self.ca = self.ca.client_identity(certificate, key);
        self
    }

    /// Proxy for the connection to the CA; the proxies of the environment are ignored.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.ca = self.ca.proxy(url);
        self
    }

    /// Time limit for connecting to the CA.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.ca = self.ca.connect_timeout(limit);
        self
    }

    /// Time limit for one request to the CA.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.ca = self.ca.timeout(limit);
        self
    }

    /// Another CA for the TLS certificate; by default the same CA issues both.
    pub fn tls_ca(mut self, ca: CaAccess) -> Self {
        self.tls_ca = Some(ca);
        self
    }

    /// The folder for the signing identity.
    pub fn msp_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.msp_dir = Some(dir.into());
        self
    }

    /// The folder for the TLS certificate.
    pub fn tls_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.tls_dir = Some(dir.into());
        self
    }

    /// Adds a name without expanding it: a DNS name, an IP address, an e-mail address or a URI.
    pub fn san(mut self, name: impl Into<String>) -> Self {
        self.sans.push(name.into());
        self
    }

    /// A name of the current certificate that the new one does not keep; it keeps all others of the same identity. The run
    /// fails if the current certificate does not hold it.
    pub fn drop_san(mut self, name: impl Into<String>) -> Self {
        self.drop_sans.push(name.into());
        self
    }

    /// Adds a host in every form that clients in a cluster use (see [`Enrolment::namespace`]).
    pub fn hostname(mut self, host: impl Into<String>) -> Self {
        self.hostnames.push(host.into());
        self
    }

    /// Adds the Service in front of several peers in every form that clients in a cluster use.
    pub fn gateway_service(mut self, service: impl Into<String>) -> Self {
        self.gateway_services.push(service.into());
        self
    }

    /// The namespace of hosts and Services; without it only their short form is added.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The cluster's domain, `cluster.local` by default.
    pub fn cluster_domain(mut self, domain: impl Into<String>) -> Self {
        self.cluster_domain = domain.into();
        self
    }

    /// Subject fields beside the CN, which is the enrolment id.
    pub fn subject(mut self, subject: SubjectFields) -> Self {
        self.subject = subject;
        self
    }

    /// Attribute requests; by default the CA chooses.
    pub fn attributes(mut self, attributes: Vec<AttrRequest>) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// The NodeOU that the certificate must hold. By default an MSP folder with NodeOUs needs exactly one of the four.
    pub fn role(mut self, role: NodeOu) -> Self {
        self.role = Some(role);
        self
    }

    /// Writes no `config.yaml` into the MSP folder.
    pub fn without_node_ous(mut self) -> Self {
        (self.node_ous, self.given.node_ous) = (false, true);
        self
    }

    /// File names in the MSP folder.
    pub fn layout(mut self, layout: Layout) -> Self {
        (self.layout, self.given.layout) = (layout, true);
        self
    }

    /// File names in the TLS folder.
    pub fn tls_names(mut self, names: TlsNames) -> Self {
        (self.tls_names, self.given.tls_names) = (names, true);
        self
    }

    /// The kind of a new key, P-256 by default. A signing key of the kind Ed25519 is refused unless
    /// [`channel_config`](Self::channel_config) or [`fabric_version`](Self::fabric_version) says that it is accepted.
    pub fn key_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
        self.key = KeyRequest::New(Some(algorithm));
        self
    }

    /// Uses this key (PEM) instead of a new one.
    pub fn key(mut self, key: impl Into<PemSource>) -> Self {
        self.key = KeyRequest::Given(key.into());
        self
    }

    /// Keeps the key that the folder holds, or makes a new one.
    pub fn reuse_key(mut self) -> Self {
        self.key = KeyRequest::Current;
        self
    }

    /// Makes a new TLS key for an orderer too. By default the TLS key of an orderer stays, because its channels know the
    /// orderer by this key.
    pub fn new_tls_key(mut self) -> Self {
        self.new_tls_key = true;
        self
    }

    /// Adds a file with the configuration of a channel (a block, or its JSON). A consenter of the channel keeps the key by which
    /// the channel knows it; a request for another key ends with [`ErrorKind::Input`](crate::ErrorKind::Input).
    pub fn channel_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.channels.files.push(path.into());
        self
    }

    /// The oldest version of Fabric that the orderers of these channels run, such as `2.5` or `3.1.2`.
    ///
    /// # Errors
    /// When it is not a version.
    pub fn fabric_version(mut self, version: &str) -> Result<Self, Error> {
        let parsed = version.parse();
        self.channels.fabric_version = Some(parsed.map_err(|e: &str| Error::new(ErrorKind::Usage, e).about(version))?);
        Ok(self)
    }

    /// Permission bits (0600 by default) of key files, and the group id of the folders.
    pub fn key_access(mut self, mode: u32, group: Option<u32>) -> Self {
        (self.key_mode, self.group) = (mode, group);
        (self.given.key_mode, self.given.group) = (true, group.is_some());
        self
    }

    /// Keeps trying for this long, over all certificates of the run, while the CA cannot be reached. The same secret is
    /// sent again only after pauses of 10 s, 1 min, 10 min and 1 h.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Lets [`reenrol`](Self::reenrol) enrol with the secret if the current certificate has expired and the CA does not take it.
    pub fn enrol_if_expired(mut self) -> Self {
        self.again = Authentication::Token { secret_if_expired: true };
        self
    }

    /// Enrols even if the current certificate is good, or the CA refused before.
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }
}
