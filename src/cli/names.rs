//! `fabcert names`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::args::{ManifestArgs, OutputArgs, OutputForm};
use super::next::{Next, words};
use super::{manifests, output};
use crate::disk::Disk;
use crate::manifests::{Need, Needed, Settings};
use crate::names::NodeNames;
use crate::pki::name::SanName;
use crate::text::escape::Lines;
use crate::text::yaml::scalar;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  List each node with its names, and why it needs them:
    fabcert names k8s/ --set DOMAIN=example.com

  Read a Helm chart, or a cluster:
    helm template CHART | fabcert names -
    kubectl get -o json deploy,sts,svc,ing,cm,certificate | fabcert names -

  Print the names for fabric-ca-client, or for a cert-manager Certificate:
    fabcert names k8s/ --workload org1-peer1 --csr-hosts
    fabcert names k8s/ --workload org1-peer1 --dns-names

A name is required if something in the manifests dials it or routes to it, and
advised if it leads to the node but nothing in the manifests uses it.";

/// List the names that each node in Kubernetes manifests needs in its TLS certificate, with the reasons.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct NamesArgs {
    /// Files, folders or quoted glob patterns; - is standard input
    #[arg(value_name = "MANIFEST", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Print this node only
    #[arg(long, value_name = "NAME", env = "FABCERT_WORKLOAD")]
    workload: Option<String>,
    /// Namespace of objects that have none in the manifests
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE")]
    namespace: Option<String>,
    /// DNS domain of the cluster
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", env = "FABCERT_CLUSTER_DOMAIN")]
    cluster_domain: String,
    /// Print required names only
    #[arg(long, env = "FABCERT_REQUIRED_ONLY")]
    required_only: bool,
    /// Print the names of one node on one line, for --csr.hosts
    #[arg(long, conflicts_with = "dns_names", env = "FABCERT_CSR_HOSTS")]
    csr_hosts: bool,
    /// Print dnsNames and ipAddresses, for a cert-manager Certificate
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

pub(super) fn run(args: &NamesArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let form = output.output;
    let settings = Settings { namespace: args.namespace.clone(), cluster_domain: args.cluster_domain.clone() };
    let read = manifests::read(&Disk::real(), &args.paths, &args.manifests, settings)?;
    let nodes = read.nodes(args.workload.as_deref())?;
    if args.csr_hosts && nodes.len() > 1 {
        return Err(Error::new(
            ErrorKind::Usage,
            "--csr-hosts prints the names of one node, but the manifests define several",
        )
        .with_help(format!("choose one with --workload: {}", read.list(&nodes))));
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
        output::print_line(format_args!("{}", names.join(",")))?;
    } else if args.dns_names {
        output::print(&cert_manager(&workloads))?;
    } else {
        output::print(&table(&workloads))?;
        next(args).print(output);
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

/// The audit of the same manifests: whether the certificates hold the names. Standard input is gone by then.
fn next(args: &NamesArgs) -> Next {
    let mut next = Next::default();
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return next;
    }
    let mut line = words(&["fabcert", "audit"]);
    line.extend(args.paths.iter().map(|path| path.display().to_string()));
    line.extend(args.manifests.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
    next.step("compare the names with the certificates in the manifests", &line);
    next
}

/// A block for each node: its names, whether they are required, and the first reason.
fn table(workloads: &[Workload]) -> Lines {
    let mut out = Lines::new();
    for (index, of) in workloads.iter().enumerate() {
        if index > 0 {
            out.gap();
        }
        let namespace = of.namespace.as_deref().unwrap_or("unknown");
        out.line(format_args!(
            "{} {} ({}, namespace {namespace}) at {}:{}",
            of.kind, of.workload, of.role, of.path, of.line
        ));
        let width = of.names.iter().map(|n| n.name.len()).max().unwrap_or(0);
        for name in &of.names {
            let reason =
                name.reasons.first().map(|r| format!("{} ({}:{})", r.reason, r.path, r.line)).unwrap_or_default();
            let hang = "  required  ".len() + width + 2;
            out.hanging(hang, format_args!("  {:<8}  {:<width$}  {reason}", name.need, name.name));
        }
    }
    out
}

/// The lists for the `spec` of a cert-manager Certificate, to paste: every value is one string of YAML.
fn cert_manager(workloads: &[Workload]) -> Lines {
    let is_ip = |n: &&Name| matches!(n.name.parse(), Ok(SanName::Ip(_)));
    let mut out = Lines::new();
    for of in workloads {
        let (ips, hosts): (Vec<&Name>, Vec<&Name>) = of.names.iter().partition(is_ip);
        out.line(format_args!("# {} {}", of.kind, of.workload));
        for (key, names) in [("dnsNames", hosts), ("ipAddresses", ips)] {
            if names.is_empty() {
                continue;
            }
            out.line(format_args!("{key}:"));
            for name in names {
                out.line(format_args!("  - {}", scalar(&name.name)));
            }
        }
    }
    out
}
