//! How the API server is reached: a kubeconfig, or the pod's own token.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::NamespaceResourceScope;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use tokio::task::AbortHandle;

use super::api_thread::ApiThread;
use super::error::{Object, api_error};
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
    /// How long a request is sent again while the API server cannot be reached.
    pub(crate) wait: Option<Duration>,
}

/// How long a request is sent again without `--wait`: a server that is busy for a moment.
const MOMENT: Duration = Duration::from_secs(5);

/// How long a request is sent again at least once the CA may have issued: what it issued is on this disk alone.
const OUTAGE: Duration = Duration::from_secs(300);

/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(5);

/// An API server, with the credentials for it and a namespace.
///
/// The token file of a pod is read again as it is rotated.
pub(crate) struct Access {
    api: Arc<ApiThread>,
    client: Client,
    server: String,
    namespace: String,
    wait: Duration,
    /// Whether the CA may have issued something that is not stored yet.
    is_urgent: AtomicBool,
}

impl Access {
    /// The cluster that was chosen; without a choice `KUBECONFIG`, then `~/.kube/config`, then the pod's own token. Sends
    /// no request.
    ///
    /// # Errors
    /// When there is no configuration, or it cannot be used.
    pub(crate) async fn find(chosen: Chosen<'_>) -> Result<Self, Error> {
        let api = Arc::new(ApiThread::start()?);
        let mut config = config(chosen).await?;
        config.connect_timeout = Some(chosen.timeout);
        config.read_timeout = Some(chosen.timeout);
        // It is silent, and has no end that can be set.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let namespace = chosen.namespace.map_or_else(|| config.default_namespace.clone(), str::to_owned);
        check_namespace(&namespace)?;
        let client = api.run(async { Client::try_from(config) }).await?;
        let client = client.map_err(|e| unusable("cannot use the Kubernetes configuration", &e))?;
        let wait = chosen.wait.unwrap_or(MOMENT);
        Ok(Self { api, client, server, namespace, wait, is_urgent: AtomicBool::new(false) })
    }

    /// The same access, for another namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Self {
        let (api, client, server) = (Arc::clone(&self.api), self.client.clone(), self.server.clone());
        let (namespace, wait) = (namespace.to_owned(), self.wait);
        Self { api, client, server, namespace, wait, is_urgent: AtomicBool::new(false) }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Sends one request, once.
    pub(super) async fn once<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>> + Send + 'static,
    ) -> Result<T, kube::Error> {
        self.api.run(request).await.unwrap_or_else(|e| Err(kube::Error::Service(e.into())))
    }

    /// The objects of a kind in the namespace, for work on the thread of the API.
    pub(super) fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Starts `work` on the thread of the API.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.api.spawn(work)
    }

    /// The URL of the API server.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether an outage is waited out: the CA may have issued something that is not stored yet.
    pub(super) fn set_urgent(&self, is_urgent: bool) {
        self.is_urgent.store(is_urgent, Ordering::Relaxed);
    }

    /// Sends a request about an object; `verb` is the word for it in errors. While the API server cannot be reached it is
    /// sent again, which its requests allow: each either reads, or names the version that it changes.
    ///
    /// # Errors
    /// When it fails.
    pub(super) async fn send<K, T, F>(
        &self,
        verb: &str,
        object: Object<'_>,
        request: impl Fn(Api<K>) -> F,
    ) -> Result<T, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        T: Send + 'static,
        F: Future<Output = Result<T, kube::Error>> + Send + 'static,
    {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(250);
        loop {
            let answer =
                self.api.run(request(self.objects())).await.unwrap_or_else(|e| Err(kube::Error::Service(e.into())));
            let Err(error) = answer else { return answer };
            let wait = if self.is_urgent.load(Ordering::Relaxed) { self.wait.max(OUTAGE) } else { self.wait };
            if !may_pass(&error) || begun.elapsed() + pause > wait {
                return Err(error);
            }
            let explained = self.explain(verb, object, error);
            let cause = explained.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
            tracing::warn!("{explained}{cause}; trying again in {:.1} s", pause.as_secs_f32());
            self.api.sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// What a failed request for an object means.
    pub(super) fn explain(&self, verb: &str, object: Object<'_>, error: kube::Error) -> Error {
        api_error(verb, (&self.namespace, object), &self.server, error)
    }
}

/// Whether the same request may succeed later.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 429 | 500 | 502 | 503 | 504),
        kube::Error::HyperError(_) | kube::Error::Service(_) => true,
        _ => false,
    }
}

/// # Errors
/// When it is no label of RFC 1123.
fn check_namespace(name: &str) -> Result<(), Error> {
    if super::store::is_label(name) && name.len() <= 63 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Input, format!("\"{name}\" cannot be the name of a namespace"))
        .with_help("use lower-case letters, digits and '-', at most 63 characters"))
}

async fn config(chosen: Chosen<'_>) -> Result<Config, Error> {
    let options = KubeConfigOptions { context: chosen.context.map(str::to_owned), cluster: None, user: None };
    if let Some(path) = chosen.kubeconfig {
        let about = |e| unusable(&format!("cannot use the kubeconfig {}", path.display()), &e);
        let kubeconfig = Kubeconfig::read_from(path).map_err(about)?;
        return Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(about);
    }
    if let Some(context) = chosen.context {
        let about = |e| unusable(&format!("cannot use the context \"{context}\" of the kubeconfig"), &e);
        return Config::from_kubeconfig(&options).await.map_err(about);
    }
    Config::infer().await.map_err(|e| {
        unusable("no Kubernetes cluster is configured", &e).with_help(
            "in a pod, mount the token of its service account; elsewhere name a kubeconfig with --kubeconfig or KUBECONFIG",
        )
    })
}

/// The error for a configuration. The parser's own text shows lines of the file, which holds tokens and keys: of it only the
/// position is kept.
fn unusable(message: &str, error: &dyn std::error::Error) -> Error {
    const PARSER: &str = "kubeconfig YAML";
    let text = error.to_string();
    let said = match text.split_once(PARSER) {
        Some((before, after)) => format!("{before}{PARSER}{}", position(after)),
        None => text.lines().next().unwrap_or_default().to_owned(),
    };
    Error::new(ErrorKind::Input, format!("{message}: {said}"))
}

/// `, line N` of the parser's text, if it has one.
fn position(text: &str) -> String {
    let number = |after: &str| after.chars().take_while(char::is_ascii_digit).collect::<String>();
    let line = text.split_once("line ").map(|(_, after)| number(after)).filter(|line| !line.is_empty());
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    #[test]
    fn nothing_of_a_kubeconfig_is_in_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        for content in [
            "users:\n- name: u\n  user:\n    token: VERYSECRET\n   bad: x\n",
            "apiVersion: v1\nusers: VERYSECRET\n",
            "users: [{name: u, user: [VERYSECRET]}]\n",
            "VERYSECRET",
        ] {
            Disk::real().write_new(&path, content.as_bytes(), 0o600).unwrap();
            let chosen =
                Chosen { kubeconfig: Some(&path), context: None, namespace: None, timeout: MOMENT, wait: None };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let error = runtime.block_on(Access::find(chosen)).err().unwrap();
            let all = format!("{error} {error:?} {:?} {:?}", error.cause(), error.help());
            assert!(!all.contains("VERYSECRET"), "{all}");
            Disk::real().remove_file(&path).unwrap();
        }
    }
}
