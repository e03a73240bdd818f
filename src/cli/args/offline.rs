//! The request behind the arguments of `csr` and `install`.

use super::{KeyArgs, NameArgs, TargetArgs};
use crate::cli::input::Missing;
use crate::enroll::OfflineRequest;
use crate::identity::KeyRequest;
use crate::proof::Purpose;
use crate::{Error, ErrorKind};

/// Notes what `csr` and `install` need and the arguments do not hold.
pub(in crate::cli) fn missing(missing: &mut Missing, id: Option<&str>, names: Option<&NameArgs>, target: &TargetArgs) {
    if id.is_none_or(str::is_empty) {
        missing.add(&["id"]);
    }
    if target.folders() == (None, None) {
        missing.add(&["msp-dir", "tls-dir"]);
    }
    if names.is_some_and(|names| target.tls_dir.is_some() && !names.has_some()) {
        missing.add(&["san", "hostname", "gateway-service", "from-manifests"]);
    }
}

/// The request of `csr` (with `key_args`) or `install`. The folder decides the purpose of the certificate.
pub(in crate::cli) fn request(
    id: &str,
    names: &NameArgs,
    target: &TargetArgs,
    key_args: Option<&KeyArgs>,
    force: bool,
) -> Result<OfflineRequest, Error> {
    let (purpose, dir) = match target.folders() {
        (Some(dir), None) => (Purpose::Sign, dir),
        (None, Some(dir)) => (Purpose::Tls, dir),
        _ => {
            return Err(Error::new(ErrorKind::Usage, "expected one folder, --msp-dir or --tls-dir, and not both")
                .with_help("a CSR is for one certificate; run the command once for each folder"));
        }
    };
    // An installed certificate must hold the names of its CSR.
    let names_needed = purpose == Purpose::Tls && key_args.is_some();
    let name_set = names.name_set(names_needed)?;
    Ok(OfflineRequest {
        id: id.to_owned(),
        purpose,
        target: dir,
        drop_sans: names.drops(&name_set)?,
        names: name_set,
        // The key of an answer is the pending one.
        new_tls_key: key_args.is_none_or(|key| key.new_tls_key),
        subject: names.subject()?,
        key: key_args.map_or(KeyRequest::New(None), KeyArgs::request),
        role: target.role_rule(purpose),
        layout: target.layout.unwrap_or_default().into(),
        tls_names: target.tls_names.unwrap_or_default().into(),
        node_ous: !target.no_node_ous,
        key_access: target.key_access(),
        given: target.given(),
        force,
    })
}
