//! Asking the CA for one certificate: the pending key, the CSR, the request with its retries, the refusals remembered.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::request::{CaAccess, KeyRequest, Request};
use super::state::not_as_asked::NotAsAsked;
use super::state::pending::{self, Answer, Asked, Pending};
use super::state::refusal::{self, Refusal};
use super::task::{Current, Folder, Task, copy};
use super::{Environment, due};
use crate::ca::{CaError, Class, Client, Credential, EnrollRequest, Enrollment, RetryPolicy, TrustAnchors};
use crate::identity::put::{msp_folder, tls_plan};
use crate::install::Place;
use crate::pki::key::KeyPair;
use crate::pki::x509::{Csr, CsrSpec};
use crate::proof::{Expected, MspPlan, VerifiedEnrollment, verify};
use crate::{Error, ErrorKind, Secret, Timestamp};

/// Clocks of nodes differ by seconds, and a certificate that begins in the future is refused as a credential.
const BACKDATE: Duration = Duration::from_secs(300);

/// A proven certificate with its key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) verified: VerifiedEnrollment,
    pub(crate) key: KeyPair,
    /// When the answer came.
    pub(crate) received_at: Timestamp,
    /// The MSP folder without a TLS certificate's CAs, if it was planned for the proof.
    pub(crate) plan: Option<MspPlan>,
}

/// Gets one certificate: from an answer that an earlier run could not install any more, else from the CA.
/// `signed` is the signing identity, a credential for the second certificate where it is the same identity at the same CA.
pub(crate) async fn obtain(
    task: &Task<'_>,
    request: &Request,
    seen: &Current,
    signed: Option<(&str, &KeyPair)>,
    places: &[&Place],
    env: &Environment<'_>,
) -> Result<Issued, Error> {
    let disk = env.disk;
    let (id, purpose) = (task.ca().id.as_str(), task.purpose());
    let file = task.place.state_dir().join(pending::FILE);
    let current = task.place.read_state_file(disk, pending::FILE)?.map(|b| Pending::parse(&b, &file)).transpose()?;
    if let Some(other) = current.as_ref().filter(|p| p.is_carried_by_hand() && !request.force) {
        return Err(Error::new(
            ErrorKind::Input,
            format!("a key made by fabcert csr for \"{}\" waits in {} for its certificate", other.id(), file.display()),
        )
        .with_help("put the certificate in place with fabcert install, or drop that key with --force"));
    }
    // A run that was killed after it had put the answer in place could not drop it any more.
    let usable = current
        .filter(|p| p.is_for(id, Some(task.ca()), purpose))
        .filter(|p| seen.leaf.as_ref().is_none_or(|leaf| !p.answers_with(leaf)));
    let asked = Asked::new(&task.sans, task.profile(), request.attributes.as_deref(), &request.subject);
    if let Some(pending) = &usable
        && let Some(issued) = earlier_answer(task, request, seen, pending, &asked, &file, env)?
    {
        tracing::info!("using the answer that an earlier run got and could not install");
        return Ok(issued);
    }
    let (mut pending, key) = pending_key(task, request, seen, usable, asked, env)?;
    let csr = Csr::build(&CsrSpec { enrollment_id: id, sans: &task.sans, subject: &request.subject }, &key)?;
    let client = client(task.ca(), env)?;
    let not_before = (env.now)().minus(BACKDATE);
    let csr_pem = csr.to_pem();
    let body = EnrollRequest {
        csr_pem: &csr_pem,
        sans: &task.sans,
        profile: task.profile(),
        attrs: request.attributes.as_deref(),
        not_before: Some(not_before),
        label: None,
    };
    let answered = ask(task, request, &client, &body, &mut pending, signed, places, env).await;
    let received_at = (env.now)();
    let proven = match answered {
        Ok(answer) => {
            report_skew(answer.server_date, received_at);
            pending.answer_lost = false;
            pending.answer = Some(Answer::of(&answer, pending.asked.clone(), received_at));
            prove(task, request, seen, &pending, &key, received_at)
        }
        // The CA says that it did what was asked, and its answer cannot even be read.
        Err(e) if e.kind() == ErrorKind::NotAsAsked => Err(e),
        Err(e) => return Err(e),
    };
    let proven = proven.map_err(|wrong| {
        let before = pending.not_as_asked.take().filter(|_| !request.force);
        let noted = NotAsAsked::after(before.as_ref(), &pending.asked, &wrong, received_at);
        let is_kept = !pending.answer_lost;
        let error = noted.told(wrong, is_kept, received_at, &file);
        pending.not_as_asked = Some(noted);
        error
    });
    task.place.write_state_file(disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    let (verified, plan) = proven?;
    Ok(Issued { verified, key, received_at, plan })
}

/// The key to ask with, and what is kept of it: the pending one where it is still the requested one, so that a lost answer
/// costs no key. What came for that key stays until something better comes.
fn pending_key(
    task: &Task<'_>,
    request: &Request,
    seen: &Current,
    before: Option<Pending>,
    asked: Asked,
    env: &Environment<'_>,
) -> Result<(Pending, KeyPair), Error> {
    let waiting = match (&request.key, &before) {
        (KeyRequest::New(curve), Some(pending)) => {
            Some(pending.key()?).filter(|key| curve.is_none_or(|c| c == key.algorithm()))
        }
        _ => None,
    };
    let key = match waiting {
        Some(key) => key,
        None => requested_key(request, seen, env)?,
    };
    if let Some(mut pending) = before
        && pending.key()?.public_point() == key.public_point()
    {
        pending.asked = asked;
        return Ok((pending, key));
    }
    Ok((Pending::new(&key, &task.ca().id, Some(task.ca()), task.purpose(), asked), key))
}

/// The answer that an earlier run kept, if it is what is requested now: a run was killed before it could install it, or it
/// was not as asked then and the request was corrected since. Where it still is not, and the request would be the very same,
/// the CA is not asked again at once.
fn earlier_answer(
    task: &Task<'_>,
    request: &Request,
    seen: &Current,
    pending: &Pending,
    asked: &Asked,
    file: &Path,
    env: &Environment<'_>,
) -> Result<Option<Issued>, Error> {
    let key = pending.key()?;
    let is_requested = match &request.key {
        KeyRequest::New(curve) => curve.is_none_or(|c| c == key.algorithm()),
        KeyRequest::Current => seen.key.as_ref().is_none_or(|k| k.public_point() == key.public_point()),
        KeyRequest::File(_) => request.key.named(env.disk)?.is_some_and(|k| k.public_point() == key.public_point()),
    };
    if !is_requested {
        return Ok(None);
    }
    let now = (env.now)();
    let mut wrong = None;
    if let Some(answer) = pending.answer.as_ref().filter(|a| a.asked.is_alike_but_for_names(asked)) {
        match prove(task, request, seen, pending, &key, now) {
            Ok((verified, plan)) if !is_due(&verified, answer.received_at, now) => {
                return Ok(Some(Issued { verified, key, received_at: answer.received_at, plan }));
            }
            Err(e) if answer.asked == *asked => wrong = Some(e),
            _ => {}
        }
    }
    let noted = pending.not_as_asked.as_ref().filter(|_| !request.force);
    noted.and_then(|n| n.stops(asked, wrong, now, file)).map_or(Ok(None), Err)
}

/// Whether a certificate that was kept for long would have to be replaced at once.
fn is_due(verified: &VerifiedEnrollment, received_at: Timestamp, now: Timestamp) -> bool {
    due::due(verified.leaf(), Some(verified.chain().issuer()), Some(received_at), now).is_some()
}

fn prove(
    task: &Task<'_>,
    request: &Request,
    seen: &Current,
    pending: &Pending,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(VerifiedEnrollment, Option<MspPlan>), Error> {
    let answer =
        pending.answer.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "there is no answer to be proven"))?;
    let expected = Expected {
        enrollment_id: &task.ca().id,
        key,
        sans: &task.sans,
        purpose: task.purpose(),
        role: task.role(),
        pinned_root: seen.root.as_ref().filter(|_| !request.force),
        now,
        server_date: answer.server_date,
    };
    let verified = verify(answer.cert_pem.as_bytes(), answer.chain_pem.as_bytes(), &expected)?;
    // What Fabric or a TLS client would refuse is not as asked either. What an operator can correct in the folder is an
    // error of its install.
    let plan = match task.folder {
        Folder::Msp(sign) => match msp_folder(task, sign, request, seen).plan(&verified, key, None) {
            Err(e) if e.is_about_the_answer() => return Err(e.into()),
            planned => planned.ok(),
        },
        Folder::Tls(tls) => match tls_plan(tls, request, &verified, key, now) {
            Err(e) if e.is_about_the_answer() => return Err(e.into()),
            _ => None,
        },
    };
    for warning in verified.warnings() {
        tracing::warn!("{warning}");
    }
    Ok((verified, plan))
}

fn requested_key(request: &Request, seen: &Current, env: &Environment<'_>) -> Result<KeyPair, Error> {
    let current = match request.key {
        KeyRequest::Current => seen.key.as_ref().and_then(copy),
        _ => request.key.named(env.disk)?,
    };
    Ok(match current {
        Some(key) => key,
        None => KeyPair::generate(request.key.algorithm())?,
    })
}

fn client(ca: &CaAccess, env: &Environment<'_>) -> Result<Client, Error> {
    let mut anchors = TrustAnchors::default();
    for path in &ca.anchors {
        anchors.add_pem(&path.display().to_string(), &env.disk.read(path, 4 * 1024 * 1024)?)?;
    }
    let mut builder = Client::builder(ca.url.clone())
        .anchors(anchors)
        .plaintext(ca.plaintext)
        .ca_name(ca.ca_name.clone())
        .proxy(ca.proxy.clone())
        .connect_timeout(ca.connect_timeout)
        .timeout(ca.timeout);
    if let Some((cert, key)) = &ca.client_identity {
        let key = KeyPair::from_pem(&env.disk.read_secret(key, 64 * 1024)?)?;
        builder = builder.client_identity(env.disk.read(cert, 1024 * 1024)?, key);
    }
    Ok(builder.build()?)
}

#[allow(clippy::too_many_arguments, reason = "one private step of obtain, split off for its length")]
async fn ask(
    task: &Task<'_>,
    request: &Request,
    client: &Client,
    body: &EnrollRequest<'_>,
    pending: &mut Pending,
    signed: Option<(&str, &KeyPair)>,
    places: &[&Place],
    env: &Environment<'_>,
) -> Result<Enrollment, Error> {
    let (ca, disk) = (task.ca(), env.disk);
    // While a request is on its way the outcome is open: the CA may issue, and count, for a run that was killed.
    let lost_before = pending.answer_lost;
    let keep = |pending: &mut Pending, open: bool| {
        pending.answer_lost = open;
        task.place.write_state_file(disk, pending::FILE, &pending.to_bytes(), 0o600)
    };
    let policy = request.wait.map_or_else(RetryPolicy::once, RetryPolicy::until);
    let lost = RefCell::new(false);
    let note = |e: &CaError, pause: Duration| {
        if e.is_ambiguous() {
            lost.replace(true);
        }
        tracing::warn!("{e}; trying again in {:.1} s", pause.as_secs_f64());
    };
    if let Some((cert_pem, key)) = signed {
        keep(pending, true)?;
        tracing::info!("asking {} for the {} certificate of {} (re-enrolment)", ca.url, task.purpose().as_str(), ca.id);
        let credential = Credential { cert_pem: cert_pem.as_bytes(), key };
        match policy.run(random, note, || client.reenroll(&credential, body)).await {
            Ok(answer) => return Ok(answer),
            Err(e) if e.is_refusal() => {
                tracing::info!("{e}; enrolling with the secret instead");
                keep(pending, lost_before || *lost.borrow())?;
            }
            Err(e) => {
                return Err(keep_if_ambiguous(task, pending, &e, lost_before || *lost.borrow(), env)?
                    .unwrap_or_else(|| told(e, ca)));
            }
        }
    }
    let secret = ca.secret.read(disk)?;
    let remembered = remembered_refusal(places, ca, &secret, env)?;
    if let Some((refusal, place)) = &remembered
        && !request.force
        && let Some(stop) = refusal.stops((env.now)(), &place.state_dir().join(refusal::FILE))
    {
        return Err(stop);
    }
    keep(pending, true)?;
    tracing::info!("asking {} for the {} certificate of {}", ca.url, task.purpose().as_str(), ca.id);
    match policy.run(random, note, || client.enroll(&ca.id, &secret, body)).await {
        Ok(answer) => {
            for place in places {
                place.remove_state_file(disk, refusal::FILE)?;
            }
            Ok(answer)
        }
        Err(e) => {
            if let CaError::Server { error: server, .. } = &e
                && matches!(server.class, Class::Credential | Class::Locked)
            {
                let before = remembered.map(|(r, _)| r).filter(|_| !request.force);
                let refusal = Refusal::after(before, ca, &secret, &secret.redact(&e.to_string()), (env.now)())?;
                for place in places {
                    place.write_state_file(disk, refusal::FILE, &refusal.to_bytes(), 0o600)?;
                }
            }
            Err(keep_if_ambiguous(task, pending, &e, lost_before || *lost.borrow(), env)?
                .unwrap_or_else(|| told(e, ca)))
        }
    }
}

/// The error of a request; a refusal names who was refused, and by which of the server's CAs.
fn told(e: CaError, ca: &CaAccess) -> Error {
    let error = Error::from(e);
    if error.kind() != ErrorKind::Refused {
        return error;
    }
    let at = ca.ca_name.as_ref().map_or_else(|| "the server's default CA".to_owned(), |name| format!("CA \"{name}\""));
    error.with_detail(&format!("asked for \"{}\" at {at}", ca.id))
}

/// Keeps the pending key where the CA may have issued all the same, or has before, and drops it where it surely did not.
/// `lost`: an answer to an earlier request with it never came.
fn keep_if_ambiguous(
    task: &Task<'_>,
    pending: &mut Pending,
    e: &CaError,
    lost: bool,
    env: &Environment<'_>,
) -> Result<Option<Error>, Error> {
    pending.answer_lost = e.is_ambiguous() || lost;
    if e.is_refusal() && !pending.answer_lost && pending.answer.is_none() {
        task.place.remove_state_file(env.disk, pending::FILE)?;
    } else {
        task.place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    }
    if e.is_refusal() && lost {
        return Ok(Some(
            Error::new(
                ErrorKind::Refused,
                format!("{e}; an earlier answer was lost, so the CA may have issued for the pending key and counted it"),
            )
            .with_help(format!(
                "have the registrar fetch what was issued (fabric-ca-client certificate list --id {}), and put it in place with fabcert install; the key is kept in {}",
                task.ca().id,
                task.place.state_dir().join(pending::FILE).display()
            )),
        ));
    }
    Ok(None)
}

/// The refusal of this very secret that one of the targets remembers.
fn remembered_refusal<'a>(
    places: &[&'a Place],
    ca: &CaAccess,
    secret: &Secret,
    env: &Environment<'_>,
) -> Result<Option<(Refusal, &'a Place)>, Error> {
    for place in places {
        let refusal = place.read_state_file(env.disk, refusal::FILE)?.and_then(|b| Refusal::parse(&b));
        if let Some(refusal) = refusal.filter(|r| r.concerns(ca, secret)) {
            return Ok(Some((refusal, place)));
        }
    }
    Ok(None)
}

fn report_skew(server: Option<Timestamp>, now: Timestamp) {
    if let Some(date) = server {
        let off = date.seconds_since(now);
        if off.abs() > 60 {
            tracing::warn!("the clock here differs from the CA's by {} s", off.abs());
        }
    }
}

/// A number in `[0, 1)` for the jitter.
fn random() -> f64 {
    let mut bytes = [0u8; 4];
    // Without randomness the pause is only less spread.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0
}
