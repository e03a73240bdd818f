//! The connection to a CA: anchors, client certificate, name, TLS, the CA itself, its clock, its chain.

use std::time::Duration;

use tokio::time::timeout;

use super::check::Diagnosis;
use crate::ca::{CaError, CaInfo, TrustAnchors};
use crate::disk::Disk;
use crate::identity::CaAccess;
use crate::lookup::lookup;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, Timestamp};

/// The size limit of an anchor file, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;
/// A certificate that ends within this time is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 86_400);
/// The difference of clocks in seconds that is worth a warning, and the one that makes certificates invalid: a request asks
/// for a start of validity five minutes ago.
const SKEW: (i64, i64) = (60, 300);

/// Checks the connection to one CA. Sends one request without credentials.
pub(super) async fn check(access: &CaAccess, disk: &Disk, now: Timestamp, diagnosis: &mut Diagnosis) {
    let address = format!("{}:{}", access.url.host(), access.url.port());
    if access.url.is_plaintext() {
        diagnosis.warn(
            "anchor",
            format!("{}: plain HTTP, so the secret crosses the network unencrypted", access.url),
            "use https:// and --tls-ca",
        );
    } else {
        anchors(access, disk, now, diagnosis);
    }
    let is_resolved = resolve(access, diagnosis).await;
    let client = match access.client(disk).and_then(|client| Ok(client.build()?)) {
        Ok(client) => client,
        Err(e) => {
            if !matches!(e.kind(), ErrorKind::Usage) {
                diagnosis.failed("client", &e);
            }
            for check in ["tcp", "tls", "ca", "clock", "chain"] {
                diagnosis.skip(check, format!("{address}: the client cannot be set up"));
            }
            return;
        }
    };
    if !is_resolved {
        for check in ["tcp", "tls", "ca", "clock", "chain"] {
            diagnosis.skip(check, format!("{address}: the name is not resolved"));
        }
        return;
    }
    let info = client.info().await;
    let reached = stages(access, &address, info.as_ref().map(drop), diagnosis);
    match info {
        Ok(info) => about(access, &info, now, diagnosis),
        Err(e) => {
            if reached {
                diagnosis.failed("ca", &Error::from(e));
            } else {
                diagnosis.skip("ca", format!("{address}: not reached"));
            }
            diagnosis.skip("clock", format!("{address}: no answer"));
            diagnosis.skip("chain", format!("{address}: no answer"));
        }
    }
}

fn anchors(access: &CaAccess, disk: &Disk, now: Timestamp, diagnosis: &mut Diagnosis) {
    if access.anchors.is_empty() {
        diagnosis.fail(
            "anchor",
            format!("no certificate to trust for {}", access.url),
            "give --tls-ca FILE; fabcert ca info --fingerprint gets the file",
        );
    }
    for source in &access.anchors {
        let read = source.read(disk, LIMIT).and_then(|pem| Ok(TrustAnchors::from_pem(&source.origin(), &pem)?));
        match read {
            Err(e) => diagnosis.failed("anchor", &e),
            Ok(anchors) => {
                for cert in anchors.certs() {
                    validity("anchor", &source.origin(), cert, now, diagnosis);
                }
            }
        }
    }
}

/// Reports whether a certificate is valid now.
fn validity(check: &'static str, origin: &str, cert: &Cert, now: Timestamp, diagnosis: &mut Diagnosis) {
    let what = format!("{origin}: \"{}\"", cert.subject());
    let (begin, end) = (cert.not_before(), cert.not_after());
    if now > end {
        diagnosis.fail(check, format!("{what} expired at {end}"), "get the current certificate of the CA");
    } else if now < begin {
        diagnosis.fail(check, format!("{what} is valid only from {begin}"), "correct the local clock, or wait");
    } else if now.plus(SOON) > end {
        diagnosis.warn(check, format!("{what} ends soon, at {end}"), "ask the CA's operator for the next one");
    } else {
        diagnosis.ok(check, format!("{what}, valid until {end}"));
    }
}

async fn resolve(access: &CaAccess, diagnosis: &mut Diagnosis) -> bool {
    let (host, port) = (access.url.host().trim_matches(['[', ']']), access.url.port());
    if access.proxy.is_some() {
        diagnosis.skip("dns", format!("{host}: the proxy resolves it"));
        return true;
    }
    let unreachable = |message: String| {
        Error::new(ErrorKind::Unreachable, message)
            .with_help("check the host in the URL, and the name server of this machine or pod")
    };
    match timeout(access.connect_timeout, lookup(host, port)).await {
        Ok(Ok(found)) if !found.is_empty() => {
            let mut addresses: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            diagnosis.ok("dns", format!("{host}: {}", addresses.join(", ")));
            return true;
        }
        Ok(Ok(_)) => diagnosis.failed("dns", &unreachable(format!("{host} has no address"))),
        Ok(Err(e)) => diagnosis.failed("dns", &unreachable(format!("{host} could not be resolved: {e}"))),
        Err(_) => {
            let limit = humantime::format_duration(access.connect_timeout);
            diagnosis.failed("dns", &unreachable(format!("{host} could not be resolved within {limit}")));
        }
    }
    false
}

/// Reports how far the connection came: TCP and TLS. Returns whether both were made.
fn stages(access: &CaAccess, address: &str, result: Result<(), &CaError>, diagnosis: &mut Diagnosis) -> bool {
    let failed = |error: &CaError| Error::new(error.kind(), error.to_string()).with_help(error.help());
    match result {
        Err(
            error @ (CaError::Resolve { .. }
            | CaError::Connect { .. }
            | CaError::ConnectTimeout { .. }
            | CaError::Proxied { .. }),
        ) => {
            diagnosis.failed("tcp", &failed(error));
            diagnosis.skip("tls", format!("{address}: no connection"));
            false
        }
        Err(error @ CaError::Tls { .. }) => {
            diagnosis.ok("tcp", format!("{address}: connected"));
            diagnosis.failed("tls", &failed(error));
            false
        }
        _ => {
            diagnosis.ok("tcp", format!("{address}: connected"));
            if access.url.is_plaintext() {
                diagnosis.skip("tls", format!("{address}: plain HTTP"));
            } else {
                diagnosis.ok("tls", format!("{address}: the certificate of the server leads to an anchor"));
            }
            true
        }
    }
}

/// Reports what the CA says of itself.
fn about(access: &CaAccess, info: &CaInfo, now: Timestamp, diagnosis: &mut Diagnosis) {
    let name = if info.ca_name.is_empty() { "without a name" } else { &info.ca_name };
    let version = if info.version.is_empty() { "unknown" } else { &info.version };
    let default = if access.ca_name.is_none() { ", the default CA of its server" } else { "" };
    diagnosis.ok("ca", format!("{}: CA {name}{default}, version {version}", access.url));
    match info.server_date {
        None => diagnosis.skip("clock", "the answer has no Date header"),
        Some(date) => {
            let off = date.seconds_since(now).abs();
            let message = format!("the local clock differs from the CA's by {off} s");
            if off > SKEW.1 {
                let remedy = "correct the local clock: a new certificate would not be valid yet, or seem expired";
                diagnosis.fail("clock", message, remedy);
            } else if off > SKEW.0 {
                diagnosis.warn("clock", message, "correct the local clock");
            } else {
                diagnosis.ok("clock", message);
            }
        }
    }
    match Cert::all_from_pem(&info.chain_pem) {
        Ok(chain) if !chain.is_empty() => {
            for cert in &chain {
                validity("chain", "the CA's chain", cert, now, diagnosis);
            }
        }
        Ok(_) => diagnosis.fail("chain", "the CA's chain is empty", "ask the CA's operator"),
        Err(e) => diagnosis.fail("chain", format!("the CA's chain cannot be read: {e}"), "ask the CA's operator"),
    }
}
