//! The steps of a run: look, decide, lock, ask, verify, plan, install, record.

use std::path::PathBuf;

use super::outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
use crate::ca::{Connections, Patience};
use crate::identity::ask::Asking;
use crate::identity::credential::Signed;
use crate::identity::current::Current;
use crate::identity::form::{Reform, current_issue};
use crate::identity::kept_key::is_orderer;
use crate::identity::names::{NameChange, check_drops};
use crate::identity::obtain::obtain;
use crate::identity::pinned_key::Channels;
use crate::identity::pod_volume::pod_volume;
use crate::identity::prove::Issued;
use crate::identity::state::pending::{self, Pending};
use crate::identity::state::record::IssuingCa;
use crate::identity::task::Task;
use crate::identity::{Authentication, Environment, KeyRequest, Reason, Request, SignRequest, TlsFiles};
use crate::install::{Lock, Place};
use crate::pki::x509::Cert;
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind};

/// Carries out the request. A run with nothing to do opens no connection and changes nothing.
///
/// # Errors
/// See the exit codes of [`Error`]: 4 another identity in the target, 5 local input or output, 6 CA not reached, 7
/// refused, 8 not as requested, 9 locked. The targets are then unchanged; if only the second install failed, the first
/// target is new and complete, and the next run installs the other.
pub async fn enroll(request: &Request, env: &Environment<'_>) -> Result<Outcome, Error> {
    let channels = Channels::read(&request.channels, env.disk)?;
    if request.always {
        let tasks = Task::all_unread(request, env.disk)?;
        if tasks.iter().all(|task| task.has_no_group(env.disk)) {
            // There is nothing to decide before the lock.
            return lock_and_enroll(request, tasks, &channels, &mut Connections::default(), env).await;
        }
    }
    let (mut tasks, currents) = Task::all_with_targets(request, env.disk)?;
    settle(&mut tasks, request, &channels, &currents)?;
    let reasons_before = reasons(&tasks, request, &currents, env)?;
    let is_as_requested = reforms(&tasks, &reasons_before, &currents, env).iter().all(Option::is_none);
    if reasons_before.iter().all(Option::is_none) && is_as_requested {
        clean_up(&tasks, &currents, env);
        for (refusal, remedy) in tasks.iter().zip(&currents).filter_map(|(task, current)| task.refusal(current, env)) {
            tracing::warn!("{refusal}; {remedy}");
        }
        let leaves: Vec<Option<Cert>> = currents.iter().map(|c| c.leaf.clone()).collect();
        let changes = changes(&tasks, &leaves, &currents);
        return env.keep_result(Ok(outcome(request, &tasks, &currents, &[], &[], &changes))).await;
    }
    lock_and_enroll(request, tasks, &channels, &mut Connections::default(), env).await
}

/// What a dry run has read for the run that follows it. The run reads again, under the lock, what others may have changed.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(super) tasks: Vec<Task<'a>>,
    pub(super) channels: Channels,
}

/// As [`enroll`], for a request of which a [dry run](super::prepare) has just said that something is due. Uses connections that
/// other requests on the same runtime use too.
pub(crate) async fn enroll_due(
    request: &Request,
    prepared: Prepared<'_>,
    connections: &mut Connections,
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    lock_and_enroll(request, prepared.tasks, &prepared.channels, connections, env).await
}

/// As [`enroll`], for a request of which a date that has come says that something is due: nothing is read before the lock. The
/// targets have no group of their own, which decides how their state is opened.
pub(crate) async fn enroll_at_date(
    request: &Request,
    connections: &mut Connections,
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let channels = Channels::read(&request.channels, env.disk)?;
    let tasks = Task::all_unread(request, env.disk)?;
    lock_and_enroll(request, tasks, &channels, connections, env).await
}

async fn lock_and_enroll(
    request: &Request,
    tasks: Vec<Task<'_>>,
    channels: &Channels,
    connections: &mut Connections,
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let places: Vec<Place> = tasks.iter().map(|t| t.place.clone()).collect();
    let places: Vec<&Place> = places.iter().collect();
    let locks = Lock::acquire_all(env.disk, &places, (env.now)())?;
    let enrolled = enroll_locked(request, tasks, channels, (&places, &locks), connections, env).await;
    if enrolled.is_err() {
        // Removes the state folder of a run that left nothing in it.
        for lock in locks {
            lock.withdraw(env.disk);
        }
    }
    env.keep_result(enrolled).await
}

/// The steps of a run that may change the targets.
async fn enroll_locked(
    request: &Request,
    mut tasks: Vec<Task<'_>>,
    channels: &Channels,
    (places, locks): (&[&Place], &[Lock]),
    connections: &mut Connections,
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let currents = tasks.iter_mut().map(|task| task.keep_form(env.disk)).collect::<Result<Vec<_>, _>>();
    let mut currents = currents?;
    for (task, _) in tasks.iter().zip(&currents).filter(|(task, current)| is_answer_installed(task, current, env)) {
        tracing::debug!("{}: the answer that a killed run kept is installed", task.target.display());
        task.place.remove_state_file(env.disk, pending::FILE)?;
    }
    settle(&mut tasks, request, channels, &currents)?;
    let reasons = reasons(&tasks, request, &currents, env)?;
    for ((task, _), current) in tasks.iter().zip(&reasons).zip(&currents).filter(|((_, reason), _)| reason.is_some()) {
        task.check_file_names()?;
        task.check_operator_files(current, env)?;
        task.check_pinned_key(current, channels, env.disk)?;
        task.check_key_kind(current, channels, env.disk)?;
    }
    report_pod_volume(&tasks, &reasons, &currents, request, env)?;
    let reforms = reforms(&tasks, &reasons, &currents, env);
    if reasons.iter().any(Option::is_some) {
        let mut both = tasks.iter().zip(&currents);
        both.try_for_each(|(task, current)| task.rehearse(current, locks, tasks.len() > 1, env.disk))?;
    }
    let mut issued: Vec<Option<Issued>> = Vec::new();
    let (mut patience, mut sent) = (Patience::new(request.wait), None);
    for ((task, reason), current) in tasks.iter().zip(&reasons).zip(&currents) {
        let Some(reason) = reason else {
            issued.push(None);
            continue;
        };
        tracing::info!("{}: {reason}", task.target.display());
        task.report_names(current);
        let mut asking = Asking {
            attributes: request.attributes.as_deref(),
            authentication: request.authentication,
            signed: &credentials(request, task, &tasks, &currents, &issued),
            patience: &mut patience,
            places,
            sent: &mut sent,
            connections,
        };
        issued.push(Some(obtain(task, &mut asking, current, env).await?));
    }
    let old: Vec<Option<Cert>> = currents.iter().map(|c| c.leaf.clone()).collect();
    let new_tls = tasks.iter().zip(&issued).find(|(t, _)| t.purpose() == Purpose::Tls).and_then(|(_, i)| i.as_ref());
    for (((task, current), new), reform) in tasks.iter().zip(&mut currents).zip(&issued).zip(&reforms) {
        if let Some(new) = new {
            let tls = new_tls.filter(|_| task.purpose() == Purpose::Sign).map(|t| &t.verified);
            let path = task.put(current, new, tls, locks, env)?;
            current.replace_leaf(new.verified.leaf().clone(), path);
            continue;
        }
        let path = match add_tls_roots(task, current, new_tls, locks, env)? {
            Some(path) => Some(path),
            None => reform.as_ref().map(|reform| task.apply(current, reform, locks, env)).transpose()?,
        };
        current.leaf_path = path.unwrap_or_else(|| std::mem::take(&mut current.leaf_path));
    }
    let changes = changes(&tasks, &old, &currents);
    let mut outcome = outcome(request, &tasks, &currents, &reasons, &reforms, &changes);
    let by_token =
        request.authentication != Authentication::Secret && !issued.iter().flatten().any(|new| new.by_secret);
    if outcome.action == Action::Enrolled && by_token {
        outcome.action = Action::Reenrolled;
    }
    outcome.reasons = reasons.iter().map(|reason| reason.as_ref().map(ToString::to_string)).collect();
    Ok(outcome)
}

/// Warns that a new pod loses the identity.
///
/// # Errors
/// When it is an orderer, see [`pod_volume`].
pub(super) fn report_pod_volume(
    tasks: &[Task<'_>],
    reasons: &[Option<Reason>],
    currents: &[Current],
    request: &Request,
    env: &Environment<'_>,
) -> Result<(), Error> {
    if env.keeper().is_some() {
        return Ok(());
    }
    let due: Vec<bool> = reasons.iter().map(Option::is_some).collect();
    if let Some(volume) = pod_volume(tasks, &due, currents, request.new_tls_key, env.disk)? {
        tracing::warn!("{}; {}", volume.message, volume.remedy);
    }
    Ok(())
}

/// Takes over what the new certificates keep of the current ones.
///
/// # Errors
/// When a name to drop is not held, or the key of an orderer cannot be kept.
pub(super) fn settle(
    tasks: &mut [Task<'_>],
    request: &Request,
    channels: &Channels,
    currents: &[Current],
) -> Result<(), Error> {
    let roles: Vec<RoleRule> = tasks.iter().map(|task| task.role).collect();
    let is_orderer = is_orderer(&roles, currents);
    for (task, current) in tasks.iter_mut().zip(currents) {
        task.settle(current, is_orderer, request.new_tls_key)?;
        task.keep_pinned_key(current, channels, request.new_tls_key);
        if let (KeyRequest::New(None), Some(key)) = (&task.key, &current.key)
            && request.authentication != Authentication::Secret
        {
            task.key = KeyRequest::New(Some(key.algorithm()));
        }
        let mut known = current.record.as_ref().map_or_else(Vec::new, |r| r.namesakes.clone());
        known.extend(current.overlap.replaced.iter().map(|replaced| replaced.new.ski().hex()));
        task.check_trust(current.root.as_ref(), &known)?;
    }
    if request.authentication != Authentication::Secret
        && let Some(task) = tasks.iter().find(|task| task.purpose() == Purpose::Tls && task.sans.is_empty())
    {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("a TLS certificate needs names, and the one in {} holds none", task.target.display()),
        )
        .with_help("give the names that clients dial with --san, --hostname, --gateway-service or --from-manifests"));
    }
    check_drops(tasks, currents)
}

/// The forms to apply to certificates that are not issued again.
pub(super) fn reforms(
    tasks: &[Task<'_>],
    reasons: &[Option<Reason>],
    currents: &[Current],
    env: &Environment<'_>,
) -> Vec<Option<Reform>> {
    let all = tasks.iter().zip(reasons).zip(currents);
    all.map(|((task, reason), current)| if reason.is_some() { None } else { task.reform(current, env) }).collect()
}

/// How the names of each certificate changed.
fn changes(tasks: &[Task<'_>], old: &[Option<Cert>], currents: &[Current]) -> Vec<NameChange> {
    let change = |((task, old), current): ((&Task<'_>, &Option<Cert>), &Current)| {
        let new = current.leaf.as_ref();
        new.map(|new| NameChange::between(old.as_ref(), new, task)).unwrap_or_default()
    };
    tasks.iter().zip(old).zip(currents).map(change).collect()
}

/// Cleans up after a killed run, if it left something and no other run is at work. A run with nothing to do needs
/// neither the lock nor the right to write.
fn clean_up(tasks: &[Task<'_>], currents: &[Current], env: &Environment<'_>) {
    for (task, current) in tasks.iter().zip(currents) {
        task.report_state(env.disk);
        let is_done = is_answer_installed(task, current, env);
        if !is_done && !task.place.has_leftovers(env.disk) {
            continue;
        }
        let clean = |_lock: Lock| {
            // Another run may have changed the folder before this one had the lock.
            if is_answer_installed(task, &task.look(env.disk)?, env) {
                task.place.remove_state_file(env.disk, pending::FILE)?;
            }
            Ok::<(), Error>(())
        };
        let cleaned = Lock::acquire(env.disk, &task.place, (env.now)()).map_err(Error::from).and_then(clean);
        if let Err(e) = cleaned {
            tracing::debug!("{e}; the next run that changes {} cleans up", task.target.display());
        }
    }
}

/// Whether the pending key of a run that was killed after the install is that of the current certificate.
fn is_answer_installed(task: &Task<'_>, current: &Current, env: &Environment<'_>) -> bool {
    let Some(leaf) = &current.leaf else { return false };
    Pending::at(&task.place, env.disk).ok().flatten().is_some_and(|pending| pending.answers_with(leaf))
}

fn reasons(
    tasks: &[Task<'_>],
    request: &Request,
    currents: &[Current],
    env: &Environment<'_>,
) -> Result<Vec<Option<Reason>>, Error> {
    let named = request.key.named(env.disk)?;
    tasks.iter().zip(currents).map(|(task, current)| task.decide(named.as_ref(), current, (env.now)())).collect()
}

/// The certificates that can be the credential for the certificate of `task`, the preferred one first.
///
/// By secret: the signing identity for the TLS certificate (same id, same CA), so that the second certificate does not count
/// as an enrolment. By token: the current certificate of the folder, then those of the other folder of the same id.
fn credentials<'a>(
    request: &Request,
    task: &Task<'_>,
    tasks: &'a [Task<'_>],
    currents: &'a [Current],
    issued: &'a [Option<Issued>],
) -> Vec<Signed<'a>> {
    let latest = |at: usize| match issued.get(at).and_then(Option::as_ref) {
        Some(new) => Some(Signed {
            cert: new.verified.leaf().clone(),
            key: &new.key,
            folder: tasks[at].target,
            issued_by: tasks[at].ca.map(|ca| IssuingCa::of(ca, &[])),
        }),
        None => Signed::current(&tasks[at], &currents[at]),
    };
    let own = tasks.iter().position(|t| t.purpose() == task.purpose());
    let other = tasks.iter().position(|t| t.purpose() != task.purpose());
    if request.authentication == Authentication::Secret {
        let is_same = |sign: &SignRequest| task.ca.is_some_and(|ca| sign.ca.same_identity(ca));
        let has_sign = task.purpose() == Purpose::Tls && request.sign.as_ref().is_some_and(is_same);
        return other.filter(|_| has_sign).and_then(latest).into_iter().collect();
    }
    let own = own.and_then(|at| Signed::current(&tasks[at], &currents[at]));
    let all = own.into_iter().chain(other.and_then(latest));
    all.filter(|signed| signed.cert.common_name() == Some(task.id)).collect()
}

/// Adds the root of a TLS certificate that was issued later than the signing certificate to the MSP folder, which gets the
/// requested form too. Returns the certificate's path in the folder if the folder was installed again.
fn add_tls_roots(
    task: &Task<'_>,
    current: &Current,
    tls: Option<&Issued>,
    locks: &[Lock],
    env: &Environment<'_>,
) -> Result<Option<PathBuf>, Error> {
    let (Some(tls), Some(msp)) = (tls, &current.msp) else { return Ok(None) };
    if msp.tls_roots.contains(&tls.verified.chain().root) {
        return Ok(None);
    }
    let Some(issued) = current_issue(task, current) else { return Ok(None) };
    task.put(current, &issued, Some(&tls.verified), locks, env).map(Some)
}

fn outcome(
    request: &Request,
    tasks: &[Task<'_>],
    currents: &[Current],
    reasons: &[Option<Reason>],
    reforms: &[Option<Reform>],
    changes: &[NameChange],
) -> Outcome {
    let why: Vec<String> = tasks
        .iter()
        .zip(reasons)
        .filter_map(|(task, reason)| reason.as_ref().map(|r| format!("{}: {r}", task.purpose().as_str())))
        .collect();
    let mut parts: Vec<String> = tasks
        .iter()
        .zip(reforms)
        .filter_map(|(task, reform)| Some((task.purpose().as_str(), reform.as_ref()?.applies.join(", "))))
        .map(|(role, applied)| format!("{role}: applied {applied}"))
        .collect();
    let action = if why.is_empty() {
        parts.push("the certificate holds every requested name and is not due".to_owned());
        Action::Unchanged
    } else {
        parts.splice(0..0, why);
        Action::Enrolled
    };
    let reason = parts.join("; ");
    let certificates = tasks
        .iter()
        .zip(currents)
        .zip(changes)
        .filter_map(|((task, current), change)| {
            let leaf = current.leaf.as_ref()?;
            Some(CertificateSummary::of(leaf, task.purpose(), task.target.join(&current.leaf_path), change))
        })
        .collect();
    let sign_dir = request.sign.as_ref().map(|s| s.target.clone());
    let tls_dir = request.tls.as_ref().map(|t| t.target.clone());
    let (msp_dir, tls_dir) = match request.tls.as_ref().map(|t| t.files) {
        // The user named it as an MSP folder.
        Some(TlsFiles::MspShaped) => (tls_dir, None),
        _ => (sign_dir, tls_dir),
    };
    Outcome::new(action, reason, IdentitySummary { id: request.id().to_owned(), msp_dir, tls_dir }, certificates)
}
