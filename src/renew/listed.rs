//! What the CAs list of the certificates, asked by a registrar: revoked there, or unknown.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::found::Found;
use super::pass::{Options, access};
use super::row::RowError;
use crate::ca::{CertificateFilter, Client, Credential};
use crate::identity::held::Held;
use crate::identity::{CaAccess, Environment};
use crate::pki::x509::Cert;
use crate::registrar::Signer;
use crate::{Error, ErrorKind};

/// The reason of a certificate that its CA does not list as valid, or the error of the request; by folder.
pub(super) type Unlisted = HashMap<PathBuf, Result<String, RowError>>;

/// Asks the CA of each folder, with the signing identity in the MSP folder `registrar`: one list for each CA, and one query for each
/// certificate that is not in it. A CA that fails is the error of its folders alone, and one that does not know the registrar is left
/// out with a warning. A registrar that cannot be used, or that no CA knows, is the error of all folders.
pub(super) fn unlisted(all: &[Found], registrar: &Path, options: &Options, env: &Environment<'_>) -> Unlisted {
    ask(all, registrar, options, env).unwrap_or_else(|e| {
        let folders = all.iter().flat_map(Found::folders);
        folders.map(|held| (held.target.clone(), Err(RowError::of(&e)))).collect()
    })
}

fn ask(all: &[Found], registrar: &Path, options: &Options, env: &Environment<'_>) -> Result<Unlisted, Error> {
    let signer = Signer::read(registrar, env)?;
    let credential = signer.credential();
    let mut by_ca: Vec<(CaAccess, Vec<&Held>)> = Vec::new();
    for held in all.iter().flat_map(Found::folders) {
        // A folder whose CA is not known has its error in the pass.
        let Ok(ca) = access(held, options, env) else { continue };
        match by_ca.iter_mut().find(|(known, _)| known.url == ca.url && known.ca_name == ca.ca_name) {
            Some((_, folders)) => folders.push(held),
            None => by_ca.push((ca, vec![held])),
        }
    }
    let runtime = super::pass::runtime()?;
    let mut unlisted = Unlisted::new();
    let (mut refused, mut is_asked) = (None, false);
    for (ca, folders) in by_ca {
        let client = ca.client(env.disk).and_then(|client| Ok(client.build()?));
        let asked = client.map(|client| runtime.block_on(of_ca(&client, &credential, &folders)));
        match asked.map(|asked| asked.map_err(|e| (e.is_about_the_credential(), ca.explain(e)))) {
            Ok(Ok(reasons)) => {
                is_asked = true;
                unlisted.extend(reasons.into_iter().map(|(folder, reason)| (folder, Ok(reason))));
            }
            // The identity of one CA is a stranger to another.
            Ok(Err((true, e))) => {
                tracing::warn!("{} does not take the registrar of {}: {e}", ca.url, registrar.display());
                refused = Some(e);
            }
            Ok(Err((false, e))) | Err(e) => {
                unlisted.extend(folders.iter().map(|held| (held.target.clone(), Err(RowError::of(&e)))));
            }
        }
    }
    refused.filter(|_| !is_asked).map_or(Ok(unlisted), Err)
}

/// The folders of one CA whose certificates it does not list as valid, each with the reason.
async fn of_ca(
    client: &Client,
    credential: &Credential<'_>,
    folders: &[&Held],
) -> Result<Vec<(PathBuf, String)>, crate::ca::CaError> {
    let list = async |filter: CertificateFilter| {
        let mut listed = BTreeSet::new();
        let mut each = |pem: Vec<u8>| listed.extend(Cert::all_from_pem(&pem).unwrap_or_default().iter().map(key_of));
        client.certificates(credential, &filter, &mut each).await?;
        Ok(listed)
    };
    let valid =
        list(CertificateFilter { not_revoked: true, not_expired: true, ..CertificateFilter::default() }).await?;
    let mut unlisted = Vec::new();
    for held in folders.iter().filter(|held| !valid.contains(&key_of(&held.leaf))) {
        let serial = held.leaf.serial_hex();
        let is_seen = match client.identity(credential, held.id()).await {
            Ok(_) => true,
            Err(e) if e.is_about_a_missing_entry() => {
                unlisted.push((held.target.clone(), format!("the CA does not know the identity \"{}\"", held.id())));
                continue;
            }
            // A registrar sees the identities of its own affiliation and types alone.
            Err(e) if e.is_refusal() || e.kind() == ErrorKind::Input => false,
            Err(e) => return Err(e),
        };
        let filter = CertificateFilter { serial: Some(serial.clone()), ..CertificateFilter::default() };
        let of_id = CertificateFilter { id: Some(held.id().to_owned()), ..CertificateFilter::default() };
        let reason = if list(filter).await?.contains(&key_of(&held.leaf)) {
            format!("the CA lists the certificate {serial} as revoked or expired")
        } else if is_seen || !list(of_id).await?.is_empty() {
            format!("the CA lists no certificate {serial}")
        } else {
            tracing::warn!(
                "{}: the CA lists no certificate of \"{}\", which the registrar may not see",
                held.target.display(),
                held.id()
            );
            continue;
        };
        unlisted.push((held.target.clone(), reason));
    }
    Ok(unlisted)
}

/// What makes certificates of one CA different.
fn key_of(cert: &Cert) -> Vec<u8> {
    cert.der().to_vec()
}
