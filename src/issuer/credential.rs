//! The credential of an enrolment id: an identity of the issuer's own, enrolled once with the secret, that signs every request.

use std::path::{Path, PathBuf};

use super::decision::{CredentialState, Pin};
use crate::cluster::{Access, SecretNames, Store, WorkFolder};
use crate::disk::DiskFolder;
use crate::enroll::{self, enrolment::Enrolment};
use crate::identity::held::Held;
use crate::identity::{Authentication, CaAccess, Environment, Keeper as _, SecretSource};
use crate::install::Place;
use crate::msp::{CurrentMsp, Layout};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, NodeOu};
use crate::proof::RoleRule;
use crate::registrar::{GeneratedSecret, Registrar, Signer};
use crate::{Error, ErrorKind, Secret, Timestamp};

/// The state file with the keys that were certified last.
const PINS: &str = "issued.json";

/// The state file with the secret of an identity that is being registered.
const REGISTERED: &str = "registered-secret";

/// A certificate with its key, and what is remembered with it.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) cert_pem: String,
    pub(super) key: KeyPair,
    pub(super) state: CredentialState,
    /// When it is renewed: at half its life.
    pub(super) due_at: Timestamp,
}

/// How an identity without a credential gets one.
pub(super) enum First {
    /// By its secret, if that can be read.
    Secret(Result<Secret, Error>),
    /// A registrar registers it.
    Registrar(Box<Registering>),
}

/// The registration of an identity.
pub(super) struct Registering {
    pub(super) cert: Cert,
    pub(super) key: KeyPair,
    /// The Secret of the registrar, for messages.
    pub(super) origin: PathBuf,
    pub(super) identity_type: String,
    pub(super) affiliation: Option<String>,
    pub(super) take_over: bool,
}

/// The Secrets of one credential.
pub(super) struct Vault<'a> {
    /// For the namespace of the issuer's Secrets.
    pub(super) access: &'a Access,
    pub(super) env: &'a Environment<'a>,
    /// Where runs work.
    pub(super) folder: &'a Path,
    /// What the Secrets are named after.
    pub(super) name: String,
}

impl Vault<'_> {
    async fn open(&self) -> Result<Store<'_>, Error> {
        let work = WorkFolder::create(self.env.disk, self.folder, &self.name)?;
        let access = self.access.in_namespace(self.access.namespace());
        Store::fetch(access, SecretNames::new(&self.name)?, work).await
    }

    /// The credential: the one that is there, renewed where half of its life is over, or a new one. `ca` names the identity.
    ///
    /// # Errors
    /// Those of an enrolment, and when the Secrets cannot be used.
    pub(super) async fn credential(&self, ca: &CaAccess, role: RoleRule, first: First) -> Result<Credential, Error> {
        let store = self.open().await?;
        let obtained = self.obtain(&store, ca, role, first).await;
        obtained.map_err(|e| store.named(e))
    }

    async fn obtain(
        &self,
        store: &Store<'_>,
        ca: &CaAccess,
        role: RoleRule,
        first: First,
    ) -> Result<Credential, Error> {
        let env = self.env.kept_by(Some(store));
        let target = store.work().msp();
        let held = Held::read(&target, env.disk)?;
        let mut ca = ca.clone();
        let place = Place::of(env.disk, &target)?;
        match first {
            First::Secret(Ok(secret)) => ca.secret = SecretSource::Given(secret),
            First::Secret(Err(e)) if held.is_none() => return Err(e),
            First::Registrar(registering) if held.is_none() => {
                ca.secret = SecretSource::Given(register(&registering, store, &place, &ca, &env).await?);
            }
            First::Secret(Err(_)) | First::Registrar(_) => {}
        }
        let has_secret = matches!(ca.secret, SecretSource::Given(_));
        let mut request = Enrolment::at(ca).msp_dir(target.clone()).layout(Layout::Cryptogen).request()?;
        if held.is_some() {
            request.authentication = Authentication::Token { secret_if_expired: has_secret };
        }
        if let Some(sign) = &mut request.sign {
            // Whatever the certificate is for, the credential is an identity.
            sign.role = if role == RoleRule::Any { RoleRule::ExactlyOne } else { role };
            sign.due_at = held.as_ref().map(|held| half(held.start(), &held.leaf));
        }
        enroll::enroll(&request, &env).await?;
        if place.read_state_file(env.disk, REGISTERED)?.is_some() {
            place.remove_state_file(env.disk, REGISTERED)?;
            store.keep_identity().await?;
        }
        let msp = CurrentMsp::read(&DiskFolder::new(env.disk, &target), None);
        let lost = || Error::new(ErrorKind::Bug, "the credential that was enrolled cannot be read");
        let (_, cert) = msp.leaf.ok_or_else(lost)?;
        let (_, key) = msp.key.ok_or_else(lost)?;
        let start = Held::read(&target, env.disk)?.and_then(|held| held.start());
        let state = CredentialState {
            is_orderer: NodeOu::among(cert.organizational_units()).contains(&NodeOu::Orderer),
            pinned: pins(&place, &env)?,
            refused: None,
        };
        Ok(Credential { cert_pem: cert.to_pem(), key, state, due_at: half(start, &cert) })
    }

    /// Remembers the key of a certificate in place of the former one of its purpose; returns all.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(super) async fn pin(&self, pin: Pin) -> Result<Vec<Pin>, Error> {
        let store = self.open().await?;
        let place = Place::of(self.env.disk, &store.work().msp())?;
        let mut all = pins(&place, self.env)?;
        if all.contains(&pin) {
            return Ok(all);
        }
        all.retain(|other| other.purpose != pin.purpose);
        all.push(pin);
        let text = serde_json::to_vec(&all)
            .map_err(|e| Error::new(ErrorKind::Bug, "cannot write the keys of an orderer").with_source(e))?;
        place.write_state_file(self.env.disk, PINS, &text, 0o600)?;
        store.keep_identity().await.map_err(|e| store.named(e))?;
        Ok(all)
    }
}

/// The keys that were certified last. A file that cannot be read is an error: it may name the key that channels know.
fn pins(place: &Place, env: &Environment<'_>) -> Result<Vec<Pin>, Error> {
    let Some(bytes) = place.read_state_file(env.disk, PINS)? else { return Ok(Vec::new()) };
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::new(ErrorKind::Input, format!("msp.{PINS} of the credential's Secret cannot be read")).with_source(e)
    })
}

/// Half of the life of a certificate.
fn half(start: Option<Timestamp>, cert: &Cert) -> Timestamp {
    let start = start.unwrap_or_else(|| cert.not_before());
    start.plus(cert.not_after().since(start) / 2)
}

/// Registers the identity with a random secret, which is stored until it was used, and is returned.
async fn register(
    registering: &Registering,
    store: &Store<'_>,
    place: &Place,
    ca: &CaAccess,
    env: &Environment<'_>,
) -> Result<Secret, Error> {
    let earlier = place.read_state_file(env.disk, REGISTERED)?;
    let generated = GeneratedSecret::earlier_or_new(earlier.as_deref().map(Vec::as_slice))?;
    place.write_state_file(env.disk, REGISTERED, generated.secret.expose().as_bytes(), 0o600)?;
    store.keep_state().await?;
    let signer = Signer::of(&registering.origin, &registering.cert, registering.key.copied(), env)?;
    let registrar = Registrar::signing(ca.clone(), signer, registering.origin.clone(), env)?;
    let registered = registrar
        .register_or_take_over(
            (&ca.id, &registering.identity_type, registering.affiliation.as_deref()),
            &generated,
            registering.take_over,
            env,
        )
        .await;
    match registered {
        Ok(()) => Ok(generated.secret),
        Err(e) => {
            if e.kind() == ErrorKind::Refused && !generated.is_earlier {
                // Nobody knows the secret.
                place.remove_state_file(env.disk, REGISTERED)?;
            }
            store.keep_identity().await?;
            Err(e)
        }
    }
}
