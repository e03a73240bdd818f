//! `fabcert render`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Deserialize as _;

use super::args::{OutputArgs, OutputForm};
use super::next::{Next, words};
use super::output;
use crate::disk::{Disk, WorkingTree};
use crate::pki::name::HostName;
use crate::render::{Label, Organisation, ProxyMode, Rendered, Storage, WorkloadKind, kind_cluster, render};
use crate::text::escape::Lines;
use crate::{Error, ErrorKind};

const EXAMPLES: &str = "\
Examples:
  Apply two peers behind a gateway, each enrolled by an init container:
    fabcert render --org org1 --namespace fabric --ca-url https://org1-ca \\
        --fabcert-image registry.example/fabcert | kubectl apply -f -

  Apply peers whose certificates never run out, with an agent beside each:
    fabcert render --org org1 --namespace fabric --ca-url https://org1-ca \\
        --fabcert-image registry.example/fabcert --sidecar | kubectl apply -f -

  Write files, with an external host name and a KIND cluster for trials:
    fabcert render --org org1 --namespace fabric --ca-url https://org1-ca \\
        --fabcert-image registry.example/fabcert --out k8s/ \\
        --external-host gateway.org1.example.com --kind-proxy-mode nftables

`fabcert audit` reports no error and no warning for two or more rendered peers.
The manifests refer to the Secret with the enrolment secret; they do not contain
it.";

/// Render Kubernetes manifests for peers that enrol before they start, behind a gateway Service.
#[derive(Args, Debug)]
#[command(
    after_help = EXAMPLES,
    override_usage = "fabcert render [OPTIONS] --org <NAME> --namespace <NS> --ca-url <URL>\n                      --fabcert-image <IMAGE>"
)]
pub(super) struct RenderArgs {
    /// Name of the organisation: the label of every object, and the first part of names
    #[arg(long, value_name = "NAME", env = "FABCERT_ORG")]
    org: String,
    /// Namespace of the objects
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE")]
    namespace: String,
    /// Number of peers, with the names ORG-peer1 and so on
    #[arg(long, value_name = "N", default_value = "2", env = "FABCERT_PEERS", conflicts_with = "peer")]
    peers: std::num::NonZeroU8,
    /// Names of the peers, in place of --peers
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_PEER")]
    peer: Vec<String>,
    /// Service in front of the peers [default: ORG-peer-gateway-svc]
    #[arg(long, value_name = "SVC", env = "FABCERT_GATEWAY_SERVICE")]
    gateway_service: Option<String>,
    /// MSP id [default: Org1MSP for org1]
    #[arg(long, value_name = "ID", env = "FABCERT_MSP_ID")]
    msp_id: Option<String>,
    /// External host name of the gateway. Adds an Ingress with TLS passthrough, and the name to each certificate
    #[arg(long, value_name = "HOST", env = "FABCERT_EXTERNAL_HOST")]
    external_host: Option<String>,
    /// Class of that Ingress
    #[arg(long, value_name = "CLASS", default_value = "nginx", env = "FABCERT_INGRESS_CLASS")]
    ingress_class: String,
    /// URL of the CA, without id and secret
    #[arg(long, value_name = "URL", env = "FABCERT_CA_URL")]
    ca_url: String,
    /// ConfigMap with the certificates to trust for the CA, key ca.pem [default: ORG-ca-anchors]
    #[arg(long, value_name = "NAME", env = "FABCERT_CA_ANCHORS")]
    ca_anchors: Option<String>,
    /// Image of fabcert
    #[arg(long, value_name = "IMAGE", env = "FABCERT_FABCERT_IMAGE")]
    fabcert_image: String,
    /// Image of the peer
    #[arg(long, value_name = "IMAGE", default_value = "hyperledger/fabric-peer:3.1", env = "FABCERT_PEER_IMAGE")]
    peer_image: String,
    /// Kind of workload that runs a peer
    #[arg(long, value_enum, default_value_t, env = "FABCERT_WORKLOAD")]
    workload: WorkloadArg,
    /// Storage of the identity and the ledger
    #[arg(long, value_enum, default_value_t, env = "FABCERT_STORAGE")]
    storage: StorageArg,
    /// Size of the volume claim of each peer
    #[arg(long, value_name = "SIZE", default_value = "10Gi", env = "FABCERT_STORAGE_SIZE")]
    storage_size: String,
    /// Storage class of the claims [default: that of the cluster]
    #[arg(long, value_name = "CLASS", env = "FABCERT_STORAGE_CLASS")]
    storage_class: Option<String>,
    /// Run the agent beside each peer: it enrols, renews, and restarts the peer for a new certificate. Otherwise an init container enrols once
    #[arg(long, env = "FABCERT_SIDECAR")]
    sidecar: bool,
    /// Do not render the NetworkPolicy
    #[arg(long, env = "FABCERT_NO_NETWORK_POLICY")]
    no_network_policy: bool,
    /// Also write kind/cluster.yaml, the configuration of a KIND cluster with this kube-proxy mode
    #[arg(long, value_enum, value_name = "MODE", env = "FABCERT_KIND_PROXY_MODE", requires = "out")]
    kind_proxy_mode: Option<ProxyModeArg>,
    /// DNS domain of the cluster
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", env = "FABCERT_CLUSTER_DOMAIN")]
    cluster_domain: String,
    /// Folder for the files [default: standard output]
    #[arg(long, value_name = "DIR", env = "FABCERT_OUT")]
    out: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long, env = "FABCERT_FORCE")]
    force: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum WorkloadArg {
    /// One Deployment for each peer, with strategy Recreate
    #[default]
    Deployment,
    /// One StatefulSet of one pod for each peer
    Statefulset,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum StorageArg {
    /// One persistent volume claim for each peer
    #[default]
    Pvc,
    /// Lost with the pod: for trials
    EmptyDir,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ProxyModeArg {
    Iptables,
    Ipvs,
    Nftables,
}

pub(super) fn run(args: &RenderArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let form = output.output;
    let organisation = organisation(args)?;
    if organisation.storage == Storage::EmptyDir {
        tracing::warn!(
            "with --storage empty-dir each new pod enrols again and gets a new key: register each identity with enough \
             enrolments (fabcert ca register ID --max-enrollments -1)"
        );
    }
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
            output::document(&texts.join("---\n"))?;
        }
    }
    next(&organisation, args).print(output);
    Ok(ExitCode::SUCCESS)
}

/// The objects that the manifests refer to and do not contain, and how to apply the files.
fn next(organisation: &Organisation, args: &RenderArgs) -> Next {
    let mut next = Next::default();
    let namespace = organisation.namespace.to_string();
    let kubectl = ["kubectl", "--namespace", &namespace];
    for peer in &organisation.peers {
        let name = format!("{peer}-enroll");
        let line = [&kubectl[..], &["create", "secret", "generic", &name, "--from-file=secret=SECRET-FILE"]].concat();
        next.step(&format!("create the Secret with the enrolment secret of {peer}"), &words(&line));
    }
    let anchors = organisation.ca_anchors.to_string();
    let line = [&kubectl[..], &["create", "configmap", &anchors, "--from-file=ca.pem=ca.pem"]].concat();
    next.step("create the ConfigMap with the certificates to trust for the CA", &words(&line));
    if let Some(dir) = &args.out {
        let dir = dir.display().to_string();
        next.step("apply the files", &words(&["kubectl", "apply", "-f", &dir]));
    }
    next
}

/// The organisation that the arguments describe.
fn organisation(args: &RenderArgs) -> Result<Organisation, Error> {
    let label = |flag: &str, text: &str| {
        let unusable = |e: crate::render::NoLabel| Error::new(ErrorKind::Input, format!("{flag}: {e}"));
        text.parse::<Label>().map_err(unusable)
    };
    let host = |flag: &str, text: &str| {
        let host: HostName = text.parse().map_err(|e| Error::new(ErrorKind::Input, format!("{flag}: {e}")))?;
        if host.is_wildcard() {
            return Err(Error::new(ErrorKind::Input, format!("{flag}: expected a host name without a wildcard")));
        }
        Ok(host)
    };
    let word = |flag: &str, text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
        if text.is_empty() || !text.chars().all(plain) {
            return Err(Error::new(
                ErrorKind::Input,
                format!("{flag}: \"{text}\" contains characters other than letters, digits and ._-/:@+"),
            ));
        }
        Ok(text.to_owned())
    };
    let (url, id, secret) = crate::ca::CaUrl::parse(&args.ca_url).map_err(|e| Error::from(e).about("--ca-url"))?;
    if id.is_some() || secret.is_some() {
        return Err(Error::new(
            ErrorKind::Input,
            "--ca-url contains an id or a secret, which would be in the manifests",
        )
        .with_help("omit both: the id is the name of the peer, and the secret comes from a Secret"));
    }
    if url.is_plaintext() {
        return Err(Error::new(
            ErrorKind::Usage,
            "--ca-url is not an https:// URL: the secret would cross the network unencrypted",
        )
        .with_help("expected https://HOST[:PORT][/PATH]"));
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
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::new(ErrorKind::Input, "two Services have the same name")
            .with_help("give each peer and the gateway different names"));
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
        sidecar: args.sidecar,
    })
}

/// A quantity such as `10Gi` or `500M`: a number and a suffix of Kubernetes.
fn quantity(text: &str) -> Result<String, Error> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffixes = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if digits.parse::<u64>().is_ok_and(|n| n > 0) && suffixes.contains(&&text[digits.len()..]) {
        return Ok(text.to_owned());
    }
    Err(Error::new(ErrorKind::Input, format!("--storage-size: \"{text}\" is not a size")).with_help("for example 10Gi"))
}

/// Writes the files. Without `force` it writes none of them if one exists.
fn write(dir: &std::path::Path, files: &[Rendered], force: bool, form: OutputForm) -> Result<(), Error> {
    let disk = Disk::real();
    let paths: Vec<PathBuf> = files.iter().map(|f| dir.join(&f.file)).collect();
    if !force {
        for path in &paths {
            if disk.metadata(path)?.is_some() {
                return Err(Error::new(ErrorKind::Input, format!("{} already exists", path.display()))
                    .with_help("move it, or overwrite it with --force"));
            }
        }
    }
    let tree = WorkingTree::here(&disk)?;
    paths.iter().try_for_each(|path| tree.check(path))?;
    for folder in paths.iter().filter_map(|path| path.parent()) {
        tree.create_dirs(folder)?;
    }
    for (file, path) in files.iter().zip(&paths) {
        tree.replace(path, file.text.as_bytes(), 0o644)?;
    }
    let printed = if form == OutputForm::Json {
        output::print_json(&serde_json::json!({"schema_version": 1, "action": "rendered", "files": paths}))
    } else {
        let mut lines = Lines::new();
        for path in &paths {
            lines.line(format_args!("{}", path.display()));
        }
        output::print(&lines)
    };
    output::after(printed, || format!("the manifests are in {}", dir.display()))
}

/// The documents as one List, which kubectl accepts as well.
fn list(files: &[Rendered]) -> Result<serde_json::Value, Error> {
    let mut items = Vec::new();
    for file in files {
        for document in yaml_serde::Deserializer::from_str(&file.text) {
            let item = serde_json::Value::deserialize(document)
                .map_err(|e| Error::new(ErrorKind::Bug, "the rendered manifests are not YAML").with_source(e))?;
            items.push(item);
        }
    }
    Ok(serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}))
}
