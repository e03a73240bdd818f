//! Installs a verified certificate and records it.

use std::path::{Path, PathBuf};

use super::Environment;
use super::current::Current;
use super::prove::Issued;
use super::request::{MspForm, TlsFiles};
use super::state::pending;
use super::state::record::{self, Record};
use super::task::{Shape, Task};
use crate::disk::DiskFolder;
use crate::install::{FolderPlan, KeyAccess, Lock, Place, install};
use crate::msp::{AdminRule, CurrentMsp, Layout, judge};
use crate::pki::key::KeyPair;
use crate::proof::{MspPlan, MspRequest, PlanError, TlsFolderRequest, TlsPlan, VerifiedEnrollment};
use crate::{Error, ErrorKind, Timestamp};

/// The form of an MSP folder, and its current contents.
#[derive(Debug)]
pub(crate) struct MspFolder<'a> {
    pub(crate) place: &'a Place,
    pub(crate) layout: Layout,
    pub(crate) node_ous: bool,
    /// The Go client's file name for the CA.
    pub(crate) stem: &'a str,
    /// The Go client's file name for the TLS CA.
    pub(crate) tls_stem: &'a str,
    pub(crate) key_access: KeyAccess,
    pub(crate) current: Option<&'a CurrentMsp>,
}

impl MspFolder<'_> {
    /// Plans the folder.
    ///
    /// # Errors
    /// When Fabric would refuse the folder, or a name cannot be a file name.
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
            stem: self.stem,
            tls_stem: self.tls_stem,
            layout: self.layout,
            node_ous: self.node_ous,
            current: self.current.unwrap_or(&empty),
            key_access: self.key_access,
        })
    }

    /// Plans the folder, judges the finished tree as Fabric would, and installs it. Returns the certificate's path in
    /// the folder.
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
            // The plan was judged already, and no file is carried over.
            if self.current.is_none_or(CurrentMsp::is_empty) {
                return Ok(());
            }
            judge(&DiskFolder::new(env.disk, staged), (env.now)(), admins).map(drop).map_err(|refusal| {
                Error::new(
                    ErrorKind::Input,
                    format!("Fabric would refuse the new MSP folder: {}: {}", refusal.path.display(), refusal.reason),
                )
                .with_help("it is carried over from the current folder: fix it there; nothing was changed")
            })
        };
        put(self.place, &plan.folder, issued, locks, &check, env)
    }
}

/// Installs one folder and writes its record. Returns the certificate's path in the folder.
fn put(
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
        .ok_or_else(|| Error::new(ErrorKind::Bug, "the target is not locked"))?;
    match install(env.disk, lock, plan, check) {
        Ok(()) => {}
        Err(e) if e.is_in_place() => tracing::warn!("{e}"),
        Err(e) => return Err(e.into()),
    }
    let record = Record::of(&issued.verified, issued.received_at, plan);
    place.write_state_note(env.disk, record::FILE, &record.to_bytes(), 0o600)?;
    // If it survives a crash, the next run sees that its answer is installed.
    place.drop_state_file(env.disk, pending::FILE)?;
    Ok(plan.certificate().to_owned())
}

impl Task<'_> {
    /// The MSP folder of this task.
    pub(crate) fn msp_folder<'a>(&'a self, form: MspForm, current: &'a Current) -> MspFolder<'a> {
        MspFolder {
            place: &self.place,
            layout: form.layout,
            node_ous: form.node_ous,
            stem: &self.stem,
            tls_stem: &self.tls_stem,
            key_access: self.key_access,
            current: current.msp.as_ref(),
        }
    }

    /// Installs `issued`. `tls` is the TLS certificate of the same run, whose CAs go into the MSP folder too. Returns
    /// the certificate's path in the folder.
    pub(crate) fn put(
        &self,
        current: &Current,
        issued: &Issued,
        tls: Option<&VerifiedEnrollment>,
        locks: &[Lock],
        env: &Environment<'_>,
    ) -> Result<PathBuf, Error> {
        match self.shape {
            Shape::Msp(form) => self.msp_folder(form, current).install(issued, tls, locks, env),
            Shape::Tls(files) => {
                let plan = self.tls_plan(files, &issued.verified, &issued.key, (env.now)())?.folder;
                put(&self.place, &plan, issued, locks, &|_| Ok(()), env)
            }
        }
    }

    /// Plans the TLS folder, judged under every requested name.
    ///
    /// # Errors
    /// When Go programs would refuse it, or a name cannot be part of a file's name.
    pub(crate) fn tls_plan(
        &self,
        files: TlsFiles,
        verified: &VerifiedEnrollment,
        key: &KeyPair,
        now: Timestamp,
    ) -> Result<TlsPlan, PlanError> {
        let folder = TlsFolderRequest { tls: verified, key, sans: &self.sans, now, key_access: self.key_access };
        match files {
            TlsFiles::Three(names) => TlsPlan::build(&folder, names),
            TlsFiles::MspShaped => TlsPlan::build_msp_shaped(&folder, &self.stem),
        }
    }
}
