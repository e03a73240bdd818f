//! The arguments of `fabcert audit`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::Timestamp;
use crate::audit::Severity;
use crate::cli::args::{ManifestArgs, RoleArg, parse_duration};
use crate::msp::ChannelRules;

const EXAMPLES: &str = "\
Examples:
  Audit a tree of MSP and TLS folders for the name that clients dial:
    fabcert audit organizations/ --gateway-service org1-peer-gateway-svc

  Write a report for code scanning in CI, besides the text:
    fabcert audit . --format human --format sarif=fabcert.sarif

  Audit manifests: compare every name that leads to a peer with every
  certificate; then add the missing names:
    fabcert audit k8s/ --set DOMAIN=example.com
    fabcert audit k8s/ --set DOMAIN=example.com --fix

  Audit what each member behind a Service serves for the name that clients dial:
    fabcert audit --connect org1-peer-gateway-svc:7051 --tls-ca ca.crt \\
        --samples 20

  Probe each member by its own address, with the gateway's name:
    fabcert audit -q --server-name org1-peer-gateway-svc \\
        --member org1-peer1:7051,org1-peer2:7051

  Show whether a peer and a channel accept an MSP folder:
    fabcert audit --output json /var/hyperledger/peer/msp";

/// Audit certificates, MSP and TLS folders, manifests and live endpoints: what fails now, and what will fail.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct AuditArgs {
    /// Files, folders or quoted glob patterns (*, ?, **); - is standard input
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Skip paths that match this glob pattern, relative to the folder of the policy file, or to the working directory
    #[arg(long, value_name = "GLOB", value_delimiter = ',', env = "FABCERT_EXCLUDE", help_heading = "Input")]
    pub(super) exclude: Vec<String>,
    /// Number of threads [default: one for each core]
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

/// The certificates of nodes in manifests.
#[derive(Args, Debug)]
pub(super) struct MemberArgs {
    /// TLS folder or certificate of a workload in the manifests. Repeatable
    #[arg(
        long,
        value_name = "WORKLOAD=PATH",
        value_delimiter = ',',
        env = "FABCERT_TLS_OF",
        help_heading = "Manifests"
    )]
    pub(super) tls_of: Vec<String>,
    /// Add missing names to the dnsNames of cert-manager Certificates in the files, and audit again
    #[arg(long, env = "FABCERT_FIX", help_heading = "Manifests")]
    pub(super) fix: bool,
}

/// Live endpoints.
#[derive(Args, Debug)]
pub(super) struct ConnectArgs {
    /// TLS endpoint, HOST:PORT. Dials every address of the host, and audits the certificates served. Repeatable
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_CONNECT", help_heading = "Live")]
    pub(super) connect: Vec<String>,
    /// Member of a gateway, HOST:PORT, which is asked for the gateway's name: that of --server-name, or the host of
    /// --connect. Repeatable. For a Service in the manifests, fabcert finds the members itself
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_MEMBER", help_heading = "Live")]
    pub(super) member: Vec<String>,
    /// Name to ask the endpoints for; their certificates must hold it [default: the host]
    #[arg(long, value_name = "NAME", env = "FABCERT_SERVER_NAME", help_heading = "Live")]
    pub(super) server_name: Option<String>,
    /// Connections to each address, to reach each member behind a load balancer; at most 1000
    #[arg(
        long,
        value_name = "N",
        default_value = "4",
        value_parser = clap::value_parser!(u16).range(1..=1000),
        env = "FABCERT_SAMPLES",
        help_heading = "Live"
    )]
    pub(super) samples: u16,
    /// Time limit for all dialling together: name resolution, connections and handshakes
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "5s",
        value_parser = parse_duration,
        env = "FABCERT_DIAL_TIMEOUT",
        help_heading = "Live"
    )]
    pub(super) dial_timeout: std::time::Duration,
    /// PEM files with the certificates that clients trust
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_TLS_CA", help_heading = "Live")]
    pub(super) tls_ca: Vec<PathBuf>,
    /// Client certificate for mutual TLS (PEM)
    #[arg(long, value_name = "PATH", env = "FABCERT_CLIENT_CERT", requires = "client_key", help_heading = "Live")]
    pub(super) client_cert: Option<PathBuf>,
    /// Key of the client certificate (PEM)
    #[arg(long, value_name = "PATH", env = "FABCERT_CLIENT_KEY", requires = "client_cert", help_heading = "Live")]
    pub(super) client_key: Option<PathBuf>,
}

/// The policy and the baseline.
#[derive(Args, Debug)]
pub(super) struct PolicyArgs {
    /// Policy file [default: fabcert.yaml in the working directory or above it, up to the root of the repository]
    #[arg(long, value_name = "FILE", env = "FABCERT_POLICY", help_heading = "Policy")]
    pub(super) policy: Option<PathBuf>,
    /// Do not read a policy file
    #[arg(long, conflicts_with = "policy", env = "FABCERT_NO_POLICY", help_heading = "Policy")]
    pub(super) no_policy: bool,
    /// Write a first policy file from the names in the certificates, in place of a report. The default PATH is the working
    /// directory
    #[arg(long, env = "FABCERT_INIT", help_heading = "Policy")]
    pub(super) init: bool,
    /// Hide the findings in this file
    #[arg(long, value_name = "FILE", env = "FABCERT_BASELINE", help_heading = "Policy")]
    pub(super) baseline: Option<PathBuf>,
    /// Write the findings to this file, for --baseline
    #[arg(long, value_name = "FILE", env = "FABCERT_WRITE_BASELINE", help_heading = "Policy")]
    pub(super) write_baseline: Option<PathBuf>,
}

/// What the certificates must hold.
#[derive(Args, Debug)]
pub(super) struct ExpectArgs {
    /// Name that every TLS certificate must hold
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_EXPECT_SAN", help_heading = "Expectations")]
    pub(super) expect_san: Vec<String>,
    /// Kubernetes Service in front of the peers, whose name every TLS certificate must hold
    #[arg(
        long,
        value_name = "SVC",
        value_delimiter = ',',
        env = "FABCERT_GATEWAY_SERVICE",
        help_heading = "Expectations"
    )]
    pub(super) gateway_service: Vec<String>,
    /// Host name of the node, which every TLS certificate must hold
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "FABCERT_HOSTNAME", help_heading = "Expectations")]
    pub(super) hostname: Vec<String>,
    /// Kubernetes namespace. Advises the longer names of each Service as well
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE", help_heading = "Expectations")]
    pub(super) namespace: Option<String>,
    /// DNS domain of the cluster
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        env = "FABCERT_CLUSTER_DOMAIN",
        help_heading = "Expectations"
    )]
    pub(super) cluster_domain: String,
    /// NodeOU that every identity must have
    #[arg(long, value_enum, env = "FABCERT_ROLE", help_heading = "Expectations")]
    pub(super) role: Option<RoleArg>,
}

/// How to judge.
#[derive(Args, Debug)]
pub(super) struct JudgeArgs {
    /// Channel capability whose rules apply
    #[arg(long, value_enum, default_value_t, env = "FABCERT_FABRIC_VERSION", help_heading = "Judgement")]
    pub(super) fabric_version: FabricVersionArg,
    /// Time at which the certificates are judged, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time, env = "FABCERT_AT", help_heading = "Judgement")]
    pub(super) at: Option<Timestamp>,
}

/// The report, and when the exit code is 1.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Format of the report, and the file for it [default: human, to standard output]. Repeatable
    #[arg(long, value_name = "FORMAT[=FILE]", env = "FABCERT_FORMAT", value_delimiter = ',', help_heading = "Report")]
    pub(super) format: Vec<String>,
    /// Exit with 1 if there is a finding of this severity or above
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
    /// Capability V3_0
    #[default]
    #[value(name = "3.0")]
    V3_0,
    /// Capability V2_0 or V1_4_3
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

/// The severity from which the exit code is 1.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FailOnArg {
    /// Errors
    #[default]
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// Never
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
    Timestamp::parse_rfc3339(text).ok_or_else(|| "expected a time such as 2026-11-23T05:00:00Z".to_owned())
}
