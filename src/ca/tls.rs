//! TLS settings of the connection to a CA: versions, verifier, client certificate.

use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, OtherError,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

use super::{TlsFailure, TrustAnchors};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::text::pem_blocks;

/// The cryptography provider of every TLS connection to a CA.
pub(crate) fn crypto_provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// The client certificate and key for mutual TLS.
pub(super) struct ClientIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// Leaf first in `cert_pem`, intermediates after it.
    pub(super) fn new(cert_pem: &[u8], key: &KeyPair) -> Result<Self, String> {
        let certs = Cert::all_from_pem(cert_pem).map_err(|e| e.to_string())?;
        let chain: Vec<_> = certs.iter().map(|c| CertificateDer::from(c.der().to_vec())).collect();
        if certs.first().is_none_or(|leaf| leaf.spki_der() != key.spki_der()) {
            return Err("the first certificate belongs to another key".to_owned());
        }
        let pem = key.to_pkcs8_pem();
        let block = pem_blocks(pem.as_bytes()).ok().and_then(|b| b.into_iter().next());
        let der = block.map(|b| b.der).ok_or("the key cannot be encoded")?;
        Ok(Self { chain, key: PrivatePkcs8KeyDer::from(der).into() })
    }
}

/// The certificates that a server sent, its own first; DER.
pub(super) type Served = Arc<Mutex<Vec<Vec<u8>>>>;

/// Which servers to accept.
#[derive(Debug)]
pub(super) enum Trust {
    /// Those that the anchors accept.
    Anchors(TrustAnchors),
    /// Every server that holds the key of its certificate. The certificates are kept, to be judged afterwards.
    Later(Served),
}

/// The configuration for servers that `trust` accepts; TLS 1.2 and 1.3.
pub(super) fn client_config(trust: Trust, identity: Option<ClientIdentity>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(crypto_provider());
    let verifier = Arc::new(Verifier { trust, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Accepts what [`Trust`] says. rustls calls every custom verifier `dangerous`.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trust {
            Trust::Anchors(anchors) => anchors
                .judge((end_entity, intermediates), server_name, now)
                .map_err(|failure| CertificateError::Other(OtherError(Arc::new(failure))))?,
            Trust::Later(served) => {
                if let Ok(mut served) = served.lock() {
                    *served = std::iter::once(end_entity).chain(intermediates).map(|c| c.to_vec()).collect();
                }
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl TlsFailure {
    /// Converts an error of the TLS library. `identified` is whether a client certificate was available.
    pub(super) fn from_rustls(error: &rustls::Error, identified: bool) -> Self {
        use rustls::Error as E;
        let reason = || error.to_string();
        match error {
            E::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
                other.downcast_ref().cloned().unwrap_or_else(|| Self::Other { reason: reason() })
            }
            E::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            E::AlertReceived(AlertDescription::CertificateRequired) => Self::ClientCertRequired,
            // Under TLS 1.2, Go's crypto/tls reports a missing certificate as a bad one.
            E::AlertReceived(AlertDescription::BadCertificate) if !identified => Self::ClientCertRequired,
            E::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) if identified => Self::ClientCertRefused { reason: reason() },
            E::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure)
            | E::PeerIncompatible(_) => Self::NoCommonVersion { reason: reason() },
            _ => Self::Other { reason: reason() },
        }
    }
}
