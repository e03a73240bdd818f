//! What `enroll`, `csr` and `install` read alike from their arguments: folders, names, subject, role, key.

use std::path::{Path, PathBuf};

use super::args::{KeyArgs, NameArgs, RoleArg, TargetArgs};
use super::manifests;
use crate::enroll::OfflineRequest;
use crate::identity::KeyRequest;
use crate::install::KeyAccess;
use crate::pki::name::{NameRequest, NameSet};
use crate::pki::x509::{NodeOu, SubjectFields};
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind};

/// Paths as the Go client takes them: relative ones lie below its home, when a home is named.
pub(super) fn below_home(home: Option<&Path>, path: &Path) -> PathBuf {
    match home {
        Some(home) if path.is_relative() => home.join(path),
        _ => path.to_owned(),
    }
}

/// The MSP folder and the TLS folder, `HOME/msp` when a home and neither of them was named.
pub(super) fn folders(target: &TargetArgs) -> (Option<PathBuf>, Option<PathBuf>) {
    let home = target.home.as_deref();
    let tls = target.tls_dir.as_deref().map(|p| below_home(home, p));
    let default_msp = home.filter(|_| tls.is_none()).map(|h| h.join("msp"));
    let msp = target.msp_dir.as_deref().map(|p| below_home(home, p)).or(default_msp);
    (msp, tls)
}

/// The requested names; a TLS certificate must have some. Warns of odd ones.
pub(super) fn name_set(names: &NameArgs, for_tls: bool) -> Result<NameSet, Error> {
    let mut set = NameSet::derive(&NameRequest {
        sans: &names.san,
        hostnames: &names.hostname,
        gateway_services: &names.gateway_service,
        namespace: names.namespace.as_deref(),
        cluster_domain: &names.cluster_domain,
    })?;
    if !names.from_manifests.is_empty() {
        for needed in manifests::needed(names)? {
            let reason = needed.reasons.first().map(|r| format!("{} ({})", r.words, r.at)).unwrap_or_default();
            set.add(needed.name, reason);
        }
    }
    if for_tls && set.is_empty() {
        return Err(Error::new(
            ErrorKind::Usage,
            "--tls-dir needs names: a TLS certificate without any is of no use to clients",
        )
        .with_help("give --san, --hostname, --gateway-service or --from-manifests with the names that clients dial"));
    }
    for warning in set.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(set)
}

/// The subject fields beside the CN.
pub(super) fn subject(names: &NameArgs) -> Result<SubjectFields, Error> {
    let (mut subject, had_ou) =
        SubjectFields::parse(&names.csr_names).map_err(|e| Error::new(ErrorKind::Usage, e.to_string()))?;
    if let Some(serial) = &names.csr_serialnumber {
        subject.serial_number = Some(serial.clone());
    }
    if had_ou {
        tracing::warn!("the OU of --csr-names is left out: the CA sets the identity's type and affiliation there");
    }
    Ok(subject)
}

/// The NodeOU that a certificate must carry: the one named; without one, an MSP folder with NodeOUs needs exactly one.
pub(super) fn role(target: &TargetArgs, purpose: Purpose) -> RoleRule {
    match target.role.map(node_ou) {
        Some(role) => RoleRule::Exactly(role),
        None if purpose == Purpose::Sign && !target.no_node_ous => RoleRule::ExactlyOne,
        None => RoleRule::Any,
    }
}

/// The role on the command line as an OU.
pub(super) fn node_ou(role: RoleArg) -> NodeOu {
    match role {
        RoleArg::Peer => NodeOu::Peer,
        RoleArg::Orderer => NodeOu::Orderer,
        RoleArg::Admin => NodeOu::Admin,
        RoleArg::Client => NodeOu::Client,
    }
}

/// Which key.
pub(super) fn key(key: &KeyArgs) -> KeyRequest {
    match &key.key_file {
        Some(path) => KeyRequest::Given(path.clone().into()),
        None if key.reuse_key => KeyRequest::Current,
        None => KeyRequest::New(key.algorithm()),
    }
}

/// The request behind the arguments of `csr` and `install`: one folder, which tells what the certificate is for.
pub(super) fn carried(
    id: &str,
    names: &NameArgs,
    target: &TargetArgs,
    key_args: Option<&KeyArgs>,
    force: bool,
) -> Result<OfflineRequest, Error> {
    let (purpose, dir) = match folders(target) {
        (Some(dir), None) => (Purpose::Sign, dir),
        (None, Some(dir)) => (Purpose::Tls, dir),
        _ => {
            return Err(Error::new(ErrorKind::Usage, "name one folder: --msp-dir or --tls-dir")
                .with_help("a CSR is for one certificate; run the command twice for both"));
        }
    };
    // The names of a certificate that is carried back are those that its CSR asked for.
    let names_needed = purpose == Purpose::Tls && key_args.is_some();
    Ok(OfflineRequest {
        id: id.to_owned(),
        purpose,
        target: dir,
        names: name_set(names, names_needed)?,
        subject: subject(names)?,
        key: key_args.map_or(KeyRequest::New(None), key),
        role: role(target, purpose),
        layout: target.layout.into(),
        tls_names: target.tls_names.into(),
        node_ous: !target.no_node_ous,
        key_access: KeyAccess { mode: target.key_mode, group: target.group },
        force,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_lie_below_the_home_that_was_named() {
        assert_eq!(below_home(Some(Path::new("/h")), Path::new("msp")), Path::new("/h/msp"));
        assert_eq!(below_home(Some(Path::new("/h")), Path::new("/x")), Path::new("/x"));
        assert_eq!(below_home(None, Path::new("msp")), Path::new("msp"));
    }

    #[test]
    fn a_home_alone_means_the_msp_folder_in_it() {
        let home = TargetArgs { home: Some("/h".into()), ..TargetArgs::default() };
        assert_eq!(folders(&home), (Some("/h/msp".into()), None));
        let tls = TargetArgs { tls_dir: Some("tls".into()), ..home };
        assert_eq!(folders(&tls), (None, Some("/h/tls".into())));
    }
}
