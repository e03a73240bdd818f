//! `fabcert render`.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Deserialize as _;

use super::args::OutputForm;
use super::output;
use crate::disk::Disk;
use crate::pki::name::HostName;
use crate::render::{Label, Organisation, ProxyMode, Rendered, Storage, WorkloadKind, kind_cluster, render};
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Two peers behind org1-peer-gateway-svc, each enrolled by an init container before it starts:
    fabcert render --org org1 --namespace fabric --ca-url https://org1-ca --fabcert-image registry.example/fabcert \\
        | kubectl apply -f -

  Into files, with a name outside and a KIND cluster to try it on:
    fabcert render --org org1 --namespace fabric --ca-url https://org1-ca --fabcert-image registry.example/fabcert \\
        --external-host gateway.org1.example.com --kind-proxy-mode nftables --out k8s/

What it renders for two peers or more has no error and no warning in `fabcert audit`. The enrolment secret is referred to
and never rendered.";

/// Render manifests for an organisation's peers.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct RenderArgs {
    /// The organisation: its label on every object, and the beginning of names
    #[arg(long, value_name = "NAME", env = "FABCERT_ORG")]
    org: String,
    /// Namespace
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE")]
    namespace: String,
    /// How many peers, named ORG-peer1 and so on
    #[arg(long, value_name = "N", default_value = "2", env = "FABCERT_PEERS", conflicts_with = "peer")]
    peers: std::num::NonZeroU8,
    /// Names of the peers instead
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_PEER")]
    peer: Vec<String>,
    /// The Service in front of them; ORG-peer-gateway-svc when left out
    #[arg(long, value_name = "SVC", env = "FABCERT_GATEWAY_SERVICE")]
    gateway_service: Option<String>,
    /// The MSP id; Org1MSP for org1 when left out
    #[arg(long, value_name = "ID", env = "FABCERT_MSP_ID")]
    msp_id: Option<String>,
    /// The gateway's host name outside: adds an Ingress that lets TLS through, and the name to each certificate
    #[arg(long, value_name = "HOST", env = "FABCERT_EXTERNAL_HOST")]
    external_host: Option<String>,
    /// The class of that Ingress
    #[arg(long, value_name = "CLASS", default_value = "nginx", env = "FABCERT_INGRESS_CLASS")]
    ingress_class: String,
    /// The CA's URL, without id and secret
    #[arg(long, value_name = "URL", env = "FABCERT_CA_URL")]
    ca_url: String,
    /// ConfigMap with the anchors for the connection to the CA, key ca.pem; ORG-ca-anchors when left out
    #[arg(long, value_name = "NAME", env = "FABCERT_CA_ANCHORS")]
    ca_anchors: Option<String>,
    /// Image with fabcert
    #[arg(long, value_name = "IMAGE", env = "FABCERT_FABCERT_IMAGE")]
    fabcert_image: String,
    /// Image of the peer
    #[arg(long, value_name = "IMAGE", default_value = "hyperledger/fabric-peer:3.1", env = "FABCERT_PEER_IMAGE")]
    peer_image: String,
    /// What runs a peer
    #[arg(long, value_enum, default_value_t, env = "FABCERT_WORKLOAD")]
    workload: WorkloadArg,
    /// Where identity and ledger live
    #[arg(long, value_enum, default_value_t, env = "FABCERT_STORAGE")]
    storage: StorageArg,
    /// Size of each peer's claim
    #[arg(long, value_name = "SIZE", default_value = "10Gi", env = "FABCERT_STORAGE_SIZE")]
    storage_size: String,
    /// Storage class of the claims; the cluster's default when left out
    #[arg(long, value_name = "CLASS", env = "FABCERT_STORAGE_CLASS")]
    storage_class: Option<String>,
    /// Leave the NetworkPolicy out
    #[arg(long, env = "FABCERT_NO_NETWORK_POLICY")]
    no_network_policy: bool,
    /// Write the configuration of a KIND cluster with this kube-proxy mode, too: kind/cluster.yaml below --out
    #[arg(long, value_enum, value_name = "MODE", env = "FABCERT_KIND_PROXY_MODE", requires = "out")]
    kind_proxy_mode: Option<ProxyModeArg>,
    /// The cluster's DNS domain
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", env = "FABCERT_CLUSTER_DOMAIN")]
    cluster_domain: String,
    /// Folder for the files; standard output when left out
    #[arg(long, value_name = "DIR", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Overwrite files that stand there
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum WorkloadArg {
    /// Deployments, replaced whole.
    #[default]
    Deployment,
    /// StatefulSets of one pod.
    Statefulset,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum StorageArg {
    /// A persistent volume claim for each peer.
    #[default]
    Pvc,
    /// Nothing outlives the pod: for trials.
    EmptyDir,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ProxyModeArg {
    Iptables,
    Ipvs,
    Nftables,
}

pub(super) fn run(args: &RenderArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let organisation = organisation(args)?;
    let mut files = render(&organisation);
    files.extend(args.kind_proxy_mode.map(|mode| {
        kind_cluster(match mode {
            ProxyModeArg::Iptables => ProxyMode::Iptables,
            ProxyModeArg::Ipvs => ProxyMode::Ipvs,
            ProxyModeArg::Nftables => ProxyMode::Nftables,
        })
    }));
    match (&args.out, form) {
        (Some(dir), form) => write(dir, &files, args.force, form)?,
        (None, OutputForm::Json) => output::print_json(&list(&files)?)?,
        (None, OutputForm::Human) => {
            let texts: Vec<&str> = files.iter().map(|f| f.text.as_str()).collect();
            output::print(&texts.join("---\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The organisation behind the arguments.
fn organisation(args: &RenderArgs) -> Result<Organisation, Error> {
    let label = |flag: &str, text: &str| {
        let unusable = |e: crate::render::NoLabel| Error::new(ErrorKind::Input, format!("{flag}: {e}"));
        text.parse::<Label>().map_err(unusable)
    };
    let host = |flag: &str, text: &str| {
        let host: HostName = text.parse().map_err(|e| Error::new(ErrorKind::Input, format!("{flag}: {e}")))?;
        if host.is_wildcard() {
            return Err(Error::new(ErrorKind::Input, format!("{flag}: one host is expected, and no wildcard")));
        }
        Ok(host)
    };
    let word = |flag: &str, text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
        if text.is_empty() || !text.chars().all(plain) {
            return Err(Error::new(ErrorKind::Input, format!("{flag}: \"{}\" cannot be used", text.escape_default())));
        }
        Ok(text.to_owned())
    };
    let (url, id, secret) = crate::ca::CaUrl::parse(&args.ca_url)?;
    if id.is_some() || secret.is_some() {
        return Err(Error::new(
            ErrorKind::Input,
            "--ca-url holds an id or a secret, which would stand in the manifests",
        )
        .with_help("leave them out: the id is the peer's name, and the secret comes from a Secret"));
    }
    if url.is_plaintext() {
        return Err(Error::new(
            ErrorKind::Input,
            "--ca-url is no https:// URL: the secret would cross the network in clear",
        )
        .with_help("write it as https://HOST[:PORT][/PATH]"));
    }
    let peers: Vec<Label> = if args.peer.is_empty() {
        let name = |n| label("--org", &format!("{}-peer{n}", args.org));
        (1..=args.peers.get()).map(name).collect::<Result<_, _>>()?
    } else {
        args.peer.iter().map(|peer| label("--peer", peer)).collect::<Result<_, _>>()?
    };
    let gateway = args.gateway_service.clone().unwrap_or_else(|| format!("{}-peer-gateway-svc", args.org));
    let gateway = label("--gateway-service", &gateway)?;
    let mut names: Vec<&Label> = peers.iter().chain([&gateway]).collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::new(ErrorKind::Input, "two Services would bear one name")
            .with_help("give each peer and the gateway a name of its own"));
    }
    let default_id = || {
        let mut chars = args.org.chars();
        chars.next().map_or_else(String::new, |first| format!("{}{}MSP", first.to_ascii_uppercase(), chars.as_str()))
    };
    let anchors = args.ca_anchors.clone().unwrap_or_else(|| format!("{}-ca-anchors", args.org));
    Ok(Organisation {
        name: label("--org", &args.org)?,
        msp_id: word("--msp-id", &args.msp_id.clone().unwrap_or_else(default_id))?,
        namespace: label("--namespace", &args.namespace)?,
        cluster_domain: host("--cluster-domain", &args.cluster_domain)?,
        peers,
        gateway,
        external_host: args.external_host.as_deref().map(|text| host("--external-host", text)).transpose()?,
        ingress_class: label("--ingress-class", &args.ingress_class)?,
        workload: match args.workload {
            WorkloadArg::Deployment => WorkloadKind::Deployment,
            WorkloadArg::Statefulset => WorkloadKind::StatefulSet,
        },
        storage: match args.storage {
            StorageArg::EmptyDir => Storage::EmptyDir,
            StorageArg::Pvc => Storage::Claim {
                size: quantity(&args.storage_size)?,
                class: args.storage_class.as_deref().map(|text| label("--storage-class", text)).transpose()?,
            },
        },
        peer_image: word("--peer-image", &args.peer_image)?,
        fabcert_image: word("--fabcert-image", &args.fabcert_image)?,
        ca_url: url.to_string(),
        ca_anchors: label("--ca-anchors", &anchors)?,
        network_policy: !args.no_network_policy,
    })
}

/// `10Gi`, `500M`: a number and one of Kubernetes' suffixes.
fn quantity(text: &str) -> Result<String, Error> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffixes = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if digits.parse::<u64>().is_ok_and(|n| n > 0) && suffixes.contains(&&text[digits.len()..]) {
        return Ok(text.to_owned());
    }
    Err(Error::new(ErrorKind::Input, format!("--storage-size: \"{}\" is no size", text.escape_default()))
        .with_help("for example 10Gi"))
}

/// Writes the files, all or none of them where one stands there already.
fn write(dir: &std::path::Path, files: &[Rendered], force: bool, form: OutputForm) -> Result<(), Error> {
    let disk = Disk::real();
    let paths: Vec<PathBuf> = files.iter().map(|f| dir.join(&f.file)).collect();
    if !force {
        for path in &paths {
            if disk.metadata(path)?.is_some() {
                return Err(Error::new(ErrorKind::Input, format!("{} stands there already", path.display()))
                    .with_help("move it away, or overwrite it with --force"));
            }
        }
    }
    for folder in paths.iter().filter_map(|path| path.parent()) {
        disk.create_dirs(folder)?;
    }
    for (file, path) in files.iter().zip(&paths) {
        disk.replace(path, file.text.as_bytes(), 0o644)?;
    }
    if form == OutputForm::Json {
        return output::print_json(&serde_json::json!({"schema_version": 1, "action": "rendered", "files": paths}));
    }
    let lines: String = paths.iter().map(|path| path.display().to_string() + "\n").collect();
    output::print(&lines)
}

/// The documents as one List, which kubectl takes as well.
fn list(files: &[Rendered]) -> Result<serde_json::Value, Error> {
    let mut items = Vec::new();
    for file in files {
        for document in yaml_serde::Deserializer::from_str(&file.text) {
            let item = serde_json::Value::deserialize(document)
                .map_err(|e| Error::new(ErrorKind::Bug, "what was rendered is no YAML").with_source(e))?;
            items.push(item);
        }
    }
    Ok(serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}))
}
