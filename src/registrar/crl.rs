//! The CRL of a CA, verified against the CA's own chain.

use super::Registrar;
use crate::ca::CrlFilter;
use crate::pki::x509::{Cert, Crl, SignatureCheck};
use crate::text::{pem_blocks, pem_encode};
use crate::{Error, ErrorKind};

/// A verified CRL.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) crl: Crl,
    /// One block, `X509 CRL`, the label that Fabric reads (fabric `msp/configbuilder.go`, `getCRLs`).
    pub(crate) pem: String,
}

/// Requests a new CRL, and verifies that a certificate of the CA's chain signed it.
///
/// # Errors
/// When the CA cannot be reached or refuses, or the list is not from this CA.
pub(crate) async fn fetch(registrar: &Registrar, filter: &CrlFilter) -> Result<Fetched, Error> {
    let explain = |e| registrar.explain(e);
    let info = registrar.client.info().await.map_err(explain)?;
    let pem = registrar.client.crl(&registrar.credential(), filter).await.map_err(explain)?;
    verified(&pem, &info.chain_pem, &registrar.url())
}

/// The CRL of the CA at `url`, verified against the CA's chain.
///
/// # Errors
/// When the list is not from this CA.
pub(crate) fn verified(pem: &[u8], chain_pem: &[u8], url: &str) -> Result<Fetched, Error> {
    let wrong = |reason: String| {
        Error::new(ErrorKind::NotAsAsked, format!("the CRL of {url} cannot be used: {reason}"))
            .with_help("ask the CA's operator which certificate signs its CRLs; nothing was written")
    };
    let blocks = pem_blocks(pem).map_err(|e| wrong(e.to_string()))?;
    let [block] = &blocks[..] else { return Err(wrong(format!("it holds {} PEM blocks, not one", blocks.len()))) };
    let crl = Crl::from_der(block.der.clone()).map_err(wrong)?;
    let chain = Cert::all_from_pem(chain_pem).unwrap_or_default();
    if !chain.iter().any(|ca| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good) {
        return Err(wrong(format!(
            "no certificate of the CA's chain signed it; it names the issuer \"{}\"",
            crl.issuer()
        )));
    }
    Ok(Fetched { pem: pem_encode("X509 CRL", crl.der()), crl })
}
