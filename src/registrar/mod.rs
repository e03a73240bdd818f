//! What a registrar does at a CA: identities, affiliations, certificates, revocations.
//!
//! A [`Registrar`] is the identity in an MSP folder, judged before anything is signed with it. What it changes converges: a
//! second run finds what it wants, and sends reads only.

mod certificates;
mod crl;
mod new_secret;
#[cfg(feature = "kubernetes")]
mod on_demand;
mod registration;
mod revoke;
mod roster;
mod signer;

use std::path::{Path, PathBuf};

pub(crate) use certificates::{Row as CertificateRow, Selection, select};
pub(crate) use crl::{fetch, verified as verified_crl};
use new_secret::Earlier;
pub(crate) use new_secret::NewSecret;
#[cfg(feature = "kubernetes")]
pub(crate) use on_demand::GeneratedSecret;
pub(crate) use registration::{Action, IfExists, Registered, Registration, attribute, register};
pub(crate) use revoke::{Revoked, What, revoke};
pub(crate) use roster::{Common, read as read_roster, register_all};
pub(crate) use signer::Signer;

use crate::ca::{CaError, Client, Credential, IdentityChange, RegisteredIdentity, error_code};
use crate::identity::{CaAccess, Environment};
use crate::{Error, ErrorKind, Secret};

/// An identity that signs requests to one CA.
#[derive(Debug)]
pub(crate) struct Registrar {
    access: CaAccess,
    client: Client,
    signer: Signer,
    folder: PathBuf,
}

impl Registrar {
    /// Opens the identity in the MSP folder `folder`; sends nothing.
    ///
    /// # Errors
    /// When the folder holds no certificate with its key, the certificate has expired, or the access cannot be used.
    pub(crate) fn open(access: CaAccess, folder: &Path, env: &Environment<'_>) -> Result<Self, Error> {
        Self::signing(access, Signer::read(folder, env)?, folder.to_owned(), env)
    }

    /// The identity of `signer`, which is in `folder`; sends nothing.
    ///
    /// # Errors
    /// When the access cannot be used.
    pub(crate) fn signing(
        mut access: CaAccess,
        signer: Signer,
        folder: PathBuf,
        env: &Environment<'_>,
    ) -> Result<Self, Error> {
        signer.id.clone_into(&mut access.id);
        let client = access.client(env.disk)?.build()?;
        Ok(Self { access, client, signer, folder })
    }

    /// The URL of the CA, without credentials.
    pub(crate) fn url(&self) -> String {
        self.access.url.to_string()
    }

    const fn credential(&self) -> Credential<'_> {
        self.signer.credential()
    }

    /// Requests one identity; `None` if the CA has none with this id.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn identity(&self, id: &str) -> Result<Option<RegisteredIdentity>, Error> {
        match self.client.identity(&self.credential(), id).await {
            Ok(identity) => Ok(Some(identity)),
            Err(e) if code_of(&e) == Some(NOT_FOUND) => Ok(None),
            Err(e) => Err(self.explain(e)),
        }
    }

    /// Requests the identities that the registrar may see, by id.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn identities(&self) -> Result<Vec<RegisteredIdentity>, Error> {
        let mut all = Vec::new();
        let listed = self.client.identities(&self.credential(), &mut |identity| all.push(identity)).await;
        listed.map_err(|e| self.explain(e))?;
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// Changes an identity.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn modify(&self, id: &str, change: &IdentityChange<'_>) -> Result<RegisteredIdentity, Error> {
        self.client.modify_identity(&self.credential(), id, change).await.map_err(|e| self.explain(e))
    }

    /// Sets a new enrolment secret, which also ends the lock after wrong secrets.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses. The secret is then removed from its file, unless the CA may have it.
    pub(crate) async fn set_secret(
        &self,
        id: &str,
        new: &NewSecret,
        env: &Environment<'_>,
    ) -> Result<(RegisteredIdentity, Secret), Error> {
        let (secret, prepared) = new.prepare(Earlier::IsRefused, env.disk)?;
        let change = IdentityChange { secret: Some(&secret), ..IdentityChange::default() };
        match self.client.modify_identity(&self.credential(), id, &change).await {
            Ok(identity) => Ok((identity, secret)),
            Err(e) => Err(prepared.after(may_know(&e), self.explain_at(e, id), id, env.disk)),
        }
    }

    /// Removes an identity; `force` is needed for the registrar's own.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn remove(&self, id: &str, force: bool) -> Result<(), Error> {
        self.client.remove_identity(&self.credential(), id, force).await.map_err(|e| match code_of(&e) {
            Some(REMOVAL_DISABLED) if id == self.signer.id && !force => {
                self.explain(e).with_help("it is the registrar itself: --remove-registrar removes it")
            }
            Some(REMOVAL_DISABLED) => self.explain(e).with_help(
                "the CA's operator allows it with cfg.identities.allowremove: true; fabcert ca revoke ID disables the identity for good without it",
            ),
            _ => self.explain_at(e, id),
        })
    }

    /// Requests the affiliations that the registrar may see: full names, sorted.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn affiliations(&self) -> Result<Vec<String>, Error> {
        self.client.affiliations(&self.credential()).await.map_err(|e| self.explain(e))
    }

    /// Adds an affiliation with the parents that are missing; returns whether it was missing.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn add_affiliation(&self, name: &str) -> Result<bool, Error> {
        if self.affiliations().await?.iter().any(|known| known == name) {
            return Ok(false);
        }
        match self.client.add_affiliation(&self.credential(), name, true).await {
            Ok(()) => Ok(true),
            // Added in between.
            Err(e) if code_of(&e) == Some(AFFILIATION_EXISTS) => Ok(false),
            Err(e) => Err(self.explain(e)),
        }
    }

    /// Renames an affiliation; with `force` the identities in it move along.
    ///
    /// # Errors
    /// When `new` exists, or the CA cannot be reached or refuses.
    pub(crate) async fn rename_affiliation(&self, name: &str, new: &str, force: bool) -> Result<(), Error> {
        // The CA would merge them.
        if self.affiliations().await?.iter().any(|known| known == new) {
            return Err(Error::new(ErrorKind::Input, format!("the affiliation \"{new}\" exists at {}", self.url()))
                .with_help("give another name; no request for a change was sent"));
        }
        self.client.rename_affiliation(&self.credential(), name, new, force).await.map_err(|e| self.explain(e))
    }

    /// Removes an affiliation; with `force` those below it and the identities in them, too.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses.
    pub(crate) async fn remove_affiliation(&self, name: &str, force: bool) -> Result<(), Error> {
        self.client.remove_affiliation(&self.credential(), name, force).await.map_err(|e| match code_of(&e) {
            // The CA says "Authorization failure" for a switch in its configuration.
            Some(NOT_AUTHORIZED) => self.explain(e).with_help(
                "the CA answers so too where removal is switched off: its operator allows it with cfg.affiliations.allowremove: true",
            ),
            _ => self.explain(e),
        })
    }

    /// The error of a refused request, with the registrar's identity.
    fn explain(&self, e: CaError) -> Error {
        let error = self.access.explain(e);
        if error.kind() == ErrorKind::Refused {
            return error.with_detail(&format!("registrar: {}", self.folder.display()));
        }
        error
    }

    /// The error of a request about the identity `id`.
    fn explain_at(&self, e: CaError, id: &str) -> Error {
        if code_of(&e) == Some(NOT_FOUND) {
            return Error::new(ErrorKind::Refused, format!("{} has no identity \"{id}\"", self.url()))
                .with_help("fabcert ca identity list shows those that this registrar may see; ids are case-sensitive");
        }
        self.explain(e)
    }
}

/// Codes of a Fabric CA (fabric-ca v1.5.21 `lib/caerrors/servererror.go`).
const REMOVAL_DISABLED: i64 = 56;
const AFFILIATION_EXISTS: i64 = 60;
const NOT_FOUND: i64 = 63;
const ALREADY_REVOKED: i64 = 66;
const NOT_AUTHORIZED: i64 = 71;
const REGISTERED: i64 = 74;

/// Whether the CA may have taken the secret of a failed request: it reads an identity again after it has changed it, and answers
/// 5xx when that fails (`lib/serveridentities.go`, `processPutRequest`).
fn may_know(e: &CaError) -> bool {
    e.is_ambiguous() || matches!(e, CaError::Server { error, .. } if error.http_status >= 500)
}

fn code_of(e: &CaError) -> Option<i64> {
    match e {
        CaError::Server { error, .. } => error.code.filter(|code| error_code(*code).is_some()),
        _ => None,
    }
}
