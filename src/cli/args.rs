//! Arguments that several commands share.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::manifests::ManifestArgs;
use crate::pki::key::KeyAlgorithm;

/// What is printed, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct OutputArgs {
    /// Form of the result on standard output
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_OUTPUT", help_heading = "Output")]
    pub(super) output: OutputForm,
    /// Say more on standard error (-vv: everything that fabcert logs)
    #[arg(
        short,
        long,
        action = clap::ArgAction::Count,
        global = true,
        env = "FABCERT_VERBOSE",
        help_heading = "Output"
    )]
    pub(super) verbose: u8,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", env = "FABCERT_QUIET", help_heading = "Output")]
    pub(super) quiet: bool,
    /// Form of the log on standard error
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_LOG_FORMAT", help_heading = "Output")]
    pub(super) log_format: LogForm,
    /// Colours: auto follows the terminal and NO_COLOR
    #[arg(long, value_enum, default_value_t, global = true, env = "FABCERT_COLOR", help_heading = "Output")]
    pub(super) color: ColorChoice,
}

/// Form of the result.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OutputForm {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object.
    Json,
}

/// Form of the log.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LogForm {
    /// A line of text an event.
    #[default]
    Text,
    /// A JSON object an event.
    Json,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to reach the CA, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CaArgs {
    /// The CA, https://[ID[:SECRET]@]HOST[:PORT][/PATH]; port 7054 when left out. A secret in it is for compatibility:
    /// prefer --secret-file
    #[arg(short, long, value_name = "URL", env = "FABCERT_URL", hide_env_values = true, help_heading = "CA")]
    pub(super) url: Option<String>,
    /// Enrolment id, when the URL does not hold it
    #[arg(long, value_name = "ID", env = "FABCERT_ID", help_heading = "CA")]
    pub(super) id: Option<String>,
    /// File with the enrolment secret (`-`: standard input); or set FABCERT_SECRET
    #[arg(long, value_name = "PATH", env = "FABCERT_SECRET_FILE", help_heading = "CA")]
    pub(super) secret_file: Option<PathBuf>,
    /// PEM files whose certificates are trusted for the connection to the CA, roots or not; never the system's
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_CA",
        alias = "tls.certfiles",
        help_heading = "CA"
    )]
    pub(super) tls_ca: Vec<PathBuf>,
    /// Which CA on the server, when it holds several
    #[arg(long, value_name = "NAME", env = "FABCERT_CA_NAME", alias = "caname", help_heading = "CA")]
    pub(super) ca_name: Option<String>,
    /// Client certificate for mutual TLS to the CA (PEM)
    #[arg(
        long,
        value_name = "PATH",
        env = "FABCERT_TLS_CLIENT_CERT",
        alias = "tls.client.certfile",
        help_heading = "CA"
    )]
    pub(super) tls_client_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(
        long,
        value_name = "PATH",
        env = "FABCERT_TLS_CLIENT_KEY",
        alias = "tls.client.keyfile",
        requires = "tls_client_cert",
        help_heading = "CA"
    )]
    pub(super) tls_client_key: Option<PathBuf>,
    /// Allow http://: the secret then crosses the network in clear
    #[arg(long, env = "FABCERT_PLAINTEXT", help_heading = "CA")]
    pub(super) plaintext: bool,
    /// Proxy for the connection to the CA; HTTP_PROXY and the like are not read
    #[arg(long, value_name = "URL", env = "FABCERT_PROXY", hide_env_values = true, help_heading = "CA")]
    pub(super) proxy: Option<String>,
    /// Time for making a connection
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5s",
        value_parser = humantime::parse_duration,
        env = "FABCERT_CONNECT_TIMEOUT",
        help_heading = "CA"
    )]
    pub(super) connect_timeout: std::time::Duration,
    /// Time for one whole request
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = humantime::parse_duration,
        env = "FABCERT_TIMEOUT",
        help_heading = "CA"
    )]
    pub(super) timeout: std::time::Duration,
}

/// The TLS CA, where it is another server or CA name.
#[allow(clippy::struct_field_names, reason = "the fields are the flags' names")]
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TlsCaArgs {
    /// The CA for the TLS certificate, when it is another one
    #[arg(long, value_name = "URL", env = "FABCERT_TLS_URL", hide_env_values = true, help_heading = "TLS CA")]
    pub(super) tls_url: Option<String>,
    /// Enrolment id there
    #[arg(long, value_name = "ID", env = "FABCERT_TLS_ID", help_heading = "TLS CA")]
    pub(super) tls_id: Option<String>,
    /// File with the secret there; or set FABCERT_TLS_SECRET
    #[arg(long, value_name = "PATH", env = "FABCERT_TLS_SECRET_FILE", help_heading = "TLS CA")]
    pub(super) tls_secret_file: Option<PathBuf>,
    /// Which CA on that server
    #[arg(long, value_name = "NAME", env = "FABCERT_TLS_CA_NAME", help_heading = "TLS CA")]
    pub(super) tls_ca_name: Option<String>,
    /// PEM files with the anchors for the connection to that CA
    #[arg(
        long,
        value_name = "PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_URL_CA",
        requires = "tls_url",
        help_heading = "TLS CA"
    )]
    pub(super) tls_url_ca: Vec<PathBuf>,
}

/// The names that go into the certificate.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct NameArgs {
    /// DNS name, IP address, e-mail address or URI; repeatable, or several joined by commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "FABCERT_SAN",
        alias = "csr.hosts",
        help_heading = "Names"
    )]
    pub(super) san: Vec<String>,
    /// Kubernetes Service in front of the organisation's peers; expanded into the names that clients dial
    #[arg(long, value_name = "SVC", value_delimiter = ',', env = "FABCERT_GATEWAY_SERVICE", help_heading = "Names")]
    pub(super) gateway_service: Vec<String>,
    /// The node's own host name (its Service); expanded likewise
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "FABCERT_HOSTNAME", help_heading = "Names")]
    pub(super) hostname: Vec<String>,
    /// Kubernetes namespace: adds S.NS, S.NS.svc and S.NS.svc.DOMAIN for each Service
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE", help_heading = "Names")]
    pub(super) namespace: Option<String>,
    /// The cluster's DNS domain
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        env = "FABCERT_CLUSTER_DOMAIN",
        help_heading = "Names"
    )]
    pub(super) cluster_domain: String,
    /// Manifests (files, folders) from which the names follow, as `fabcert names` prints them; with --workload
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_FROM_MANIFESTS", help_heading = "Names")]
    pub(super) from_manifests: Vec<PathBuf>,
    /// The node in the manifests, when there are several
    #[arg(long, value_name = "NAME", env = "FABCERT_WORKLOAD", requires = "from_manifests", help_heading = "Names")]
    pub(super) workload: Option<String>,
    #[command(flatten)]
    pub(super) manifests: ManifestArgs,
    /// Subject fields: C=..,ST=..,L=..,O=..,SerialNumber=.. (an OU is left out: the CA sets it)
    #[arg(
        long,
        value_name = "K=V",
        value_delimiter = ',',
        env = "FABCERT_CSR_NAMES",
        alias = "csr.names",
        help_heading = "Names"
    )]
    pub(super) csr_names: Vec<String>,
    /// The subject's serialNumber, as the Go client's flag
    #[arg(long = "csr.serialnumber", value_name = "TEXT", hide = true)]
    pub(super) csr_serialnumber: Option<String>,
}

/// Where the result goes.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TargetArgs {
    /// MSP folder for the signing identity
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir", help_heading = "Folders")]
    pub(super) msp_dir: Option<PathBuf>,
    /// TLS folder: server.crt (with intermediates), server.key, ca.crt
    #[arg(long, value_name = "DIR", env = "FABCERT_TLS_DIR", help_heading = "Folders")]
    pub(super) tls_dir: Option<PathBuf>,
    /// File names in the TLS folder: server.crt, server.key, ca.crt (fabric) or tls.crt, tls.key, ca.crt (k8s)
    #[arg(long, value_enum, default_value_t, env = "FABCERT_TLS_NAMES", help_heading = "Folders")]
    pub(super) tls_names: TlsNamesArg,
    /// File names in the MSP folder
    #[arg(long, value_enum, default_value_t, env = "FABCERT_LAYOUT", help_heading = "Folders")]
    pub(super) layout: LayoutArg,
    /// Base folder for relative folders, as the Go client's --home; MSP folder HOME/msp when none is named
    #[arg(short = 'H', long, value_name = "DIR", env = "FABCERT_HOME", help_heading = "Folders")]
    pub(super) home: Option<PathBuf>,
    /// Write config.yaml with NodeOUs naming the CA that issued (the default)
    #[arg(long, env = "FABCERT_NODE_OUS", overrides_with = "no_node_ous", help_heading = "Folders")]
    pub(super) node_ous: bool,
    /// Write no config.yaml
    #[arg(long, env = "FABCERT_NO_NODE_OUS", help_heading = "Folders")]
    pub(super) no_node_ous: bool,
    /// Octal mode of private keys
    #[arg(long, value_name = "MODE", default_value = "0600", value_parser = parse_mode, env = "FABCERT_KEY_MODE", help_heading = "Folders")]
    pub(super) key_mode: u32,
    /// Numeric group that owns the folders, for a peer under another user
    #[arg(long, value_name = "GID", env = "FABCERT_GROUP", help_heading = "Folders")]
    pub(super) group: Option<u32>,
    /// The NodeOU that the certificate must carry
    #[arg(long, value_enum, env = "FABCERT_ROLE", help_heading = "Folders")]
    pub(super) role: Option<RoleArg>,
}

/// The key.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct KeyArgs {
    /// Curve of a new key
    #[arg(long, value_enum, env = "FABCERT_KEY_ALGORITHM", help_heading = "Key")]
    pub(super) key_algorithm: Option<KeyAlgorithmArg>,
    /// Use the key that stands in the target again
    #[arg(
        long,
        env = "FABCERT_REUSE_KEY",
        alias = "csr.keyrequest.reusekey",
        conflicts_with = "key_file",
        help_heading = "Key"
    )]
    pub(super) reuse_key: bool,
    /// Use this key (PKCS#8 or SEC 1 PEM)
    #[arg(long, value_name = "PATH", env = "FABCERT_KEY_FILE", help_heading = "Key")]
    pub(super) key_file: Option<PathBuf>,
    /// The Go client's --csr.keyrequest.algo: only ecdsa makes sense
    #[arg(long = "csr.keyrequest.algo", hide = true, value_parser = ["ecdsa"])]
    pub(super) keyrequest_algo: Option<String>,
    /// The Go client's --csr.keyrequest.size
    #[arg(long = "csr.keyrequest.size", hide = true, value_parser = ["256", "384"])]
    pub(super) keyrequest_size: Option<String>,
}

impl KeyArgs {
    /// The curve that was asked for, if one was.
    pub(super) fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.key_algorithm.map(Into::into).or(match self.keyrequest_size.as_deref() {
            Some("384") => Some(KeyAlgorithm::P384),
            Some(_) => Some(KeyAlgorithm::P256),
            None => None,
        })
    }
}

/// Curves on the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyAlgorithmArg {
    /// NIST P-256 (default).
    P256,
    /// NIST P-384.
    P384,
}

impl From<KeyAlgorithmArg> for KeyAlgorithm {
    fn from(a: KeyAlgorithmArg) -> Self {
        match a {
            KeyAlgorithmArg::P256 => Self::P256,
            KeyAlgorithmArg::P384 => Self::P384,
        }
    }
}

/// File names in the TLS folder.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TlsNamesArg {
    /// server.crt, server.key, ca.crt.
    #[default]
    Fabric,
    /// tls.crt, tls.key, ca.crt.
    K8s,
}

/// File names in the MSP folder.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LayoutArg {
    /// As fabric-ca-client names them.
    #[default]
    FabricCa,
    /// As cryptogen names them.
    Cryptogen,
}

/// Roles on the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleArg {
    /// OU peer.
    Peer,
    /// OU orderer.
    Orderer,
    /// OU admin.
    Admin,
    /// OU client.
    Client,
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text.trim_start_matches("0o"), 8)
        .map_err(|_| "an octal mode such as 0600 or 0640 is expected".to_owned())?;
    if mode & !0o660 != 0 || mode & 0o400 == 0 {
        return Err("a private key may be readable by owner and group only: 0400, 0440, 0600, 0640 or 0660".to_owned());
    }
    Ok(mode)
}

impl From<LayoutArg> for crate::msp::Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::FabricCa => Self::FabricCa,
            LayoutArg::Cryptogen => Self::Cryptogen,
        }
    }
}

impl From<TlsNamesArg> for crate::msp::TlsNames {
    fn from(names: TlsNamesArg) -> Self {
        match names {
            TlsNamesArg::Fabric => Self::Fabric,
            TlsNamesArg::K8s => Self::K8s,
        }
    }
}
