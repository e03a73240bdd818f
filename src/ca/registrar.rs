//! The requests of a registrar: identities, affiliations, certificates and revocations.

use serde_json::Value;

use super::CaError;
use super::auth::Credential;
use super::client::Client;
use super::registry::{
    self, CertificateFilter, CrlFilter, IdentityChange, RegisteredIdentity, Revocation, RevocationReason,
    RevokedCertificate, Unread,
};
use super::rows::Rows;
use super::status::Operation;
use crate::Secret;

/// The parts of a request beside its credential.
#[derive(Default)]
struct Request<'a> {
    /// The thing at the endpoint, such as an enrolment id.
    variable: Option<&'a str>,
    query: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The id whose secret the request sets, and the secret.
    secret: Option<(&'a str, &'a Secret)>,
}

impl Client {
    /// Requests one identity.
    ///
    /// # Errors
    /// [`CaError`]; code 63 where the CA has no identity with this id.
    pub async fn identity(&self, credential: &Credential<'_>, id: &str) -> Result<RegisteredIdentity, CaError> {
        let operation = Operation::Identities;
        let request = Request { variable: Some(addressable(id)?), ..Request::default() };
        let result = self.registrar(operation, credential, request, None).await?;
        registry::read_identity(result).map_err(|reason| self.unusable(operation, reason))
    }

    /// Requests the identities that the registrar may see, and gives each of them to `each`, one at a time.
    ///
    /// # Errors
    /// [`CaError`], also after some identities.
    pub async fn identities(
        &self,
        credential: &Credential<'_>,
        each: &mut (dyn FnMut(RegisteredIdentity) + Send),
    ) -> Result<(), CaError> {
        let operation = Operation::Identities;
        let take = &mut |row: &[u8]| registry::read_identity_row(row).map(&mut *each);
        self.list(operation, credential, Vec::new(), take).await
    }

    /// Changes an identity, and returns it as it is then.
    ///
    /// # Errors
    /// [`CaError`].
    pub async fn modify_identity(
        &self,
        credential: &Credential<'_>,
        id: &str,
        change: &IdentityChange<'_>,
    ) -> Result<RegisteredIdentity, CaError> {
        let operation = Operation::ModifyIdentity;
        let body = registry::change_body(change, self.ca_name());
        let secret = change.secret.map(|secret| (id, secret));
        let request = Request { variable: Some(addressable(id)?), body, secret, ..Request::default() };
        let result = self.registrar(operation, credential, request, None).await?;
        registry::read_identity(result).map_err(|reason| self.unusable(operation, reason))
    }

    /// Removes an identity with its certificates, which are revoked. `force` is needed for the registrar's own.
    ///
    /// # Errors
    /// [`CaError`]; code 56 where the CA is configured without `cfg.identities.allowremove`.
    pub async fn remove_identity(&self, credential: &Credential<'_>, id: &str, force: bool) -> Result<(), CaError> {
        let request = Request { variable: Some(addressable(id)?), query: forced(force), ..Request::default() };
        self.registrar(Operation::RemoveIdentity, credential, request, None).await.map(drop)
    }

    /// Requests the affiliations that the registrar may see: full names, such as `org1.department1`, sorted.
    ///
    /// # Errors
    /// [`CaError`].
    pub async fn affiliations(&self, credential: &Credential<'_>) -> Result<Vec<String>, CaError> {
        let operation = Operation::Affiliations;
        let result = self.registrar(operation, credential, Request::default(), None).await?;
        registry::read_affiliations(result).map_err(|reason| self.unusable(operation, reason))
    }

    /// Requests an affiliation, or all that the registrar may see, and those below: the root's name, which is empty above all
    /// organisations, and every full name, sorted.
    ///
    /// # Errors
    /// [`CaError`]; code 63 where the CA has no such affiliation.
    pub(crate) async fn affiliation_tree(
        &self,
        credential: &Credential<'_>,
        name: Option<&str>,
    ) -> Result<(String, Vec<String>), CaError> {
        let operation = Operation::Affiliations;
        let request = Request { variable: name.map(addressable).transpose()?, ..Request::default() };
        let result = self.registrar(operation, credential, request, None).await?;
        let root = result.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let names = registry::read_affiliations(result).map_err(|reason| self.unusable(operation, reason))?;
        Ok((root, names))
    }

    /// Adds an affiliation, and with `with_parents` those above it that are missing.
    ///
    /// # Errors
    /// [`CaError`]; code 63 where a parent is missing, 60 where the affiliation exists.
    pub async fn add_affiliation(
        &self,
        credential: &Credential<'_>,
        name: &str,
        with_parents: bool,
    ) -> Result<(), CaError> {
        let body = registry::affiliation_body(name, self.ca_name());
        let request = Request { query: forced(with_parents), body, ..Request::default() };
        self.registrar(Operation::AddAffiliation, credential, request, None).await.map(drop)
    }

    /// Renames an affiliation with those below it; with `force` the identities in it move along.
    ///
    /// # Errors
    /// [`CaError`]; code 64 where identities are in it and `force` is not set.
    pub async fn rename_affiliation(
        &self,
        credential: &Credential<'_>,
        name: &str,
        new: &str,
        force: bool,
    ) -> Result<(), CaError> {
        let body = registry::affiliation_body(new, self.ca_name());
        let request = Request { variable: Some(addressable(name)?), query: forced(force), body, ..Request::default() };
        self.registrar(Operation::RenameAffiliation, credential, request, None).await.map(drop)
    }

    /// Removes an affiliation; with `force` those below it and the identities in them, too.
    ///
    /// # Errors
    /// [`CaError`]; code 71 where the CA is configured without `cfg.affiliations.allowremove`.
    pub async fn remove_affiliation(
        &self,
        credential: &Credential<'_>,
        name: &str,
        force: bool,
    ) -> Result<(), CaError> {
        let request = Request { variable: Some(addressable(name)?), query: forced(force), ..Request::default() };
        self.registrar(Operation::RemoveAffiliation, credential, request, None).await.map(drop)
    }

    /// Requests certificates, and gives each of them (PEM, one) to `each`, one at a time.
    ///
    /// # Errors
    /// [`CaError`], also after some certificates.
    pub async fn certificates(
        &self,
        credential: &Credential<'_>,
        filter: &CertificateFilter,
        each: &mut (dyn FnMut(Vec<u8>) + Send),
    ) -> Result<(), CaError> {
        let take = &mut |row: &[u8]| registry::read_certificate_row(row).map(&mut *each);
        self.list(Operation::Certificates, credential, filter.query(), take).await
    }

    /// Revokes a certificate, or an identity with all its certificates, and returns the certificates that this request
    /// revoked: none where the identity was revoked before.
    ///
    /// # Errors
    /// [`CaError`]; code 66 where the certificate was revoked before.
    pub async fn revoke(
        &self,
        credential: &Credential<'_>,
        what: Revocation<'_>,
        reason: RevocationReason,
    ) -> Result<Vec<RevokedCertificate>, CaError> {
        let body = registry::revoke_body(what, reason, false, self.ca_name());
        let result =
            self.registrar(Operation::Revoke, credential, Request { body, ..Request::default() }, None).await?;
        registry::read_revoked(result).map_err(|reason| self.unusable(Operation::Revoke, reason))
    }

    /// As [`revoke`](Self::revoke), with the CRL that the CA makes in the same call: PEM, not verified. It needs no right
    /// to [`crl`](Self::crl). `None` where nothing was revoked.
    pub(crate) async fn revoke_with_crl(
        &self,
        credential: &Credential<'_>,
        what: Revocation<'_>,
        reason: RevocationReason,
    ) -> Result<(Vec<RevokedCertificate>, Option<Vec<u8>>), CaError> {
        let body = registry::revoke_body(what, reason, true, self.ca_name());
        let result =
            self.registrar(Operation::Revoke, credential, Request { body, ..Request::default() }, None).await?;
        // What is revoked stays so: a CRL that cannot be read is asked for again.
        let crl = registry::read_crl(&result).ok();
        let revoked = registry::read_revoked(result).map_err(|reason| self.unusable(Operation::Revoke, reason))?;
        Ok((revoked, crl))
    }

    /// Requests a new CRL of the CA: PEM, one. Not verified.
    ///
    /// # Errors
    /// [`CaError`].
    pub async fn crl(&self, credential: &Credential<'_>, filter: &CrlFilter) -> Result<Vec<u8>, CaError> {
        let operation = Operation::Crl;
        let body = registry::crl_body(filter, self.ca_name());
        let result = self.registrar(operation, credential, Request { body, ..Request::default() }, None).await?;
        registry::read_crl(&result).map_err(|reason| self.unusable(operation, reason))
    }

    /// Requests a list, and gives its objects to `take`. An object that cannot be read is an error at the end.
    async fn list(
        &self,
        operation: Operation,
        credential: &Credential<'_>,
        query: Vec<(&'static str, String)>,
        take: &mut (dyn FnMut(&[u8]) -> Result<(), Unread> + Send),
    ) -> Result<(), CaError> {
        let mut unusable = None;
        let mut each = |row: &[u8]| {
            let taken = take(row);
            if let Err(Unread::Lacking(reason)) = taken {
                unusable.get_or_insert(reason);
            }
            taken != Err(Unread::Malformed)
        };
        self.registrar(operation, credential, Request { query, ..Request::default() }, Some(&mut Rows::new(&mut each)))
            .await?;
        unusable.map_or(Ok(()), |reason| Err(self.unusable(operation, reason)))
    }

    async fn registrar(
        &self,
        operation: Operation,
        credential: &Credential<'_>,
        mut request: Request<'_>,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<Value, CaError> {
        if request.body.is_empty() {
            request.query.extend(self.ca_name().map(|name| ("ca", name.to_owned())));
        }
        let url = self.url().endpoint_with(operation.endpoint(), request.variable, &request.query);
        let sent = (url, request.body);
        self.call_with_token(operation, credential, sent, request.secret, rows).await.map(|(result, _)| result)
    }
}

fn forced(force: bool) -> Vec<(&'static str, String)> {
    force.then(|| ("force", "true".to_owned())).into_iter().collect()
}

/// `name` where it can be a part of a URL's path. The CA registers an id with a slash, and never finds it again.
fn addressable(name: &str) -> Result<&str, CaError> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it means another path in a URL",
        name if name.contains(char::is_control) => "it has a control character, which a URL loses",
        name if name.contains('/') => "it has a slash, and the CA finds no such name in the path of a URL",
        name => return Ok(name),
    };
    Err(CaError::Name { name: name.to_owned(), reason })
}
