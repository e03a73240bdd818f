//! A real kube-apiserver with its etcd, one for all tests of a run; each test has a namespace of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::command::{Ran, command, fabcert_in};
use crate::real::tools::{Tool, find};
use crate::reserved::ReservedPort;

const READY_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// The token of the administrator.
const ADMIN: &str = "admin-token";

/// The running servers. They end with the thread that started them, which ends with the process.
struct Servers {
    url: String,
    anchor: PathBuf,
    _dir: tempfile::TempDir,
    _ports: Vec<ReservedPort>,
}

/// A namespace at the API server.
pub(super) struct Namespace {
    servers: &'static Servers,
    name: String,
    dir: tempfile::TempDir,
}

/// The servers; `None` where the programs are missing.
fn servers() -> Option<&'static Servers> {
    static RUNNING: OnceLock<Option<Servers>> = OnceLock::new();
    RUNNING.get_or_init(|| Some(start(&find(Tool::Etcd)?, &find(Tool::KubeApiServer)?))).as_ref()
}

/// Starts a program that is killed when this process ends, however that happens. Its output goes to the file `log` in `dir`.
pub(super) fn start_program(program: &Path, args: Vec<String>, dir: &Path) {
    let (program, dir) = (program.to_owned(), dir.to_owned());
    let (started, wait) = std::sync::mpsc::channel();
    // The kernel kills the child with the thread that started it, so the thread stays.
    std::thread::spawn(move || {
        let log = File::create(dir.join("log")).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&program).args(args).current_dir(&dir);
        command.env_clear().env("HOME", &dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        started.send(()).unwrap();
        let _child = child;
        loop {
            std::thread::park();
        }
    });
    wait.recv().unwrap();
}

fn start(etcd: &Path, api_server: &Path) -> Servers {
    let dir = tempfile::tempdir().unwrap();
    let (etcd_dir, api_dir) = (dir.path().join("etcd"), dir.path().join("api"));
    fs::create_dir_all(&etcd_dir).unwrap();
    fs::create_dir_all(&api_dir).unwrap();
    let ports = [ReservedPort::new(), ReservedPort::new(), ReservedPort::new()];
    let [client, peer, secure] = [0, 1, 2].map(|at| ports[at].number());
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let data = etcd_dir.join("data").display().to_string();
    let args = [
        ("--name", "e"),
        ("--data-dir", &data),
        ("--listen-client-urls", &client),
        ("--advertise-client-urls", &client),
        ("--listen-peer-urls", &peer),
        ("--initial-advertise-peer-urls", &peer),
        ("--initial-cluster", &format!("e={peer}")),
    ];
    let args = args.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]);
    start_program(etcd, args.chain(["--unsafe-no-fsync".to_owned()]).collect(), &etcd_dir);
    let key = Command::new(find(Tool::OpenSsl).unwrap()).args(["genrsa", "2048"]).output().unwrap().stdout;
    fs::write(api_dir.join("sa.key"), key).unwrap();
    let rows =
        format!("{ADMIN},admin,admin-uid,\"system:masters\"\nnobody-token,nobody,nobody-uid\nfew-token,few,few-uid\n");
    fs::write(api_dir.join("tokens.csv"), rows).unwrap();
    let url = format!("https://127.0.0.1:{secure}");
    let certs = api_dir.join("certs");
    let args = [
        format!("--etcd-servers={client}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={secure}"),
        "--advertise-address=127.0.0.1".to_owned(),
        // A loopback address cannot be the endpoint of a Service.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--cert-dir={}", certs.display()),
        "--token-auth-file=tokens.csv".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        format!("--service-account-issuer={url}"),
        "--service-account-key-file=sa.key".to_owned(),
        "--service-account-signing-key-file=sa.key".to_owned(),
    ];
    start_program(api_server, args.into(), &api_dir);
    let servers = Servers { url, anchor: certs.join("apiserver.crt"), _dir: dir, _ports: ports.into() };
    let deadline = Instant::now() + READY_WITHIN;
    while servers.request(ADMIN, "GET", "/readyz", None).is_none_or(|(status, _)| status != 200) {
        let log = fs::read_to_string(api_dir.join("log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "the API server is not ready within {READY_WITHIN:?}\n{log}");
        std::thread::sleep(POLL);
    }
    servers
}

/// TLS that trusts these certificates, PEM; `None` while they are not complete.
fn tls(anchor: &[u8]) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(anchor) {
        roots.add(certificate.ok()?).ok()?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    Some(config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth())
}

impl Servers {
    /// Sends one request with a JSON body; `None` where nobody answers. `MERGE` is a merge patch, `PATCH` an apply.
    fn request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Option<(u16, String)> {
        let (verb, kind) = match method {
            "MERGE" => ("PATCH", "application/merge-patch+json"),
            "PATCH" => ("PATCH", "application/apply-patch+yaml"),
            other => (other, "application/json"),
        };
        self.send(token, verb, path, body.map(|body| (kind, body.to_string())))
    }

    /// Sends one request with a body of the named type; `None` where nobody answers.
    fn send(&self, token: &str, verb: &str, path: &str, body: Option<(&str, String)>) -> Option<(u16, String)> {
        let anchor = fs::read(&self.anchor).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().tls_backend_preconfigured(tls(&anchor)?).build().unwrap();
            let request = client.request(verb.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(token);
            let request = match body {
                Some((kind, body)) => request.header("content-type", kind).body(body),
                None => request,
            };
            let answer = request.send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        })
    }
}

impl Namespace {
    /// A new namespace; `None` where the programs are missing.
    pub(super) fn create(name: &str) -> Option<Self> {
        let servers = servers()?;
        let namespace = Self { servers, name: name.to_owned(), dir: tempfile::tempdir().unwrap() };
        namespace.post("/api/v1/namespaces", &serde_json::json!({"metadata": {"name": name}}));
        Some(namespace)
    }

    /// Sends a request as the administrator; `path` is below that of the namespace in the API `api`. Status and answer.
    #[cfg(feature = "dev-ca")]
    pub(super) fn request(
        &self,
        method: &str,
        (api, path): (&str, &str),
        body: Option<&serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let path = format!("{api}/namespaces/{}/{path}", self.name);
        let (status, text) = self.servers.request(ADMIN, method, &path, body).unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Creates an object as the administrator.
    pub(super) fn post(&self, path: &str, body: &serde_json::Value) {
        let (status, text) = self.try_post(path, body);
        assert_eq!(status, 201, "{text}");
    }

    /// Tries to create an object as the administrator; the status and the answer.
    pub(super) fn try_post(&self, path: &str, body: &serde_json::Value) -> (u16, String) {
        self.servers.request(ADMIN, "POST", path, Some(body)).unwrap()
    }

    /// Merges `change` into an object as the administrator.
    pub(super) fn merge(&self, path: &str, change: &serde_json::Value) {
        let (status, text) = self.servers.request(ADMIN, "MERGE", path, Some(change)).unwrap();
        assert_eq!(status, 200, "{text}");
    }

    /// An object, or a list, as the administrator; `None` if it does not exist.
    pub(super) fn object(&self, path: &str) -> Option<serde_json::Value> {
        let (status, text) = self.servers.request(ADMIN, "GET", path, None).unwrap();
        (status == 200).then(|| serde_json::from_str(&text).unwrap())
    }

    /// Applies an object of the whole cluster as the administrator; YAML.
    pub(super) fn apply(&self, path: &str, yaml: String) {
        let path = format!("{path}?fieldManager=tests&force=true");
        let (status, text) =
            self.servers.send(ADMIN, "PATCH", &path, Some(("application/apply-patch+yaml", yaml))).unwrap();
        assert!(status == 200 || status == 201, "{text}");
    }

    /// The name of the namespace.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Creates a Secret as the administrator.
    pub(super) fn post_secret(&self, body: &serde_json::Value) {
        self.post(&format!("/api/v1/namespaces/{}/secrets", self.name), body);
    }

    /// Changes the record of both certificates: they were issued 2,000 days ago, so both are due.
    pub(super) fn age(&self, name: &str) {
        for key in ["msp.record.json", "tls.record.json"] {
            self.rewrite(name, key, |record| {
                record["issued_at"] = (record["issued_at"].as_i64().unwrap() - 2_000 * 86_400).into();
            });
        }
    }

    /// Changes a JSON file of the state of an identity; writes as fabcert would.
    pub(super) fn rewrite(&self, name: &str, key: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut secret = self.secret(&format!("{name}-fabcert")).unwrap();
        let file = STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap();
        let mut file: serde_json::Value = serde_json::from_slice(&file).unwrap();
        change(&mut file);
        secret["data"][key] = STANDARD.encode(file.to_string()).into();
        let applied = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret["metadata"]["name"], "labels": secret["metadata"]["labels"]},
            "type": secret["type"],
            "data": secret["data"],
        });
        let path = format!("/api/v1/namespaces/{}/secrets/{name}-fabcert?fieldManager=fabcert", self.name);
        let (status, text) = self.servers.request(ADMIN, "PATCH", &path, Some(&applied)).unwrap();
        assert_eq!(status, 200, "{text}");
    }

    /// The port of the API server.
    #[cfg(feature = "dev-ca")]
    pub(super) fn port(&self) -> u16 {
        self.servers.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Sets an annotation as the administrator; `null` removes it.
    pub(super) fn annotate(&self, name: &str, key: &str, value: impl Into<serde_json::Value>) {
        let change: serde_json::Value = serde_json::json!({"metadata": {"annotations": {key: value.into()}}});
        self.change(name, &change);
    }

    /// Merges `change` into a Secret as the administrator.
    pub(super) fn change(&self, name: &str, change: &serde_json::Value) {
        let path = format!("/api/v1/namespaces/{}/secrets/{name}", self.name);
        self.merge(&path, change);
    }

    /// A Secret; `None` if it does not exist.
    pub(super) fn secret(&self, name: &str) -> Option<serde_json::Value> {
        self.object(&format!("/api/v1/namespaces/{}/secrets/{name}", self.name))
    }

    /// The versions of all Secrets, by name.
    pub(super) fn versions(&self) -> Vec<(String, String)> {
        let path = format!("/api/v1/namespaces/{}/secrets", self.name);
        let (_, text) = self.servers.request(ADMIN, "GET", &path, None).unwrap();
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        let text = |secret: &serde_json::Value, key: &str| secret["metadata"][key].as_str().unwrap().to_owned();
        let secrets = list["items"].as_array().unwrap();
        secrets.iter().map(|secret| (text(secret, "name"), text(secret, "resourceVersion"))).collect()
    }

    /// Lets the user `few` do `verbs` with the Secrets `names`.
    pub(super) fn allow_few(&self, verbs: &[&str], names: &[&str]) {
        let mut rule = serde_json::json!({"apiGroups": [""], "resources": ["secrets"], "verbs": verbs});
        if !names.is_empty() {
            rule["resourceNames"] = names.into();
        }
        self.bind_few(&serde_json::json!([rule]));
    }

    /// Lets the user `few` do what these rules of a Role allow.
    pub(super) fn bind_few(&self, rules: &serde_json::Value) {
        let base = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        let is_in_name = |c: &char| c.is_ascii_lowercase() || *c == '-';
        let name = format!("few-{}-x", rules.to_string().chars().filter(is_in_name).collect::<String>());
        self.post(&format!("{base}/roles"), &serde_json::json!({"metadata": {"name": name}, "rules": rules}));
        let binding = serde_json::json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "few"}],
        });
        self.post(&format!("{base}/rolebindings"), &binding);
    }

    /// A kubeconfig for the user with this token.
    pub(super) fn kubeconfig(&self, token: &str) -> String {
        self.kubeconfig_at(&self.servers.url, token)
    }

    pub(super) fn kubeconfig_at(&self, url: &str, token: &str) -> String {
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": self.servers.anchor}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": self.name}}],
            "current-context": "x",
        });
        let port = url.rsplit(':').next().unwrap();
        let path = self.path(&format!("kubeconfig-{token}-{port}"));
        fs::write(&path, config.to_string()).unwrap();
        path.display().to_string()
    }

    /// Runs fabcert as the administrator, with `TMPDIR` in this test's folder.
    pub(super) fn fabcert(&self, args: &[&str], secret: Option<&str>) -> Ran {
        self.fabcert_as(ADMIN, args, secret)
    }

    /// Runs fabcert as the user with this token.
    pub(super) fn fabcert_as(&self, token: &str, args: &[&str], secret: Option<&str>) -> Ran {
        let (kubeconfig, tmp) = (self.kubeconfig(token), self.tmp());
        let mut variables = vec![("KUBECONFIG", kubeconfig.as_str()), ("TMPDIR", &tmp)];
        variables.extend(secret.map(|secret| ("FABCERT_SECRET", secret)));
        fabcert_in(args, &variables)
    }

    /// `fabcert` as the administrator, not started yet; its log goes to the file `log`.
    pub(super) fn command(&self, args: &[&str], secret: &str, log: &str) -> Command {
        let (kubeconfig, tmp) = (self.kubeconfig(ADMIN), self.tmp());
        let variables = [("KUBECONFIG", kubeconfig.as_str()), ("TMPDIR", &tmp), ("FABCERT_SECRET", secret)];
        let mut command = command(args, &variables);
        command.stdout(Stdio::null()).stderr(File::create(self.path(log)).unwrap());
        command
    }

    /// The folder in which fabcert works; empty when no run is at work.
    pub(super) fn tmp(&self) -> String {
        let tmp = self.path("tmp");
        fs::create_dir_all(&tmp).unwrap();
        tmp.display().to_string()
    }
}
