//! The folders: whether they can be written, and what is in them and in their state.

use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::check::Diagnosis;
use crate::disk::{Disk, Kind, Metadata};
use crate::identity::state::pending;
use crate::identity::state::refusals::{Refusals, Subject};
use crate::identity::task::Task;
use crate::identity::{CaAccess, Environment, Request, SecretSource};
use crate::install::{InstallError, Lock, Place, Placement};
use crate::text::hex;
use crate::{Error, ErrorKind, Secret};

/// Checks a folder and its state. Writes one file beside it, or in it if it is mounted, and removes the file.
pub(super) fn check(target: &Path, disk: &Disk, diagnosis: &mut Diagnosis) {
    let place = match Place::of(disk, target) {
        Ok(place) => place,
        Err(e) => return diagnosis.failed("folder", &e.into()),
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
    match dry_write(within, disk) {
        Err(e) => diagnosis.failed("folder", &e),
        Ok(0o600) => diagnosis.ok("folder", format!("{shown}: {description}; {} can be written", within.display())),
        Ok(mode) => diagnosis.warn(
            "folder",
            format!("{shown}: {description}; the file system gives a file of mode 0600 the mode {mode:04o}"),
            "use a file system that keeps modes (a memory emptyDir in Kubernetes), or restrict the mount",
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

/// Random hex digits for a name.
fn random() -> Result<String, Error> {
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Io, "the operating system provided no random bytes"))?;
    Ok(hex(&bytes))
}

/// Writes, syncs, renames and removes a file as an install does; the mode that the file got.
fn dry_write(within: &Path, disk: &Disk) -> Result<u32, Error> {
    let name = format!(".fabcert-doctor-{}", random()?);
    let (first, second) = (within.join(&name), within.join(format!("{name}.renamed")));
    let write = || -> Result<u32, Error> {
        disk.write_new(&first, b"written by fabcert doctor; may be removed\n", 0o600)?;
        disk.sync(&first)?;
        disk.rename(&first, &second)?;
        disk.sync(within)?;
        let found = disk.metadata(&second)?;
        Ok(found.map_or(0, |found| found.mode & 0o7777))
    };
    let written = write();
    let removed = disk.remove_file(&first).and_then(|()| disk.remove_file(&second));
    let mode = written?;
    removed?;
    Ok(mode)
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
pub(super) fn certificates(request: &Request, env: &Environment<'_>, diagnosis: &mut Diagnosis) -> bool {
    const CHECK: &str = "certificate";
    let mut is_needed = false;
    let tasks = match Task::all(request, env.disk) {
        Ok(tasks) => tasks,
        Err(e) => {
            diagnosis.failed(CHECK, &e);
            return true;
        }
    };
    let named = request.key.named(env.disk).unwrap_or_else(|e| {
        diagnosis.failed("key", &e);
        None
    });
    for task in &tasks {
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
        match (task.decide(named.as_ref(), &current, (env.now)()), valid) {
            (Ok(None), Some(valid)) => diagnosis.ok(CHECK, format!("{shown}: {valid}; nothing is due")),
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
    }
    is_needed
}

/// Reports whether an earlier refusal of the CA stops the next request. `secrets`: each CA with its secret, as far as the
/// check of the secrets has read them.
pub(super) fn refusals(
    request: &Request,
    secrets: &[(&CaAccess, Option<Secret>)],
    env: &Environment<'_>,
    diagnosis: &mut Diagnosis,
) {
    const CHECK: &str = "refusals";
    let Ok(tasks) = Task::all(request, env.disk) else {
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
