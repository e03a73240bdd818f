//! Manifests in an audit: what is expected beside them, what is missing in them, and fixing them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::args::AuditArgs;
use crate::audit::Findings;
use crate::audit::Report;
use crate::audit::input::LoadOptions;
use crate::auditor::Criteria;
use crate::cli::manifests;
use crate::coverage::{Coverage, Covered, Fix, TlsOf, check, subjects};
use crate::disk::Disk;
use crate::manifests::{Addition, Settings, Variables, with_names};
use crate::{Error, ErrorKind};

/// Larger files were no manifests.
const LIMIT: usize = 64 * 1024 * 1024;

/// Whose certificate lies where.
pub(super) fn mapped(args: &AuditArgs, load: &LoadOptions) -> Result<Vec<TlsOf>, Error> {
    let mapping = |text: &String| match text.split_once('=') {
        Some((workload, path)) if !workload.is_empty() && !path.is_empty() => {
            Ok(TlsOf { workload: workload.to_owned(), path: load.shown(path.as_ref()) })
        }
        _ => Err(Error::new(ErrorKind::Usage, format!("--tls-of \"{text}\" is no WORKLOAD=PATH"))
            .with_help("write it as --tls-of org1-peer1=organizations/.../org1-peer1/tls")),
    };
    args.members.tls_of.iter().map(mapping).collect()
}

/// Looks at all manifests together, and adds what is found to the report.
pub(super) fn cover(
    coverage: Coverage,
    args: &AuditArgs,
    audit: &Criteria,
    report: &mut Report,
) -> Result<Option<Covered>, Error> {
    let unset = coverage.unset();
    manifests::refuse_unset(unset.iter().map(|(path, unset)| (path.as_path(), unset)))?;
    if coverage.is_empty() {
        return Ok(None);
    }
    let settings =
        Settings { namespace: args.expect.namespace.clone(), cluster_domain: args.expect.cluster_domain.clone() };
    let covered = coverage.covered(settings);
    if let Some(stranger) = covered.mapped.stranger(&covered.network) {
        return Err(Error::new(
            ErrorKind::Input,
            format!("--tls-of: no workload {} is in the manifests", stranger.workload),
        )
        .with_help("fabcert names lists them"));
    }
    if let Some(unmet) = covered.mapped.unmet() {
        return Err(Error::new(
            ErrorKind::Input,
            format!("--tls-of: no TLS folder or certificate was met at {}", unmet.path.display()),
        )
        .with_help("name the TLS folder itself, or a certificate that lies in none, as the PATHs lead to it"));
    }
    for subject in subjects(&covered) {
        report.add(audit.inner(subject).map_err(|e| e.in_file(&audit.policy.path))?);
    }
    let mut findings = Findings::new();
    check(&covered, &mut findings);
    covered.mapped.tell_stale(&audit.policy.members, &audit.policy.path, &covered.network, &mut findings);
    findings.into_vec().iter().for_each(|finding| report.find(finding));
    Ok(Some(covered))
}

/// Adds names to the files; says how many to how many files. What cannot be added is told.
pub(super) fn fix(
    disk: &Disk,
    fixes: &BTreeMap<PathBuf, Fix>,
    base: &std::path::Path,
    variables: &Variables,
) -> Result<(usize, usize), Error> {
    let (mut added, mut files) = (0, 0);
    for (path, fix) in fixes {
        if path.as_os_str() == "-" {
            tracing::warn!("standard input cannot be fixed: name the files");
            continue;
        }
        let file = base.join(path);
        let Some(metadata) = disk.metadata_followed(&file)? else { continue };
        let bytes = disk.read(&file, LIMIT)?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let new = with_names(&text, &fix.additions, variables);
        let count = |additions: &[Addition]| additions.iter().map(|a| a.names.len()).sum::<usize>();
        for refused in &new.refused {
            let names = refused.names.join(", ");
            tracing::warn!("{}: a list cannot be fixed in place; add by hand: {names}", path.display());
        }
        if new.text != text {
            disk.replace(&file, new.text.as_bytes(), metadata.mode & 0o777)?;
            added += count(&fix.additions) - count(&new.refused);
            files += 1;
        }
    }
    Ok((added, files))
}
