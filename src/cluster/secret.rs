//! One Secret: read, applied on the server's side with one field manager, and compared.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use zeroize::Zeroizing;

use super::access::Access;
use super::error::Object;
use crate::{Error, ErrorKind};

/// The field manager of everything that fabcert applies.
pub(super) const MANAGER: &str = "fabcert";

/// The label that says who manages an object (Kubernetes' recommended labels).
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The API server's limit for the data of a Secret, in bytes.
const LIMIT: usize = 1 << 20;

/// The content of a Secret, by key. Wiped when it is dropped; copies in the client of the Kubernetes API are not.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Data(pub(super) BTreeMap<String, Zeroizing<Vec<u8>>>);

/// A Secret of fabcert, as the API server has it.
#[derive(Clone)]
pub(super) struct Stored {
    /// `metadata.resourceVersion`.
    pub(super) version: String,
    /// The keys that fabcert writes; others are left alone.
    pub(super) data: Data,
    pub(super) annotations: BTreeMap<String, String>,
}

/// What a Secret is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// `kubernetes.io/tls` or `Opaque`.
    pub(super) kind: &'static str,
    /// Whether fabcert writes a key.
    pub(super) owns: fn(&str) -> bool,
}

/// A Secret to apply.
pub(super) struct Content<'a> {
    pub(super) name: &'a str,
    pub(super) part: Part,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) data: &'a Data,
}

/// How often a Secret is read again whose version changed and whose content did not.
const TRIES: usize = 5;

impl Access {
    /// The data of a Secret of anybody; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn secret_data(&self, name: &str) -> Result<Option<BTreeMap<String, Zeroizing<Vec<u8>>>>, Error> {
        let found = self.read_secret(name).await?;
        let data = |secret: Secret| {
            secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, Zeroizing::new(value.0)))
        };
        Ok(found.map(|secret| data(secret).collect()))
    }

    async fn read_secret(&self, name: &str) -> Result<Option<Secret>, Error> {
        let read = |secrets: Api<Secret>| {
            let key = name.to_owned();
            async move { secrets.get_opt(&key).await }
        };
        let found = self.send("read", Object::secret(name), read).await;
        found.map_err(|e| self.explain("read", Object::secret(name), e))
    }

    /// The Secret `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, fabcert did not write it, or could not write it.
    pub(super) async fn secret(&self, name: &str, part: Part) -> Result<Option<Stored>, Error> {
        let found = self.read_secret(name).await?;
        let Some(found) = found else { return Ok(None) };
        let namespace = self.namespace();
        let is_own =
            found.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == MANAGER);
        let kind = found.type_.as_deref().unwrap_or("Opaque");
        if kind != part.kind {
            let message = format!("the Secret {namespace}/{name} has the type {kind}, and fabcert needs {}", part.kind);
            return Err(Error::new(ErrorKind::Input, message)
                .with_help("use another name: the type of a Secret cannot be changed"));
        }
        if !is_own {
            let message = format!("the Secret {namespace}/{name} exists, and fabcert did not write it");
            return Err(Error::new(ErrorKind::Input, message).with_help("use another name"));
        }
        if found.immutable == Some(true) {
            let message =
                format!("the Secret {namespace}/{name} is immutable, and its certificate could not be renewed");
            return Err(
                Error::new(ErrorKind::Input, message).with_help("replace it by one without \"immutable: true\"")
            );
        }
        Ok(Some(stored(found, part)))
    }

    /// Creates the Secret `name` without data. One that another run has just created, and that is empty, is taken: of the two, the one
    /// that writes first goes on.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) async fn create_empty(&self, name: &str, part: Part) -> Result<Stored, Error> {
        let secret =
            Secret { metadata: self.metadata(name, None), type_: Some(part.kind.to_owned()), ..Secret::default() };
        let create = |secrets: Api<Secret>| {
            let secret = secret.clone();
            let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            async move { secrets.create(&parameters, &secret).await }
        };
        let error = match self.send("create", Object::secret(name), create).await {
            Ok(created) => return Ok(stored(created, part)),
            Err(error) => error,
        };
        if is_conflict(&error)
            && let Some(found) = self.secret(name, part).await?
            && found.data == Data::default()
        {
            return Ok(found);
        }
        Err(self.explain("create", Object::secret(name), error))
    }

    /// Applies `content`, if the Secret still holds what it held as `before`; reads it back. A version that changed with labels or
    /// annotations of others is no change.
    ///
    /// # Errors
    /// When its content changed meanwhile, somebody else owns a part of it, it cannot be written, or it is not what was written.
    pub(super) async fn apply(&self, content: &Content<'_>, before: Option<&Stored>) -> Result<Stored, Error> {
        let Content { name, part, data, .. } = content;
        let size: usize = data.0.values().map(|content| content.len()).sum();
        if size > LIMIT {
            let message =
                format!("the Secret {}/{name} would hold {size} bytes; the API server takes {LIMIT}", self.namespace());
            return Err(Error::new(ErrorKind::Input, message));
        }
        let mut version = before.map(|before| before.version.clone());
        for tries in 1.. {
            let secret = self.object(content, version.as_deref());
            let apply = |secrets: Api<Secret>| {
                let (key, secret) = ((*name).to_owned(), secret.clone());
                async move { secrets.patch(&key, &PatchParams::apply(MANAGER), &Patch::Apply(&secret)).await }
            };
            let applied = self.send("write", Object::secret(name), apply).await;
            let error = match applied {
                Ok(_) => None,
                Err(error) if is_conflict(&error) => Some(error),
                Err(error) => return Err(self.explain("write", Object::secret(name), error)),
            };
            let found = self.secret(name, *part).await?;
            // Also where an earlier try arrived and its answer did not.
            if let Some(found) = found.as_ref().filter(|found| found.data == **data) {
                return Ok(found.clone());
            }
            let Some(error) = error else { break };
            let explained = self.explain("write", Object::secret(name), error);
            let is_same = |found: &Stored| before.is_some_and(|before| before.data == found.data);
            match found.filter(is_same) {
                Some(found) if explained.kind() == ErrorKind::Locked && tries < TRIES => version = Some(found.version),
                _ => return Err(explained),
            }
        }
        Err(Error::new(
            ErrorKind::Locked,
            format!("the Secret {}/{name} does not hold what was written to it", self.namespace()),
        )
        .with_help("something else writes to it, or an admission webhook changes it; run the same command again"))
    }

    fn object(&self, content: &Content<'_>, version: Option<&str>) -> Secret {
        let Content { name, part, annotations, data } = content;
        let mut metadata = self.metadata(name, version);
        metadata.annotations = Some(annotations.clone()).filter(|annotations| !annotations.is_empty());
        let bytes = data.0.iter().map(|(key, content)| (key.clone(), ByteString(content.to_vec()))).collect();
        Secret { metadata, type_: Some(part.kind.to_owned()), data: Some(bytes), ..Secret::default() }
    }

    fn metadata(&self, name: &str, version: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.namespace().to_owned()),
            labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())])),
            resource_version: version.map(str::to_owned),
            ..ObjectMeta::default()
        }
    }
}

/// Whether the request failed for what the Secret holds now.
fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn stored(secret: Secret, part: Part) -> Stored {
    let data = secret.data.unwrap_or_default().into_iter().filter(|(key, _)| (part.owns)(key));
    Stored {
        version: secret.metadata.resource_version.unwrap_or_default(),
        data: Data(data.map(|(key, content)| (key, Zeroizing::new(content.0))).collect()),
        annotations: secret.metadata.annotations.unwrap_or_default(),
    }
}
