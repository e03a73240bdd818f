//! The client of one CA.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::{Position, Url};

use super::auth::{self, Credential};
use super::connections::{Connections, Route};
use super::rows::Rows;
use super::status::{Class, Operation, ServerError, classify};
use super::tls::{self, ClientIdentity, Served, Trust};
use super::transport::{Setup, Transport};
use super::url::percent_decoded;
use super::wire::{self, CaInfo, EnrollRequest, Enrollment, RegisterRequest};
use super::{CaError, CaUrl, TrustAnchors};
use crate::pki::key::KeyPair;
use crate::secret::Redactor;
use crate::text::pem_blocks;
use crate::{Secret, Timestamp};

/// Default limit for the connection, TLS included.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Default limit for the whole request, connection and answer included.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one Fabric CA. Sends each request once and never retries.
#[derive(Debug)]
pub struct Client {
    url: CaUrl,
    ca_name: Option<String>,
    transport: Transport,
    /// Knows the proxy's password, and the secret that the CA was sent before.
    redactor: Redactor,
}

/// The settings of a [`Client`].
#[derive(Debug)]
pub struct ClientBuilder {
    url: CaUrl,
    anchors: TrustAnchors,
    plaintext: bool,
    ca_name: Option<String>,
    identity: Option<(Vec<u8>, KeyPair)>,
    /// It may hold a password.
    proxy: Option<Secret>,
    connect_timeout: Duration,
    timeout: Duration,
    redactor: Redactor,
}

impl ClientBuilder {
    /// Sets the trust anchors for the CA's TLS certificate. Required for `https`.
    #[must_use]
    pub fn anchors(mut self, anchors: TrustAnchors) -> Self {
        self.anchors = anchors;
        self
    }

    /// Allows an `http` URL, which sends everything in clear, the enrolment secret included.
    #[must_use]
    pub const fn plaintext(mut self, allowed: bool) -> Self {
        self.plaintext = allowed;
        self
    }

    /// Selects a CA on the server; `None` is the server's default CA.
    #[must_use]
    pub fn ca_name(mut self, name: Option<String>) -> Self {
        self.ca_name = name.filter(|n| !n.is_empty());
        self
    }

    /// Sets the certificate (PEM, leaf first) and key for mutual TLS.
    #[must_use]
    pub fn client_identity(mut self, cert_pem: Vec<u8>, key: KeyPair) -> Self {
        self.identity = Some((cert_pem, key));
        self
    }

    /// Sets an HTTP proxy, `http://HOST:PORT`. The proxies of the environment are not used.
    #[must_use]
    pub fn proxy(mut self, url: Option<String>) -> Self {
        self.proxy = url.map(Secret::new);
        self
    }

    /// Adds a secret that the CA knows already, for requests that do not send it.
    #[must_use]
    pub(crate) fn known(mut self, id: &str, secret: &Secret) -> Self {
        self.redactor = self.redactor.credential(id, secret);
        self
    }

    /// Sets the limit for the connection, TLS included.
    #[must_use]
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets the limit for the whole request, connection and answer included.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Builds the client; sends nothing.
    ///
    /// # Errors
    /// For `http` without [`plaintext`](Self::plaintext), `https` without an anchor, an unusable client certificate or
    /// proxy URL.
    pub fn build(self) -> Result<Client, CaError> {
        self.build_over(&mut Connections::default())
    }

    /// As [`build`](Self::build), for a client that uses the connections of others to the same CA, with the same anchors,
    /// client certificate, proxy and limits.
    pub(crate) fn build_over(self, connections: &mut Connections) -> Result<Client, CaError> {
        let address = address(&self.url);
        let plaintext = self.url.is_plaintext();
        if plaintext && !self.plaintext {
            return Err(CaError::Plaintext { address });
        }
        if !plaintext && self.anchors.is_empty() {
            return Err(CaError::NoAnchors { address });
        }
        self.build_with(Trust::Anchors, connections)
    }

    /// Requests information about the CA, from any server that holds the key of its TLS certificate: the information, and
    /// the certificates that it served (DER, its own first; none over plain HTTP). Nothing is proven until they are
    /// judged. The request holds no credentials.
    ///
    /// # Errors
    /// Those of [`build`](Self::build), except that no anchor is needed, and of [`Client::info`].
    pub(crate) async fn unproven_info(self) -> Result<(CaInfo, Vec<Vec<u8>>), CaError> {
        if self.url.is_plaintext() && !self.plaintext {
            return Err(CaError::Plaintext { address: address(&self.url) });
        }
        let served = Served::default();
        let trust = |_| Trust::Later(Arc::clone(&served));
        let client = self.build_with(trust, &mut Connections::default())?;
        let info = client.info().await?;
        let served = served.lock().map(|mut served| std::mem::take(&mut *served)).unwrap_or_default();
        Ok((info, served))
    }

    fn build_with(
        self,
        trust: impl FnOnce(TrustAnchors) -> Trust,
        connections: &mut Connections,
    ) -> Result<Client, CaError> {
        let address = address(&self.url);
        let identified = self.identity.is_some();
        let plaintext = self.url.is_plaintext();
        let unusable = |reason| CaError::ClientIdentity { address: address.clone(), reason };
        let mut redactor = self.redactor.public(self.url.host());
        // reqwest takes a URL without http:// too.
        let with_host = |url: &str| Url::parse(url).ok().filter(Url::has_host);
        let parsed = |url: &str| with_host(url).or_else(|| with_host(&format!("http://{url}")));
        let mut proxy_address = String::new();
        if let Some(url) = &self.proxy {
            // reqwest goes past a proxy whose scheme it does not know.
            let known = |proxy: &Url| matches!(proxy.scheme(), "http" | "https");
            let proxy = parsed(url.expose()).filter(known).ok_or(CaError::Proxy)?;
            let port = proxy.port_or_known_default().unwrap_or_default();
            proxy_address = format!("{}:{port}", proxy.host_str().unwrap_or_default());
            let decoded = |text| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
            let user = decoded(proxy.username());
            redactor = match proxy.password() {
                Some(password) => redactor.credential(&user, &Secret::new(decoded(password))),
                // Such as `http://TOKEN@proxy`.
                None => redactor.secret(&Secret::new(user)),
            };
        }
        if let Some(name) = &self.ca_name {
            redactor = redactor.public(name);
        }
        let route = Route {
            address: address.clone(),
            plaintext,
            anchors: self.anchors.clone(),
            identity: self.identity.as_ref().map(|(cert_pem, _)| cert_pem.clone()),
            proxy: self.proxy.clone(),
            limits: [self.connect_timeout, self.timeout],
        };
        let transport = connections.over(route, || {
            let identity = self.identity.map(|(cert_pem, key)| ClientIdentity::new(&cert_pem, &key));
            let identity = identity.transpose().map_err(unusable)?;
            let tls = tls::client_config(trust(self.anchors), identity).map_err(|e| unusable(e.to_string()))?;
            Transport::new(Setup {
                address: address.clone(),
                plaintext,
                tls,
                identified,
                proxy: self.proxy.map(|url| (url.expose().to_owned(), proxy_address)),
                connect_timeout: self.connect_timeout,
                timeout: self.timeout,
            })
        })?;
        Ok(Client { url: self.url, ca_name: self.ca_name, transport, redactor })
    }
}

fn address(url: &CaUrl) -> String {
    format!("{}:{}", url.host(), url.port())
}

impl Client {
    /// Starts a client of the CA at `url`.
    pub fn builder(url: CaUrl) -> ClientBuilder {
        ClientBuilder {
            url,
            anchors: TrustAnchors::default(),
            plaintext: false,
            ca_name: None,
            identity: None,
            proxy: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT,
            redactor: Redactor::default(),
        }
    }

    /// The URL of the CA.
    pub const fn url(&self) -> &CaUrl {
        &self.url
    }

    /// The CA name in requests.
    pub fn ca_name(&self) -> Option<&str> {
        self.ca_name.as_deref()
    }

    /// Requests information about the CA. Needs no credentials and changes nothing.
    ///
    /// # Errors
    /// [`CaError`] if the CA cannot be reached or does not answer as expected.
    pub async fn info(&self) -> Result<CaInfo, CaError> {
        let operation = Operation::CaInfo;
        let body = wire::cainfo_body(self.ca_name());
        let (result, date) = self.call_unsigned(operation, None, body, &self.redactor).await?;
        wire::read_cainfo(result, date).map_err(|reason| self.unusable(operation, reason))
    }

    /// Enrols `id` with its secret. The result is not verified yet.
    ///
    /// # Errors
    /// [`CaError`]; if [`is_ambiguous`](CaError::is_ambiguous), keep the key of the CSR.
    pub async fn enroll(&self, id: &str, secret: &Secret, request: &EnrollRequest<'_>) -> Result<Enrollment, CaError> {
        let refuse = |reason| Err(CaError::Id { id: id.to_owned(), reason });
        if id.is_empty() {
            return refuse("it is empty");
        }
        // RFC 7617 section 2: the id ends at the first colon, so the server would see another id.
        if id.contains(':') {
            return refuse("it contains a colon, which ends the id in HTTP Basic authentication");
        }
        let operation = Operation::Enroll;
        let body = wire::enroll_body(request, self.ca_name());
        let authorization = auth::basic(id, secret);
        let redactor = self.redactor.clone().credential(id, secret);
        let answer = self.call_unsigned(operation, Some(&authorization), body, &redactor).await?;
        self.enrollment(operation, answer, request, &redactor)
    }

    /// Enrols again with the current certificate as credential. The CA copies nothing from it: the request must be
    /// complete.
    ///
    /// # Errors
    /// [`CaError`]; if [`is_ambiguous`](CaError::is_ambiguous), keep the key of the CSR.
    pub async fn reenroll(
        &self,
        credential: &Credential<'_>,
        request: &EnrollRequest<'_>,
    ) -> Result<Enrollment, CaError> {
        let operation = Operation::Reenroll;
        let body = wire::enroll_body(request, self.ca_name());
        let answer = self.call_signed(operation, credential, body, None).await?;
        self.enrollment(operation, answer, request, &self.redactor)
    }

    /// Reads the answer to a request for a certificate.
    fn enrollment(
        &self,
        operation: Operation,
        (result, date): (Value, Option<Timestamp>),
        request: &EnrollRequest<'_>,
        redactor: &Redactor,
    ) -> Result<Enrollment, CaError> {
        let unusable = |reason| self.unusable(operation, reason);
        let enrollment = wire::read_enrollment(result, date, redactor).map_err(unusable)?;
        let is_secret_in =
            |pem: &[u8]| pem_blocks(pem).unwrap_or_default().iter().any(|block| redactor.is_in(&block.der));
        if !is_secret_in(request.csr_pem.as_bytes())
            && (is_secret_in(&enrollment.cert_pem) || is_secret_in(&enrollment.chain_pem))
        {
            return Err(unusable("a certificate in it contains the secret, and certificates are public"));
        }
        Ok(enrollment)
    }

    /// Registers an identity and returns its secret, either the requested one or the CA's choice. `credential` is the
    /// registrar's.
    ///
    /// # Errors
    /// [`CaError`].
    pub async fn register(
        &self,
        credential: &Credential<'_>,
        request: &RegisterRequest<'_>,
    ) -> Result<Secret, CaError> {
        let operation = Operation::Register;
        let body = wire::register_body(request, self.ca_name());
        let secret = request.secret.map(|secret| (request.id, secret));
        let (result, _) = self.call_signed(operation, credential, body, secret).await?;
        wire::read_secret(result).map_err(|reason| self.unusable(operation, reason))
    }

    /// Sends one request with a token. Behind a proxy that removes the URL's path, the CA verifies the token against
    /// another path than the signed one: if the CA refuses, the request is signed again for that path.
    async fn call_signed(
        &self,
        operation: Operation,
        credential: &Credential<'_>,
        body: Vec<u8>,
        secret: Option<(&str, &Secret)>,
    ) -> Result<(Value, Option<Timestamp>), CaError> {
        let url = self.url.endpoint(operation.endpoint());
        self.call_with_token(operation, credential, (url, body), secret, None).await
    }

    /// As [`call_signed`](Self::call_signed), for any URL of an endpoint; the objects of a list go to `rows`. `secret`: an id and
    /// its secret, which are in the request.
    pub(super) async fn call_with_token(
        &self,
        operation: Operation,
        credential: &Credential<'_>,
        (url, body): (Url, Vec<u8>),
        secret: Option<(&str, &Secret)>,
        mut rows: Option<&mut Rows<'_>>,
    ) -> Result<(Value, Option<Timestamp>), CaError> {
        let sign = |target: &str| {
            auth::token(operation.method(), target, &body, credential)
                .map_err(|source| CaError::Signing { address: address(&self.url), source })
        };
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let redactor = |token: &str| {
            let redactor = self.redactor.clone().token(token.rsplit('.').next().unwrap_or_default());
            secret.into_iter().fold(redactor, |redactor, (id, secret)| redactor.credential(id, secret))
        };
        let token = sign(target)?;
        let answer = self
            .call((operation, url.clone()), Some(&token), body.clone(), &redactor(&token), rows.as_deref_mut())
            .await;
        match (&answer, self.url.target_behind_proxy(target)) {
            (Err(CaError::Server { error, .. }), Some(target))
                if error.class == Class::Credential && error.http_status == 401 =>
            {
                tracing::debug!("the CA refused the token over the URL's whole path; trying it over {target}");
                let token = sign(&target)?;
                self.call((operation, url.clone()), Some(&token), body.clone(), &redactor(&token), rows).await
            }
            _ => answer,
        }
    }

    pub(super) fn unusable(&self, operation: Operation, reason: &'static str) -> CaError {
        CaError::Unusable { address: address(&self.url), operation, reason }
    }

    /// Sends one request and returns the result of a success. The server's message is redacted.
    async fn call(
        &self,
        (operation, url): (Operation, Url),
        authorization: Option<&str>,
        body: Vec<u8>,
        redactor: &Redactor,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<(Value, Option<Timestamp>), CaError> {
        let answer = self.transport.send(operation, url, authorization, body, rows).await?;
        classify(operation, answer.status, &answer.body, redactor).map(|result| (result, answer.date)).map_err(
            |error| CaError::Server {
                address: address(&self.url),
                error: ServerError { retry_after: answer.retry_after, ..error },
            },
        )
    }

    /// Sends one request without a token to the endpoint of `operation`.
    async fn call_unsigned(
        &self,
        operation: Operation,
        authorization: Option<&str>,
        body: Vec<u8>,
        redactor: &Redactor,
    ) -> Result<(Value, Option<Timestamp>), CaError> {
        let url = self.url.endpoint(operation.endpoint());
        self.call((operation, url), authorization, body, redactor, None).await
    }
}
