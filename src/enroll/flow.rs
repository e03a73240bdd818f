//! The run: look, decide, lock, ask, prove, plan, install, record.

use super::outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
use crate::identity::Environment;
use crate::identity::due::Reason;
use crate::identity::obtain::{self, Issued};
use crate::identity::put::put;
use crate::identity::put::{msp_folder, tls_plan};
use crate::identity::request::{Request, SignRequest, TlsFiles};
use crate::identity::state::pending::{self, Pending};
use crate::identity::task::{Current, Folder, Task};
use crate::install::{Lock, Place};
use crate::pki::key::KeyPair;
use crate::proof::{Expected, Purpose, verify};
use crate::{Error, ErrorKind};

/// Brings about what is requested. A run that finds everything in place opens no connection and leaves the targets alone.
///
/// # Errors
/// See the exit codes of [`Error`]: 4 another identity in the target, 6 the CA not reached, 7 refused, 8 not as asked, 9
/// locked, 5 local input or output. The targets are then as they were, or, where only putting the second in place failed,
/// the first is new and whole; the next run finishes what is missing.
pub async fn enroll(request: &Request, env: &Environment<'_>) -> Result<Outcome, Error> {
    let tasks = Task::all(request, env.disk)?;
    let places: Vec<&Place> = tasks.iter().map(|t| &t.place).collect();
    {
        let mut held = Vec::new();
        for place in &places {
            held.extend(Lock::acquire_to_look(env.disk, place)?);
        }
        let seen = look(&tasks, env)?;
        if held.len() == places.len() {
            drop_installed(&tasks, &seen, env)?;
        }
        if reasons(&tasks, request, &seen, env)?.iter().all(Option::is_none) {
            return Ok(outcome(request, &tasks, &seen, &[]));
        }
    }
    let locks = Lock::acquire_all(env.disk, &places, (env.now)())?;
    let mut seen = look(&tasks, env)?;
    let reasons = reasons(&tasks, request, &seen, env)?;
    let mut issued: Vec<Option<Issued>> = Vec::new();
    for ((task, reason), found) in tasks.iter().zip(&reasons).zip(&seen) {
        let Some(reason) = reason else {
            issued.push(None);
            continue;
        };
        tracing::info!("{}: {reason}", task.target().display());
        let credential = credential(request, task, &tasks, &seen, &issued);
        let signed = credential.as_ref().map(|(pem, key)| (pem.as_str(), *key));
        issued.push(Some(obtain::obtain(task, request, found, signed, &places, env).await?));
    }
    let new_tls = tasks.iter().zip(&issued).find(|(t, _)| t.purpose() == Purpose::Tls).and_then(|(_, i)| i.as_ref());
    for ((task, found), new) in tasks.iter().zip(&mut seen).zip(&issued) {
        match (task.folder, new) {
            (Folder::Msp(sign), Some(new)) => {
                let tls = new_tls.map(|t| &t.verified);
                let path = msp_folder(task, sign, request, found).install(new, tls, &locks, env)?;
                found.replace_leaf(new.verified.leaf().clone(), path);
            }
            (Folder::Msp(sign), None) => add_tls_roots(task, sign, request, found, new_tls, &locks, env)?,
            (Folder::Tls(tls), Some(new)) => {
                let plan = tls_plan(tls, request, &new.verified, &new.key, (env.now)())?.folder;
                let path = put(&task.place, &plan, new, &locks, &|_| Ok(()), env)?;
                found.replace_leaf(new.verified.leaf().clone(), path);
            }
            (Folder::Tls(_), None) => {}
        }
    }
    Ok(outcome(request, &tasks, &seen, &reasons))
}

/// A run that was killed between putting an answer in place and clearing up left the key a second time.
fn drop_installed(tasks: &[Task<'_>], seen: &[Current], env: &Environment<'_>) -> Result<(), Error> {
    for (task, seen) in tasks.iter().zip(seen) {
        let Some(bytes) = task.place.read_state_file(env.disk, pending::FILE)? else { continue };
        let file = task.place.state_dir().join(pending::FILE);
        let pending = Pending::parse(&bytes, &file)?;
        if seen.leaf.as_ref().is_some_and(|leaf| pending.answers_with(leaf)) {
            task.place.remove_state_file(env.disk, pending::FILE)?;
        }
    }
    Ok(())
}

fn look(tasks: &[Task<'_>], env: &Environment<'_>) -> Result<Vec<Current>, Error> {
    tasks.iter().map(|t| t.look(env.disk)).collect()
}

fn reasons(
    tasks: &[Task<'_>],
    request: &Request,
    seen: &[Current],
    env: &Environment<'_>,
) -> Result<Vec<Option<Reason>>, Error> {
    let named = request.key.named(env.disk)?;
    tasks.iter().zip(seen).map(|(task, seen)| task.decide(request, named.as_ref(), seen, (env.now)())).collect()
}

/// The signing identity as the credential for the TLS certificate: the same id at the same CA, so that the second
/// certificate counts as no enrolment.
fn credential<'a>(
    request: &Request,
    task: &Task<'_>,
    tasks: &[Task<'_>],
    seen: &'a [Current],
    issued: &'a [Option<Issued>],
) -> Option<(String, &'a KeyPair)> {
    let sign = request.sign.as_ref()?;
    if task.purpose() != Purpose::Tls || !sign.ca.same_identity(task.ca()) {
        return None;
    }
    let at = tasks.iter().position(|t| t.purpose() == Purpose::Sign)?;
    match issued.get(at)? {
        Some(new) => Some((new.verified.leaf().to_pem(), &new.key)),
        None => Some((seen[at].leaf.as_ref()?.to_pem(), seen[at].key.as_ref()?)),
    }
}

/// A TLS certificate was issued later than the signing one: its root belongs into the existing MSP folder too.
fn add_tls_roots(
    task: &Task<'_>,
    sign: &SignRequest,
    request: &Request,
    seen: &Current,
    tls: Option<&Issued>,
    locks: &[Lock],
    env: &Environment<'_>,
) -> Result<(), Error> {
    let (Some(tls), Some(existing), Some(chain), Some(key)) = (tls, &seen.msp, &seen.chain, &seen.key) else {
        return Ok(());
    };
    if existing.tls_roots.contains(&tls.verified.chain().root) {
        return Ok(());
    }
    let cas: String = chain.intermediates.iter().chain([&chain.root]).map(crate::pki::x509::Cert::to_pem).collect();
    let now = (env.now)();
    let expected = Expected {
        enrollment_id: &task.ca().id,
        key,
        sans: &task.sans,
        purpose: Purpose::Sign,
        role: task.role(),
        pinned_root: None,
        now,
        server_date: None,
    };
    let verified = verify(chain.leaf.to_pem().as_bytes(), cas.as_bytes(), &expected)?;
    let issued_at = seen.record.as_ref().map_or_else(|| verified.leaf().not_before(), |r| r.issued_at);
    let key = crate::identity::task::copy(key)
        .ok_or_else(|| Error::new(ErrorKind::Bug, "the existing key cannot be copied"))?;
    let existing = Issued { verified, key, received_at: issued_at, plan: None };
    msp_folder(task, sign, request, seen).install(&existing, Some(&tls.verified), locks, env).map(drop)
}

fn outcome(request: &Request, tasks: &[Task<'_>], existing: &[Current], reasons: &[Option<Reason>]) -> Outcome {
    let why: Vec<String> = tasks
        .iter()
        .zip(reasons)
        .filter_map(|(task, reason)| reason.as_ref().map(|r| format!("{}: {r}", task.purpose().as_str())))
        .collect();
    let (action, reason) = if why.is_empty() {
        (Action::Unchanged, "every requested name is held, the chain stands, and nothing is due".to_owned())
    } else {
        (Action::Enrolled, why.join("; "))
    };
    let certificates = tasks
        .iter()
        .zip(existing)
        .filter_map(|(task, seen)| {
            let leaf = seen.leaf.as_ref()?;
            Some(CertificateSummary::of(leaf, task.purpose(), task.target().join(&seen.leaf_path)))
        })
        .collect();
    let sign_dir = request.sign.as_ref().map(|s| s.target.clone());
    let tls_dir = request.tls.as_ref().map(|t| t.target.clone());
    let (msp_dir, tls_dir) = match request.tls.as_ref().map(|t| t.files) {
        // It was named as an MSP folder.
        Some(TlsFiles::MspShaped) => (tls_dir, None),
        _ => (sign_dir, tls_dir),
    };
    Outcome {
        schema_version: 1,
        action,
        reason,
        identity: IdentitySummary { id: request.id().to_owned(), msp_dir, tls_dir },
        certificates,
    }
}
