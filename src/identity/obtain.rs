//! Obtains one certificate: pending key, kept answer or the CA's answer, verified.

use std::path::Path;
use std::time::Duration;

use super::ask::{Asking, ask, random};
use super::ca_access::CaAccess;
use super::credential::issuing_root;
use super::current::Current;
use super::overlap::wait_for_trust;
use super::plan::Plan;
use super::prove::{Issued, Unproven, prove};
use super::request::KeyRequest;
use super::secret_source::SecretSource;
use super::state::not_as_asked::NotAsAsked;
use super::state::pending::{self, Answer, Asked, Pending};
use super::state::refusals::{self, Subject, Success};
use super::task::Task;
use super::{Environment, due};
use crate::ca::{Client, EnrollRequest, Patience, TrustAnchors};
use crate::pki::key::KeyPair;
use crate::pki::name;
use crate::pki::x509::{Csr, CsrSpec};
use crate::proof::VerifiedEnrollment;
use crate::{Error, ErrorKind, Timestamp};

/// Allows for clocks of nodes that differ by some seconds: a certificate whose `NotBefore` is in the future is refused.
pub(crate) const BACKDATE: Duration = Duration::from_secs(300);

/// Obtains one certificate, from an answer that an earlier run kept and did not install, or from the CA.
pub(crate) async fn obtain(
    task: &Task<'_>,
    asking: &mut Asking<'_>,
    current: &Current,
    env: &Environment<'_>,
) -> Result<Issued, Error> {
    let disk = env.disk;
    let (id, purpose) = (task.id, task.purpose());
    let ca = task.ca.ok_or_else(|| Error::new(ErrorKind::Bug, "the task has no CA"))?;
    let file = task.place.state_dir().join(pending::FILE);
    let kept = Pending::at(&task.place, disk)?;
    if let Some(other) = kept.as_ref().filter(|p| p.is_carried_by_hand() && !task.force) {
        return Err(Error::new(
            ErrorKind::Input,
            format!("a key made by fabcert csr for \"{}\" is pending in {}", other.id(), file.display()),
        )
        .with_help("install its certificate with fabcert install, or drop that key with --force"));
    }
    // A run that was killed after the install may have left its pending key.
    let kept = kept.filter(|p| current.leaf.as_ref().is_none_or(|leaf| !p.answers_with(leaf)));
    if let Some(other) = kept.as_ref().filter(|p| p.id() != id || !p.is_made_for(purpose))
        && other.may_be_certified()
        && !task.force
    {
        return Err(Error::new(
            ErrorKind::Input,
            format!("a key for \"{}\", which the CA may have certified, is pending in {}", other.id(), file.display()),
        )
        .with_help("finish that enrolment first, or drop its key with --force"));
    }
    let subject = Subject::new(&ca.url, ca.ca_name.as_deref(), id);
    let usable = kept.and_then(|p| p.for_request(id, task.ca, purpose));
    let asked = Asked::new(&task.sans, &task.drop_sans, task.profile, asking.attributes, task.subject);
    if let Some(pending) = &usable
        && let Some(issued) = earlier_answer(task, current, pending, &asked, &file, env)?
    {
        let target = task.target.display();
        tracing::info!("{target}: installing the answer that an earlier run received and kept");
        let answered = pending.answer.as_ref().map_or("", |answer| &answer.ca_name);
        let success = Success::ReceivedAt(issued.received_at);
        refusals::clear(asking.places, &subject, answered, success, disk)?;
        return Ok(issued);
    }
    let client = client(task, ca, asking, env)?;
    check_trust_in_new_root(task, ca, current, (&client, asking.patience), env).await?;
    let (mut pending, key) = pending_key(task, current, usable, asked, env)?;
    let csr = Csr::build(&CsrSpec { enrollment_id: id, sans: &task.sans, subject: task.subject }, &key)?;
    let not_before = (env.now)().minus(BACKDATE);
    let csr_pem = csr.to_pem();
    let body = EnrollRequest {
        csr_pem: &csr_pem,
        sans: &task.sans,
        profile: task.profile,
        attrs: asking.attributes,
        not_before: Some(not_before),
        label: None,
    };
    let answered = ask(task, ca, asking, &client, &body, &mut pending, env).await;
    let received_at = (env.now)();
    let mut cleared = None;
    let by_secret = matches!(answered, Ok((_, true)));
    let proven = match answered {
        Ok((answer, by_secret)) => {
            cleared = by_secret.then(|| answer.ca_name.clone());
            report_skew(ca, answer.server_date, received_at);
            pending.answer_lost = false;
            pending.answer = Some(Answer::of(&answer, pending.asked.clone(), received_at));
            prove_kept(task, current, &pending, &key, received_at)
        }
        // The CA reports success, but its answer cannot be read.
        Err(e) if e.kind() == ErrorKind::NotAsAsked => Err(e),
        Err(e) => return Err(e),
    };
    let proven = proven.map_err(|wrong| {
        let before = pending.not_as_asked.take().filter(|_| !task.insist);
        let noted = NotAsAsked::after(before.as_ref(), &pending.asked, &wrong, received_at);
        let is_kept = !pending.answer_lost;
        let error = noted.explain(wrong, is_kept, received_at, &file);
        pending.not_as_asked = Some(noted);
        error
    });
    let kept = if by_secret {
        task.place.write_state_file(disk, pending::FILE, &pending.to_bytes(), 0o600)
    } else {
        pending.keep_for_token(&task.place, disk)
    };
    let cleared =
        cleared.map_or(Ok(()), |answered| refusals::clear(asking.places, &subject, &answered, Success::Now, disk));
    match kept {
        // A later run installs the answer and clears the tries.
        Ok(()) => cleared?,
        // There is no later run for it: a certificate that the CA counted is installed, and a wrong one reported.
        Err(e) => tracing::warn!("{}: the CA's answer could not be kept for a later run: {e}", task.target.display()),
    }
    if let Err(e) = env.keep_state().await {
        tracing::warn!("{}: the CA's answer is kept on this disk alone: {e}", task.target.display());
    }
    let (verified, plan) = proven?;
    Ok(Issued { verified, key, received_at, plan, asked: Some(pending.asked), is_new: true, by_secret })
}

/// Checks that the CA does not issue with a new root that other folders may not trust yet: what it issues cannot be chosen. A CA
/// is asked only while a root of the folder is replaced.
///
/// # Errors
/// When it does, or cannot be asked.
async fn check_trust_in_new_root(
    task: &Task<'_>,
    ca: &CaAccess,
    current: &Current,
    (client, patience): (&Client, &mut Patience),
    env: &Environment<'_>,
) -> Result<(), Error> {
    let too_early = if task.force { Vec::new() } else { current.too_early((env.now)()) };
    if too_early.is_empty() {
        return Ok(());
    }
    let info = patience.run(random, |_| {}, || client.info()).await.map_err(|e| patience.ended(ca.explain(e)))?;
    let (root, _) = issuing_root(&info, ca)?;
    if too_early.contains(&&root) { Err(wait_for_trust(task.target, &ca.url, &root)) } else { Ok(()) }
}

/// The key for the request, kept on disk. The pending key is used again if it still matches the request, so that a lost
/// answer costs no key. Its kept answer stays until a better one replaces it.
fn pending_key(
    task: &Task<'_>,
    current: &Current,
    before: Option<Pending>,
    asked: Asked,
    env: &Environment<'_>,
) -> Result<(Pending, KeyPair), Error> {
    let waiting = match (&task.key, &before) {
        (KeyRequest::New(curve), Some(pending)) => {
            Some(pending.key()?).filter(|key| curve.is_none_or(|c| c == key.algorithm()))
        }
        _ => None,
    };
    let key = match waiting {
        Some(key) => key,
        None => requested_key(task, current, env)?,
    };
    if let Some(pending) = &before
        && pending.key()?.public_point() == key.public_point()
    {
        let mut pending = pending.clone();
        pending.asked = asked;
        return Ok((pending, key));
    }
    let is_first = before.is_none();
    if before.is_some_and(|pending| pending.may_be_certified()) {
        tracing::warn!(
            "{}: the pending key, which the CA may have certified, is dropped: another key is requested",
            task.target.display()
        );
    }
    let pending = Pending::new(&key, task.id, task.ca, task.purpose(), asked);
    Ok((if is_first { pending } else { pending.in_place_of_another() }, key))
}

/// The answer that an earlier run kept, if it satisfies this request: that run was killed before it installed the
/// answer, or the answer was not as requested and the request has changed since. An error if the answer still does not
/// match and the request is the same: the CA is not asked again at once.
fn earlier_answer(
    task: &Task<'_>,
    current: &Current,
    pending: &Pending,
    asked: &Asked,
    file: &Path,
    env: &Environment<'_>,
) -> Result<Option<Issued>, Error> {
    let key = pending.key()?;
    let is_requested = match &task.key {
        KeyRequest::New(curve) => curve.is_none_or(|c| c == key.algorithm()),
        KeyRequest::Current => current.key.as_ref().is_none_or(|k| k.public_point() == key.public_point()),
        KeyRequest::Given(_) => task.key.named(env.disk)?.is_some_and(|k| k.public_point() == key.public_point()),
    };
    if !is_requested {
        return Ok(None);
    }
    let now = (env.now)();
    let mut wrong = None;
    if let Some(answer) = pending.answer.as_ref().filter(|a| a.asked.is_alike_but_for_names(asked)) {
        match prove_kept(task, current, pending, &key, now) {
            Ok((verified, _)) if task.drop_sans.iter().any(|n| name::holds(verified.leaf().sans(), n)) => {}
            Ok((verified, plan)) if !is_due(&verified, answer.received_at, now) => {
                let asked = Some(asked.clone());
                let received_at = answer.received_at;
                return Ok(Some(Issued { verified, key, received_at, plan, asked, is_new: true, by_secret: false }));
            }
            Err(e) if answer.asked == *asked => wrong = Some(e),
            _ => {}
        }
    }
    let noted = pending.not_as_asked.as_ref().filter(|_| !task.insist);
    noted.and_then(|n| n.stops(asked, wrong, now, file)).map_or(Ok(None), Err)
}

/// Whether a kept certificate is due already.
fn is_due(verified: &VerifiedEnrollment, received_at: Timestamp, now: Timestamp) -> bool {
    due::due(verified.leaf(), Some(verified.chain().issuer()), Some(received_at), now).is_some()
}

/// Verifies the answer that is kept with the pending key.
fn prove_kept(
    task: &Task<'_>,
    current: &Current,
    pending: &Pending,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(VerifiedEnrollment, Option<Plan>), Error> {
    let answer = pending.answer.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "the pending key has no answer"))?;
    let unproven = Unproven {
        cert_pem: answer.cert_pem.as_bytes(),
        chain_pem: answer.chain_pem.as_bytes(),
        server_date: answer.server_date,
    };
    let proven = prove(task, current, key, &unproven, now)?;
    proven.0.log_warnings(task.target);
    Ok(proven)
}

fn requested_key(task: &Task<'_>, current: &Current, env: &Environment<'_>) -> Result<KeyPair, Error> {
    let given = match &task.key {
        KeyRequest::Current => current.key.as_ref().map(KeyPair::copied),
        _ => task.key.named(env.disk)?,
    };
    Ok(match given {
        Some(key) => key,
        None => KeyPair::generate(task.key.algorithm())?,
    })
}

fn client(task: &Task<'_>, ca: &CaAccess, asking: &mut Asking<'_>, env: &Environment<'_>) -> Result<Client, Error> {
    let mut anchors = TrustAnchors::default();
    for file in &*task.trust {
        anchors.add_pem(&file.origin, file.pem()?)?;
    }
    let builder = ca.client_with(anchors, env.disk)?;
    let known = match &ca.secret {
        SecretSource::Given(secret) => Some(secret),
        // A file is read when its secret is sent, and not before: a pipe gives it once.
        SecretSource::File(_) | SecretSource::None => asking.sent.as_ref(),
    };
    Ok(known
        .into_iter()
        .fold(builder, |builder, secret| builder.known(&ca.id, secret))
        .build_over(asking.connections)?)
}

fn report_skew(ca: &CaAccess, server: Option<Timestamp>, now: Timestamp) {
    if let Some(date) = server {
        let off = date.seconds_since(now);
        if off.abs() > 60 {
            tracing::warn!("the local clock differs from that of {} by {} s", ca.url, off.abs());
        }
    }
}
