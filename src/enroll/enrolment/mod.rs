//! The builder through which programs enrol.

use std::path::PathBuf;
use std::time::Duration;

use super::{Outcome, enroll};
use crate::ca::{AttrRequest, CaUrl, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
use crate::disk::Disk;
use crate::identity::{
    CaAccess, Environment, KeyRequest, MspForm, PemSource, Request, SecretSource, SignRequest, TlsFiles, TlsRequest,
};
use crate::msp::{Layout, TlsNames};
use crate::pki::key::KeyAlgorithm;
use crate::pki::name::{NameRequest, NameSet};
use crate::pki::x509::{NodeOu, SubjectFields};
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, Secret, Timestamp};

/// One enrolment: an identity at a Fabric CA, its names, and the folders for its certificates.
///
/// It does what `fabcert enroll` does. A run with nothing to do opens no connection and changes nothing; an answer that
/// is not as requested is never installed.
///
/// ```no_run
/// use std::time::SystemTime;
///
/// use fabcert::{Enrolment, Error};
///
/// # async fn example() -> Result<(), Error> {
/// let outcome = Enrolment::new("https://org1-ca:7054", "org1-peer1")?
///     .secret_file("/run/secrets/enroll")
///     .anchor_file("ca.pem")
///     .hostname("org1-peer1")
///     .gateway_service("org1-peer-gateway-svc")
///     .namespace("fabric")
///     .msp_dir("/var/hyperledger/peer/msp")
///     .tls_dir("/var/hyperledger/peer/tls")
///     .run(|| SystemTime::now().into())
///     .await?;
/// println!("{}", outcome.reason);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an enrolment does nothing until it is run"]
pub struct Enrolment {
    ca: CaAccess,
    tls_ca: Option<CaAccess>,
    msp_dir: Option<PathBuf>,
    tls_dir: Option<PathBuf>,
    sans: Vec<String>,
    hostnames: Vec<String>,
    gateway_services: Vec<String>,
    namespace: Option<String>,
    cluster_domain: String,
    subject: SubjectFields,
    attributes: Option<Vec<AttrRequest>>,
    role: Option<NodeOu>,
    node_ous: bool,
    layout: Layout,
    tls_names: TlsNames,
    key: KeyRequest,
    key_mode: u32,
    group: Option<u32>,
    wait: Option<Duration>,
    force: bool,
}

impl Enrolment {
    /// An enrolment of the identity `id` at the CA `url` (`https://HOST[:PORT][/PATH]`, port 7054 when left out).
    ///
    /// # Errors
    /// When `url` is not the URL of a CA.
    pub fn new(url: &str, id: impl Into<String>) -> Result<Self, Error> {
        let (url, _, secret) = CaUrl::parse(url)?;
        let ca = CaAccess {
            url,
            id: id.into(),
            secret: secret.map_or(SecretSource::None, SecretSource::Given),
            ca_name: None,
            anchors: Vec::new(),
            client_identity: None,
            proxy: None,
            plaintext: false,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT,
        };
        Ok(Self {
            ca,
            tls_ca: None,
            msp_dir: None,
            tls_dir: None,
            sans: Vec::new(),
            hostnames: Vec::new(),
            gateway_services: Vec::new(),
            namespace: None,
            cluster_domain: "cluster.local".to_owned(),
            subject: SubjectFields::default(),
            attributes: None,
            role: None,
            node_ous: true,
            layout: Layout::default(),
            tls_names: TlsNames::Fabric,
            key: KeyRequest::New(None),
            key_mode: 0o600,
            group: None,
            wait: None,
            force: false,
        })
    }

    /// The enrolment secret.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.ca.secret = SecretSource::Given(secret);
        self
    }

    /// The file that holds the enrolment secret; read only when a request is sent.
    pub fn secret_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca.secret = SecretSource::File(path.into());
        self
    }

    /// Adds a file of trust anchors (PEM, one or many certificates) for the connection to the CA.
    pub fn anchor_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca.anchors.push(PemSource::File(path.into()));
        self
    }

    /// Adds trust anchors (PEM, one or many certificates) for the connection to the CA.
    pub fn anchor_pem(mut self, pem: impl Into<String>) -> Self {
        self.ca.anchors.push(PemSource::Given(Secret::new(pem)));
        self
    }

    /// Allows `http://`: the secret then crosses the network in clear text.
    pub fn plaintext(mut self) -> Self {
        self.ca.plaintext = true;
        self
    }

    /// The name of the CA on the server; the server's default CA if left out.
    pub fn ca_name(mut self, name: impl Into<String>) -> Self {
        self.ca.ca_name = Some(name.into());
        self
    }

    /// Client certificate (leaf first) and key for mutual TLS to the CA.
    pub fn client_identity(mut self, certificate: impl Into<PemSource>, key: impl Into<PemSource>) -> Self {
        self.ca.client_identity = Some((certificate.into(), key.into()));
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
        self.node_ous = false;
        self
    }

    /// File names in the MSP folder.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// File names in the TLS folder.
    pub fn tls_names(mut self, names: TlsNames) -> Self {
        self.tls_names = names;
        self
    }

    /// The curve of a new key, P-256 by default.
    pub fn key_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
        self.key = KeyRequest::New(Some(algorithm));
        self
    }

    /// Uses this key (PEM) instead of a new one.
    pub fn key(mut self, key: impl Into<PemSource>) -> Self {
        self.key = KeyRequest::Given(key.into());
        self
    }

    /// Keeps the key that the folder holds; makes a new one if there is none.
    pub fn reuse_key(mut self) -> Self {
        self.key = KeyRequest::Current;
        self
    }

    /// Permission bits (0600 by default) of key files, and the group id of the folders.
    pub fn key_access(mut self, mode: u32, group: Option<u32>) -> Self {
        (self.key_mode, self.group) = (mode, group);
        self
    }

    /// Keeps trying for this long while the CA cannot be reached; never after a refusal.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Enrols even if the current certificate is good, or the CA refused before.
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// The request as plain data; reads no file and opens no connection.
    ///
    /// # Errors
    /// When no folder is named, a name cannot be used, or a TLS folder has no name.
    #[doc(hidden)]
    pub fn request(&self) -> Result<Request, Error> {
        if self.msp_dir.is_none() && self.tls_dir.is_none() {
            return Err(Error::new(ErrorKind::Usage, "no folder was named")
                .with_help("name an MSP folder for the signing identity, a TLS folder for the TLS pair, or both"));
        }
        for ca in [Some(&self.ca), self.tls_ca.as_ref()].into_iter().flatten() {
            if ca.url.is_plaintext() && !ca.plaintext {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("{} is plain HTTP: the secret would cross the network in clear text", ca.url),
                )
                .with_help("use https://, or allow plain HTTP"));
            }
            if !ca.url.is_plaintext() && ca.anchors.is_empty() {
                return Err(Error::new(ErrorKind::Usage, format!("no trust anchors for {}", ca.url))
                    .with_help("give the CA's certificate as PEM; the system's anchors are never used"));
            }
        }
        let names = NameSet::derive(&NameRequest {
            sans: &self.sans,
            hostnames: &self.hostnames,
            gateway_services: &self.gateway_services,
            namespace: self.namespace.as_deref(),
            cluster_domain: &self.cluster_domain,
        })?;
        if self.tls_dir.is_some() && names.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "the TLS certificate has no name; clients check names")
                .with_help("give the names that clients dial"));
        }
        let both = self.msp_dir.is_some() && self.tls_dir.is_some();
        let role = |default| self.role.map_or(default, RoleRule::Exactly);
        let needs_one = if self.node_ous { RoleRule::ExactlyOne } else { RoleRule::Any };
        Ok(Request {
            sign: self.msp_dir.as_ref().map(|dir| SignRequest {
                target: dir.clone(),
                ca: self.ca.clone(),
                names: if both { NameSet::default() } else { names.clone() },
                profile: None,
                msp: MspForm { layout: self.layout, node_ous: self.node_ous },
                role: role(needs_one),
            }),
            tls: self.tls_dir.as_ref().map(|dir| TlsRequest {
                target: dir.clone(),
                ca: self.tls_ca.as_ref().unwrap_or(&self.ca).clone(),
                names: names.clone(),
                profile: "tls".to_owned(),
                files: TlsFiles::Three(self.tls_names),
                role: if both { RoleRule::Any } else { role(RoleRule::Any) },
            }),
            subject: self.subject.clone(),
            attributes: self.attributes.clone(),
            key: self.key.clone(),
            key_mode: self.key_mode,
            group: self.group,
            force: self.force,
            wait: self.wait,
        })
    }

    /// Runs the enrolment on the current tokio runtime (with time and I/O enabled). Disk access and hashing run on a
    /// thread of their own. When the future is dropped, the run ends at its next await, and each folder holds one
    /// complete set.
    ///
    /// # Errors
    /// See [`ErrorKind`]: another identity in the folder, the CA not reached or refusing, an answer that is not as
    /// requested, a locked folder, a failed file operation. The folders are then unchanged.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run(self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Result<Outcome, Error> {
        let request = self.request()?;
        let runtime = tokio::runtime::Handle::current();
        // Dropping this future ends the run.
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let run = tokio::task::spawn_blocking(move || {
            let disk = Disk::real();
            let environment = Environment { disk: &disk, now: &now };
            runtime.block_on(async {
                tokio::select! {
                    outcome = enroll(&request, &environment) => outcome,
                    _ = dropped => Err(Error::new(ErrorKind::Io, "the enrolment was cancelled")),
                }
            })
        });
        let outcome = run.await;
        drop(alive);
        outcome.unwrap_or_else(|e| Err(Error::new(ErrorKind::Bug, "the enrolment's thread failed").with_source(e)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment::new("https://ca:7054", "peer1")
            .unwrap()
            .anchor_pem("a")
            .msp_dir("msp")
            .tls_dir("tls")
            .hostname("peer1")
    }

    #[test]
    fn with_both_folders_names_go_on_the_tls_certificate() {
        let request = enrolment().gateway_service("gateway").namespace("fabric").request().unwrap();
        assert!(request.sign.unwrap().names.is_empty());
        let names: Vec<String> = request.tls.unwrap().names.sans().iter().map(ToString::to_string).collect();
        assert!(names.contains(&"gateway.fabric.svc.cluster.local".to_owned()), "{names:?}");
    }

    #[test]
    fn an_invalid_request_is_refused_before_it_runs() {
        let kind = |e: Enrolment| e.request().unwrap_err().kind();
        assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().anchor_pem("a")), ErrorKind::Usage);
        assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().msp_dir("m")), ErrorKind::Usage);
        assert_eq!(kind(Enrolment::new("http://ca", "p").unwrap().msp_dir("m")), ErrorKind::Usage);
        assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().anchor_pem("a").tls_dir("t")), ErrorKind::Usage);
    }

    #[test]
    fn both_futures_can_be_sent_to_another_thread() {
        fn is_send(_: &impl Send) {}
        let request = enrolment().request().unwrap();
        let disk = Disk::real();
        let environment = Environment { disk: &disk, now: &|| Timestamp::from_unix(0) };
        is_send(&enroll(&request, &environment));
        is_send(&enrolment().run(|| Timestamp::from_unix(0)));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let shown =
            format!("{:?}", enrolment().secret(Secret::new("peerpw")).key(PemSource::Given(Secret::new("pem!"))));
        assert!(!shown.contains("peerpw") && !shown.contains("pem!"), "{shown}");
    }
}
