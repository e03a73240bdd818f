//! How the API server is reached: a kubeconfig, or the pod's own token.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::api_thread::ApiThread;
use super::error::api_error;
use crate::{Error, ErrorKind};

/// Which cluster and namespace were chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) kubeconfig: Option<&'a Path>,
    pub(crate) context: Option<&'a str>,
    /// Without one: that of the context, or of the pod.
    pub(crate) namespace: Option<&'a str>,
    /// The time for connecting, and for each answer.
    pub(crate) timeout: Duration,
}

/// An API server, with the credentials for it and a namespace.
///
/// The token file of a pod is read again as it is rotated.
pub(crate) struct Access {
    api: ApiThread,
    client: Client,
    server: String,
    namespace: String,
}

impl Access {
    /// The cluster that was chosen; without a choice `KUBECONFIG`, then `~/.kube/config`, then the pod's own token. Sends
    /// no request.
    ///
    /// # Errors
    /// When there is no configuration, or it cannot be used.
    pub(crate) async fn find(chosen: Chosen<'_>) -> Result<Self, Error> {
        let api = ApiThread::start()?;
        let mut config = config(chosen).await?;
        config.connect_timeout = Some(chosen.timeout);
        config.read_timeout = Some(chosen.timeout);
        let server = config.cluster_url.to_string();
        let namespace = chosen.namespace.map_or_else(|| config.default_namespace.clone(), str::to_owned);
        let client = api.run(async { Client::try_from(config) }).await?;
        let client = client.map_err(|e| unusable("cannot use the Kubernetes configuration", e))?;
        Ok(Self { api, client, server, namespace })
    }

    /// The URL of the API server.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sends a request about the Secret `name`; `verb` is the word for it in errors.
    ///
    /// # Errors
    /// When it fails.
    pub(super) async fn send<T, F>(
        &self,
        verb: &str,
        name: &str,
        request: impl FnOnce(Api<Secret>) -> F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, kube::Error>> + Send + 'static,
    {
        let secrets = Api::namespaced(self.client.clone(), &self.namespace);
        let answer = self.api.run(request(secrets)).await?;
        answer.map_err(|e| api_error(verb, (&self.namespace, name), &self.server, e))
    }
}

async fn config(chosen: Chosen<'_>) -> Result<Config, Error> {
    let options = KubeConfigOptions { context: chosen.context.map(str::to_owned), cluster: None, user: None };
    if let Some(path) = chosen.kubeconfig {
        let about = |e| unusable(&format!("cannot use the kubeconfig {}", path.display()), e);
        return Config::from_custom_kubeconfig(Kubeconfig::read_from(path).map_err(about)?, &options)
            .await
            .map_err(about);
    }
    if let Some(context) = chosen.context {
        let about = |e| unusable(&format!("cannot use the context \"{context}\" of the kubeconfig"), e);
        return Config::from_kubeconfig(&options).await.map_err(about);
    }
    Config::infer().await.map_err(|e| {
        unusable("no Kubernetes cluster is configured", e).with_help(
            "in a pod, mount the token of its service account; elsewhere name a kubeconfig with --kubeconfig or KUBECONFIG",
        )
    })
}

fn unusable(message: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Input, message).with_source(error)
}
