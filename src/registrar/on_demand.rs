//! Registers an identity when it is needed, with a secret that nobody else gets.

use super::new_secret::{NewSecret, generated};
use super::{IfExists, Registrar, Registration, register};
use crate::ca::IdentityChange;
use crate::identity::{Environment, SecretSource};
use crate::registrar::registration::Action;
use crate::secret::Cleaned;
use crate::{Error, ErrorKind, Secret};

/// A random secret for one identity.
#[derive(Debug)]
pub(crate) struct GeneratedSecret {
    pub(crate) secret: Secret,
    /// Whether an earlier run made it, and may have registered the identity with it.
    pub(crate) is_earlier: bool,
}

impl GeneratedSecret {
    /// The secret that an earlier run stored, or a new one.
    ///
    /// # Errors
    /// When the system has no randomness, or what was stored is no secret.
    pub(crate) fn earlier_or_new(earlier: Option<&[u8]>) -> Result<Self, Error> {
        let Some(bytes) = earlier else { return Ok(Self { secret: generated()?, is_earlier: false }) };
        let read = Cleaned::read(bytes);
        let read = read.map_err(|reason| Error::new(ErrorKind::Input, format!("the stored secret {reason}")))?;
        Ok(Self { secret: read.secret, is_earlier: true })
    }
}

/// The types that may not be taken over: who has their secret can register others.
const ADMIN: &str = "admin";

impl Registrar {
    /// Registers the identity (id, type, affiliation). One that exists is left alone, unless an earlier run registered it with this
    /// secret, or it is of that type and may be taken over: then it gets the secret.
    ///
    /// # Errors
    /// When the CA cannot be reached or refuses, or the identity exists and is left alone.
    pub(crate) async fn register_or_take_over(
        &self,
        (id, identity_type, affiliation): (&str, &str, Option<&str>),
        generated: &GeneratedSecret,
        take_over: bool,
        env: &Environment<'_>,
    ) -> Result<(), Error> {
        let wanted = Registration {
            id: id.to_owned(),
            identity_type: Some(identity_type.to_owned()),
            affiliation: affiliation.map(str::to_owned),
            max_enrollments: None,
            attrs: Vec::new(),
            secret: NewSecret::Given(SecretSource::Given(generated.secret.clone())),
            create_affiliation: false,
            if_exists: IfExists::Compare,
        };
        let registered = register(self, &wanted, env).await?;
        if registered.action == Action::Registered || generated.is_earlier && registered.action == Action::Unchanged {
            return Ok(());
        }
        let found = registered.identity;
        let exists = |why: &str| {
            Error::new(ErrorKind::Refused, format!("\"{id}\" exists at {}: {why}", self.url()))
                .with_help("give its enrolment secret in spec.identities of the issuer")
        };
        if !take_over {
            return Err(exists("its secret is not known, and spec.registrar.takeOver is not set"));
        }
        let is_privileged = found.identity_type == ADMIN
            || found.attrs.iter().any(|attr| {
                ["hf.Registrar.", "hf.Revoker", "hf.IntermediateCA", "hf.GenCRL", "hf.AffiliationMgr"]
                    .iter()
                    .any(|right| attr.name.starts_with(right))
                    && !["", "false"].contains(&attr.value.as_str())
            });
        if is_privileged || found.identity_type != identity_type {
            return Err(exists("it is not taken over, because it is of another type or has rights at the CA"));
        }
        let change = IdentityChange { secret: Some(&generated.secret), ..IdentityChange::default() };
        self.modify(id, &change).await.map(drop)
    }
}
