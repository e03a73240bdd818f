//! The form of a folder: file names, modes and group, and `config.yaml`. A form that is requested is applied to the
//! current certificate without asking the CA.

use std::path::PathBuf;

use super::Environment;
use super::current::Current;
use super::plan::Plan;
use super::prove::{Issued, current_as_verified};
use super::request::{FormGiven, TlsFiles};
use super::state::record::KeyFileAccess;
use super::task::{Shape, Task};
use crate::Error;
use crate::disk::Disk;
use crate::install::{FolderPlan, KeyAccess, Lock};
use crate::msp::{CONFIG, is_key};

impl Task<'_> {
    /// What the file system made of the requested mode and group of the key's file in `plan`; `None` if the file cannot be
    /// inspected.
    pub(crate) fn key_file_access(&self, plan: &FolderPlan, disk: &Disk) -> Option<KeyFileAccess> {
        let key = disk.metadata_followed(&self.place.target().join(key_path(plan)?)).ok()??;
        let KeyAccess { mode, group } = self.key_access;
        Some(KeyFileAccess { requested_mode: mode, requested_group: group, mode: key.mode & 0o777, group: key.gid })
    }
}

/// The key's file in the plan.
fn key_path(plan: &FolderPlan) -> Option<PathBuf> {
    plan.files.iter().map(|file| &file.path).find(|path| is_key(path)).cloned()
}

/// The current certificate, to be put in its folder again in another form.
#[derive(Debug)]
pub(crate) struct Reform {
    issued: Issued,
    /// What is applied, for messages.
    pub(crate) applies: Vec<String>,
}

impl Task<'_> {
    /// What of the requested form the folder does not have; `None` when it has all, or holds no usable certificate.
    pub(crate) fn reform(&self, current: &Current, env: &Environment<'_>) -> Option<Reform> {
        if self.given == FormGiven::default() {
            return None;
        }
        let issued = current_issue(self, current)?;
        let plan = self.plan(current, &issued.verified, &issued.key, None, (env.now)()).ok()?;
        let folder = match &plan {
            Plan::Msp(plan) => &plan.folder,
            Plan::Tls(plan) => &plan.folder,
        };
        let applies = self.differences(current, folder, env.disk);
        (!applies.is_empty()).then_some(Reform { issued: Issued { plan: Some(plan), ..issued }, applies })
    }

    fn differences(&self, current: &Current, plan: &FolderPlan, disk: &Disk) -> Vec<String> {
        let FormGiven { key_mode, group: group_given, layout, node_ous, tls_names } = self.given;
        let mut found = Vec::new();
        let at = |path: &std::path::Path| disk.metadata_followed(&self.place.target().join(path)).ok().flatten();
        let planned_key = key_path(plan).unwrap_or_default();
        let names_differ = at(plan.certificate()).is_none() || at(&planned_key).is_none();
        if let Shape::Msp(form) = self.shape {
            if layout && names_differ {
                found.push(format!("layout {}", form.layout));
            }
            let config = current.msp.as_ref().and_then(|msp| msp.config.as_ref());
            match (node_ous, form.node_ous, config) {
                (true, true, None) => found.push(format!("NodeOUs in {CONFIG}")),
                (true, false, Some(config)) if config.ours => found.push(format!("no {CONFIG}")),
                (true, false, Some(_)) => {
                    tracing::warn!("{}: {CONFIG} is not fabcert's and stays", self.target.display());
                }
                _ => {}
            }
        }
        if let Shape::Tls(TlsFiles::Three(names)) = self.shape
            && tls_names
            && names_differ
        {
            found.push(format!("file names {names}"));
        }
        let current_key = match (&current.msp, self.shape) {
            (Some(msp), _) => msp.key.as_ref().map(|(path, _)| path.clone()).unwrap_or_default(),
            (None, Shape::Tls(TlsFiles::Three(names))) if names_differ => names.other().key().into(),
            (None, Shape::Tls(TlsFiles::Three(names))) => names.key().into(),
            _ => planned_key,
        };
        let Some(key) = at(&current_key) else { return found };
        let KeyAccess { mode, group } = self.key_access;
        // A file system that ignored the same request before ignores it again.
        let ignored = current.record.as_ref().and_then(|r| r.key_file).is_some_and(|before| {
            before.requested_mode == mode
                && before.requested_group == group
                && (before.mode, before.group) == (key.mode & 0o777, key.gid)
        });
        if ignored {
            return found;
        }
        if key_mode && key.mode & 0o777 != mode {
            found.push(format!("key mode {mode:04o}"));
        }
        if let Some(group) = group.filter(|group| group_given && *group != key.gid) {
            found.push(format!("group {group}"));
        }
        found
    }

    /// Puts the current certificate in its folder in the requested form.
    pub(crate) fn apply(
        &self,
        current: &Current,
        reform: &Reform,
        locks: &[Lock],
        env: &Environment<'_>,
    ) -> Result<PathBuf, Error> {
        self.put(current, &reform.issued, None, locks, env)
    }
}

/// The current certificate as an issue that is put in its folder again.
pub(crate) fn current_issue(task: &Task<'_>, current: &Current) -> Option<Issued> {
    let verified = current_as_verified(task, current)?;
    let key = current.key.as_ref()?.copied();
    let record = current.record.as_ref();
    let received_at = record.map_or_else(|| verified.leaf().not_before(), |r| r.issued_at);
    let asked = record.and_then(|r| r.asked.clone());
    Some(Issued { verified, key, received_at, plan: None, asked, is_new: false, by_secret: false })
}
