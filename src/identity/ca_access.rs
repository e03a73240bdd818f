//! A CA, the connection to it, and the identity at it.

use std::path::PathBuf;
use std::time::Duration;

use super::secret_source::SecretSource;
use crate::ca::{CaError, CaUrl, Client, ClientBuilder, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT, TrustAnchors};
use crate::disk::Disk;
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, PemSource, Secret, Timestamp};

/// A CA, the connection to it, and the identity at it.
#[derive(Clone, Debug)]
pub struct CaAccess {
    pub(crate) url: CaUrl,
    pub(crate) id: String,
    pub(crate) secret: SecretSource,
    /// The name of the CA on the server; `None` is the server's default CA.
    pub(crate) ca_name: Option<String>,
    pub(crate) anchors: Vec<PemSource>,
    /// Client certificate (leaf first) and key for mutual TLS.
    pub(crate) client_identity: Option<(PemSource, PemSource)>,
    /// Proxy URL, which may hold a password.
    pub(crate) proxy: Option<Secret>,
    /// Whether `http://` is allowed.
    pub(crate) plaintext: bool,
    pub(crate) connect_timeout: Duration,
    /// Time limit for one request.
    pub(crate) timeout: Duration,
}

impl CaAccess {
    /// The identity `id` at the CA `url` (`https://HOST[:PORT][/PATH]`, port 7054 by default). The URL may hold the
    /// enrolment secret, as in `https://ID:SECRET@HOST`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] if `url` is not the URL of a CA, or names another id.
    pub fn new(url: &str, id: impl Into<String>) -> Result<Self, Error> {
        let (url, other, secret) = CaUrl::parse(url)?;
        let id = id.into();
        if let Some(other) = other.filter(|other| *other != id) {
            return Err(Error::new(ErrorKind::Usage, format!("the URL names the id \"{other}\", not \"{id}\""))
                .with_help("give one id, or leave it out of the URL"));
        }
        Ok(Self {
            url,
            id,
            secret: secret.map_or(SecretSource::None, SecretSource::Given),
            ca_name: None,
            anchors: Vec::new(),
            client_identity: None,
            proxy: None,
            plaintext: false,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT,
        })
    }

    /// Sets the enrolment secret.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = SecretSource::Given(secret);
        self
    }

    /// Sets the file that holds the enrolment secret; it is read only when a request is sent.
    #[must_use]
    pub fn secret_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.secret = SecretSource::File(path.into());
        self
    }

    /// Adds a file of trust anchors (PEM, one or many certificates) for the connection.
    #[must_use]
    pub fn anchor_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.anchors.push(PemSource::File(path.into()));
        self
    }

    /// Adds trust anchors (PEM, one or many certificates) for the connection.
    #[must_use]
    pub fn anchor_pem(mut self, pem: impl Into<String>) -> Self {
        self.anchors.push(PemSource::Given(Secret::new(pem)));
        self
    }

    /// Allows `http://`: the secret then crosses the network in clear text.
    #[must_use]
    pub fn plaintext(mut self) -> Self {
        self.plaintext = true;
        self
    }

    /// Sets the name of the CA on the server; the server's default CA otherwise.
    #[must_use]
    pub fn ca_name(mut self, name: impl Into<String>) -> Self {
        self.ca_name = Some(name.into());
        self
    }

    /// Sets the client certificate (leaf first) and the key for mutual TLS.
    #[must_use]
    pub fn client_identity(mut self, certificate: impl Into<PemSource>, key: impl Into<PemSource>) -> Self {
        self.client_identity = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the URL of a proxy for the connection; the proxies of the environment are ignored.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(Secret::new(url));
        self
    }

    /// Sets the time limit for connecting; [`DEFAULT_CONNECT_TIMEOUT`] by default.
    #[must_use]
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets the time limit for one request; [`DEFAULT_TIMEOUT`] by default.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The client's settings. Reads the anchors, the client certificate and its key.
    ///
    /// # Errors
    /// If one of them cannot be read or used.
    pub(crate) fn client(&self, disk: &Disk) -> Result<ClientBuilder, Error> {
        let mut anchors = TrustAnchors::default();
        for source in &self.anchors {
            anchors.add_pem(&source.origin(), &source.read(disk, 4 * 1024 * 1024)?)?;
        }
        self.client_with(anchors, disk)
    }

    /// The client's settings with anchors that are read already.
    ///
    /// # Errors
    /// If the client certificate or its key cannot be read or used.
    pub(crate) fn client_with(&self, anchors: TrustAnchors, disk: &Disk) -> Result<ClientBuilder, Error> {
        let builder = Client::builder(self.url.clone())
            .anchors(anchors)
            .plaintext(self.plaintext)
            .ca_name(self.ca_name.clone())
            .proxy(self.proxy.as_ref().map(|url| url.expose().to_owned()))
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout);
        Ok(match &self.client_identity {
            None => builder,
            Some((cert, key)) => {
                let (cert_pem, key_pem) = (cert.read(disk, 1024 * 1024)?, key.read(disk, 64 * 1024)?);
                let key_pair = KeyPair::from_pem(&key_pem).map_err(|e| Error::from(e).about(&key.origin()))?;
                let unusable = |reason: String| {
                    let origins = format!("{} with the key {}", cert.origin(), key.origin());
                    CaError::ClientIdentity { address: self.url.to_string(), reason: format!("{origins}: {reason}") }
                };
                let certs = Cert::all_from_pem(&cert_pem).map_err(|e| unusable(e.to_string()))?;
                if certs.first().is_none_or(|leaf| leaf.spki_der() != key_pair.spki_der()) {
                    return Err(unusable("the first certificate belongs to another key".to_owned()).into());
                }
                builder.client_identity(cert_pem.to_vec(), key_pair)
            }
        })
    }

    /// The time by the CA's `Date` header; `None` if the CA does not answer. Needs no credentials.
    pub(crate) async fn date(&self, disk: &Disk) -> Option<Timestamp> {
        self.client(disk).ok()?.build().ok()?.info().await.ok()?.server_date
    }

    /// The error of a failed request, with what the access itself may have wrong: the CA on the server, or plain HTTP at a
    /// port that speaks TLS.
    pub(crate) fn explain(&self, e: CaError) -> Error {
        // Go answers plain HTTP at a TLS port with a 400 of this text, which is often lost to a reset.
        let is_at_tls = matches!(e, CaError::Lost { .. }) || e.to_string().contains("HTTP request to an HTTPS server");
        let error = Error::from(e);
        if self.url.is_plaintext() && is_at_tls {
            return error.with_help("the port may speak TLS: write https:// and give its trust anchor with --tls-ca");
        }
        if error.kind() != ErrorKind::Refused {
            return error;
        }
        if let Some(name) = &self.ca_name {
            return error.with_detail(&format!("asked for \"{}\" at CA \"{name}\"", self.id));
        }
        let help = error.help().map(|help| format!("{help}; ")).unwrap_or_default();
        error.with_detail(&format!("asked for \"{}\" at the server's default CA", self.id)).with_help(format!(
            "{help}if the server holds several CAs, name one with --ca-name: each has its own identities"
        ))
    }

    /// Whether `other` is the same identity at the same CA, so that a certificate of one is a credential at the other.
    pub(crate) fn same_identity(&self, other: &Self) -> bool {
        self.url == other.url && self.ca_name == other.ca_name && self.id == other.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_password_of_the_proxy() {
        let access = CaAccess::new("https://ca", "peer1").unwrap().proxy("http://user:proxypw@proxy:3128");
        assert!(!format!("{access:?}").contains("proxypw"));
    }

    #[test]
    fn the_url_may_hold_the_secret_but_no_other_id() {
        let given = CaAccess::new("https://peer1:pw@ca", "peer1").unwrap();
        assert!(matches!(&given.secret, SecretSource::Given(secret) if secret.expose() == "pw"));
        let error = CaAccess::new("https://peer2:pw@ca", "peer1").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("peer2") && !error.to_string().contains("pw"), "{error}");
    }
}
