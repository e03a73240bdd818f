//! `fabcert names`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::OutputForm;
use super::manifests::{self, ManifestArgs};
use super::output;
use crate::disk::Disk;
use crate::manifests::{Need, Needed, Settings};
use crate::names::NodeNames;
use crate::pki::name::SanName;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Every node with its names, and why each is needed:
    fabcert names k8s/ --set DOMAIN=example.com

  From a chart, or from a cluster:
    helm template CHART | fabcert names -
    kubectl get -o json deploy,sts,svc,ing,cm,certificate | fabcert names -

  For a line of fabric-ca-client, and for a Certificate of cert-manager:
    fabcert names k8s/ --workload org1-peer1 --csr-hosts
    fabcert names k8s/ --workload org1-peer1 --dns-names

A name is required when something in the manifests dials it or leads to it, and advised when nobody was seen to.";

/// Say which names each node needs.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct NamesArgs {
    /// Files, folders, or quoted patterns of them; `-` is standard input
    #[arg(value_name = "MANIFEST", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Only this node
    #[arg(long, value_name = "NAME", env = "FABCERT_WORKLOAD")]
    workload: Option<String>,
    /// The namespace of objects that name none
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE")]
    namespace: Option<String>,
    /// The cluster's DNS domain
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", env = "FABCERT_CLUSTER_DOMAIN")]
    cluster_domain: String,
    /// Leave the advised names out
    #[arg(long, env = "FABCERT_REQUIRED_ONLY")]
    required_only: bool,
    /// Print one line for --csr.hosts; one node must be meant
    #[arg(long, conflicts_with = "dns_names", env = "FABCERT_CSR_HOSTS")]
    csr_hosts: bool,
    /// Print dnsNames and ipAddresses for a Certificate of cert-manager
    #[arg(long, env = "FABCERT_DNS_NAMES")]
    dns_names: bool,
}

#[derive(Serialize)]
struct Names<'a> {
    schema_version: u32,
    workloads: Vec<Workload>,
    ignored: usize,
    left_out: Vec<LeftOut<'a>>,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    path: &'a PathBuf,
    line: usize,
    reason: &'a str,
}

#[allow(clippy::struct_field_names, reason = "the names of the JSON")]
#[derive(Serialize)]
struct Workload {
    workload: String,
    kind: String,
    namespace: Option<String>,
    role: &'static str,
    path: String,
    line: usize,
    names: Vec<Name>,
}

#[allow(clippy::struct_field_names, reason = "the names of the JSON")]
#[derive(Serialize)]
struct Name {
    name: String,
    need: &'static str,
    reasons: Vec<Reason>,
}

#[allow(clippy::struct_field_names, reason = "the names of the JSON")]
#[derive(Serialize)]
struct Reason {
    reason: String,
    path: String,
    line: usize,
}

pub(super) fn run(args: &NamesArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let settings = Settings { namespace: args.namespace.clone(), cluster_domain: args.cluster_domain.clone() };
    let read = manifests::read(&Disk::real(), &args.paths, &args.manifests, settings)?;
    let nodes = read.nodes(args.workload.as_deref())?;
    if args.csr_hosts && nodes.len() > 1 {
        return Err(Error::new(ErrorKind::Usage, "--csr-hosts is one line for one node, and there are several")
            .with_help(format!("name one with --workload: {}", read.list(&nodes))));
    }
    let workloads: Vec<Workload> = nodes.iter().map(|w| Workload::of(read.node(*w), args.required_only)).collect();
    if form == OutputForm::Json {
        let left_out = read.left_out.iter();
        output::print_json(&Names {
            schema_version: 1,
            workloads,
            ignored: read.ignored,
            left_out: left_out.map(|(path, why)| LeftOut { path, line: why.line, reason: &why.reason }).collect(),
        })?;
    } else if args.csr_hosts {
        let names: Vec<&str> = workloads.iter().flat_map(|w| &w.names).map(|n| n.name.as_str()).collect();
        output::print(&format!("{}\n", names.join(",")))?;
    } else if args.dns_names {
        output::print(&workloads.iter().map(cert_manager).collect::<String>())?;
    } else {
        output::print(&table(&workloads))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Workload {
    fn of(node: NodeNames, required_only: bool) -> Self {
        let names = node.names.iter().filter(|n| n.need == Need::Required || !required_only);
        Self {
            names: names.map(Name::of).collect(),
            workload: node.workload,
            kind: node.kind,
            namespace: node.namespace,
            role: node.role,
            path: node.path.display().to_string(),
            line: node.line,
        }
    }
}

impl Name {
    fn of(needed: &Needed) -> Self {
        let reason = |r: &crate::manifests::Reason| Reason {
            reason: r.words.clone(),
            path: r.at.path.display().to_string(),
            line: r.at.line,
        };
        Self {
            name: needed.name.to_string(),
            need: match needed.need {
                Need::Required => "required",
                Need::Advised => "advised",
            },
            reasons: needed.reasons.iter().map(reason).collect(),
        }
    }
}

/// A block for each node: its names, what they are needed for, and the first reason.
fn table(workloads: &[Workload]) -> String {
    let mut out = String::new();
    for (index, of) in workloads.iter().enumerate() {
        let gap = if index > 0 { "\n" } else { "" };
        let namespace = of.namespace.as_deref().unwrap_or("unknown");
        let head =
            format!("{} {} ({}, namespace {namespace}) at {}:{}", of.kind, of.workload, of.role, of.path, of.line);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{gap}{head}");
        let width = of.names.iter().map(|n| n.name.len()).max().unwrap_or(0);
        for name in &of.names {
            let reason =
                name.reasons.first().map(|r| format!("{} ({}:{})", r.reason, r.path, r.line)).unwrap_or_default();
            let _ = writeln!(out, "  {:<8}  {:<width$}  {reason}", name.need, name.name);
        }
    }
    out
}

/// The lists of a Certificate's `spec`, to be pasted.
fn cert_manager(of: &Workload) -> String {
    let is_ip = |n: &&Name| matches!(n.name.parse(), Ok(SanName::Ip(_)));
    let (ips, hosts): (Vec<&Name>, Vec<&Name>) = of.names.iter().partition(is_ip);
    let mut out = format!("# {} {}\n", of.kind, of.workload);
    for (key, names) in [("dnsNames", hosts), ("ipAddresses", ips)] {
        if !names.is_empty() {
            let quoted = |n: &&Name| if n.name.starts_with('*') { format!("\"{}\"", n.name) } else { n.name.clone() };
            let lines: Vec<String> = names.iter().map(|n| format!("  - {}\n", quoted(n))).collect();
            let _ = write!(out, "{key}:\n{}", lines.concat());
        }
    }
    out
}
