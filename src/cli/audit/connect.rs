//! `--connect`: what live endpoints serve, as units of the audit.

use super::args::ConnectArgs;
use crate::audit::input::ServedUnit;
use crate::fsx::Disk;
use crate::live::{ClientPair, DialOptions, Endpoint, dial, members};
use crate::name::SanName;
use crate::x509::Cert;
use crate::{Error, ErrorKind};

/// Larger files are no certificates.
const LIMIT: usize = 16 * 1024 * 1024;

/// What was met, and the endpoints that could not be reached with the reason.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) served: Vec<ServedUnit>,
    pub(super) unreachable: Vec<(String, String)>,
}

/// Dials every endpoint that was named. `names_expected`: other names are expected already, so that an address that was
/// dialled need not be in the certificate.
pub(super) fn connect(disk: &Disk, args: &ConnectArgs, names_expected: bool) -> Result<Met, Error> {
    let mut met = Met::default();
    if args.connect.is_empty() {
        return Ok(met);
    }
    let mut anchors = Vec::new();
    for path in &args.tls_ca {
        anchors.extend(disk.read(path, LIMIT)?);
        anchors.push(b'\n');
    }
    let options = DialOptions {
        server_name: args.server_name.clone(),
        samples: args.samples.get(),
        timeout: args.dial_timeout,
        client: client(disk, args)?,
    };
    let runtime = crate::cli::runtime()?;
    for text in &args.connect {
        let endpoint: Endpoint = text.parse().map_err(|e: crate::live::NoEndpoint| {
            Error::new(ErrorKind::Usage, e.to_string()).with_help("for example --connect org1-peer1:7051")
        })?;
        let name = args.server_name.as_ref().unwrap_or(&endpoint.host);
        let parsed = name.parse::<SanName>()?;
        let is_wanted = args.server_name.is_some() || !(names_expected || matches!(parsed, SanName::Ip(_)));
        let samples = runtime.block_on(dial(&endpoint, &options));
        let (found, failures) = members(&samples);
        for member in &found {
            let addresses: Vec<String> = member.addresses.iter().map(ToString::to_string).collect();
            tracing::info!(
                "{endpoint}: {} connection(s) at {} served one certificate ({})",
                member.samples,
                addresses.join(", "),
                member.version.unwrap_or("broken off after the certificates")
            );
        }
        met.unreachable.extend(failures.into_iter().map(|reason| (endpoint.to_string(), reason)));
        met.served.extend(found.into_iter().map(|member| ServedUnit {
            endpoint: endpoint.to_string(),
            chain: member.chain,
            anchors: anchors.clone(),
            dialled: is_wanted.then(|| parsed.clone()),
        }));
    }
    Ok(met)
}

fn client(disk: &Disk, args: &ConnectArgs) -> Result<Option<ClientPair>, Error> {
    let (Some(cert), Some(key)) = (&args.client_cert, &args.client_key) else { return Ok(None) };
    let unusable = |what: &std::path::Path, why: String| {
        Error::new(ErrorKind::Input, format!("{}: {why}", what.display()))
            .with_help("give a certificate with its chain and its own key, PEM both")
    };
    let chain = Cert::all_from_pem(&disk.read(cert, LIMIT)?).map_err(|e| unusable(cert, e.to_string()))?;
    let pem = disk.read_secret(key, LIMIT)?;
    let key = <rustls_pki_types::PrivateKeyDer<'static> as rustls_pki_types::pem::PemObject>::from_pem_slice(&pem)
        .map_err(|_| unusable(key, "no private key can be read from it".to_owned()))?;
    Ok(Some(ClientPair { chain: chain.iter().map(|c| c.der().to_vec().into()).collect(), key }))
}
