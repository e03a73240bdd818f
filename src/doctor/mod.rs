//! Whether an enrolment can succeed here: the CA and the way to it, the secret, the folders and their state. Sends no
//! credentials, spends no enrolment, and leaves nothing behind.

mod check;
mod connection;
mod folder;
mod secret;

use std::path::PathBuf;

pub(crate) use check::Diagnosis;

use crate::Error;
use crate::identity::state::random_id::random_id;
use crate::identity::task::Task;
use crate::identity::{CaAccess, Environment, Request, SecretSource};
use crate::install::KeyAccess;

/// What a diagnosis is about: a complete request, or as much of one as is known.
#[derive(Debug)]
pub(crate) enum Patient {
    /// A request that could be carried out.
    Request(Box<Request>),
    /// The arguments do not make a request.
    Parts {
        /// Why not.
        error: Error,
        /// The CA, if its URL is known.
        access: Option<Box<CaAccess>>,
        /// The folders.
        folders: Vec<PathBuf>,
        /// The permissions of the keys.
        key_access: KeyAccess,
    },
}

/// Makes every check, also after one that failed.
pub(crate) async fn examine(patient: &Patient, env: &Environment<'_>) -> Diagnosis {
    let mut diagnosis = Diagnosis::new();
    let (accesses, folders, key_access): (Vec<&CaAccess>, Vec<&PathBuf>, KeyAccess) = match patient {
        Patient::Request(request) => {
            diagnosis.ok("arguments", "complete");
            (request.accesses(), request.targets(), request.key_access())
        }
        Patient::Parts { error, access, folders, key_access } => {
            diagnosis.failed("arguments", error);
            (access.iter().map(AsRef::as_ref).collect(), folders.iter().collect(), *key_access)
        }
    };
    let now = (env.now)();
    for access in &accesses {
        connection::check(access, env.disk, now, &mut diagnosis).await;
    }
    diagnosis.ok("user", format!("uid {}, gid {}", user(), rustix::process::getegid().as_raw()));
    let mut tasks = match patient {
        Patient::Request(request) => Task::all(request, env.disk),
        Patient::Parts { .. } => Ok(Vec::new()),
    };
    for target in folders {
        // A run changes only what it is given of the form.
        let task = tasks.iter().flatten().find(|task| task.target == target);
        let form = task.map(|task| (&task.place, task.key_access));
        folder::check(target, form, key_access, random_id, env.disk, &mut diagnosis);
    }
    match patient {
        Patient::Request(request) => {
            let is_needed = folder::certificates(request, &mut tasks, env, &mut diagnosis);
            let mut secrets = Vec::new();
            for access in accesses {
                secrets.push((access, secret::check(&access.secret, is_needed, env.disk, &mut diagnosis)));
            }
            folder::refusals(&tasks, &secrets, env, &mut diagnosis);
        }
        Patient::Parts { access: Some(access), .. } if !matches!(access.secret, SecretSource::None) => {
            secret::check(&access.secret, true, env.disk, &mut diagnosis);
        }
        Patient::Parts { .. } => diagnosis.skip("secret", "the arguments are not complete"),
    }
    diagnosis
}

/// The effective user.
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
