//! Asks a CA about itself, proves the answer, and writes the anchor file.

use std::path::{Path, PathBuf};

use super::answer::{Answer, Certificate, Proof};
use super::fingerprint::Fingerprint;
use crate::ca::{CaInfo, TlsFailure, TrustAnchors};
use crate::disk::Disk;
use crate::identity::CaAccess;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, Timestamp};

/// The size limit of an anchor file, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// A question to a CA about itself.
#[derive(Debug)]
pub(crate) struct Inquiry {
    /// The CA and the connection to it; the id and the secret are not used.
    pub(crate) access: CaAccess,
    /// The fingerprint of a certificate that the CA's TLS certificate leads to.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The file for the anchors.
    pub(crate) out: Option<PathBuf>,
    /// Whether to replace a file with other content.
    pub(crate) force: bool,
}

/// Asks a CA about itself.
///
/// With anchors, the connection is as that of an enrolment, and the file gets the chain of the CA. With a fingerprint, any
/// server is connected to. A certificate with the fingerprint must be among those of the TLS connection or the chain of
/// the CA; the server's TLS certificate must lead to it, name the host, and be valid; and the handshake proved that the
/// server holds its key. The file gets that certificate, and those between it and the server's that the server does not
/// send itself. Over plain HTTP, the file gets the one certificate with the fingerprint. Without both, nothing is proven,
/// and nothing is written.
///
/// # Errors
/// [`ErrorKind::NotAsAsked`] if no certificate has the fingerprint, or the TLS certificate does not lead to it;
/// [`ErrorKind::Usage`] for a file without a proof; [`ErrorKind::Input`] if the file has other content; those of
/// [`CaError`](crate::ca::CaError). Nothing is then written.
pub(crate) async fn inquire(inquiry: &Inquiry, disk: &Disk, now: Timestamp) -> Result<Answer, Error> {
    let Inquiry { access, fingerprint, out, .. } = inquiry;
    let has_anchors = !access.anchors.is_empty();
    if out.is_some() && !has_anchors && fingerprint.is_none() {
        return Err(Error::new(
            ErrorKind::Usage,
            "--out needs --fingerprint or --tls-ca: the answer would not be proven",
        )
        .with_help(
            "ask the CA's operator for the output of: openssl x509 -in ca-cert.pem -noout -fingerprint -sha256",
        ));
    }
    let client = access.client(disk)?;
    let (info, served) = if has_anchors && fingerprint.is_none() && !access.url.is_plaintext() {
        (client.build()?.info().await?, Vec::new())
    } else {
        client.unproven_info().await?
    };
    let chain = read_chain(&info, access)?;
    let tls: Vec<Cert> = served.iter().filter_map(|der| Cert::from_der(der.clone()).ok()).collect();
    let (proof, anchors) = match fingerprint {
        None if has_anchors && !access.url.is_plaintext() => (Some(Proof::TlsCa), chain.clone()),
        None => (None, Vec::new()),
        Some(fingerprint) => {
            let (proof, anchors) = prove(*fingerprint, access, (&served, &tls), &chain, now)?;
            (Some(proof), anchors)
        }
    };
    let mut answer = Answer::new(access.url.to_string(), info.ca_name, info.version);
    answer.proof = proof;
    answer.chain = chain.iter().map(Certificate::of).collect();
    answer.tls = tls.iter().map(Certificate::of).collect();
    if let Some(out) = out {
        let pem: String = anchors.iter().map(Cert::to_pem).collect();
        answer.unchanged = !write(disk, out, pem.as_bytes(), inquiry.force)?;
        answer.out = Some(out.clone());
    }
    Ok(answer)
}

fn read_chain(info: &CaInfo, access: &CaAccess) -> Result<Vec<Cert>, Error> {
    let chain = Cert::all_from_pem(&info.chain_pem).map_err(|e| e.to_string());
    let chain = chain.and_then(|c| if c.is_empty() { Err("it has no certificate".to_owned()) } else { Ok(c) });
    chain.map_err(|reason| {
        Error::new(ErrorKind::NotAsAsked, format!("{}: the chain in the answer cannot be used: {reason}", access.url))
            .with_help("ask the CA's operator about proxies in front of it: this is not an answer of a Fabric CA")
    })
}

/// Proves that the answer is of the CA with this fingerprint: what proves it, and the anchors for its connection.
fn prove(
    fingerprint: Fingerprint,
    access: &CaAccess,
    (served, tls): (&[Vec<u8>], &[Cert]),
    chain: &[Cert],
    now: Timestamp,
) -> Result<(Proof, Vec<Cert>), Error> {
    let mut all: Vec<&Cert> = Vec::new();
    for certificate in chain.iter().chain(tls) {
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    let Some(anchor) = all.iter().find(|certificate| Fingerprint::of(certificate) == fingerprint) else {
        let found = all.iter().map(|certificate| Certificate::of(certificate).line());
        return Err(Error::new(
            ErrorKind::NotAsAsked,
            format!("{}: no certificate of the CA has the fingerprint {fingerprint}; found:", access.url),
        )
        .with_items(found)
        .with_help(
            "ask the CA's operator again: either the fingerprint is of another certificate, or another server answered",
        ));
    };
    let anchor = (*anchor).clone();
    if access.url.is_plaintext() {
        return Ok((Proof::FingerprintOfCertificate, vec![anchor]));
    }
    let mut anchors = TrustAnchors::from_pem("the certificate with this fingerprint", anchor.to_pem().as_bytes())?;
    let host = access.url.host();
    anchors.prove(served, chain, host, now).map_err(|failure| not_proven(&failure, access, &anchor))?;
    let mut file = vec![anchor];
    for between in between(tls, chain, &file[0]) {
        if anchors.prove(served, &[], host, now).is_ok() {
            break;
        }
        anchors.add_pem("the chain of the CA", between.to_pem().as_bytes())?;
        file.push(between.clone());
    }
    Ok((Proof::Fingerprint, file))
}

/// The certificates of `chain` on the way from the server's certificate to the anchor, the nearest to the anchor first.
fn between<'a>(tls: &'a [Cert], chain: &'a [Cert], anchor: &Cert) -> Vec<&'a Cert> {
    let mut way: Vec<&Cert> = Vec::new();
    let Some(mut last) = tls.first() else { return way };
    while !last.is_issued_by(anchor) {
        let is_next = |c: &&Cert| c.is_ca() && last.is_issued_by(c) && !way.contains(c) && *c != last;
        let Some(next) = tls.iter().chain(chain).find(is_next) else { break };
        way.push(next);
        last = next;
    }
    way.reverse();
    way
}

fn not_proven(failure: &TlsFailure, access: &CaAccess, anchor: &Cert) -> Error {
    let address = &access.url;
    match failure {
        TlsFailure::UnknownIssuer(_) => Error::new(
            ErrorKind::NotAsAsked,
            format!(
                "{address}: the CA lists the certificate with this fingerprint (\"{}\"), but its TLS certificate does not lead to it, so nothing proves the server: {failure}",
                anchor.subject()
            ),
        )
        .with_help("ask the CA's operator for the fingerprint of the certificate that signed the CA's TLS certificate"),
        other => Error::new(ErrorKind::Unreachable, format!("{address}: {other}")).with_help(other.next_step()),
    }
}

/// Writes the anchors; `false` if the file already has this content.
fn write(disk: &Disk, path: &Path, pem: &[u8], force: bool) -> Result<bool, Error> {
    if disk.metadata_followed(path)?.is_some() {
        let found = disk.read(path, LIMIT);
        if found.as_ref().is_ok_and(|found| found == pem) {
            return Ok(false);
        }
        if !force {
            return Err(Error::new(
                ErrorKind::Input,
                format!("{} exists and holds something else; nothing was written", path.display()),
            )
            .with_help("compare the two, then give --force to replace it, or another file with --out"));
        }
    }
    disk.replace(path, pem, 0o644)?;
    Ok(true)
}
