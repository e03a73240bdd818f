//! Manifests as arguments: placeholders, reading, and one node among them.
#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts, printed as they stand")]

use std::path::PathBuf;

use clap::Args;

use super::args::NameArgs;
use crate::disk::Disk;
use crate::manifests::{Needed, Settings, Variables};
use crate::names::Manifests;
use crate::{Error, ErrorKind};

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

/// The names that manifests lead to one node by, for its enrolment.
pub(super) fn needed(args: &NameArgs) -> Result<Vec<Needed>, Error> {
    let settings = Settings { namespace: args.namespace.clone(), cluster_domain: args.cluster_domain.clone() };
    let read = read(&Disk::real(), &args.from_manifests, &args.manifests, settings)?;
    match read.nodes(args.workload.as_deref())?[..] {
        [one] => Ok(read.network.needed(one)),
        ref several => Err(Error::new(ErrorKind::Usage, "the manifests hold several Fabric nodes")
            .with_help(format!("name one with --workload: {}", read.list(several)))),
    }
}

/// Reads every manifest among files, folders and patterns of them; `-` is standard input.
pub(super) fn read(
    disk: &Disk,
    paths: &[PathBuf],
    args: &ManifestArgs,
    settings: Settings,
) -> Result<Manifests, Error> {
    let variables = variables(args)?;
    let stdin = if paths.iter().any(|p| p.as_os_str() == "-") { Some(super::read_stdin()?) } else { None };
    Manifests::read(disk, paths, stdin, &variables, settings)
}
