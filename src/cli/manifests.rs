//! Manifests as arguments: placeholders, reading, and one node among them.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::NameArgs;
use crate::audit::input::{LoadOptions, Unit, Walk, WalkOptions};
use crate::disk::Disk;
use crate::manifests::{LeftOut, Manifest, Needed, Network, Settings, Unset, Variables};
use crate::{Error, ErrorKind};

/// Larger files are no manifests.
const LIMIT: usize = 32 * 1024 * 1024;

/// What fills the placeholders of manifests.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ManifestArgs {
    /// Value of a placeholder ${NAME} in manifests; repeatable, in the variable one a line
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        value_delimiter = '\n',
        env = "FABCERT_SET",
        help_heading = "Manifests"
    )]
    pub(super) set: Vec<String>,
    /// Take placeholders from the environment too
    #[arg(long = "env", env = "FABCERT_ENV", help_heading = "Manifests")]
    pub(super) env: bool,
}

/// Manifests that were read, put together.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) network: Network,
    /// Objects of kinds from which no name follows.
    pub(super) ignored: usize,
    /// Templates that Helm has yet to fill.
    pub(super) left_out: Vec<(PathBuf, LeftOut)>,
}

/// The values of placeholders: what --set says goes over the environment.
pub(super) fn variables(args: &ManifestArgs) -> Result<Variables, Error> {
    let mut variables = if args.env { std::env::vars().collect() } else { Variables::new() };
    for text in &args.set {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::new(ErrorKind::Usage, format!("--set \"{text}\" is no NAME=VALUE"))
                .with_help("write it as --set ORG1_NS=fabric"));
        };
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// The error for placeholders without a value, if there are any: every one with its lines.
pub(super) fn refuse_unset<'a>(unset: impl Iterator<Item = (&'a Path, &'a Unset)>) -> Result<(), Error> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, one) in unset {
        let place = format!("{}:{}", path.display(), one.line);
        let known = places.entry(&one.name).or_default();
        if !known.contains(&place) {
            known.push(place);
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let lines = places.iter().map(|(name, places)| format!("\n  ${{{name}}} in {}", places.join(", ")));
    Err(Error::new(ErrorKind::Input, format!("placeholders without a value:{}", lines.collect::<String>()))
        .with_help(
            "give each one with --set NAME=VALUE, or take them from the environment with --env; --set 'NAME=${NAME}' leaves one as it is",
        ))
}

/// Reads every manifest among files, folders and patterns of them; `-` is standard input.
pub(super) fn read(disk: &Disk, paths: &[PathBuf], args: &ManifestArgs, settings: Settings) -> Result<Read, Error> {
    let variables = variables(args)?;
    let here = std::env::current_dir()
        .map_err(|e| Error::new(ErrorKind::Io, "the working directory is gone").with_source(e))?;
    let load = LoadOptions { base: here.clone(), here, variables: Variables::new() };
    let mut texts = Vec::new();
    let mut failure = None;
    let none_excluded = |_: &Path| false;
    Walk::new(disk, WalkOptions { paths, excluded: &none_excluded })?.run(&mut |unit| {
        let read = match &unit {
            Unit::Stdin(_) => super::read_stdin().map(|content| Some((PathBuf::from("-"), content, true))),
            Unit::File { path, named } if *named || is_promising(path) => disk
                .read_regular(path, LIMIT)
                .map(|content| Some((load.shown(path), content, *named)))
                .map_err(Error::from),
            Unit::Unreadable { path, why, .. } => {
                Err(Error::new(ErrorKind::Io, format!("{} cannot be read: {why}", path.display())))
            }
            _ => Ok(None),
        };
        match read {
            Ok(found) => texts.extend(found),
            Err(e) => drop(failure.get_or_insert(e)),
        }
    });
    if let Some(e) = failure {
        return Err(e);
    }
    let mut manifests: Vec<(PathBuf, Manifest)> = Vec::new();
    for (path, content, named) in texts {
        let manifest = std::str::from_utf8(&content).ok().and_then(|text| Manifest::read(&path, text, &variables));
        match manifest {
            Some(manifest) => manifests.push((path, manifest)),
            None if named => {
                return Err(Error::new(ErrorKind::Input, format!("{} holds no Kubernetes manifest", path.display()))
                    .with_help("YAML or JSON with apiVersion and kind is expected"));
            }
            None => {}
        }
    }
    refuse_unset(manifests.iter().flat_map(|(path, m)| m.unset.iter().map(move |unset| (path.as_path(), unset))))?;
    let mut left_out = Vec::new();
    for (path, manifest) in &manifests {
        let Some(why) = &manifest.left_out else { continue };
        let place = format!("{}:{}", path.display(), why.line);
        if !why.is_template {
            return Err(Error::new(ErrorKind::Input, format!("{place}: {}", why.reason)).with_help("fix the YAML"));
        }
        tracing::warn!("{place}: {}; it was left out (helm template CHART | fabcert names -)", why.reason);
        left_out.push((path.clone(), why.clone()));
    }
    for (path, manifest) in &manifests {
        for repeated in &manifest.repeated {
            tracing::warn!(
                "{}:{}: the key \"{}\" stands twice; the last one counts",
                path.display(),
                repeated.line,
                repeated.key
            );
        }
    }
    let ignored = manifests.iter().map(|(_, m)| m.ignored).sum();
    let network = Network::new(manifests.into_iter().map(|(_, m)| m), settings);
    Ok(Read { network, ignored, left_out })
}

fn is_promising(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// The nodes with TLS, those of one name if one is given; at least one.
pub(super) fn nodes(network: &Network, workload: Option<&str>) -> Result<Vec<usize>, Error> {
    let all: Vec<usize> = (0..network.workloads.len()).filter(|w| network.node_with_tls(*w).is_some()).collect();
    if all.is_empty() {
        return Err(Error::new(ErrorKind::NoInput, "there is no Fabric node with TLS among the manifests").with_help(
            "a node is a workload with CORE_PEER_* or ORDERER_* in its environment, or an operator's FabricPeer, \
             FabricOrdererNode, IBPPeer or IBPOrderer",
        ));
    }
    let Some(name) = workload else { return Ok(all) };
    let named: Vec<usize> = all.iter().copied().filter(|w| network.workloads[*w].meta.name == name).collect();
    if named.is_empty() {
        return Err(Error::new(ErrorKind::Input, format!("no Fabric node of the manifests is named {name}"))
            .with_help(format!("there are {}", list(network, &all))));
    }
    Ok(named)
}

/// The names of workloads.
pub(super) fn list(network: &Network, workloads: &[usize]) -> String {
    let names: Vec<&str> = workloads.iter().map(|w| network.workloads[*w].meta.name.as_str()).collect();
    names.join(", ")
}

/// The names that manifests lead to one node by, for its enrolment.
pub(super) fn needed(args: &NameArgs) -> Result<Vec<Needed>, Error> {
    let settings = Settings { namespace: args.namespace.clone(), cluster_domain: args.cluster_domain.clone() };
    let read = read(&Disk::real(), &args.from_manifests, &args.manifests, settings)?;
    match nodes(&read.network, args.workload.as_deref())?[..] {
        [one] => Ok(read.network.needed(one)),
        ref several => Err(Error::new(ErrorKind::Usage, "the manifests hold several Fabric nodes")
            .with_help(format!("name one with --workload: {}", list(&read.network, several)))),
    }
}
