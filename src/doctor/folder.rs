//! The folders: whether they can be written, and what is in them and in their state.

use std::path::Path;

use super::check::Diagnosis;
use crate::disk::{Disk, Kind, Metadata};
use crate::identity::pinned_key::Channels;
use crate::identity::pod_volume::pod_volume;
use crate::identity::state::pending;
use crate::identity::state::refusals::{Refusals, Subject};
use crate::identity::task::Task;
use crate::identity::{CaAccess, Environment, Request, SecretSource};
use crate::install::{InstallError, KeyAccess, Lock, Place, Placement, try_files};
use crate::{Error, Secret};

/// Gives a text that no other run gives.
pub(super) type Random = fn() -> Result<String, Error>;

/// Checks a folder and its state. Writes a file with the permissions of a key beside it, or in it if it is mounted, and
/// removes the file. `form`: the place and the permissions that a run keeps; `given` are the permissions otherwise.
pub(super) fn check(
    target: &Path,
    form: Option<(&Place, KeyAccess)>,
    given: KeyAccess,
    random: Random,
    disk: &Disk,
    diagnosis: &mut Diagnosis,
) {
    let (place, access) = match form {
        Some((place, access)) => (place.clone(), access),
        None => match Place::of(disk, target) {
            Ok(place) => (place.for_group(given.group), given),
            Err(e) => return diagnosis.failed("folder", &e.into()),
        },
    };
    let shown = target.display();
    let (description, within) = match disk.metadata_followed(target) {
        Err(e) => return diagnosis.failed("folder", &e.into()),
        Ok(Some(found)) => match place.layout() {
            Placement::Mounted => {
                (format!("{}; published in generations, because it cannot be moved", owner(&found)), place.target())
            }
            Placement::Plain => (owner(&found), place.target().parent().unwrap_or(target)),
        },
        Ok(None) => ("it does not exist yet".to_owned(), existing(place.target(), disk)),
    };
    match try_write(within, access, random, disk) {
        Err(e) => diagnosis.failed("folder", &e),
        Ok(warnings) if warnings.is_empty() => {
            diagnosis.ok("folder", format!("{shown}: {description}; {} can be written", within.display()));
        }
        Ok(warnings) => diagnosis.warn(
            "folder",
            format!("{shown}: {description}; {}", warnings.join("; ")),
            "use a file system that keeps modes and groups (a memory emptyDir in Kubernetes), or restrict the mount",
        ),
    }
    state(&place, disk, diagnosis);
}

fn owner(found: &Metadata) -> String {
    format!("uid {}, gid {}, mode {:04o}", found.uid, found.gid, found.mode & 0o7777)
}

/// The nearest folder above a missing one.
fn existing<'a>(path: &'a Path, disk: &Disk) -> &'a Path {
    path.ancestors().skip(1).find(|above| matches!(disk.metadata_followed(above), Ok(Some(_)))).unwrap_or(path)
}

/// Writes a key's file as an install does, in a folder of its own that is removed again. Returns what the file system does
/// otherwise than asked, in words.
fn try_write(within: &Path, access: KeyAccess, random: Random, disk: &Disk) -> Result<Vec<String>, Error> {
    // Other doctors may be at work beside it.
    let folder = within.join(format!(".fabcert-doctor-{}", random()?));
    let tried = disk.create_dir(&folder, 0o700).map_err(Into::into).and_then(|()| try_files(disk, &folder, access));
    let removed = disk.remove_tree(&folder);
    let warnings = tried?;
    removed?;
    Ok(warnings)
}

/// Reports the state folder: whose it is, whether a run is in it, and what waits there.
fn state(place: &Place, disk: &Disk, diagnosis: &mut Diagnosis) {
    let dir = place.state_dir();
    let shown = dir.display();
    let found = match disk.metadata(&dir) {
        Err(e) => return diagnosis.failed("state", &e.into()),
        Ok(None) => return diagnosis.ok("state", format!("{shown} does not exist yet")),
        Ok(Some(found)) => found,
    };
    if found.kind != Kind::Dir {
        diagnosis.fail("state", format!("{shown} is not a folder"), "remove it");
        return;
    }
    if let Some(fault) = place.state_fault(disk) {
        return diagnosis.failed("state", &fault.into());
    }
    let waiting = match place.read_state_file(disk, pending::FILE) {
        Ok(Some(_)) => "; a key waits there, which the next run uses",
        Ok(None) => "",
        Err(e) => return diagnosis.failed("state", &e.into()),
    };
    match Lock::check_free(disk, place) {
        Err(e @ InstallError::Locked { .. }) => {
            let error = Error::from(e);
            diagnosis.warn("state", error.to_string(), "wait until it ends");
        }
        Err(e) => diagnosis.failed("state", &e.into()),
        Ok(()) => diagnosis.ok("state", format!("{shown}: {}{waiting}", owner(&found))),
    }
}

/// Reports the certificates in the folders of a request, and whether they are due. Returns whether an enrolment is needed.
pub(super) fn certificates(
    request: &Request,
    tasks: &mut Result<Vec<Task<'_>>, Error>,
    env: &Environment<'_>,
    diagnosis: &mut Diagnosis,
) -> bool {
    const CHECK: &str = "certificate";
    let mut is_needed = false;
    let tasks = match tasks {
        Ok(tasks) => tasks,
        Err(e) => {
            diagnosis.failed(CHECK, e);
            return true;
        }
    };
    let channels = Channels::read(&request.channels, env.disk).unwrap_or_else(|e| {
        diagnosis.failed("channel", &e);
        Channels::default()
    });
    let named = request.key.named(env.disk).unwrap_or_else(|e| {
        diagnosis.failed("key", &e);
        None
    });
    let (mut due, mut currents) = (Vec::new(), Vec::new());
    for task in tasks.iter_mut() {
        let shown = task.target.display();
        let current = match task.look(env.disk) {
            Ok(current) => current,
            Err(e) => {
                is_needed = true;
                diagnosis.failed(CHECK, &e);
                continue;
            }
        };
        let valid =
            current.leaf.as_ref().map(|leaf| format!("\"{}\", valid until {}", leaf.subject(), leaf.not_after()));
        task.keep_pinned_key(&current, &channels, request.new_tls_key);
        let reason = task.decide(named.as_ref(), &current, (env.now)());
        if matches!(reason, Ok(Some(_)))
            && let Err(e) = task.check_pinned_key(&current, &channels, env.disk)
        {
            diagnosis.failed("channel", &e);
        }
        if matches!(reason, Ok(Some(_)))
            && let Err(e) = task.check_key_kind(&current, &channels, env.disk)
        {
            diagnosis.failed("key", &e);
        }
        due.push(!matches!(reason, Ok(None)));
        match (reason, valid) {
            (Ok(None), Some(valid)) => {
                diagnosis.ok(CHECK, format!("{shown}: {valid}; nothing is due"));
                if let Some((refusal, remedy)) = task.refusal(&current, env) {
                    diagnosis.warn(CHECK, refusal, remedy);
                }
            }
            (Ok(Some(reason)), Some(valid)) => {
                is_needed = true;
                diagnosis.ok(CHECK, format!("{shown}: {valid}; the next run enrols: {reason}"));
            }
            (Ok(_), None) => {
                is_needed = true;
                diagnosis.ok(CHECK, format!("{shown}: none yet; the next run enrols"));
            }
            (Err(e), _) => {
                is_needed = true;
                diagnosis.failed(CHECK, &e);
            }
        }
        currents.push(current);
    }
    if currents.len() == tasks.len() {
        match pod_volume(tasks, &due, &currents, request.new_tls_key, env.disk) {
            Ok(None) => {}
            Ok(Some(volume)) => diagnosis.warn("volume", volume.message, volume.remedy),
            Err(e) => diagnosis.failed("volume", &e),
        }
    }
    is_needed
}

/// Reports whether an earlier refusal of the CA stops the next request. `secrets`: each CA with its secret, as far as the
/// check of the secrets has read them.
pub(super) fn refusals(
    tasks: &Result<Vec<Task<'_>>, Error>,
    secrets: &[(&CaAccess, Option<Secret>)],
    env: &Environment<'_>,
    diagnosis: &mut Diagnosis,
) {
    const CHECK: &str = "refusals";
    let Ok(tasks) = tasks else {
        // The folders have a check of their own.
        return diagnosis.skip(CHECK, "the folders cannot be read");
    };
    let places: Vec<&Place> = tasks.iter().map(|task| &task.place).collect();
    for (ca, secret) in secrets {
        if matches!(ca.secret, SecretSource::None) {
            continue;
        }
        let Some(secret) = secret else {
            return diagnosis.skip(CHECK, "the secret was not read");
        };
        let subject = Subject::new(&ca.url, ca.ca_name.as_deref(), &ca.id);
        match Refusals::read(&places, subject, ca.url.to_string(), secret, env.disk) {
            Err(e) => return diagnosis.failed(CHECK, &e),
            Ok(refusals) => {
                if let Some(stop) = refusals.stop((env.now)()) {
                    return diagnosis.failed(CHECK, &stop);
                }
            }
        }
    }
    diagnosis.ok(CHECK, "no earlier refusal of the CA stops a request");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::{FaultAction, Op, Step, When};

    /// The outcome of the check of a folder on a disk that refuses one kind of step, and what is left beside the folder.
    fn checked(refused: Option<Op>, access: KeyAccess) -> (String, Vec<std::ffi::OsString>) {
        const EPERM: i32 = 1;
        let dir = tempfile::tempdir().expect("a folder");
        let disk = Disk::with_faults(Arc::new(move |step: &Step<'_>| {
            let is_refused = step.when == When::Before && Some(step.op) == refused;
            if is_refused { FaultAction::Fail(EPERM) } else { FaultAction::Continue }
        }));
        let mut diagnosis = Diagnosis::new();
        check(&dir.path().join("msp"), None, access, || Ok("1".to_owned()), &disk, &mut diagnosis);
        (diagnosis.lines().to_string(), Disk::real().read_dir(dir.path()).expect("a list"))
    }

    #[test]
    fn trial_file_has_the_group_and_the_mode_of_a_key() {
        let own = KeyAccess { mode: 0o640, group: Some(rustix::process::getegid().as_raw()) };
        let (lines, left) = checked(None, own);
        assert!(lines.starts_with("ok    folder"), "{lines}");
        assert!(left.is_empty(), "{left:?}");
        let (lines, left) = checked(Some(Op::Own), own);
        assert!(lines.starts_with("fail  folder"), "{lines}");
        assert!(left.is_empty(), "{left:?}");
        let (lines, _) = checked(Some(Op::Own), KeyAccess::default());
        assert!(lines.starts_with("ok    folder"), "no group is requested: {lines}");
    }

    #[test]
    fn doctors_in_one_folder_do_not_disturb_each_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let disk = Disk::real();
        let other = dir.path().join(".fabcert-doctor-2");
        disk.create_dir(&other, 0o700).expect("a folder");
        let tried = try_write(dir.path(), KeyAccess::default(), || Ok("1".to_owned()), &disk);
        assert_eq!(tried.expect("it can be written"), [""; 0]);
        let left = disk.read_dir(dir.path()).expect("a list");
        assert_eq!(left, [other.file_name().expect("a name")], "its own is removed, the other one stays");
    }
}
