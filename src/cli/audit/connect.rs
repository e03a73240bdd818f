//! `--connect` and `--member`: what live endpoints serve, as units of the audit.

use std::sync::Arc;

use super::args::{AuditArgs, ConnectArgs};
use crate::audit::input::ServedUnit;
use crate::auditor::{Endpoints, Gateway, GatewayMember};
use crate::cli::manifests;
use crate::disk::Disk;
use crate::live::{ClientPair, DialOptions, Endpoint, Sample, dial, members};
use crate::manifests::Settings;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// Larger files are no certificates.
const LIMIT: usize = 16 * 1024 * 1024;
/// So many endpoints are dialled at once.
const AT_ONCE: usize = 16;

/// What was met so far.
#[derive(Debug, Default)]
struct Met {
    endpoints: Endpoints,
    /// How many of them, the first ones, have members that were known beforehand.
    planned: usize,
}

/// An endpoint to dial, and the name to dial it by.
struct Dialled {
    endpoint: Endpoint,
    name: SanName,
    /// Whether its certificate must hold the name.
    is_wanted: bool,
    /// Which gateway's member it is, by the place of the gateway, where that is known beforehand.
    member_of: Option<usize>,
}

/// Dials every endpoint that was named. `names_expected`: other names are expected already, so that an address that was
/// dialled need not be in the certificate.
pub(super) fn connect(disk: &Disk, all: &AuditArgs, names_expected: bool) -> Result<Endpoints, Error> {
    let args = &all.connect;
    let mut met = Met::default();
    let plan = plan(disk, all, names_expected, &mut met.endpoints.gateways)?;
    if plan.is_empty() {
        return Ok(met.endpoints);
    }
    met.planned = met.endpoints.gateways.len();
    let mut anchors = Vec::new();
    for path in &args.tls_ca {
        let pem = disk.read(path, LIMIT)?;
        let found = Cert::all_from_pem(&pem).map_err(|e| e.to_string());
        if !found.as_ref().is_ok_and(|certs| !certs.is_empty()) {
            let why = found.err().unwrap_or_else(|| "it holds no certificate".to_owned());
            return Err(Error::new(ErrorKind::Input, format!("--tls-ca {}: {why}", path.display()))
                .with_help("give the root of the TLS CA as PEM, for example the ca.crt of a TLS folder"));
        }
        anchors.extend(pem);
        anchors.push(b'\n');
    }
    let client = client(disk, args)?.map(Arc::new);
    let samples = crate::cli::runtime()?.block_on(dial_all(&plan, args, client));
    let totals: Vec<usize> =
        (0..met.endpoints.gateways.len()).map(|g| plan.iter().filter(|d| d.member_of == Some(g)).count()).collect();
    let mut places = vec![0; totals.len()];
    for (dialled, samples) in plan.iter().zip(samples) {
        let place = dialled.member_of.map(|gateway| {
            places[gateway] += 1;
            (places[gateway], totals[gateway])
        });
        met.take(dialled, &samples, place, &anchors);
    }
    Ok(met.endpoints)
}

/// What is dialled: the endpoints that were named, then the members of gateways.
fn plan(
    disk: &Disk,
    all: &AuditArgs,
    names_expected: bool,
    gateways: &mut Vec<Gateway>,
) -> Result<Vec<Dialled>, Error> {
    let args = &all.connect;
    let endpoint = |text: &String| {
        text.parse::<Endpoint>()
            .map_err(|e| Error::new(ErrorKind::Usage, e.to_string()).with_help("for example --connect org1-peer1:7051"))
    };
    let named: Vec<Endpoint> = args.connect.iter().map(endpoint).collect::<Result<_, _>>()?;
    let members: Vec<Endpoint> = args.member.iter().map(endpoint).collect::<Result<_, _>>()?;
    let mut plan = Vec::new();
    for endpoint in &named {
        let name = dialled(args.server_name.as_ref().unwrap_or(&endpoint.host))?;
        let is_wanted = args.server_name.is_some() || !(names_expected || matches!(name, SanName::Ip(_)));
        plan.push(Dialled { endpoint: endpoint.clone(), name, is_wanted, member_of: None });
    }
    let mut gateway = |name: &str, members: Vec<Endpoint>| -> Result<(), Error> {
        let san = dialled(name)?;
        gateways.push(Gateway { name: san.to_string(), members: Vec::new() });
        let member_of = Some(gateways.len() - 1);
        let dialled = |endpoint| Dialled { endpoint, name: san.clone(), is_wanted: true, member_of };
        plan.extend(members.into_iter().map(dialled));
        Ok(())
    };
    if !members.is_empty() {
        let name = match (&args.server_name, &named[..]) {
            (Some(name), _) => name,
            (None, [one]) => &one.host,
            _ => {
                return Err(Error::new(ErrorKind::Usage, "--member needs the gateway's name")
                    .with_help("give it with --server-name NAME, or with one --connect NAME:PORT"));
            }
        };
        gateway(name, members)?;
    } else if !all.paths.is_empty() {
        for endpoint in &named {
            let name = args.server_name.as_ref().unwrap_or(&endpoint.host);
            let members = members_in_manifests(disk, all, name, endpoint.port);
            if !members.is_empty() {
                gateway(name, members)?;
            }
        }
    }
    if args.server_name.is_some() && plan.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "--server-name goes with --connect or --member"));
    }
    Ok(plan)
}

/// A name as clients dial it.
fn dialled(text: &str) -> Result<SanName, Error> {
    match text.parse::<SanName>()? {
        SanName::Dns(host) if host.is_wildcard() => Err("no client dials a wildcard"),
        name @ (SanName::Dns(_) | SanName::Ip(_)) => Ok(name),
        _ => Err("clients dial hosts"),
    }
    .map_err(|why| Error::new(ErrorKind::Input, format!("\"{text}\" is not a name that can be dialled: {why}")))
}

/// The members of a Service, as the manifests among the paths define them. What prevents reading them is reported
/// when they are audited.
fn members_in_manifests(disk: &Disk, all: &AuditArgs, host: &str, port: u16) -> Vec<Endpoint> {
    let settings =
        Settings { namespace: all.expect.namespace.clone(), cluster_domain: all.expect.cluster_domain.clone() };
    let paths: Vec<_> = all.paths.iter().filter(|p| p.as_os_str() != "-").cloned().collect();
    let Ok(read) = manifests::read(disk, &paths, &all.manifests, settings) else { return Vec::new() };
    let endpoints = read.network.member_endpoints(&host.to_ascii_lowercase(), port);
    endpoints.into_iter().map(|(host, port)| Endpoint { host, port }).collect()
}

/// Dials everything, several at once; the samples in the order of the plan.
async fn dial_all(plan: &[Dialled], args: &ConnectArgs, client: Option<Arc<ClientPair>>) -> Vec<Vec<Sample>> {
    let mut all = Vec::new();
    for part in plan.chunks(AT_ONCE) {
        let begin = |dialled: &Dialled| {
            let options = DialOptions {
                server_name: Some(dialled.name.to_string()),
                // A member of its own needs one connection; behind a balancer each may lead to another.
                samples: if dialled.member_of.is_some() { 1 } else { usize::from(args.samples) },
                timeout: args.dial_timeout,
                client: client.clone(),
            };
            let endpoint = dialled.endpoint.clone();
            tokio::spawn(async move { dial(&endpoint, &options).await })
        };
        let running: Vec<_> = part.iter().map(begin).collect();
        for one in running {
            let failed =
                |e: tokio::task::JoinError| vec![Sample { address: None, served: Err(e.to_string()), version: None }];
            all.push(one.await.unwrap_or_else(failed));
        }
    }
    all
}

impl Met {
    /// Takes what an endpoint served. `place`: which member of its gateway it is, and of how many.
    fn take(&mut self, dialled: &Dialled, samples: &[Sample], place: Option<(usize, usize)>, anchors: &[u8]) {
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
        self.endpoints.unreachable.extend(failures.into_iter().map(|reason| (endpoint.to_string(), reason)));
        let count = found.len();
        self.endpoints.served.extend(found.into_iter().map(|member| ServedUnit {
            endpoint: endpoint.to_string(),
            chain: member.chain,
            anchors: anchors.to_vec(),
            dialled: dialled.is_wanted.then(|| dialled.name.clone()),
            member_of: place,
        }));
        match dialled.member_of {
            Some(gateway) => self.endpoints.gateways[gateway].members.push(GatewayMember {
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
                // Several endpoints that are asked for one name stand for one gateway. Where its members are known, they
                // count, and not whom the gateway's own address led to.
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

fn client(disk: &Disk, args: &ConnectArgs) -> Result<Option<ClientPair>, Error> {
    let (Some(cert), Some(key_path)) = (&args.client_cert, &args.client_key) else { return Ok(None) };
    let unusable = |what: &std::path::Path, why: String| {
        Error::new(ErrorKind::Input, format!("{}: {why}", what.display()))
            .with_help("give a certificate with its chain and its own key, PEM both")
    };
    let chain = Cert::all_from_pem(&disk.read(cert, LIMIT)?).map_err(|e| unusable(cert, e.to_string()))?;
    let pem = disk.read_secret(key_path, LIMIT)?;
    let key = <rustls_pki_types::PrivateKeyDer<'static> as rustls_pki_types::pem::PemObject>::from_pem_slice(&pem)
        .map_err(|_| unusable(key_path, "no private key can be read from it".to_owned()))?;
    let pair = ClientPair { chain: chain.iter().map(|c| c.der().to_vec().into()).collect(), key };
    pair.check().map_err(|why| unusable(cert, format!("{why} (key {})", key_path.display())))?;
    Ok(Some(pair))
}
