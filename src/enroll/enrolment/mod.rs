//! The builder through which programs enrol and re-enrol.

mod options;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use super::{Outcome, enroll};
use crate::ca::AttrRequest;
use crate::disk::Disk;
use crate::identity::held::{Held, inherit};
use crate::identity::names::parse_drops;
use crate::identity::{
    Authentication, CaAccess, ChannelRequest, Environment, FormGiven, KeyRequest, MspForm, Request, SignRequest,
    TlsFiles, TlsRequest,
};
use crate::msp::{Layout, TlsNames};
use crate::pki::name::{NameRequest, NameSet};
use crate::pki::x509::{NodeOu, SubjectFields};
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, Timestamp};

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
///
/// [`reenrol`](Self::reenrol) gets new certificates for the same folders later, with the current ones as credentials:
///
/// ```no_run
/// use std::time::SystemTime;
///
/// use fabcert::{Enrolment, Error};
///
/// # async fn example() -> Result<(), Error> {
/// let outcome = Enrolment::new("https://org1-ca:7054", "org1-peer1")?
///     .anchor_file("ca.pem")
///     .msp_dir("/var/hyperledger/peer/msp")
///     .tls_dir("/var/hyperledger/peer/tls")
///     .reenrol(|| SystemTime::now().into())
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
    drop_sans: Vec<String>,
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
    new_tls_key: bool,
    channels: ChannelRequest,
    given: FormGiven,
    key_mode: u32,
    group: Option<u32>,
    wait: Option<Duration>,
    force: bool,
    /// How [`reenrol`](Self::reenrol) authenticates.
    again: Authentication,
}

impl Enrolment {
    /// An enrolment of the identity `id` at the CA `url` (`https://HOST[:PORT][/PATH]`, port 7054 by default).
    ///
    /// # Errors
    ///
    /// Those of [`CaAccess::new`].
    pub fn new(url: &str, id: impl Into<String>) -> Result<Self, Error> {
        Ok(Self::at(CaAccess::new(url, id)?))
    }

    /// An enrolment of the identity of `ca`.
    pub(crate) fn at(ca: CaAccess) -> Self {
        Self {
            ca,
            tls_ca: None,
            msp_dir: None,
            tls_dir: None,
            sans: Vec::new(),
            drop_sans: Vec::new(),
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
            new_tls_key: false,
            channels: ChannelRequest::default(),
            given: FormGiven::default(),
            key_mode: 0o600,
            group: None,
            wait: None,
            force: false,
            again: Authentication::Token { secret_if_expired: false },
        }
    }

    /// The request as plain data; reads no file and opens no connection.
    ///
    /// # Errors
    /// When no folder is named, a name cannot be used, or a TLS folder has no name.
    #[doc(hidden)]
    pub fn request(&self) -> Result<Request, Error> {
        self.request_by(Authentication::Secret)
    }

    fn request_by(&self, authentication: Authentication) -> Result<Request, Error> {
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
        if self.tls_dir.is_some() && names.is_empty() && authentication == Authentication::Secret {
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
                due_at: None,
            }),
            tls: self.tls_dir.as_ref().map(|dir| TlsRequest {
                target: dir.clone(),
                ca: self.tls_ca.as_ref().unwrap_or(&self.ca).clone(),
                names: names.clone(),
                profile: "tls".to_owned(),
                files: TlsFiles::Three(self.tls_names),
                role: if both { RoleRule::Any } else { role(RoleRule::Any) },
                due_at: None,
            }),
            subject: self.subject.clone(),
            attributes: self.attributes.clone(),
            drop_sans: parse_drops(&self.drop_sans, &names)?,
            key: self.key.clone(),
            new_tls_key: self.new_tls_key,
            channels: self.channels.clone(),
            given: self.given,
            key_mode: self.key_mode,
            group: self.group,
            force: self.force,
            replace: false,
            authentication,
            always: authentication != Authentication::Secret,
            wait: self.wait,
        })
    }

    /// The request for new certificates of the identity in the folders, which are read.
    fn request_again(&self, disk: &Disk) -> Result<Request, Error> {
        let mut request = self.request_by(self.again)?;
        let tls_ca = self.tls_ca.as_ref().unwrap_or(&self.ca);
        let folders = [(&self.msp_dir, &self.ca.id), (&self.tls_dir, &tls_ca.id)];
        for (dir, id) in folders.into_iter().filter_map(|(dir, id)| Some((dir.as_ref()?, id))) {
            let held = Held::required(dir, disk)?;
            held.check_id(id)?;
            inherit(&mut request, [&held], false);
        }
        Ok(request)
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
        on_its_own_thread(move |_| Ok(request), now).await
    }

    /// Gets new certificates for the folders, with the current ones as credentials: what `fabcert reenroll` does. They keep the
    /// names, and the attributes, subject fields and profile of the last request that is recorded. Else as [`run`](Self::run).
    ///
    /// # Errors
    /// Those of [`run`](Self::run), and [`ErrorKind::Input`] if a folder holds no certificate of the identity, or one that the
    /// CA did not issue.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn reenrol(self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Result<Outcome, Error> {
        on_its_own_thread(move |disk| self.request_again(disk), now).await
    }
}

async fn on_its_own_thread(
    request: impl FnOnce(&Disk) -> Result<Request, Error> + Send + 'static,
    now: impl Fn() -> Timestamp + Send + Sync + 'static,
) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Handle::current();
    // Dropping this future ends the run.
    let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::task::spawn_blocking(move || {
        let disk = Disk::real();
        let request = request(&disk)?;
        let environment = Environment::new(&disk, &now);
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
