//! The live endpoints of a request: which ones to dial, by which name, and the certificates that they served.
//!
//! ```text
//! Live (the request) -> DialPlan (reads files, before anything is dialled) -> Endpoints (data for the run)
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::endpoints::Endpoints;
use super::gateway::{Gateway, GatewayMember};
use super::request::AuditRequest;
use crate::audit::input::ServedUnit;
use crate::disk::Disk;
use crate::live::{ClientPair, DialOptions, Endpoint, Sample, dial_all, members};
use crate::names::Manifests;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, PemSource};

/// The size limit of a file with certificates or a key, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// The endpoints that a request names, and how to dial them.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) endpoints: Vec<String>,
    pub(super) members: Vec<String>,
    pub(super) server_name: Option<String>,
    pub(super) samples: u16,
    pub(super) timeout: Duration,
    pub(super) tls_ca: Vec<PemSource>,
    pub(super) client_identity: Option<(PemSource, PemSource)>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            members: Vec::new(),
            server_name: None,
            samples: 4,
            timeout: Duration::from_secs(5),
            tls_ca: Vec::new(),
            client_identity: None,
        }
    }
}

impl Live {
    /// Whether nothing is to be dialled.
    pub(super) const fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.members.is_empty() && self.server_name.is_none()
    }

    /// The trust anchors: PEM.
    fn anchors(&self, disk: &Disk) -> Result<Vec<u8>, Error> {
        let mut anchors = Vec::new();
        for source in &self.tls_ca {
            let pem = source.read(disk, LIMIT)?;
            let found = Cert::all_from_pem(&pem).map_err(|e| e.to_string());
            if !found.as_ref().is_ok_and(|certs| !certs.is_empty()) {
                let why = found.err().unwrap_or_else(|| "it holds no certificate".to_owned());
                return Err(Error::new(ErrorKind::Input, format!("--tls-ca {}: {why}", source.origin()))
                    .with_help("give the root of the TLS CA as PEM, for example the ca.crt of a TLS folder"));
            }
            anchors.extend_from_slice(&pem);
            anchors.push(b'\n');
        }
        Ok(anchors)
    }

    /// The client certificate, if any.
    fn client(&self, disk: &Disk) -> Result<Option<Arc<ClientPair>>, Error> {
        let Some((certificate, key)) = &self.client_identity else { return Ok(None) };
        let unusable = |what: &PemSource, why: String| {
            Error::new(ErrorKind::Input, format!("{}: {why}", what.origin()))
                .with_help("give a certificate with its chain and its own key, PEM both")
        };
        let chain =
            Cert::all_from_pem(&certificate.read(disk, LIMIT)?).map_err(|e| unusable(certificate, e.to_string()))?;
        let pem = key.read(disk, LIMIT)?;
        let private = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| unusable(key, "no private key can be read from it".to_owned()))?;
        let pair = ClientPair { chain: chain.iter().map(|c| c.der().to_vec().into()).collect(), key: private };
        pair.check().map_err(|why| unusable(certificate, format!("{why} (key {})", key.origin())))?;
        Ok(Some(Arc::new(pair)))
    }
}

/// What to dial.
#[derive(Debug)]
pub(crate) struct DialPlan {
    dialled: Vec<Dialled>,
    /// The gateways whose members are known, still without members.
    gateways: Vec<Gateway>,
    anchors: Vec<u8>,
    client: Option<Arc<ClientPair>>,
    samples: usize,
    timeout: Duration,
}

/// An endpoint to dial.
#[derive(Debug)]
struct Dialled {
    endpoint: Endpoint,
    name: SanName,
    /// Whether its certificate must hold the name.
    is_wanted: bool,
    /// Its place as a member of a known gateway.
    member: Option<Member>,
}

/// The place of a member.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// The index of the gateway.
    gateway: usize,
    /// Which of its members, from 1.
    number: usize,
    /// How many members the gateway has.
    of: usize,
}

impl DialPlan {
    /// Plans the dialling of a request. `names_expected`: other names are expected already, so a dialled address need
    /// not be in the certificate.
    pub(super) fn new(disk: &Disk, request: &AuditRequest, names_expected: bool) -> Result<Self, Error> {
        let live = &request.live;
        let parsed = |texts: &[String]| texts.iter().map(|text| endpoint(text)).collect::<Result<Vec<_>, _>>();
        let (named, members) = (parsed(&live.endpoints)?, parsed(&live.members)?);
        let mut plan = Self {
            dialled: Vec::new(),
            gateways: Vec::new(),
            anchors: Vec::new(),
            client: None,
            samples: usize::from(live.samples),
            timeout: live.timeout,
        };
        for endpoint in &named {
            let name = dialled_name(live.server_name.as_ref().unwrap_or(&endpoint.host))?;
            let is_wanted = live.server_name.is_some() || !(names_expected || matches!(name, SanName::Ip(_)));
            plan.dialled.push(Dialled { endpoint: endpoint.clone(), name, is_wanted, member: None });
        }
        if members.is_empty() {
            for endpoint in &named {
                let name = live.server_name.as_ref().unwrap_or(&endpoint.host);
                plan.add_gateway(name, members_in_manifests(disk, request, name, endpoint.port))?;
            }
        } else {
            let name = match (&live.server_name, &named[..]) {
                (Some(name), _) => name,
                (None, [one]) => &one.host,
                _ => {
                    return Err(Error::new(ErrorKind::Usage, "--member needs the gateway's name")
                        .with_help("give it with --server-name NAME, or with one --connect NAME:PORT"));
                }
            };
            plan.add_gateway(name, members)?;
        }
        if live.server_name.is_some() && plan.dialled.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "--server-name goes with --connect or --member"));
        }
        if !plan.dialled.is_empty() {
            plan.anchors = live.anchors(disk)?;
            plan.client = live.client(disk)?;
        }
        Ok(plan)
    }

    /// Whether there is nothing to dial.
    pub(crate) const fn is_empty(&self) -> bool {
        self.dialled.is_empty()
    }

    /// Adds the members of a gateway, if any.
    fn add_gateway(&mut self, name: &str, members: Vec<Endpoint>) -> Result<(), Error> {
        if members.is_empty() {
            return Ok(());
        }
        let name = dialled_name(name)?;
        let (gateway, of) = (self.gateways.len(), members.len());
        self.gateways.push(Gateway { name: name.to_string(), members: Vec::new() });
        self.dialled.extend(members.into_iter().zip(1..).map(|(endpoint, number)| Dialled {
            endpoint,
            name: name.clone(),
            is_wanted: true,
            member: Some(Member { gateway, number, of }),
        }));
        Ok(())
    }

    /// Dials everything, several endpoints at once.
    pub(crate) async fn dial(self) -> Endpoints {
        let to_dial = self.dialled.iter().map(|dialled| {
            let options = DialOptions {
                server_name: Some(dialled.name.to_string()),
                // A member has an address of its own, so one connection is enough; behind a balancer each connection
                // may lead to another member.
                samples: if dialled.member.is_some() { 1 } else { self.samples },
                timeout: self.timeout,
                client: self.client.clone(),
            };
            (dialled.endpoint.clone(), options)
        });
        let samples = dial_all(to_dial.collect()).await;
        let mut met = Met {
            planned: self.gateways.len(),
            endpoints: Endpoints { gateways: self.gateways, ..Endpoints::default() },
            anchors: self.anchors,
        };
        for (dialled, samples) in self.dialled.iter().zip(samples) {
            met.take(dialled, &samples);
        }
        met.endpoints
    }
}

fn endpoint(text: &str) -> Result<Endpoint, Error> {
    text.parse::<Endpoint>()
        .map_err(|e| Error::new(ErrorKind::Usage, e.to_string()).with_help("for example --connect org1-peer1:7051"))
}

/// A name as clients dial it.
fn dialled_name(text: &str) -> Result<SanName, Error> {
    match text.parse::<SanName>()? {
        SanName::Dns(host) if host.is_wildcard() => Err("no client dials a wildcard"),
        name @ (SanName::Dns(_) | SanName::Ip(_)) => Ok(name),
        _ => Err("clients dial hosts"),
    }
    .map_err(|why| Error::new(ErrorKind::Input, format!("\"{text}\" is not a name that can be dialled: {why}")))
}

/// The members of a Service, as the manifests among the paths define them. Errors in manifests are reported when they
/// are audited.
fn members_in_manifests(disk: &Disk, request: &AuditRequest, host: &str, port: u16) -> Vec<Endpoint> {
    let paths: Vec<_> = request.paths.iter().filter(|path| path.as_path() != Path::new("-")).cloned().collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let read = Manifests::read(disk, &paths, None, &request.variables, request.settings.clone());
    let Ok(read) = read else { return Vec::new() };
    let endpoints = read.network.member_endpoints(&host.to_ascii_lowercase(), port);
    endpoints.into_iter().map(|(host, port)| Endpoint { host, port }).collect()
}

/// The endpoints that were dialled so far.
struct Met {
    endpoints: Endpoints,
    /// The number of gateways whose members are known beforehand; they come first.
    planned: usize,
    anchors: Vec<u8>,
}

impl Met {
    /// Adds the result of one endpoint.
    fn take(&mut self, dialled: &Dialled, samples: &[Sample]) {
        let endpoint = &dialled.endpoint;
        let (found, failures) = members(samples);
        let first = self.endpoints.served.len();
        let mut behind = Vec::new();
        for member in &found {
            let addresses: Vec<String> = member.addresses.iter().map(ToString::to_string).collect();
            tracing::info!(
                "{endpoint}: {} connection(s) at {} served one certificate ({})",
                member.samples,
                addresses.join(", "),
                member.version.unwrap_or("broken off after the certificates")
            );
            behind.push(addresses.join(", "));
        }
        let unreachable = !failures.is_empty();
        if samples.iter().any(|sample| sample.wants_client) {
            self.endpoints.want_client.push(endpoint.to_string());
        }
        self.endpoints.unreachable.extend(failures.into_iter().map(|reason| (endpoint.to_string(), reason)));
        let count = found.len();
        self.endpoints.served.extend(found.into_iter().map(|member| ServedUnit {
            endpoint: endpoint.to_string(),
            chain: member.chain,
            anchors: self.anchors.clone(),
            dialled: dialled.is_wanted.then(|| dialled.name.clone()),
            member_of: dialled.member.map(|member| (member.number, member.of)),
        }));
        match dialled.member {
            Some(member) => self.endpoints.gateways[member.gateway].members.push(GatewayMember {
                endpoint: endpoint.to_string(),
                served: (first..first + count).collect(),
                unreachable,
            }),
            // Behind a balancer each certificate is a member.
            None if dialled.is_wanted && (count > 0 || unreachable) => {
                let met = behind.into_iter().enumerate();
                let mut members: Vec<GatewayMember> = met
                    .map(|(at, address)| GatewayMember {
                        endpoint: format!("certificate {} at {address}", at + 1),
                        served: vec![first + at],
                        unreachable: false,
                    })
                    .collect();
                if unreachable {
                    members.push(GatewayMember { endpoint: endpoint.to_string(), served: Vec::new(), unreachable });
                }
                let name = dialled.name.to_string();
                // Several endpoints that are dialled by one name are one gateway. Where its members are known, only
                // they count, not the certificates at the gateway's own address.
                match self.endpoints.gateways.iter().position(|g| g.name == name) {
                    Some(known) if known < self.planned => {}
                    Some(known) => self.endpoints.gateways[known].members.append(&mut members),
                    None => self.endpoints.gateways.push(Gateway { name, members }),
                }
            }
            None => {}
        }
    }
}
