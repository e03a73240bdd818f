//! From a proven certificate to a folder in place, and the record of it.

use std::path::{Path, PathBuf};

use super::Environment;
use super::obtain::Issued;
use super::request::{Request, SignRequest, TlsFiles, TlsRequest};
use super::state::pending;
use super::state::record::{self, Record};
use super::task::{Current, Task};
use crate::disk::DiskFolder;
use crate::install::{FolderPlan, KeyAccess, Lock, Place, install};
use crate::msp::{AdminRule, CurrentMsp, Layout, judge};
use crate::pki::key::KeyPair;
use crate::proof::{MspPlan, MspRequest, PlanError, TlsFolderRequest, TlsPlan, VerifiedEnrollment};
use crate::{Error, ErrorKind, Timestamp};

/// How an MSP folder is to look, and what stands there.
#[derive(Debug)]
pub(crate) struct MspFolder<'a> {
    pub(crate) place: &'a Place,
    pub(crate) layout: Layout,
    pub(crate) node_ous: bool,
    /// The Go client's file name for the CA.
    pub(crate) stem: String,
    /// The same for the TLS CA.
    pub(crate) tls_stem: String,
    pub(crate) key_access: KeyAccess,
    pub(crate) current: Option<&'a CurrentMsp>,
}

impl MspFolder<'_> {
    /// Plans the folder.
    ///
    /// # Errors
    /// When Fabric would refuse it, or a name cannot be a file's name.
    pub(crate) fn plan(
        &self,
        sign: &VerifiedEnrollment,
        key: &KeyPair,
        tls: Option<&VerifiedEnrollment>,
    ) -> Result<MspPlan, PlanError> {
        let empty = CurrentMsp::default();
        MspPlan::build(&MspRequest {
            sign,
            key,
            tls,
            stem: &self.stem,
            tls_stem: &self.tls_stem,
            layout: self.layout,
            node_ous: self.node_ous,
            current: self.current.unwrap_or(&empty),
            key_access: self.key_access,
        })
    }

    /// Plans the folder, has the finished tree judged as Fabric would judge it, and puts it in place. Gives the
    /// certificate's path in the folder.
    pub(crate) fn install(
        &self,
        issued: &Issued,
        tls: Option<&VerifiedEnrollment>,
        locks: &[Lock],
        env: &Environment<'_>,
    ) -> Result<PathBuf, Error> {
        let plan = match (&issued.plan, tls) {
            (Some(plan), None) => plan.clone(),
            _ => self.plan(&issued.verified, &issued.key, tls)?,
        };
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(digest) = &plan.config_yaml_sha256 {
            let known = self.place.read_state_file(env.disk, record::CONFIGS_FILE)?.unwrap_or_default();
            let list = record::with_config(&known, digest);
            self.place.write_state_note(env.disk, record::CONFIGS_FILE, &list, 0o600)?;
        }
        let admins = if self.node_ous { AdminRule::Fabric } else { AdminRule::Waived };
        let check = |staged: &Path| {
            // The plan was judged, and nothing is carried over.
            if self.current.is_none_or(CurrentMsp::is_empty) {
                return Ok(());
            }
            judge(&DiskFolder::new(env.disk, staged), (env.now)(), admins).map(drop).map_err(|refusal| {
                Error::new(
                    ErrorKind::Input,
                    format!("Fabric would refuse the new MSP folder: {}: {}", refusal.path.display(), refusal.reason),
                )
                .with_help("fix that file in the current folder, from which it is carried over; nothing was changed")
            })
        };
        put(self.place, &plan.folder, issued, locks, &check, env)
    }
}

/// Installs one folder and remembers what was written. Gives the certificate's path in the folder.
pub(crate) fn put(
    place: &Place,
    plan: &FolderPlan,
    issued: &Issued,
    locks: &[Lock],
    check: &dyn Fn(&Path) -> Result<(), Error>,
    env: &Environment<'_>,
) -> Result<PathBuf, Error> {
    let lock = locks
        .iter()
        .find(|l| l.place().target() == place.target())
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a target is not locked"))?;
    match install(env.disk, lock, plan, check) {
        Ok(()) => {}
        Err(e) if e.is_in_place() => tracing::warn!("{e}"),
        Err(e) => return Err(e.into()),
    }
    let record = Record::of(&issued.verified, issued.received_at, plan);
    place.write_state_note(env.disk, record::FILE, &record.to_bytes(), 0o600)?;
    // Where it comes back, the next run sees that its answer stands.
    place.drop_state_file(env.disk, pending::FILE)?;
    Ok(plan.certificate().to_owned())
}

fn key_access(request: &Request) -> KeyAccess {
    KeyAccess { mode: request.key_mode, group: request.group }
}

pub(crate) fn msp_folder<'a>(
    task: &'a Task<'_>,
    sign: &SignRequest,
    request: &Request,
    seen: &'a Current,
) -> MspFolder<'a> {
    let tls_ca = request.tls.as_ref().map_or(&sign.ca, |t| &t.ca);
    MspFolder {
        place: &task.place,
        layout: sign.msp.layout,
        node_ous: sign.msp.node_ous,
        stem: sign.ca.url.ca_file_stem(sign.ca.ca_name.as_deref()),
        tls_stem: tls_ca.url.ca_file_stem(tls_ca.ca_name.as_deref()),
        key_access: key_access(request),
        current: seen.msp.as_ref(),
    }
}

/// Plans the TLS folder, judged under every requested name.
///
/// # Errors
/// When Go programs would refuse it, or a name cannot be a file's name.
pub(crate) fn tls_plan(
    tls: &TlsRequest,
    request: &Request,
    verified: &VerifiedEnrollment,
    key: &KeyPair,
    now: Timestamp,
) -> Result<TlsPlan, PlanError> {
    let sans = tls.names.sans();
    let folder = TlsFolderRequest { tls: verified, key, sans: &sans, now, key_access: key_access(request) };
    match tls.files {
        TlsFiles::Three(names) => TlsPlan::build(&folder, names),
        TlsFiles::MspShaped => TlsPlan::build_msp_shaped(&folder, &tls.ca.url.ca_file_stem(tls.ca.ca_name.as_deref())),
    }
}
