//! The arguments of `fabcert audit`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::Timestamp;
use crate::audit::Severity;
use crate::cli::args::RoleArg;
use crate::cli::manifests::ManifestArgs;
use crate::msp::ChannelRules;

const EXAMPLES: &str = "\
Examples:
  A tree of MSP and TLS folders, with the name that clients dial:
    fabcert audit organizations/ --gateway-service org1-peer-gateway-svc

  In CI, with a report for code scanning beside the text:
    fabcert audit . --format human --format sarif=fabcert.sarif

  Manifests: every name that leads to a peer against every certificate; then fix them:
    fabcert audit k8s/ --set DOMAIN=example.com
    fabcert audit k8s/ --set DOMAIN=example.com --fix

  What every member behind a Service serves, by the name that clients dial:
    fabcert audit --connect org1-peer-gateway-svc:7051 --tls-ca ca.crt --samples 20

  As a probe: each member by its own address, and the gateway's name asked of all:
    fabcert audit -q --server-name org1-peer-gateway-svc --member org1-peer1:7051,org1-peer2:7051

  What a peer and a channel of today's rules would make of one MSP folder:
    fabcert audit --output json /var/hyperledger/peer/msp";

/// Audit certificates, bundles, MSP and TLS folders.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct AuditArgs {
    /// Files, folders, or quoted patterns of them (`*`, `?`, `**`); `-` is standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Do not look at these paths (`*`, `?`, `**`, relative to the policy file's folder or the working directory)
    #[arg(long, value_name = "GLOB", value_delimiter = ',', env = "FABCERT_EXCLUDE", help_heading = "Input")]
    pub(super) exclude: Vec<String>,
    /// Threads; one a core when left out
    #[arg(short, long, value_name = "N", env = "FABCERT_JOBS", help_heading = "Input")]
    pub(super) jobs: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub(super) manifests: ManifestArgs,
    #[command(flatten)]
    pub(super) members: MemberArgs,
    #[command(flatten)]
    pub(super) connect: ConnectArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    pub(super) expect: ExpectArgs,
    #[command(flatten)]
    pub(super) judge: JudgeArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// The certificates of the nodes in manifests.
#[derive(Args, Debug)]
pub(super) struct MemberArgs {
    /// The TLS folder or certificate of a workload in the manifests; repeatable
    #[arg(
        long,
        value_name = "WORKLOAD=PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_OF",
        help_heading = "Manifests"
    )]
    pub(super) tls_of: Vec<String>,
    /// Add missing names to the dnsNames of cert-manager Certificates in place, and audit again
    #[arg(long, env = "FABCERT_FIX", help_heading = "Manifests")]
    pub(super) fix: bool,
}

/// Live endpoints.
#[derive(Args, Debug)]
pub(super) struct ConnectArgs {
    /// TLS endpoint, HOST:PORT: every address is dialled, and what is served is audited; repeatable
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_CONNECT", help_heading = "Live")]
    pub(super) connect: Vec<String>,
    /// Member of the gateway, HOST:PORT, dialled by the gateway's name: that of --server-name, or the host of --connect;
    /// repeatable. With manifests among the paths the members of a Service that is dialled are known
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_MEMBER", help_heading = "Live")]
    pub(super) member: Vec<String>,
    /// Name to ask the endpoints for, which their certificates must hold; the host when left out
    #[arg(long, value_name = "NAME", env = "FABCERT_SERVER_NAME", help_heading = "Live")]
    pub(super) server_name: Option<String>,
    /// Connections for each address, to meet each member behind a balancer; 1000 at most
    #[arg(
        long,
        value_name = "N",
        default_value = "4",
        value_parser = clap::value_parser!(u16).range(1..=1000),
        env = "FABCERT_SAMPLES",
        help_heading = "Live"
    )]
    pub(super) samples: u16,
    /// Time for each connection
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5s",
        value_parser = humantime::parse_duration,
        env = "FABCERT_DIAL_TIMEOUT",
        help_heading = "Live"
    )]
    pub(super) dial_timeout: std::time::Duration,
    /// PEM files with the anchors that clients have
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_TLS_CA", help_heading = "Live")]
    pub(super) tls_ca: Vec<PathBuf>,
    /// Client certificate for mutual TLS (PEM)
    #[arg(long, value_name = "PATH", env = "FABCERT_CLIENT_CERT", requires = "client_key", help_heading = "Live")]
    pub(super) client_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "PATH", env = "FABCERT_CLIENT_KEY", requires = "client_cert", help_heading = "Live")]
    pub(super) client_key: Option<PathBuf>,
}

/// The policy and the baseline.
#[derive(Args, Debug)]
pub(super) struct PolicyArgs {
    /// Policy file; fabcert.yaml here or in a folder above, up to the repository's root, when left out
    #[arg(long, value_name = "FILE", env = "FABCERT_POLICY", help_heading = "Policy")]
    pub(super) policy: Option<PathBuf>,
    /// Look for no policy file
    #[arg(long, conflicts_with = "policy", env = "FABCERT_NO_POLICY", help_heading = "Policy")]
    pub(super) no_policy: bool,
    /// Write a first fabcert.yaml, or --policy FILE, from what is found, below the working directory when no PATH is given;
    /// report nothing
    #[arg(long, env = "FABCERT_INIT", help_heading = "Policy")]
    pub(super) init: bool,
    /// Hide the findings that this file knows
    #[arg(long, value_name = "FILE", env = "FABCERT_BASELINE", help_heading = "Policy")]
    pub(super) baseline: Option<PathBuf>,
    /// Write the findings to this file, to be known from now on
    #[arg(long, value_name = "FILE", env = "FABCERT_WRITE_BASELINE", help_heading = "Policy")]
    pub(super) write_baseline: Option<PathBuf>,
}

/// What the subjects ought to hold.
#[derive(Args, Debug)]
pub(super) struct ExpectArgs {
    /// Name that every TLS certificate must hold
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_EXPECT_SAN", help_heading = "Expectations")]
    pub(super) expect_san: Vec<String>,
    /// Kubernetes Service in front of the peers: its name must be in every TLS certificate
    #[arg(
        long,
        value_name = "SVC",
        value_delimiter = ',',
        env = "FABCERT_GATEWAY_SERVICE",
        help_heading = "Expectations"
    )]
    pub(super) gateway_service: Vec<String>,
    /// The node's own host name
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "FABCERT_HOSTNAME", help_heading = "Expectations")]
    pub(super) hostname: Vec<String>,
    /// Kubernetes namespace: the longer forms of each Service's name are advised then
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE", help_heading = "Expectations")]
    pub(super) namespace: Option<String>,
    /// The cluster's DNS domain
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        env = "FABCERT_CLUSTER_DOMAIN",
        help_heading = "Expectations"
    )]
    pub(super) cluster_domain: String,
    /// The NodeOU that every identity must have
    #[arg(long, value_enum, env = "FABCERT_ROLE", help_heading = "Expectations")]
    pub(super) role: Option<RoleArg>,
}

/// How to judge.
#[derive(Args, Debug)]
pub(super) struct JudgeArgs {
    /// Channel rules: 3.0 (capability V3_0) or 1.4.3 (V2_0, V1_4_3)
    #[arg(long, value_enum, default_value_t, env = "FABCERT_FABRIC_VERSION", help_heading = "Judgement")]
    pub(super) fabric_version: FabricVersionArg,
    /// Time of judgement, RFC 3339; now when left out
    #[arg(long, value_name = "TIME", value_parser = parse_time, env = "FABCERT_AT", help_heading = "Judgement")]
    pub(super) at: Option<Timestamp>,
}

/// What is said, and when the exit code is 1.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Form of the report, and a file for it when not standard output; may be given several times
    #[arg(long, value_name = "FORMAT[=FILE]", env = "FABCERT_FORMAT", value_delimiter = ',', help_heading = "Report")]
    pub(super) format: Vec<String>,
    /// Exit code 1 from this severity on
    #[arg(long, value_enum, default_value_t, env = "FABCERT_FAIL_ON", help_heading = "Report")]
    pub(super) fail_on: FailOnArg,
    /// Do not report this rule
    #[arg(
        short = 'A',
        long = "allow",
        value_name = "RULE",
        value_delimiter = ',',
        env = "FABCERT_ALLOW",
        help_heading = "Report"
    )]
    pub(super) allow: Vec<String>,
    /// Report this rule as a warning
    #[arg(
        short = 'W',
        long = "warn",
        value_name = "RULE",
        value_delimiter = ',',
        env = "FABCERT_WARN",
        help_heading = "Report"
    )]
    pub(super) warn: Vec<String>,
    /// Report this rule as an error
    #[arg(
        short = 'D',
        long = "deny",
        value_name = "RULE",
        value_delimiter = ',',
        env = "FABCERT_DENY",
        help_heading = "Report"
    )]
    pub(super) deny: Vec<String>,
}

/// Channel rules on the command line.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FabricVersionArg {
    /// Capability V3_0.
    #[default]
    #[value(name = "3.0")]
    V3_0,
    /// Capability V2_0 or V1_4_3.
    #[value(name = "1.4.3")]
    V1_4_3,
}

impl From<FabricVersionArg> for ChannelRules {
    fn from(version: FabricVersionArg) -> Self {
        match version {
            FabricVersionArg::V3_0 => Self::V3_0,
            FabricVersionArg::V1_4_3 => Self::V1_4_3,
        }
    }
}

/// From which severity on the answer is no.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FailOnArg {
    /// Errors.
    #[default]
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Note,
    /// Never.
    Never,
}

impl FailOnArg {
    pub(super) fn is_reached(self, worst: Option<Severity>) -> bool {
        let limit = match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
            Self::Never => return false,
        };
        worst.is_some_and(|w| w >= limit)
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "a time such as 2026-11-23T05:00:00Z is expected".to_owned())
}
