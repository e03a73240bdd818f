//! How to reach the CAs, and as whom.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};

use clap::Args;

use super::{below_home, parse_duration};
use crate::ca::CaUrl;
use crate::identity::{CaAccess, SecretSource};
use crate::{Error, ErrorKind, Secret};

/// The CA, and the identity that enrols there.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct CaArgs {
    /// URL of the CA: https://[ID[:SECRET]@]HOST[:PORT][/PATH]. The default port is 7054. A secret in the URL is accepted
    /// for compatibility; prefer --secret-file
    #[arg(short, long, value_name = "URL", env = "FABCERT_URL", hide_env_values = true, help_heading = "CA")]
    pub(in crate::cli) url: Option<String>,
    /// Enrolment id, if the URL does not contain it
    #[arg(long, value_name = "ID", env = "FABCERT_ID", help_heading = "CA")]
    pub(in crate::cli) id: Option<String>,
    /// File with the enrolment secret, or - for standard input. You can set FABCERT_SECRET to the secret instead
    #[arg(long, value_name = "PATH", env = "FABCERT_SECRET_FILE", help_heading = "CA")]
    pub(in crate::cli) secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) connection: ConnectionArgs,
}

/// The connection to a CA.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct ConnectionArgs {
    /// PEM files with the certificates to trust for the connection to the CA. The system's trust store is not used
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_CA",
        alias = "tls.certfiles",
        help_heading = "CA"
    )]
    pub(in crate::cli) tls_ca: Vec<PathBuf>,
    /// Name of the CA, if the server hosts several
    #[arg(long, value_name = "NAME", env = "FABCERT_CA_NAME", alias = "caname", help_heading = "CA")]
    pub(in crate::cli) ca_name: Option<String>,
    /// Client certificate for mutual TLS to the CA (PEM)
    #[arg(
        long,
        value_name = "PATH",
        env = "FABCERT_TLS_CLIENT_CERT",
        alias = "tls.client.certfile",
        help_heading = "CA"
    )]
    pub(in crate::cli) tls_client_cert: Option<PathBuf>,
    /// Key of the client certificate (PEM)
    #[arg(
        long,
        value_name = "PATH",
        env = "FABCERT_TLS_CLIENT_KEY",
        alias = "tls.client.keyfile",
        requires = "tls_client_cert",
        help_heading = "CA"
    )]
    pub(in crate::cli) tls_client_key: Option<PathBuf>,
    /// Allow http://: nothing is encrypted then, the secret included
    #[arg(long, env = "FABCERT_PLAINTEXT", help_heading = "CA")]
    pub(in crate::cli) plaintext: bool,
    /// Proxy for the connection to the CA. HTTP_PROXY and HTTPS_PROXY are not read
    #[arg(long, value_name = "URL", env = "FABCERT_PROXY", hide_env_values = true, help_heading = "CA")]
    pub(in crate::cli) proxy: Option<String>,
    /// Time limit for one connection attempt
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5s",
        value_parser = parse_duration,
        env = "FABCERT_CONNECT_TIMEOUT",
        help_heading = "CA"
    )]
    pub(in crate::cli) connect_timeout: std::time::Duration,
    /// Time limit for one request
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = parse_duration,
        env = "FABCERT_TIMEOUT",
        help_heading = "CA"
    )]
    pub(in crate::cli) timeout: std::time::Duration,
}

impl ConnectionArgs {
    /// Access to the CA at `url` as `id`, without a secret. Relative paths of anchors are below `home`.
    ///
    /// # Errors
    /// When a client certificate is given without its key.
    pub(in crate::cli) fn access(&self, url: CaUrl, id: String, home: Option<&Path>) -> Result<CaAccess, Error> {
        let client_identity = match (&self.tls_client_cert, &self.tls_client_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert.clone().into(), key.clone().into())),
            _ => return Err(Error::new(ErrorKind::Usage, "--tls-client-cert and --tls-client-key need each other")),
        };
        Ok(CaAccess {
            url,
            id,
            secret: SecretSource::None,
            ca_name: self.ca_name.clone().filter(|name| !name.is_empty()),
            anchors: self.tls_ca.iter().map(|path| below_home(home, path).into()).collect(),
            client_identity,
            proxy: self.proxy.clone().map(Secret::new),
            plaintext: self.plaintext,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
        })
    }
}

/// The TLS CA, if it is another server or another CA on the server.
#[allow(clippy::struct_field_names, reason = "the fields are the flags' names")]
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct TlsCaArgs {
    /// URL of the CA that issues the TLS certificate, if it is another one
    #[arg(long, value_name = "URL", env = "FABCERT_TLS_URL", hide_env_values = true, help_heading = "TLS CA")]
    pub(in crate::cli) tls_url: Option<String>,
    /// Enrolment id at the TLS CA
    #[arg(long, value_name = "ID", env = "FABCERT_TLS_ID", help_heading = "TLS CA")]
    pub(in crate::cli) tls_id: Option<String>,
    /// File with the secret for the TLS CA. You can set FABCERT_TLS_SECRET to the secret instead
    #[arg(long, value_name = "PATH", env = "FABCERT_TLS_SECRET_FILE", help_heading = "TLS CA")]
    pub(in crate::cli) tls_secret_file: Option<PathBuf>,
    /// Name of the TLS CA, if its server hosts several
    #[arg(long, value_name = "NAME", env = "FABCERT_TLS_CA_NAME", help_heading = "TLS CA")]
    pub(in crate::cli) tls_ca_name: Option<String>,
    /// PEM files with the certificates to trust for the connection to the TLS CA
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_URL_CA",
        requires = "tls_url",
        help_heading = "TLS CA"
    )]
    pub(in crate::cli) tls_url_ca: Vec<PathBuf>,
}
