//! Installs a verified certificate and records it.

use std::path::{Path, PathBuf};

use super::Environment;
use super::current::Current;
use super::plan::Plan;
use super::prove::Issued;
use super::state::history::{self, History, Install};
use super::state::pending;
use super::state::record::{self, IssuingCa, Record};
use super::task::{Shape, Task};
use super::trust::namesakes;
use crate::disk::DiskFolder;
use crate::install::{FolderPlan, Lock, Place, install};
use crate::msp::{AdminRule, CurrentMsp, judge};
use crate::proof::{MspPlan, VerifiedEnrollment};
use crate::{Error, ErrorKind};

impl Task<'_> {
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
        let planned;
        let plan = if let (Some(plan), None) = (&issued.plan, tls) {
            plan
        } else {
            planned = self.plan(current, &issued.verified, &issued.key, tls, (env.now)())?;
            &planned
        };
        match plan {
            Plan::Msp(plan) => self.install_msp(plan, current, issued, locks, env),
            Plan::Tls(plan) => self.install(&plan.folder, issued, locks, &|_| Ok(()), env),
        }
    }

    /// Installs an MSP folder, after the finished tree was judged as Fabric would.
    fn install_msp(
        &self,
        plan: &MspPlan,
        current: &Current,
        issued: &Issued,
        locks: &[Lock],
        env: &Environment<'_>,
    ) -> Result<PathBuf, Error> {
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(digest) = &plan.config_yaml_sha256 {
            let known = self.place.read_state_file(env.disk, record::CONFIGS_FILE)?.unwrap_or_default();
            let list = record::with_config(&known, digest);
            if list != *known {
                self.place.write_state_note(env.disk, record::CONFIGS_FILE, &list)?;
            }
        }
        let has_node_ous = matches!(self.shape, Shape::Msp(form) if form.node_ous);
        let admins = if has_node_ous { AdminRule::Fabric } else { AdminRule::Waived };
        let check = |staged: &Path| {
            // The plan was judged already, and no file is carried over.
            if current.msp.as_ref().is_none_or(CurrentMsp::is_empty) {
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
        self.install(&plan.folder, issued, locks, &check, env)
    }

    /// Installs one folder and writes its record. Returns the certificate's path in the folder.
    fn install(
        &self,
        plan: &FolderPlan,
        issued: &Issued,
        locks: &[Lock],
        check: &dyn Fn(&Path) -> Result<(), Error>,
        env: &Environment<'_>,
    ) -> Result<PathBuf, Error> {
        let place = &self.place;
        let lock = locks
            .iter()
            .find(|l| l.place().target() == place.target())
            .ok_or_else(|| Error::new(ErrorKind::Bug, "the target is not locked"))?;
        self.note_install(plan, locks, env)?;
        match install(env.disk, lock, plan, check) {
            Ok(()) => {}
            Err(e) if e.is_in_place() => tracing::warn!("{e}"),
            Err(e) => return Err(e.into()),
        }
        let mut record = Record::of(&issued.verified, issued.received_at, issued.asked.clone(), plan);
        record.namesakes = namesakes(&self.trust, &issued.verified.chain().root);
        record.key_file = self.key_file_access(plan, env.disk);
        record.ca = if issued.is_new {
            self.ca.map(|ca| IssuingCa::of(ca, &self.trust))
        } else {
            // Of the set that is in place; the record may be of another one.
            let serial = issued.verified.leaf().serial_hex();
            self.record(env.disk).ok().flatten().filter(|before| before.serial == serial).and_then(|before| before.ca)
        };
        // The folder is complete without them: the next run sees by the certificate itself what is installed.
        let noted = place
            .write_state_note(env.disk, record::FILE, &record.to_bytes())
            .and_then(|()| if issued.is_new { place.drop_state_file(env.disk, pending::FILE) } else { Ok(()) });
        if let Err(e) = noted {
            tracing::warn!("{}: the set is installed, but not all of it could be recorded: {e}", self.target.display());
        }
        Ok(plan.certificate().to_owned())
    }

    /// Notes what is about to be installed, before readers can see it: a rollback goes by the note of the set that it
    /// finds, and one of a set that was never installed is found by nobody.
    fn note_install(&self, plan: &FolderPlan, locks: &[Lock], env: &Environment<'_>) -> Result<(), Error> {
        let own = self.place.target();
        let others = locks.iter().map(|lock| lock.place().target()).filter(|target| *target != own);
        let others: Vec<PathBuf> = others.map(Path::to_owned).collect();
        let before = self.place.read_state_file(env.disk, history::FILE)?;
        let before = before.map(|bytes| History::parse(&bytes)).unwrap_or_default();
        let elsewhere = others.iter().chain(before.beside()).filter_map(|folder| {
            let bytes = Place::of(env.disk, folder).ok()?.peek_state_file(env.disk, history::FILE).ok()??;
            History::parse(&bytes).latest_but(&self.run)
        });
        let latest = elsewhere.chain(before.latest_but(&self.run)).max();
        let install = Install::of(self.run.clone(), plan, others, latest, (env.now)());
        Ok(self.place.write_state_note(env.disk, history::FILE, &before.with(install))?)
    }
}
