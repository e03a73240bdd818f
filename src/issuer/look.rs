//! One look at an issuer or a request, from what is known to its status.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::board::Board;
use super::chain_map;
use super::controller::{Item, Looked, Settings};
use super::credential::{Credential, First, Registering, Vault};
use super::decision::{self, CredentialState, Decision, Order, Pin, Refused, Source, decide};
use super::kind::{IssuerKind, IssuerSpec, NameRef};
use super::objects::{self, CONFIG_MAPS, REQUESTS};
use super::observed::{Checked, IssuerKey, Observed, Readiness, RequestKey};
use super::request::CertificateRequest;
use super::sign::{Unsigned, sign};
use super::status::Answer;
use crate::agent::backoff::{pause, random};
use crate::cluster::{Access, Named};
use crate::identity::Environment;
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// How long no request is sent after the CA did not take a credential.
const REFUSED_FOR: Duration = Duration::from_secs(3600);

/// The credential of one id of one issuer. Its requests are signed one after the other.
#[derive(Default)]
struct Slot {
    credential: Option<Credential>,
    refused: Option<Refused>,
    /// The issuer's generation that it was made for.
    generation: Option<i64>,
}

type SharedSlot = Rc<tokio::sync::Mutex<Slot>>;

/// Why a request has no certificate yet, or gets none.
enum Trouble {
    Decided(Decision),
    Failed(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Looks at what the queue gives.
pub(super) struct Looker<'a> {
    pub(super) access: &'a Arc<Access>,
    pub(super) settings: &'a Settings,
    pub(super) board: &'a Board,
    pub(super) observed: RefCell<Observed>,
    pub(super) env: &'a Environment<'a>,
    /// By issuer and id.
    slots: RefCell<BTreeMap<(IssuerKey, String), SharedSlot>>,
    /// What could not be written yet, with the uid of the request.
    answers: RefCell<BTreeMap<RequestKey, (String, Answer)>>,
    /// The ConfigMaps that were written, by namespace and name.
    chains: RefCell<BTreeMap<(String, String), Value>>,
}

/// A snapshot of an issuer that can issue.
struct Ready {
    key: IssuerKey,
    generation: Option<i64>,
    spec: IssuerSpec,
    checked: Checked,
}

impl<'a> Looker<'a> {
    pub(super) fn new(
        access: &'a Arc<Access>,
        settings: &'a Settings,
        board: &'a Board,
        env: &'a Environment<'a>,
    ) -> Self {
        Self {
            access,
            settings,
            board,
            observed: RefCell::default(),
            env,
            slots: RefCell::default(),
            answers: RefCell::default(),
            chains: RefCell::default(),
        }
    }

    /// Looks at one thing that was looked at in vain `failures` times.
    pub(super) async fn look(&self, item: Item, failures: u32) -> Looked {
        match &item {
            Item::Issuer(key) => {
                let (retry, also) = self.look_at_issuer(key, failures).await;
                Looked { item, retry, also }
            }
            Item::Request(key) => {
                let retry = Box::pin(self.look_at_request(key, failures)).await;
                Looked { item, retry, also: Vec::new() }
            }
        }
    }

    /// The access to the namespace with the issuer's Secrets.
    pub(super) fn secrets(&self, key: &IssuerKey) -> Access {
        match key.0 {
            IssuerKind::Namespaced => self.access.in_namespace(&key.1),
            IssuerKind::Cluster => self.access.in_namespace(self.access.namespace()),
        }
    }

    /// Decides about a request, carries that out, and writes the answer.
    async fn look_at_request(&self, key: &RequestKey, failures: u32) -> Option<Duration> {
        let request = self.observed.borrow().requests.get(key).cloned()?;
        let kept = self.answers.borrow_mut().remove(key).filter(|(uid, _)| *uid == request.metadata.uid);
        let (answer, retry) = match kept {
            Some((_, answer)) => (answer, None),
            None => Box::pin(self.answer(&request, failures)).await?,
        };
        let named =
            Named { kind: &REQUESTS, namespace: request.metadata.namespace.as_deref(), name: &request.metadata.name };
        let Some(status) = answer.status(&request, (self.env.now)()) else { return retry };
        let is_last = !matches!(answer, Answer::Pending(_));
        if is_last {
            // It comes back from the watch after what was seen before, which is not to be answered again.
            self.observed.borrow_mut().answering(key, &request.metadata.uid);
        }
        let written = self.access.apply_status(named, &request.metadata.uid, status).await;
        if is_last {
            self.observed.borrow_mut().answered(key, written.is_ok());
        }
        match written {
            Ok(is_there) => {
                if is_there {
                    self.report(&request, &answer).await;
                }
                retry
            }
            Err(e) => {
                tracing::warn!("{e}");
                if is_last {
                    self.answers.borrow_mut().insert(key.clone(), (request.metadata.uid.clone(), answer));
                }
                Some(pause(failures + 1, random()))
            }
        }
    }

    /// Logs, counts and posts an answer that is written.
    async fn report(&self, request: &CertificateRequest, answer: &Answer) {
        let metadata = &request.metadata;
        let (reason, message) = (answer.reason(), answer.message());
        let name = format!("{}/{}", metadata.namespace.as_deref().unwrap_or_default(), metadata.name);
        if matches!(answer, Answer::Failed(_)) {
            tracing::warn!("{name}: {reason}: {message}");
        } else {
            tracing::info!("{name}: {reason}: {message}");
        }
        self.board.update(|shown| *shown.answers.entry(reason).or_default() += 1);
        let is_warning = !matches!(answer, Answer::Issued(_));
        objects::event(self.access, (&REQUESTS, metadata), (is_warning, reason, &message), (self.env.now)()).await;
    }

    /// The answer to a request, and when to look again; `None` if there is nothing to do about it now.
    async fn answer(&self, request: &CertificateRequest, failures: u32) -> Option<(Answer, Option<Duration>)> {
        let (ready, decision) = {
            let observed = self.observed.borrow();
            let named = observed.named_by(request);
            let readiness = named.as_ref().map(|(_, issuer)| issuer.readiness());
            // The check is under way, and asks for a look when it is done.
            if readiness == Some(Readiness::Unknown) && !request.is("Denied") {
                return None;
            }
            let issuer = named.as_ref().map(|(key, issuer)| decision::Issuer {
                kind: key.0,
                spec: match (readiness, &issuer.spec) {
                    (Some(Readiness::Unready(reason)), _) => Err(reason),
                    (_, spec) => spec.as_ref().map_err(String::as_str),
                },
            });
            let decision = decide(request, issuer, &CredentialState::default(), (self.env.now)());
            let ready = named.and_then(|(key, issuer)| match (&issuer.spec, &issuer.checked) {
                (Ok(spec), Some(Ok(checked))) => Some(Ready {
                    key,
                    generation: issuer.metadata.generation,
                    spec: spec.clone(),
                    checked: checked.clone(),
                }),
                _ => None,
            });
            (ready, decision)
        };
        let trouble = match (decision, ready) {
            (Decision::Sign(order), Some(ready)) => match self.sign(request, *order, &ready).await {
                Ok(answer) => return Some((answer, None)),
                Err(trouble) => trouble,
            },
            (decision, _) => Trouble::Decided(decision),
        };
        let now = (self.env.now)();
        match trouble {
            Trouble::Decided(Decision::Ignore | Decision::Sign(_)) => None,
            Trouble::Decided(Decision::Denied) => Some((Answer::Denied, None)),
            Trouble::Decided(Decision::Failed(message)) => Some((Answer::Failed(message), None)),
            Trouble::Decided(Decision::Pending { message, until }) => {
                // The issuer asks for the look when it is there and ready.
                Some((Answer::Pending(message), until.map(|until| until.since(now))))
            }
            Trouble::Failed(error) => {
                let message = said(&error);
                let is_old = request
                    .metadata
                    .created_at()
                    .is_some_and(|created| created.plus(self.settings.give_up_after) <= now);
                if is_permanent(&error) || is_old {
                    return Some((Answer::Failed(message), None));
                }
                let retry = error.retry_after().unwrap_or_else(|| pause(failures + 1, random()));
                Some((Answer::Pending(message), Some(retry.max(Duration::from_secs(1)))))
            }
        }
    }

    /// Gets the credential, decides again with what is known of it, and has the CA sign.
    async fn sign(&self, request: &CertificateRequest, order: Order, ready: &Ready) -> Result<Answer, Trouble> {
        let slot = {
            let mut slots = self.slots.borrow_mut();
            Rc::clone(slots.entry((ready.key.clone(), order.id.clone())).or_default())
        };
        let mut slot = slot.lock().await;
        let now = (self.env.now)();
        if slot.generation != ready.generation {
            *slot = Slot { generation: ready.generation, ..Slot::default() };
        }
        let issuer = decision::Issuer { kind: ready.key.0, spec: Ok(&ready.spec) };
        let remembered = CredentialState { refused: slot.refused.clone(), ..CredentialState::default() };
        if let refused @ Decision::Pending { .. } = decide(request, Some(issuer), &remembered, now) {
            return Err(Trouble::Decided(refused));
        }
        let secrets = self.secrets(&ready.key);
        let name = objects::credential_name(ready.key.0, &ready.key.2, &order.id);
        let vault = Vault { access: &secrets, env: self.env, folder: &self.settings.folder, name };
        let mut access = ready.checked.access.clone();
        access.id.clone_from(&order.id);
        if slot.credential.as_ref().is_none_or(|credential| credential.due_at <= now) {
            let first = self.first(&secrets, &order, &ready.spec).await?;
            slot.credential = Some(vault.credential(&access, order.role, first).await?);
        }
        let Some(credential) = &mut slot.credential else {
            return Err(Error::new(ErrorKind::Bug, "there is no credential").into());
        };
        // The credential may be an orderer's, whose key does not change.
        let order = match decide(request, Some(issuer), &credential.state, now) {
            Decision::Sign(order) => *order,
            other => return Err(Trouble::Decided(other)),
        };
        self.publish_chain(request, ready).await?;
        self.board.update(|shown| shown.signatures += 1);
        let signing = crate::ca::Credential { cert_pem: credential.cert_pem.as_bytes(), key: &credential.key };
        let client = (&*ready.checked.client, &access);
        match sign(&order, client, &signing, &ready.checked.root, self.env).await {
            Ok(signed) => {
                if credential.state.is_orderer {
                    let pin = Pin { purpose: order.purpose.as_str().to_owned(), ski: order.csr.ski().hex() };
                    credential.state.pinned = vault.pin(pin).await?;
                }
                Ok(Answer::Issued(signed))
            }
            Err(Unsigned::Other(error)) => Err(error.into()),
            Err(Unsigned::Credential(error)) => {
                slot.credential = None;
                let until = now.plus(REFUSED_FOR);
                let message = format!(
                    "{}; to enrol \"{}\" with its secret again, delete the Secrets {}-msp and {}-fabcert in {}",
                    said(&error),
                    order.id,
                    vault.name,
                    vault.name,
                    secrets.namespace()
                );
                slot.refused = Some(Refused { message: message.clone(), until });
                Err(Trouble::Decided(Decision::Pending { message, until: Some(until) }))
            }
        }
    }

    /// What enrols the identity if it has no credential.
    async fn first(&self, secrets: &Access, order: &Order, spec: &IssuerSpec) -> Result<First, Error> {
        match (&order.source, &spec.registrar) {
            (Source::Secret(reference, _), _) => Ok(First::Secret(objects::secret(secrets, reference).await)),
            (Source::Registrar(identity_type), Some(registrar)) => {
                let (cert, key) = registrar_of(secrets, &registrar.secret_ref).await?;
                let origin = PathBuf::from(format!("k8s://{}/{}", secrets.namespace(), registrar.secret_ref.name));
                let (affiliation, take_over) = (registrar.affiliation.clone(), registrar.take_over);
                let identity_type = identity_type.as_str().to_owned();
                Ok(First::Registrar(Box::new(Registering { cert, key, origin, identity_type, affiliation, take_over })))
            }
            (Source::Registrar(_), None) => Err(Error::new(ErrorKind::Bug, "the issuer has no registrar")),
        }
    }

    /// Writes the ConfigMap with the chain to the namespace of the request, if it is not there as it is now.
    async fn publish_chain(&self, request: &CertificateRequest, ready: &Ready) -> Result<(), Error> {
        let namespace = request.metadata.namespace.clone().unwrap_or_default();
        let name = chain_map::name(ready.key.0, &ready.key.2);
        let content = chain_map::content(&ready.checked.root, &ready.checked.cas);
        let key = (namespace, name);
        if self.chains.borrow().get(&key) == Some(&content) {
            return Ok(());
        }
        let named = Named { kind: &CONFIG_MAPS, namespace: Some(&key.0), name: &key.1 };
        self.access.apply_object(named, content.clone()).await?;
        self.chains.borrow_mut().insert(key, content);
        Ok(())
    }
}

/// The certificate and the key of a registrar.
async fn registrar_of(secrets: &Access, reference: &NameRef) -> Result<(Cert, KeyPair), Error> {
    let about = format!("the Secret {}/{} of the registrar", secrets.namespace(), reference.name);
    let unusable = |reason: &str| {
        Error::new(ErrorKind::Input, format!("{about} {reason}"))
            .with_help("it needs tls.crt and tls.key, or signcert.pem and key.pem")
    };
    let data = secrets.secret_data(&reference.name).await?.ok_or_else(|| unusable("does not exist"))?;
    let pair = [("tls.crt", "tls.key"), ("signcert.pem", "key.pem")]
        .into_iter()
        .find_map(|(cert, key)| Some((data.get(cert)?, data.get(key)?)));
    let (cert, key) = pair.ok_or_else(|| unusable("holds no certificate with its key"))?;
    let cert = Cert::all_from_pem(cert).ok().and_then(|all| all.into_iter().next());
    let cert = cert.ok_or_else(|| unusable("holds a certificate that cannot be read"))?;
    Ok((cert, KeyPair::from_pem(key).map_err(|e| Error::from(e).about(&about))?))
}

/// Whether the same request would end the same way.
fn is_permanent(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotAsAsked => true,
        // A refusal that names a time may pass.
        ErrorKind::Refused => error.retry_after().is_none(),
        _ => false,
    }
}

/// An error in one line. Help that names flags is for a command line.
pub(super) fn said(error: &Error) -> String {
    let parts = [error.message()].into_iter().chain(error.items().iter().map(|item| item.trim()));
    let message: Vec<&str> = parts.flat_map(str::lines).map(str::trim).collect();
    let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
    let help = error.help().filter(|help| !help.contains("--")).map(|help| format!("; {help}")).unwrap_or_default();
    format!("{}{cause}{help}", message.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_ca_will_not_change_its_mind_about_is_permanent() {
        let error = |kind| Error::new(kind, "x");
        assert!(is_permanent(&error(ErrorKind::NotAsAsked)) && is_permanent(&error(ErrorKind::Refused)));
        assert!(!is_permanent(&error(ErrorKind::Refused).with_retry_after(Duration::from_secs(1))));
        for kind in [ErrorKind::Unreachable, ErrorKind::Input, ErrorKind::Io, ErrorKind::Locked] {
            assert!(!is_permanent(&error(kind)), "{kind:?}");
        }
    }

    #[test]
    fn an_error_is_one_line_with_the_help_that_fits() {
        assert_eq!(said(&Error::new(ErrorKind::Input, "no").with_help("do so")), "no; do so");
        let of_a_command_line = Error::new(ErrorKind::Refused, "no\n  at 1").with_items(["x".to_owned()]);
        assert_eq!(said(&of_a_command_line.with_help("use --force")), "no; at 1; x");
    }
}
