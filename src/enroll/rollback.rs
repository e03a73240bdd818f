//! Rollback: the sets that the last install replaced come back, together.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk::{DiskFolder, FolderReader, Kind};
use crate::identity::Environment;
use crate::identity::state::history::{self, History, Install, Rollback};
use crate::identity::state::random_id::random_id;
use crate::identity::state::record;
use crate::install::{InstallError, Lock, Place, rollback};
use crate::msp::{CONFIG, CurrentMsp, CurrentTls, SIGN_FOLDERS, TLS_FOLDERS, TlsNames};
use crate::pki::x509::Cert;
use crate::text::escape::Shown;
use crate::{Error, ErrorKind};

/// The certificate of a set.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SetSummary {
    /// Serial number, hex.
    pub(crate) serial: String,
    /// RFC 3339, UTC.
    pub(crate) not_before: String,
    /// RFC 3339, UTC.
    pub(crate) not_after: String,
}

/// One folder that goes back.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    /// The folder, as the user named it.
    pub(crate) folder: PathBuf,
    /// Its certificate before; `null` if it has none.
    pub(crate) from: Option<SetSummary>,
    /// Its certificate after; `null` if it has none.
    pub(crate) to: Option<SetSummary>,
}

/// A rollback that was done, or planned.
#[derive(Debug)]
pub(crate) struct RolledBack {
    /// The folders that went back.
    pub(crate) steps: Vec<Step>,
    /// Named folders that the last install did not replace.
    pub(crate) left: Vec<PathBuf>,
}

/// The kind of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    Msp,
    Tls,
}

/// One named folder with its two sets.
struct Side<'a> {
    named: &'a Path,
    kind: Folder,
    lock: Lock,
    previous: Option<PathBuf>,
    history: History,
    /// The digest of the previous set.
    digest: String,
    /// The install by which the two sets differ; `None` for sets of an older fabcert.
    last: Option<Install>,
}

/// Brings back what the last install replaced in these folders: the folders that one run replaced go back together, and
/// a folder that this run did not replace stays. A second call undoes the first, or finishes it if it was killed between
/// two folders.
///
/// # Errors
/// When there is nothing to bring back, or only for one of the folders that the last install replaced together; when a
/// folder is locked or cannot be written.
pub(crate) fn roll_back(
    folders: &[(Folder, &Path)],
    dry_run: bool,
    env: &Environment<'_>,
) -> Result<RolledBack, Error> {
    let mut sides = Vec::new();
    for (kind, named) in folders {
        sides.push(Side::open(*kind, named, env)?);
    }
    let newest = sides.iter().filter_map(|side| side.last.as_ref()).max_by_key(|install| install.at);
    let run = newest.map(|install| install.run.clone());
    let (together, left): (Vec<_>, Vec<_>) = match &run {
        Some(run) => sides.into_iter().partition(|s| s.last.as_ref().is_some_and(|last| last.run == *run)),
        None => (sides, Vec::new()),
    };
    if let Some(first) = together.iter().find(|side| side.previous.is_none()) {
        return Err(nothing_before(first, &together));
    }
    for side in &together {
        side.report_the_other(&together, env);
    }
    let is_halfway = is_halfway(&together);
    let (open, done): (Vec<_>, Vec<_>) = together.into_iter().partition(|side| !is_halfway || !side.is_back());
    for side in &done {
        tracing::info!("{} went back in a rollback that was interrupted; this run finishes it", side.named.display());
    }
    let steps = open.iter().map(|side| side.step(env)).collect();
    let outcome = RolledBack { steps, left: left.iter().map(|side| side.named.to_owned()).collect() };
    if !dry_run {
        let are_several = open.len() + done.len() > 1;
        if !is_halfway {
            let id = if are_several { Some(random_id()?) } else { None };
            let mut to_note = open.iter().filter(|side| are_several || side.history.rollback.is_some());
            to_note.try_for_each(|side| side.note(id.as_ref(), env))?;
        }
        for (done, side) in open.iter().enumerate() {
            if let Err(e) = side.publish(env) {
                // Back to where it began: the folders belong together.
                for before in &open[..done] {
                    before.publish(env)?;
                }
                return Err(e);
            }
        }
        for side in open.iter().chain(&done).filter(|_| are_several) {
            if let Err(e) = side.note(None, env) {
                tracing::warn!("{e}");
            }
        }
    }
    Ok(outcome)
}

/// Whether a rollback was interrupted after one of these folders went back and before another did.
fn is_halfway(together: &[Side<'_>]) -> bool {
    let id = |side: &Side<'_>| side.history.rollback.as_ref().map(|rollback| rollback.id.clone());
    let Some(first) = together.first().and_then(id) else { return false };
    together.iter().all(|side| id(side).as_ref() == Some(&first))
        && together.iter().any(Side::is_back)
        && !together.iter().all(Side::is_back)
}

impl<'a> Side<'a> {
    fn open(kind: Folder, named: &'a Path, env: &Environment<'_>) -> Result<Self, Error> {
        let place = Place::of(env.disk, named)?;
        let lock = Lock::acquire_existing(env.disk, &place, (env.now)())?.ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("fabcert has installed nothing in {}", named.display()))
                .with_help("name the folder as at enrolment")
        })?;
        let previous = place.previous(env.disk)?;
        let history = place.read_state_file(env.disk, history::FILE)?.map(|b| History::parse(&b)).unwrap_or_default();
        let current = DiskFolder::new(env.disk, place.target());
        let before = previous.as_ref().map(|path| DiskFolder::new(env.disk, path));
        let sets: Vec<&dyn FolderReader> =
            [Some(&current), before.as_ref()].into_iter().flatten().map(|f| f as &dyn FolderReader).collect();
        let last = history.later(&sets).cloned();
        let mut side = Self { named, kind, lock, previous, history, digest: String::new(), last };
        side.digest = side.digest(env)?;
        Ok(side)
    }

    /// The digest of what comes back, with the modes and groups: a set that went there and back has the same one again. No
    /// operator edits the previous set.
    fn digest(&self, env: &Environment<'_>) -> Result<String, Error> {
        let Some(root) = &self.previous else { return Ok(String::new()) };
        let folder = DiskFolder::new(env.disk, root);
        let mut text = String::new();
        for owned in self.owned(env)?.iter().filter(|path| *path != Path::new(CONFIG)) {
            let Some(found) = env.disk.metadata_followed(&root.join(owned))? else { continue };
            let files = match found.kind {
                Kind::Dir => env.disk.read_dir(&root.join(owned))?.iter().map(|name| owned.join(name)).collect(),
                _ => vec![owned.clone()],
            };
            for file in files {
                let Some(found) = env.disk.metadata_followed(&root.join(&file))? else { continue };
                let content = folder.read(&file).map(|bytes| record::sha256(&bytes)).unwrap_or_default();
                let _ = writeln!(text, "{} {content} {:o} {}", file.display(), found.mode, found.gid);
            }
        }
        Ok(record::sha256(text.as_bytes()))
    }

    /// Whether the rollback that is noted has changed this folder.
    fn is_back(&self) -> bool {
        self.history.rollback.as_ref().is_some_and(|rollback| rollback.digest != self.digest)
    }

    /// Notes that this folder is about to go back with others, or that none is.
    fn note(&self, id: Option<&String>, env: &Environment<'_>) -> Result<(), Error> {
        let rollback = id.map(|id| Rollback { id: id.clone(), digest: self.digest.clone() });
        let bytes = self.history.clone().during(rollback);
        Ok(self.lock.place().write_state_note(env.disk, history::FILE, &bytes)?)
    }

    fn step(&self, env: &Environment<'_>) -> Step {
        let summary = |path: &Path| self.certificate(path, env).map(|leaf| SetSummary::of(&leaf));
        Step {
            folder: self.named.to_owned(),
            from: summary(self.lock.place().target()),
            to: self.previous.as_ref().and_then(|path| summary(path)),
        }
    }

    fn certificate(&self, path: &Path, env: &Environment<'_>) -> Option<Cert> {
        let folder = DiskFolder::new(env.disk, path);
        if self.kind == Folder::Tls {
            return [TlsNames::Fabric, TlsNames::K8s].into_iter().find_map(|n| CurrentTls::read(&folder, n).leaf);
        }
        CurrentMsp::read(&folder, None).leaf.map(|(_, leaf)| leaf)
    }

    /// The paths that go back: what the install owned. A `config.yaml` that the operator wrote or changed stays.
    fn owned(&self, env: &Environment<'_>) -> Result<Vec<PathBuf>, Error> {
        let place = self.lock.place();
        let mut owned = match (&self.last, self.kind) {
            (Some(last), _) => last.owned.clone(),
            (None, Folder::Msp) => {
                SIGN_FOLDERS.iter().chain(&TLS_FOLDERS).chain(&[CONFIG]).map(PathBuf::from).collect()
            }
            (None, Folder::Tls) => [TlsNames::Fabric, TlsNames::K8s]
                .iter()
                .flat_map(|names| [names.certificate(), names.key(), names.ca()])
                .map(PathBuf::from)
                .collect(),
        };
        if let Ok(current) = DiskFolder::new(env.disk, place.target()).read(Path::new(CONFIG)) {
            let known = place.read_state_file(env.disk, record::CONFIGS_FILE)?.unwrap_or_default();
            if !record::configs(&known).contains(&record::sha256(&current)) {
                owned.retain(|path| path != Path::new(CONFIG));
            }
        }
        Ok(owned)
    }

    fn publish(&self, env: &Environment<'_>) -> Result<(), Error> {
        match rollback(env.disk, &self.lock, &self.owned(env)?) {
            Err(e) if e.is_in_place() => {
                tracing::warn!("{e}");
                Ok(())
            }
            done => Ok(done?),
        }
    }

    /// Warns when the same install replaced a folder that is not named.
    fn report_the_other(&self, together: &[Self], env: &Environment<'_>) {
        let Some(last) = &self.last else { return };
        for other in &last.beside {
            if together.iter().any(|side| side.lock.place().target() == other) {
                continue;
            }
            let Ok(place) = Place::of(env.disk, other) else { continue };
            let history = place.peek_state_file(env.disk, history::FILE).ok().flatten();
            let folder = DiskFolder::new(env.disk, other);
            let is_same = history
                .map(|bytes| History::parse(&bytes))
                .and_then(|history| history.later(&[&folder]).map(|install| install.run == last.run));
            if is_same == Some(true) {
                tracing::warn!(
                    "the same install replaced {} too; name both folders to roll them back together",
                    other.display()
                );
            }
        }
    }
}

/// The error when one of the folders has no previous set.
fn nothing_before(side: &Side<'_>, together: &[Side<'_>]) -> Error {
    let target = side.named;
    match together.iter().find(|other| other.previous.is_some()) {
        Some(other) => Error::new(
            ErrorKind::Input,
            format!(
                "{} and {} were installed together, and there is no previous set for {}: its current set never was beside the previous one of {}",
                other.named.display(),
                target.display(),
                target.display(),
                other.named.display()
            ),
        )
        .with_help(format!("to roll back {} all the same, name it alone; nothing was changed", other.named.display())),
        None => InstallError::NoPrevious { target: target.to_owned() }.into(),
    }
}

impl SetSummary {
    fn of(leaf: &Cert) -> Self {
        Self {
            serial: leaf.serial_hex(),
            not_before: leaf.not_before().rfc3339(),
            not_after: leaf.not_after().rfc3339(),
        }
    }
}

impl fmt::Display for SetSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "serial {}, valid from {} to {}", Shown(&self.serial), self.not_before, self.not_after)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Timestamp;
    use crate::disk::{Disk, FaultAction};
    use crate::install::{FolderPlan, Placement, install};

    /// Installs the set `n` in both folders, as one run does.
    fn put(places: &[&Place], n: u8) {
        let disk = Disk::real();
        let now = Timestamp::from_unix(1_000 + i64::from(n));
        let locks = Lock::acquire_all(&disk, places, now).unwrap();
        for lock in &locks {
            let mut plan = FolderPlan::default();
            plan.file("server.crt", vec![n], 0o644);
            let place = lock.place();
            let before = place.read_state_file(&disk, history::FILE).unwrap();
            let before = before.map(|bytes| History::parse(&bytes)).unwrap_or_default();
            let note = before.with(Install::of(format!("run {n}"), &plan, Vec::new(), None, now));
            place.write_state_note(&disk, history::FILE, &note).unwrap();
            install(&disk, lock, &plan, &|_| Ok(())).unwrap();
        }
    }

    /// `is_killed`: every step from `fail_from` on fails; otherwise that one alone.
    fn in_two_folders(layout: Placement, fail_from: usize, is_killed: bool) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["msp", "tls"].map(|name| dir.path().join(name));
        if layout == Placement::Mounted {
            for folder in &folders {
                Disk::real().create_dirs(folder).unwrap();
            }
        }
        let places = folders.each_ref().map(|folder| Place::with_layout(folder, layout));
        let places = places.each_ref();
        put(&places, 1);
        put(&places, 2);
        let sets = || folders.each_ref().map(|folder| std::fs::read(folder.join("server.crt")).unwrap()[0]);
        let named: Vec<(Folder, &Path)> = folders.iter().map(|folder| (Folder::Tls, folder.as_path())).collect();
        let run =
            |disk: &Disk| roll_back(&named, false, &Environment::new(disk, &|| Timestamp::from_unix(2_000))).map(drop);
        let steps = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&steps);
        let faulty = Disk::with_faults(Arc::new(move |_| {
            let step = count.fetch_add(1, Ordering::Relaxed);
            let fails = step == fail_from || is_killed && step > fail_from;
            if fails { FaultAction::Fail(5) } else { FaultAction::Continue }
        }));
        let done = run(&faulty);
        let case = format!("{layout:?}, {fail_from}, killed {is_killed}: {:?}, {done:?}", sets());
        assert!(is_killed || done.is_err() || sets() == [1, 1], "{case}");
        run(&Disk::real()).unwrap();
        assert_eq!(sets()[0], sets()[1], "{case}");
        run(&Disk::real()).unwrap();
        assert_eq!(sets()[0], sets()[1], "{case}");
        steps.load(Ordering::Relaxed) > fail_from
    }

    #[test]
    fn a_rollback_that_was_killed_between_two_folders_is_finished() {
        for layout in [Placement::Plain, Placement::Mounted] {
            let ended = (0..400).find(|fail_from| !in_two_folders(layout, *fail_from, true));
            assert!(ended.is_some_and(|steps| steps > 40), "{ended:?}");
        }
    }

    #[test]
    fn a_rollback_that_failed_once_and_was_undone_is_not_taken_for_interrupted() {
        for layout in [Placement::Plain, Placement::Mounted] {
            let ended = (0..400).find(|fail_from| !in_two_folders(layout, *fail_from, false));
            assert!(ended.is_some_and(|steps| steps > 40), "{ended:?}");
        }
    }
}
