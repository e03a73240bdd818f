//! Reading the manifests that the arguments name.

use std::path::PathBuf;

use super::args::ManifestArgs;
use super::process;
use crate::disk::Disk;
use crate::manifests::{Needed, Settings};
use crate::names::Manifests;
use crate::{Error, ErrorKind};

/// Reads every manifest in files, folders and glob patterns; `-` is standard input.
pub(super) fn read(
    disk: &Disk,
    paths: &[PathBuf],
    args: &ManifestArgs,
    settings: Settings,
) -> Result<Manifests, Error> {
    let variables = args.variables()?;
    let is_stdin = paths.iter().any(|p| p.as_os_str() == "-");
    let stdin = if is_stdin { Some(process::read_stdin()?) } else { None };
    Manifests::read(disk, paths, stdin, &variables, settings)
}

/// The names that one node of the manifests needs, for its enrolment.
pub(super) fn needed(
    paths: &[PathBuf],
    args: &ManifestArgs,
    settings: Settings,
    workload: Option<&str>,
) -> Result<Vec<Needed>, Error> {
    let read = read(&Disk::real(), paths, args, settings)?;
    match read.nodes(workload)?[..] {
        [one] => Ok(read.network.needed(one)),
        ref several => Err(Error::new(ErrorKind::Usage, "the manifests define several Fabric nodes")
            .with_help(format!("choose one with --workload: {}", read.list(several)))),
    }
}
