//! Reading the manifests that the arguments name, and finding nodes in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::ManifestArgs;
use super::process;
use crate::audit::input::{LoadOptions, Unit, Walk, WalkOptions};
use crate::disk::Disk;
use crate::manifests::{LeftOut, Manifest, Needed, Network, Settings, Unset, Variables};
use crate::{Error, ErrorKind};

/// Larger files are not read, in bytes.
const LIMIT: usize = 32 * 1024 * 1024;

/// The manifests, read and linked to each other.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) network: Network,
    /// How many objects are of kinds that do not affect names.
    pub(super) ignored: usize,
    /// Files that are still Helm templates.
    pub(super) left_out: Vec<(PathBuf, LeftOut)>,
}

/// The error for placeholders without a value, if there are any: each with the lines that use it.
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
    let items = places.iter().map(|(name, places)| format!("${{{name}}} in {}", places.join(", ")));
    Err(Error::new(ErrorKind::Input, "placeholders without a value:").with_items(items).with_help(
        "give each value with --set NAME=VALUE, or use the environment with --env; --set 'NAME=${NAME}' keeps a placeholder",
    ))
}

/// Reads every manifest in files, folders and glob patterns; `-` is standard input.
pub(super) fn read(disk: &Disk, paths: &[PathBuf], args: &ManifestArgs, settings: Settings) -> Result<Read, Error> {
    let variables = args.variables()?;
    let here = process::working_directory()?;
    let load = LoadOptions { base: here.clone(), here, variables: Variables::new() };
    let mut texts = Vec::new();
    let mut failure = None;
    let none_excluded = |_: &Path| false;
    Walk::new(disk, WalkOptions { paths, excluded: &none_excluded })?.run(&mut |unit| {
        let read = match &unit {
            Unit::Stdin(_) => process::read_stdin().map(|content| Some((PathBuf::from("-"), content, true))),
            Unit::File { path, named } if *named || is_promising(path) => disk
                .read_regular(path, LIMIT)
                .map(|content| Some((load.shown(path), content, *named)))
                .map_err(Error::from),
            Unit::Unreadable { path, why, .. } => {
                Err(Error::new(ErrorKind::Io, format!("cannot read {}: {why}", path.display())))
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
                return Err(Error::new(ErrorKind::Input, format!("{} is not a Kubernetes manifest", path.display()))
                    .with_help("expected YAML or JSON with apiVersion and kind"));
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
        tracing::warn!(
            "{place}: {}; skipped (render the chart first: helm template CHART | fabcert names -)",
            why.reason
        );
        left_out.push((path.clone(), why.clone()));
    }
    for (path, manifest) in &manifests {
        for repeated in &manifest.repeated {
            tracing::warn!(
                "{}:{}: the key \"{}\" occurs twice; the last one counts",
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

/// The nodes with TLS, or only those with the name `workload`; at least one.
pub(super) fn nodes(network: &Network, workload: Option<&str>) -> Result<Vec<usize>, Error> {
    let all: Vec<usize> = (0..network.workloads.len()).filter(|w| network.node_with_tls(*w).is_some()).collect();
    if all.is_empty() {
        return Err(Error::new(ErrorKind::NoInput, "the manifests define no Fabric node with TLS").with_help(
            "a node is a workload with CORE_PEER_* or ORDERER_* in its environment, or an operator's FabricPeer, \
             FabricOrdererNode, IBPPeer or IBPOrderer",
        ));
    }
    let Some(name) = workload else { return Ok(all) };
    let named: Vec<usize> = all.iter().copied().filter(|w| network.workloads[*w].meta.name == name).collect();
    if named.is_empty() {
        return Err(Error::new(ErrorKind::Input, format!("no Fabric node in the manifests has the name {name}"))
            .with_help(format!("the nodes are {}", list(network, &all))));
    }
    Ok(named)
}

/// The names of workloads.
pub(super) fn list(network: &Network, workloads: &[usize]) -> String {
    let names: Vec<&str> = workloads.iter().map(|w| network.workloads[*w].meta.name.as_str()).collect();
    names.join(", ")
}

/// The names that one node in manifests needs in its certificate.
pub(super) fn needed(
    paths: &[PathBuf],
    args: &ManifestArgs,
    settings: Settings,
    workload: Option<&str>,
) -> Result<Vec<Needed>, Error> {
    let read = read(&Disk::real(), paths, args, settings)?;
    match nodes(&read.network, workload)?[..] {
        [one] => Ok(read.network.needed(one)),
        ref several => Err(Error::new(ErrorKind::Usage, "the manifests define several Fabric nodes")
            .with_help(format!("choose one with --workload: {}", list(&read.network, several)))),
    }
}
