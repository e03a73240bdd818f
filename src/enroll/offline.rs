//! Enrolment at a CA that cannot be reached from here: CSR and certificate are carried by hand, and verified in the
//! same way.

use std::path::PathBuf;
use std::sync::Arc;

use super::carried::CarriedAnswer;
use super::outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
use crate::identity::current::Current;
use crate::identity::due::held_by_another;
use crate::identity::kept_key::is_orderer;
use crate::identity::names::{NameChange, check_drops};
use crate::identity::obtain::BACKDATE;
use crate::identity::prove::{Issued, Unproven, prove};
use crate::identity::state::pending::{self, Asked, Pending};
use crate::identity::state::random_id::random_id;
use crate::identity::state::refusals::{self, Subject, Success};
use crate::identity::task::{Shape, Task};
use crate::identity::{Environment, FormGiven, KeyRequest, MspForm, TlsFiles};
use crate::install::{KeyAccess, Lock, Place};
use crate::msp::{Layout, TlsNames};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::{self, NameSet, SanName};
use crate::pki::x509::{Cert, Csr, CsrSpec, SubjectFields};
use crate::proof::{Purpose, RoleRule, VerifyError};
use crate::{Error, ErrorKind};

/// One certificate whose CSR and answer are carried by hand.
#[derive(Clone, Debug)]
pub(crate) struct OfflineRequest {
    /// Enrolment id: the CN.
    pub(crate) id: String,
    /// The purpose of the certificate.
    pub(crate) purpose: Purpose,
    /// The MSP folder ([`Purpose::Sign`]) or TLS folder ([`Purpose::Tls`]).
    pub(crate) target: PathBuf,
    /// Names.
    pub(crate) names: NameSet,
    /// Names of the current certificate that the new one does not keep.
    pub(crate) drop_sans: Vec<SanName>,
    /// Subject fields beside the CN.
    pub(crate) subject: SubjectFields,
    /// Whether the TLS certificate of an orderer gets a new key as well.
    pub(crate) new_tls_key: bool,
    /// The key to use.
    pub(crate) key: KeyRequest,
    /// The NodeOU that the certificate must hold.
    pub(crate) role: RoleRule,
    /// File names in an MSP folder.
    pub(crate) layout: Layout,
    /// File names in a TLS folder.
    pub(crate) tls_names: TlsNames,
    /// Whether `config.yaml` is written.
    pub(crate) node_ous: bool,
    /// The permissions of the key.
    pub(crate) key_access: KeyAccess,
    /// What of the form was given.
    pub(crate) given: FormGiven,
    /// Replace a pending key, another identity or another root.
    pub(crate) force: bool,
}

/// A CSR, with the names that it keeps and drops of the current certificate.
#[derive(Clone, Debug)]
pub(crate) struct MadeCsr {
    /// PEM.
    pub(crate) pem: String,
    /// Names of the current certificate that are kept although they are not requested.
    pub(crate) kept: Vec<SanName>,
    /// Names of the current certificate that are not in the CSR.
    pub(crate) dropped: Vec<SanName>,
}

/// Makes a key, keeps it beside the target, and returns the CSR. A second call returns a CSR for the same key. `accept` sees
/// the CSR (PEM) before anything is written.
///
/// # Errors
/// When a key for another purpose or id is pending there and `force` is not set, a name to drop is not held, the key cannot
/// be written, or `accept` refuses the CSR.
pub(crate) fn make_csr(
    request: &OfflineRequest,
    accept: &mut dyn FnMut(&str) -> Result<(), Error>,
    env: &Environment<'_>,
) -> Result<MadeCsr, Error> {
    let place = Place::of(env.disk, &request.target)?.for_group(request.key_access.group);
    let lock = Lock::acquire(env.disk, &place, (env.now)())?;
    lock.withdrawn_on_error(env.disk, |_| make_csr_at(place, request, accept, env))
}

fn make_csr_at(
    place: Place,
    request: &OfflineRequest,
    accept: &mut dyn FnMut(&str) -> Result<(), Error>,
    env: &Environment<'_>,
) -> Result<MadeCsr, Error> {
    let pending = Pending::at(&place, env.disk)?.filter(|_| !request.force);
    let task = request.settled(request.task(place, None, env)?, env)?.0;
    let requested = match &task.key {
        KeyRequest::Current => {
            let current = task.look(env.disk)?;
            task.vouch_for_key(&current, env.disk)?;
            current.key
        }
        key => key.named(env.disk)?,
    };
    let key = match (pending, requested) {
        (Some(pending), requested) => waiting_key(&pending, requested.as_ref(), request)?,
        (None, Some(key)) => key,
        (None, None) => KeyPair::generate(task.key.algorithm())?,
    };
    if request.purpose == Purpose::Sign && key.algorithm() == KeyAlgorithm::Ed25519 {
        tracing::warn!("Fabric accepts an identity with an Ed25519 key from 3.0, in channels with the capability V3_0");
    }
    let csr = Csr::build(&CsrSpec { enrollment_id: &request.id, sans: &task.sans, subject: &request.subject }, &key)?;
    let pem = csr.to_pem();
    accept(&pem)?;
    let asked = Asked::by_hand(&task.sans, &task.drop_sans, &request.subject);
    let pending = Pending::new(&key, &request.id, None, request.purpose, asked);
    task.place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    Ok(MadeCsr { pem, kept: task.kept, dropped: task.dropped })
}

/// The pending key, if it matches this request: its CSR may be on its way already.
fn waiting_key(pending: &Pending, requested: Option<&KeyPair>, request: &OfflineRequest) -> Result<KeyPair, Error> {
    let refuse = |what: String| {
        Err(Error::new(ErrorKind::Input, format!("{what} is pending beside {}", request.target.display()))
            .with_help("finish that enrolment first with fabcert install, or drop its key with --force"))
    };
    if !pending.is_for(&request.id, None, request.purpose) {
        return refuse(format!("another key, for \"{}\",", pending.id()));
    }
    let key = pending.key()?;
    if requested.is_some_and(|w| w.public_point() != key.public_point()) {
        return refuse("a key other than the given one".to_owned());
    }
    match request.key {
        KeyRequest::New(Some(curve)) if curve != key.algorithm() => {
            refuse(format!("{curve} was requested, but a key of {}", key.algorithm()))
        }
        _ => Ok(key),
    }
}

/// Installs a certificate that was carried here, after the same verification as an enrolment's. Certificate and each part
/// of the chain are PEM (the certificate alone, a part of the chain one or many), DER, or PKCS#7 in either form. Without `key`, the
/// key is the pending one of `fabcert csr`, or of an enrolment that lost its answer.
///
/// # Errors
/// When no key of this id is pending, or another one than `key` and `force` is not set, the target holds another identity or root and `force` is not set, the certificate
/// is not as requested, or the folder cannot be written.
pub(crate) fn install_answer(
    request: &OfflineRequest,
    key: Option<&KeyPair>,
    (certificate, chain): (&[u8], &[impl AsRef<[u8]>]),
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let answer = CarriedAnswer::read(certificate)?;
    let mut parts = vec![answer.chain_pem];
    for part in chain {
        let part = CarriedAnswer::read(part.as_ref())?;
        parts.extend([part.cert_pem, part.chain_pem]);
    }
    let chain_pem = parts.join(&b'\n');
    let place = Place::of(env.disk, &request.target)?.for_group(request.key_access.group);
    let lock = Lock::acquire(env.disk, &place, (env.now)())?;
    lock.withdrawn_on_error(env.disk, |lock| {
        install_answer_at(place, lock, (request, key), (&answer.cert_pem, &chain_pem), env)
    })
}

fn install_answer_at(
    place: Place,
    lock: &Lock,
    (request, given): (&OfflineRequest, Option<&KeyPair>),
    (cert_pem, chain_pem): (&[u8], &[u8]),
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let answer = Unproven { cert_pem, chain_pem, server_date: None };
    let waiting = Pending::at(&place, env.disk)?;
    if (waiting.is_none() || given.is_some())
        && let Some(unchanged) = current_answer(request, place.clone(), &answer, env)?
    {
        return Ok(unchanged);
    }
    let pending = match given {
        Some(key) => came_with(key, waiting, request)?,
        None => waiting.ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("no key is pending beside {}", request.target.display()))
                .with_help("make one with fabcert csr and the same folder")
        })?,
    };
    if pending.id() != request.id {
        return Err(Error::new(
            ErrorKind::Input,
            format!(
                "the key pending beside {} is for \"{}\", not for \"{}\"",
                request.target.display(),
                pending.id(),
                request.id
            ),
        )
        .with_help("give the enrolment id of the CSR"));
    }
    if !pending.is_made_for(request.purpose) {
        let (flag, other) = match request.purpose {
            Purpose::Sign => ("--tls-dir", "TLS"),
            Purpose::Tls => ("--msp-dir", "signing"),
        };
        return Err(Error::new(
            ErrorKind::Input,
            format!("the key that is pending beside {} is for a {other} certificate", request.target.display()),
        )
        .with_help(format!("name the folder with {flag}, as for fabcert csr")));
    }
    let key = pending.key()?;
    let (task, current) = request.settled(request.task(place, Some(&pending), env)?, env)?;
    if let Some(other) = current.leaf.as_ref().map(|leaf| leaf.common_name().unwrap_or_default())
        && other != request.id
        && !request.force
    {
        return Err(held_by_another(&request.target, other, &request.id));
    }
    let now = (env.now)();
    let (verified, plan) = prove(&task, &current, &key, &answer, now).map_err(of_carried_files)?;
    verified.log_warnings(task.target);
    let change = NameChange::between(current.leaf.as_ref(), verified.leaf(), &task);
    let subject = pending.ca().map(|(url, ca_name)| Subject::new(&url, ca_name, pending.id()));
    let issued =
        Issued { verified, key, received_at: now, plan, asked: Some(pending.asked), is_new: true, by_secret: false };
    let file = task.put(&current, &issued, None, std::slice::from_ref(lock), env)?;
    if let Some(subject) = subject {
        // Requests are for an earlier NotBefore.
        let success = Success::IssuedAt(issued.verified.leaf().not_before().plus(BACKDATE));
        if let Err(e) = refusals::clear(&[&task.place], &subject, "", success, env.disk) {
            tracing::warn!(
                "{}: the set is installed, but earlier tries are still counted: {e}",
                request.target.display()
            );
        }
    }
    let path = request.target.join(file);
    Ok(request.outcome(Action::Enrolled, "certificate verified and installed", issued.verified.leaf(), path, &change))
}

/// A key that came with its certificate, as one that waits for it.
///
/// # Errors
/// When another key waits for its certificate, and `force` is not set.
fn came_with(key: &KeyPair, waiting: Option<Pending>, request: &OfflineRequest) -> Result<Pending, Error> {
    let Some(waiting) = waiting.filter(|_| !request.force) else {
        let asked = Asked::by_hand(&[], &[], &request.subject);
        return Ok(Pending::new(key, &request.id, None, request.purpose, asked));
    };
    if waiting.key()?.public_point() == key.public_point() {
        return Ok(waiting);
    }
    let message = format!("another key waits for its certificate beside {}", request.target.display());
    Err(Error::new(ErrorKind::Input, message)
        .with_help("let fabcert enroll finish that enrolment first, or drop its key with --force"))
}

/// The outcome if the folder holds the certificate of `answer` with its key and chain already, and it passes the same
/// verification; `None` if the folder holds something else.
fn current_answer(
    request: &OfflineRequest,
    place: Place,
    answer: &Unproven<'_>,
    env: &Environment<'_>,
) -> Result<Option<Outcome>, Error> {
    let task = request.task(place, None, env)?;
    let current = task.look(env.disk)?;
    let (Some(leaf), Some(key), Some(chain)) = (&current.leaf, &current.key, &current.chain) else { return Ok(None) };
    let given = Cert::all_from_pem(answer.cert_pem).unwrap_or_default();
    if given.first() != Some(leaf) || !current.problems.is_empty() || !current.changed.is_empty() {
        return Ok(None);
    }
    let (verified, _) = prove(&task, &current, key, answer, (env.now)()).map_err(of_carried_files)?;
    if verified.chain() != chain {
        return Ok(None);
    }
    let path = request.target.join(&current.leaf_path);
    let reason = "the folder holds this certificate already";
    let change = NameChange::default();
    Ok(Some(request.outcome(Action::Unchanged, reason, leaf, path, &change)))
}

/// The error with help for files that were carried here, and did not come from a CA.
fn of_carried_files(error: Error) -> Error {
    use VerifyError::{
        Chain, ChainUnreadable, IsCa, NonCaInChain, NotOneCertificate, OtherId, OtherKey, Pem, Unreadable,
    };
    if error.source_is(|e: &VerifyError| matches!(e, Chain(_) | NonCaInChain { .. } | ChainUnreadable(_))) {
        return error.with_help(
            "give the certificates of the issuing CA, its intermediates and its root with --chain; nothing was written",
        );
    }
    let is_about_the_certificate = error.source_is(|e: &VerifyError| {
        matches!(e, OtherKey { .. } | NotOneCertificate { .. } | Pem(_) | Unreadable(_) | OtherId { .. } | IsCa { .. })
    });
    if is_about_the_certificate {
        return error.with_help(
            "give the one certificate that the CA issued for the CSR of this folder with --cert; fabcert inspect FILE \
             shows what is in a file; nothing was written",
        );
    }
    error
}

impl OfflineRequest {
    fn outcome(&self, action: Action, reason: &str, leaf: &Cert, path: PathBuf, change: &NameChange) -> Outcome {
        let (msp_dir, tls_dir) = match self.purpose {
            Purpose::Sign => (Some(self.target.clone()), None),
            Purpose::Tls => (None, Some(self.target.clone())),
        };
        Outcome::new(
            action,
            reason.to_owned(),
            IdentitySummary { id: self.id.clone(), msp_dir, tls_dir },
            vec![CertificateSummary::of(leaf, self.purpose, path, change)],
        )
    }

    /// The task with what it keeps of the current contents of its target.
    fn settled<'a>(&self, mut task: Task<'a>, env: &Environment<'_>) -> Result<(Task<'a>, Current), Error> {
        let current = task.look(env.disk)?;
        let currents = std::slice::from_ref(&current);
        task.settle(&current, is_orderer(&[self.role], currents), self.new_tls_key)?;
        check_drops(std::slice::from_ref(&task), currents)?;
        task.report_names(&current);
        Ok((task, current))
    }

    /// The task for a CSR, or for the answer to `pending`: every name in its CSR is verified, whether it is given again or
    /// not.
    ///
    /// # Errors
    /// When the record of the target cannot be read, or the operating system provides no randomness.
    fn task(&self, place: Place, pending: Option<&Pending>, env: &Environment<'_>) -> Result<Task<'_>, Error> {
        let mut sans = pending.map(|p| p.asked.sans()).unwrap_or_default();
        for name in self.names.sans() {
            if !name::holds(&sans, &name) {
                sans.push(name);
            }
        }
        let mut drop_sans = self.drop_sans.clone();
        drop_sans.extend(pending.iter().flat_map(|p| p.asked.dropped()).filter(|name| !name::holds(&sans, name)));
        let shape = match self.purpose {
            Purpose::Sign => Shape::Msp(MspForm { layout: self.layout, node_ous: self.node_ous }),
            Purpose::Tls => Shape::Tls(TlsFiles::Three(self.tls_names)),
        };
        let mut task = Task {
            run: random_id()?,
            id: &self.id,
            target: &self.target,
            place,
            shape,
            requested: sans.clone(),
            drop_sans,
            sans,
            kept: Vec::new(),
            dropped: Vec::new(),
            subject: &self.subject,
            role: self.role,
            due_at: None,
            key: self.key.clone(),
            key_access: self.key_access,
            given: self.given,
            force: self.force,
            insist: self.force,
            always: false,
            ca: None,
            profile: None,
            attributes: None,
            trust: Arc::new([]),
            stem: "ca".to_owned(),
            tls_stem: "ca".to_owned(),
        };
        task.keep_form(env.disk)?;
        Ok(task)
    }
}
