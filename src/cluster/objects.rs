//! Objects of kinds that fabcert has no type of its own for, as JSON.

use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::Access;
use super::secret::MANAGER;
use crate::{Error, ErrorKind};

/// A kind of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
}

impl Kind {
    /// `apiVersion` of its objects.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(super) fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.name.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// Its objects in a namespace, or all.
    pub(super) fn api(&self, client: Client, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.resource()),
            None => Api::all_with(client, &self.resource()),
        }
    }
}

/// An object, as errors and requests name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) kind: &'a Kind,
    /// `None` for an object of the cluster.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Access {
    /// An object; `None` if it does not exist.
    ///
    /// # Errors
    /// When it cannot be read, or has not the form of `T`.
    pub(crate) async fn get_object<T: DeserializeOwned>(&self, named: Named<'_>) -> Result<Option<T>, Error> {
        let (api, name) = (named.kind.api(self.client(), named.namespace), named.name.to_owned());
        let found = self.once(async move { api.get_opt(&name).await }).await;
        let found = found.map_err(|e| self.failed("get", named, e))?;
        found.map(|found| typed(named, &found)).transpose()
    }

    /// Applies `content` on the server's side as fabcert's own part of an object.
    ///
    /// # Errors
    /// When it cannot be written, or somebody else owns a part of it.
    pub(crate) async fn apply_object(&self, named: Named<'_>, content: Value) -> Result<(), Error> {
        let body = headed(named, content);
        let (api, name) = (named.kind.api(self.client(), named.namespace), named.name.to_owned());
        let applied =
            self.once(async move { api.patch(&name, &PatchParams::apply(MANAGER), &Patch::Apply(&body)).await });
        applied.await.map(drop).map_err(|e| self.failed("patch", named, e))
    }

    /// Applies the status of the object with this `uid`. Returns whether it still exists.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn apply_status(&self, named: Named<'_>, uid: &str, status: Value) -> Result<bool, Error> {
        // Another object of the same name would be a conflict.
        let body = headed(named, json!({"metadata": {"uid": uid}, "status": status}));
        let (api, name) = (named.kind.api(self.client(), named.namespace), named.name.to_owned());
        let parameters = PatchParams::apply(MANAGER).force();
        let applied = self.once(async move { api.patch_status(&name, &parameters, &Patch::Apply(&body)).await }).await;
        match applied {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(e) => Err(self.failed("patch the status of", named, e)),
        }
    }

    /// Creates an object. Returns whether it did: somebody else may have.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) async fn create_object(&self, named: Named<'_>, content: Value) -> Result<bool, Error> {
        let object = dynamic(named, headed(named, content))?;
        let api = named.kind.api(self.client(), named.namespace);
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let created = self.once(async move { api.create(&parameters, &object).await }).await;
        self.unless_changed("create", named, created)
    }

    /// Replaces an object that still has the version in `content`. Returns whether it did.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn replace_object(&self, named: Named<'_>, content: Value) -> Result<bool, Error> {
        let object = dynamic(named, headed(named, content))?;
        let (api, name) = (named.kind.api(self.client(), named.namespace), named.name.to_owned());
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let replaced = self.once(async move { api.replace(&name, &parameters, &object).await }).await;
        self.unless_changed("update", named, replaced)
    }

    fn unless_changed<T>(&self, verb: &str, named: Named<'_>, done: Result<T, kube::Error>) -> Result<bool, Error> {
        match done {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(e) => Err(self.failed(verb, named, e)),
        }
    }

    fn failed(&self, verb: &str, named: Named<'_>, error: kube::Error) -> Error {
        failed(self.server(), verb, named, error)
    }

    /// All objects of a kind, page by page, and the version of the list.
    pub(super) async fn all_of(api: &Api<DynamicObject>) -> Result<(Vec<DynamicObject>, String), kube::Error> {
        let mut all = Vec::new();
        let mut parameters = ListParams::default().limit(500);
        loop {
            let page = api.list(&parameters).await?;
            all.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok((all, page.metadata.resource_version.unwrap_or_default())),
            }
        }
    }
}

/// What a failed request about an object means.
pub(super) fn failed(server: &str, verb: &str, named: Named<'_>, error: kube::Error) -> Error {
    let Named { kind, namespace, name } = named;
    let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let what = format!("cannot {verb} the {} {place}{name}", kind.name);
    let status = match error {
        kube::Error::Api(status) => status,
        other => {
            return Error::new(ErrorKind::Unreachable, format!("{what} at {server}")).with_source(other);
        }
    };
    let message = format!("{what}: {}", status.message);
    match status.code {
        403 => Error::new(ErrorKind::Input, message).with_help(format!(
            "allow it in a Role or a ClusterRole: {}",
            if kind.group.is_empty() { kind.plural.to_owned() } else { format!("{}.{}", kind.plural, kind.group) }
        )),
        409 => Error::new(ErrorKind::Input, message)
            .with_help("somebody else writes to it: see kubectl get with --show-managed-fields"),
        429 | 500.. => Error::new(ErrorKind::Unreachable, message),
        _ => Error::new(ErrorKind::Input, message),
    }
}

/// `content` with the kind and the name of the object.
fn headed(named: Named<'_>, mut content: Value) -> Value {
    content["apiVersion"] = named.kind.api_version().into();
    content["kind"] = named.kind.name.into();
    content["metadata"]["name"] = named.name.into();
    if let Some(namespace) = named.namespace {
        content["metadata"]["namespace"] = namespace.into();
    }
    content
}

fn dynamic(named: Named<'_>, content: Value) -> Result<DynamicObject, Error> {
    serde_json::from_value(content)
        .map_err(|e| Error::new(ErrorKind::Bug, format!("cannot write a {}", named.kind.name)).with_source(e))
}

fn typed<T: DeserializeOwned>(named: Named<'_>, object: &DynamicObject) -> Result<T, Error> {
    serde_json::to_value(object).and_then(serde_json::from_value).map_err(|e| {
        let Named { kind, name, .. } = named;
        Error::new(ErrorKind::Input, format!("the {} {name} has not the expected form", kind.name)).with_source(e)
    })
}
