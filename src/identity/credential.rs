//! The credential of a re-enrolment: a current certificate and its key, judged before anything is signed with it.

use std::path::Path;

use super::ca_access::CaAccess;
use super::current::Current;
use super::state::record::IssuingCa;
use super::task::Task;
use crate::ca::CaInfo;
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, Chain};
use crate::text::shell_word;
use crate::{Error, ErrorKind, Timestamp};

/// A certificate with its key that can sign a request.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) cert: Cert,
    pub(crate) key: &'a KeyPair,
    /// Its folder.
    pub(crate) folder: &'a Path,
    /// The CA that issued it, if this is known.
    pub(crate) issued_by: Option<IssuingCa>,
}

impl<'a> Signed<'a> {
    /// The current certificate of `task`; `None` if it or its key is missing.
    pub(crate) fn current(task: &Task<'a>, current: &'a Current) -> Option<Self> {
        let (cert, key) = (current.leaf.clone()?, current.key.as_ref()?);
        let issued_by = current.record.as_ref().and_then(|record| record.ca.clone());
        (cert.spki_der() == key.spki_der()).then_some(Self { cert, key, folder: task.target, issued_by })
    }

    /// Whether the record says that the CA of `ca` issued it.
    pub(super) fn is_recorded_of(&self, ca: &CaAccess) -> bool {
        self.issued_by.as_ref().is_some_and(|issuer| issuer.is(ca))
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.cert.not_after() < now
    }
}

/// The CA's own certificates: those in the chain of its `cainfo` that issued no other certificate of the chain. The first is
/// the current one; a CA whose root was replaced can list the former one too, and takes its certificates then.
///
/// # Errors
/// When its chain cannot be read.
fn own_certificates(info: &CaInfo, ca: &CaAccess) -> Result<(Cert, Vec<Cert>), Error> {
    let chain = Cert::all_from_pem(&info.chain_pem).unwrap_or_default();
    let issued_another = |cert: &Cert| chain.iter().any(|other| other != cert && other.is_issued_by(cert));
    let mut own = chain.iter().filter(|cert| !issued_another(cert)).cloned();
    let current = own.next().ok_or_else(|| {
        Error::new(ErrorKind::NotAsAsked, format!("the chain that {} answers with cannot be read", ca.url))
            .with_help("fabcert ca info shows the answer of the CA; no request was signed")
    })?;
    Ok((current, own.collect()))
}

/// The root of the certificate that the CA issues with, and the CAs below the root.
///
/// # Errors
/// When its chain cannot be read, or is not complete.
pub(crate) fn issuing_root(info: &CaInfo, ca: &CaAccess) -> Result<(Cert, Vec<Cert>), Error> {
    let (own, _) = own_certificates(info, ca)?;
    if own.is_self_signed() {
        return Ok((own, Vec::new()));
    }
    let chain = Cert::all_from_pem(&info.chain_pem).unwrap_or_default();
    let chain = Chain::build(&own, &chain, own.not_before()).map_err(|e| {
        Error::new(ErrorKind::NotAsAsked, format!("{}: the chain of the CA cannot be used: {e}", ca.url))
    })?;
    Ok((chain.root, [&[chain.leaf][..], &chain.intermediates].concat()))
}

/// The certificate among `all` that the CA accepts from `id`: one that it issued, and one that has not expired before one that
/// has.
///
/// # Errors
/// When the CA issued no certificate of `all`.
pub(super) fn fitting<'s, 'a>(
    all: &'s [Signed<'a>],
    task: &Task<'_>,
    ca: &CaAccess,
    info: &CaInfo,
    now: Timestamp,
) -> Result<&'s Signed<'a>, Error> {
    let (own, former) = own_certificates(info, ca)?;
    let is_own = |cert: &Cert| cert.is_issued_by(&own) || former.iter().any(|ca| cert.is_issued_by(ca));
    let of_this_ca = || all.iter().filter(|signed| is_own(&signed.cert));
    if let Some(signed) = of_this_ca().find(|signed| !signed.has_expired(now)).or_else(|| of_this_ca().next()) {
        return Ok(signed);
    }
    let held: Vec<String> =
        all.iter().map(|signed| format!("{} ({})", signed.cert.issuer(), signed.folder.display())).collect();
    Err(Error::new(
        ErrorKind::Input,
        format!(
            "the CA at {} takes only certificates that \"{}\" issued as credentials, but the certificate of \"{}\" was issued by {}",
            ca.url,
            own.subject(),
            task.id,
            held.join(" and by ")
        ),
    )
    .with_help(
        "give the URL and --ca-name of the CA that issued it (--tls-url and --tls-ca-name for the TLS folder), or name the folder with the identity of this CA in the same run; no request was signed",
    ))
}

/// The error of a task for which no folder of the run holds a certificate with its key.
pub(super) fn missing(task: &Task<'_>) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("{} holds no certificate with its key that could be the credential", task.target.display()),
    )
    .with_help("put the key back, or run fabcert enroll with the secret")
}

/// The error of a request whose credential has expired and that the CA refused, now or at `before`.
pub(super) fn expired(signed: &Signed<'_>, ca: &CaAccess, error: Option<Error>, before: Option<Timestamp>) -> Error {
    let at = signed.cert.not_after();
    let folder = signed.folder.display();
    let message = match (error, before) {
        (Some(error), _) => format!("the certificate in {folder} expired at {at}, and {error}"),
        (None, Some(before)) => format!(
            "the certificate in {folder} expired at {at}, and {} refused it at {before}; no request was sent",
            ca.url
        ),
        (None, None) => format!("the certificate in {folder} expired at {at}"),
    };
    let again = before.map_or("", |_| "; --force sends the request again now");
    Error::new(ErrorKind::Refused, message).with_help(format!(
        "a Fabric CA takes an expired certificate only with ca.reenrollIgnoreCertExpiry: true in its configuration; --enroll-if-expired with the secret enrols instead{again}"
    ))
}

/// Adds to the refusal of a certificate of this CA that has not expired what it can mean.
pub(super) fn revoked(error: Error, signed: &Signed<'_>, task: &Task<'_>) -> Error {
    let id = shell_word(task.id);
    let serial = signed.cert.serial_hex();
    error
        .with_detail(&format!(
            "the certificate in {} is from this CA and has not expired (serial number {serial})",
            signed.folder.display()
        ))
        .with_help(format!(
            "the certificate or the identity is revoked or was removed, or the CA has lost its database: a registrar can look with fabcert ca identity show {id} and fabcert ca certificate list {id}; an identity that is in order enrols with fabcert enroll and its secret"
        ))
}
