//! One Secret: read, applied on the server's side with one field manager, and compared.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use zeroize::Zeroize;

use super::access::Access;
use crate::{Error, ErrorKind};

/// The field manager of everything that fabcert applies.
const MANAGER: &str = "fabcert";

/// The label that says who manages an object (Kubernetes' recommended labels).
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The API server's limit for the data of a Secret, in bytes.
const LIMIT: usize = 1 << 20;

/// The content of a Secret, by key. Wiped when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Data(pub(super) BTreeMap<String, Vec<u8>>);

impl Drop for Data {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

/// A Secret of fabcert, as the API server has it.
#[derive(Clone)]
pub(super) struct Stored {
    /// `metadata.resourceVersion`.
    pub(super) version: String,
    pub(super) data: Data,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A Secret to apply.
pub(super) struct Content<'a> {
    pub(super) name: &'a str,
    /// `kubernetes.io/tls` or `Opaque`.
    pub(super) kind: &'a str,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) data: &'a Data,
}

impl Access {
    /// The Secret `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, or fabcert did not write it.
    pub(super) async fn secret(&self, name: &str) -> Result<Option<Stored>, Error> {
        let key = name.to_owned();
        let found = self.send("read", name, |secrets| async move { secrets.get_opt(&key).await }).await?;
        let Some(found) = found else { return Ok(None) };
        if found.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_none_or(|by| by != MANAGER) {
            return Err(Error::new(
                ErrorKind::Input,
                format!("the Secret {}/{name} exists, and fabcert did not write it", self.namespace()),
            )
            .with_help(format!(
                "use another name, or hand it over: kubectl label secret {name} -n {} {MANAGED_BY}={MANAGER}",
                self.namespace()
            )));
        }
        Ok(Some(stored(found)))
    }

    /// Creates the Secret `name` without data.
    ///
    /// # Errors
    /// When it exists, or cannot be created.
    pub(super) async fn create_empty(&self, name: &str) -> Result<Stored, Error> {
        let secret =
            Secret { metadata: self.metadata(name, None), type_: Some("Opaque".to_owned()), ..Secret::default() };
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let create = |secrets: Api<Secret>| async move { secrets.create(&parameters, &secret).await };
        Ok(stored(self.send("create", name, create).await?))
    }

    /// Applies `content`, if the Secret still has the version `before`; reads it back.
    ///
    /// # Errors
    /// When it changed meanwhile, somebody else owns a part of it, it cannot be written, or it is not what was written.
    pub(super) async fn apply(&self, content: &Content<'_>, before: Option<&str>) -> Result<Stored, Error> {
        let Content { name, kind, annotations, data } = content;
        let size: usize = data.0.values().map(Vec::len).sum();
        if size > LIMIT {
            let message =
                format!("the Secret {}/{name} would hold {size} bytes; the API server takes {LIMIT}", self.namespace());
            return Err(Error::new(ErrorKind::Input, message));
        }
        let mut metadata = self.metadata(name, before);
        metadata.annotations = Some(annotations.clone()).filter(|annotations| !annotations.is_empty());
        let bytes = data.0.iter().map(|(key, content)| (key.clone(), ByteString(content.clone()))).collect();
        let secret = Secret { metadata, type_: Some((*kind).to_owned()), data: Some(bytes), ..Secret::default() };
        let key = (*name).to_owned();
        let apply = |secrets: Api<Secret>| async move {
            secrets.patch(&key, &PatchParams::apply(MANAGER), &Patch::Apply(&secret)).await
        };
        self.send("write", name, apply).await?;
        let back = self.secret(name).await?;
        back.filter(|back| back.data == **data).ok_or_else(|| {
            Error::new(
                ErrorKind::Locked,
                format!("the Secret {}/{name} does not hold what was written to it", self.namespace()),
            )
            .with_help("something else writes to it, or an admission webhook changes it; run the same command again")
        })
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

fn stored(secret: Secret) -> Stored {
    let data = secret.data.unwrap_or_default().into_iter().map(|(key, content)| (key, content.0)).collect();
    Stored {
        version: secret.metadata.resource_version.unwrap_or_default(),
        data: Data(data),
        annotations: secret.metadata.annotations.unwrap_or_default(),
    }
}
