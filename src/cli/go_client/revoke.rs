//! `revoke` and `gencrl`.

use super::caller::{Caller, act, ask};
use super::folder;
use super::site::Site;
use crate::ca::{CaError, CaInfo, CertificateFilter, CrlFilter, Revocation, RevocationReason};
use crate::registrar::verified_crl;
use crate::{Error, ErrorKind, Timestamp};

/// Whether what to revoke is named.
///
/// # Errors
/// When a setting has no text.
pub(super) fn is_named(site: &Site<'_>) -> Result<bool, Error> {
    let given = |key| site.settings().given(key).map(|value| value.is_some());
    Ok(given("revoke.name")? || given("revoke.aki")? && given("revoke.serial")?)
}

/// The error of a line that names nothing to revoke.
pub(super) const UNNAMED: &str =
    "Invalid usage; either --revoke.name and/or both --revoke.serial and --revoke.aki are required";

/// Revokes an identity or a certificate.
///
/// # Errors
/// When the CA refuses.
pub(super) fn revoke(site: &Site<'_>) -> Result<(), Error> {
    let settings = site.settings();
    let (name, serial, aki) =
        (settings.given("revoke.name")?, settings.given("revoke.serial")?, settings.given("revoke.aki")?);
    let word = settings.text("revoke.reason")?;
    let reason = RevocationReason::ALL.into_iter().find(|reason| reason.word() == word).unwrap_or_else(|| {
        if !word.is_empty() {
            tracing::warn!("the CA does not know the reason \"{word}\", and records it as unspecified");
        }
        RevocationReason::Unspecified
    });
    let certificate = serial.as_deref().zip(aki.as_deref());
    let what = match (&certificate, &name) {
        (Some((serial, aki)), _) => Revocation::Certificate { serial, aki },
        (None, name) => Revocation::Identity(name.as_deref().unwrap_or_default()),
    };
    let revoked = act(site, async |caller| {
        if let (Some(_), Some(name)) = (&certificate, &name)
            && !is_of(caller, name, serial.clone(), aki.clone()).await?
        {
            return Ok(None);
        }
        if site.is_on("gencrl") {
            return caller.client.revoke_with_crl(&caller.credential(), what, reason).await.map(Some);
        }
        caller.client.revoke(&caller.credential(), what, reason).await.map(|revoked| Some((revoked, None)))
    })?;
    let Some((revoked, crl)) = revoked else {
        return Err(Error::new(ErrorKind::Refused, "the certificate does not belong to the identity of --revoke.name")
            .with_help("leave one of them out; nothing was revoked"));
    };
    let list: Vec<String> = revoked.iter().map(|cert| format!("{{Serial:{} AKI:{}}}", cert.serial, cert.aki)).collect();
    tracing::info!("Successfully revoked certificates: [{}]", list.join(" "));
    match crl {
        Some(pem) => store(site, &pem, &ask(site, async |client| client.info().await)?),
        None if site.is_on("gencrl") => request_crl(site, &CrlFilter::default()),
        None => Ok(()),
    }
}

/// Whether the CA has the certificate as one of this identity.
async fn is_of(caller: &Caller<'_>, name: &str, serial: Option<String>, aki: Option<String>) -> Result<bool, CaError> {
    let filter = CertificateFilter { id: Some(name.to_owned()), serial, aki, ..CertificateFilter::default() };
    let mut found = false;
    caller.client.certificates(&caller.credential(), &filter, &mut |_| found = true).await?;
    Ok(found)
}

/// Stores a new CRL in the MSP folder.
///
/// # Errors
/// When a time cannot be read, or the CA refuses.
pub(super) fn gencrl(site: &Site<'_>) -> Result<(), Error> {
    let time = |name: &str| match site.own(name) {
        "" => Ok(None),
        text => Timestamp::parse_rfc3339(text).map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("Invalid '{name}' value: \"{text}\" is not a time"))
                .with_help("write it as 2026-01-31T12:00:00Z (RFC 3339)")
        }),
    };
    let range = |after: &str, before: &str| {
        let (from, to) = (time(after)?, time(before)?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            let message = format!(
                "Invalid {after} value '{}'. It must not be a timestamp greater than {before} value '{}'",
                site.own(after),
                site.own(before)
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok((from, to))
    };
    let (revoked_after, revoked_before) = range("revokedafter", "revokedbefore")?;
    let (expire_after, expire_before) = range("expireafter", "expirebefore")?;
    request_crl(site, &CrlFilter { revoked_after, revoked_before, expire_after, expire_before })
}

fn request_crl(site: &Site<'_>, filter: &CrlFilter) -> Result<(), Error> {
    let (info, pem) = act(site, async |caller| {
        Ok((caller.client.info().await?, caller.client.crl(&caller.credential(), filter).await?))
    })?;
    store(site, &pem, &info)
}

fn store(site: &Site<'_>, pem: &[u8], info: &CaInfo) -> Result<(), Error> {
    let (url, ..) = site.url()?;
    let crl = verified_crl(pem, &info.chain_pem, &url.to_string())?;
    let file = site.msp.join("crls/crl.pem");
    folder::write(&site.process.disk, &file, crl.pem.as_bytes(), 0o644)?;
    tracing::info!("Successfully stored the CRL in the file {}", file.display());
    Ok(())
}
