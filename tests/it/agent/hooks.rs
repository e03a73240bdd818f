//! What the agent runs after a renewal, with nodes and commands that do not do as they should.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fabcert::devca::{Endpoint, Fault, FaultRule};
use fabcert::pki::x509::Cert;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::shown::{LISTEN, address, get};
use super::{Agent, age};
use crate::audit::live::serve_with;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest as _, Registration};

/// A node with a TLS folder, and the files that its hooks write.
pub(super) struct Node {
    dir: tempfile::TempDir,
    id: String,
    url: String,
}

impl Node {
    /// Enrolled by an agent without hooks.
    pub(super) fn new(ca: &DevCaUnderTest, id: &str) -> Self {
        let node = Self::registered(ca, id);
        node.agent(&[]).until_it_watches();
        node
    }

    /// Without certificates.
    fn registered(ca: &DevCaUnderTest, id: &str) -> Self {
        ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(id, "s3cret-of-the-peer") });
        let node = Self { dir: tempfile::tempdir().unwrap(), id: id.to_owned(), url: ca.url() };
        std::fs::copy(ca.tls_anchor(), node.path("anchor.pem")).unwrap();
        node
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    pub(super) fn agent(&self, more: &[&str]) -> Agent {
        let (anchor, tls) = (text(&self.path("anchor.pem")), text(&self.path("node/tls")));
        let args = ["--url", &self.url, "--tls-ca", &anchor, "--id", &self.id, "--tls-dir", &tls, "--san", "localhost"];
        Agent::start(self.dir.path(), &[&args, more].concat(), Some("s3cret-of-the-peer"))
    }

    /// A hook that runs this script in the node's folder.
    pub(super) fn shell(&self, script: &str) -> String {
        let script = format!("cd '{}' || exit 9\n{script}", self.path("").display());
        serde_json::to_string(&["/bin/sh", "-c", &script]).unwrap()
    }

    /// The lines of a file that hooks write.
    pub(super) fn lines(&self, file: &str) -> Vec<String> {
        std::fs::read_to_string(self.path(file)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// SHA-256 of the certificate on disk.
    pub(super) fn fingerprint(&self) -> String {
        let pem = std::fs::read(self.path("node/tls/server.crt")).unwrap();
        let cert = Cert::all_from_pem(&pem).unwrap().remove(0);
        let digest = ring::digest::digest(&ring::digest::SHA256, cert.der());
        digest
            .as_ref()
            .iter()
            .flat_map(|b| [b >> 4, b & 15])
            .map(|n| char::from(b"0123456789abcdef"[usize::from(n)]))
            .collect()
    }

    /// Whether the hooks passed for the certificate on disk.
    pub(super) fn has_passed(&self) -> bool {
        let Ok(bytes) = std::fs::read(self.path("node/.tls.fabcert/hooks.json")) else { return false };
        let memory: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        memory["passed"]["tls"] == self.fingerprint().as_str()
    }

    /// Makes the certificate due.
    pub(super) fn age(&self) {
        age(&self.path("node"), 2000);
    }

    /// Renews by an agent without hooks.
    fn renew_by_another_agent(&self) {
        let mut agent = self.agent(&[]);
        agent.until_it_watches();
        self.renew(&mut agent);
    }

    /// Renews by a running agent.
    fn renew(&self, agent: &mut Agent) {
        let (before, turns) = (self.fingerprint(), agent.turns());
        self.age();
        agent.signal("-HUP");
        agent.until("the certificate is new", |_| self.path("node/tls").exists() && self.fingerprint() != before);
        agent.until_it_sleeps(turns);
    }
}

/// Serves the pair that it loaded last.
#[derive(Debug)]
struct Loaded(std::sync::Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Loaded {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap()))
    }
}

fn pair(folder: &Path) -> Arc<CertifiedKey> {
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&read("server.crt")).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    Arc::new(CertifiedKey::new(chain, rustls::crypto::ring::sign::any_supported_type(&key).unwrap()))
}

/// A TLS server of a node's folder, and a process that notes each SIGHUP.
struct Server {
    loaded: Arc<Loaded>,
    port: u16,
    process: Child,
}

impl Server {
    fn start(node: &Node) -> Self {
        let loaded = Arc::new(Loaded(std::sync::Mutex::new(pair(&node.path("node/tls")))));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&loaded) as Arc<dyn ResolvesServerCert>);
        let port = serve_with(config);
        let script = format!(
            "trap 'echo hup >> {0}/signals' HUP; echo $$ > {0}/pid; while :; do sleep 0.02; done",
            node.path("").display()
        );
        let process = Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
        while node.lines("pid").is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { loaded, port, process }
    }

    fn load(&self, node: &Node) {
        *self.loaded.0.lock().unwrap() = pair(&node.path("node/tls"));
    }

    fn flags(&self, node: &Node, within: &str) -> Vec<String> {
        let signal = format!("{}:HUP", node.path("pid").display());
        let flags = ["--signal", &signal, "--served", &format!("localhost:{}", self.port), "--served-within", within];
        flags.map(str::to_owned).to_vec()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn as_words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

#[test]
fn a_node_that_loads_late_gets_one_signal_and_one_that_ignores_it_another() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let server = Server::start(&node);
    let flags = server.flags(&node, "30s");
    let mut agent = node.agent(&as_words(&flags));
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("it is signalled", |_| node.lines("signals").len() == 1);
    std::thread::sleep(Duration::from_millis(1500));
    server.load(&node);
    agent.until("the hooks have passed", |_| node.has_passed());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(node.lines("signals").len(), 1, "{}", agent.log());
    assert_eq!(agent.end("-TERM"), Some(143));

    let flags = server.flags(&node, "1s");
    let mut agent = node.agent(&as_words(&flags));
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("it is signalled again", |_| node.lines("signals").len() >= 3);
    assert!(!node.has_passed());
    assert!(agent.log().contains("is not served after 1s"), "{}", agent.log());
    server.load(&node);
    agent.until("the hooks have passed", |_| node.has_passed());
    assert_eq!(agent.log().matches("is not served after").count(), 1, "once an hour: {}", agent.log());
}

/// The look at the disk is hours away: what is not confirmed is looked at again soon.
#[test]
fn an_endpoint_that_is_not_confirmed_is_looked_at_again_soon() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let first = pair(&node.path("node/tls"));
    node.renew_by_another_agent();
    let port = crate::reserved::ReservedPort::new();
    let endpoint = format!("127.0.0.1:{}", port.number());
    let more = ["--served", &endpoint, "--served-within", "1s", "--look-every", "10h"];
    let mut agent = node.agent(&[&more[..], &LISTEN].concat());
    let at = address(&mut agent);
    agent.until_it_watches();
    let matches_disk =
        |value: &str| get(&at, "/metrics").1.contains(&format!("served_matches_disk{{id=\"peer1\"}} {value}\n"));
    // The node does not run: this is not another certificate.
    agent.until("it is ready", |_| get(&at, "/readyz").0 == 200);
    assert!(!get(&at, "/metrics").1.contains("served_matches_disk"));
    let server = Server::start(&node);
    let loaded = std::mem::replace(&mut *server.loaded.0.lock().unwrap(), first);
    let _relay = crate::real::relay::Relay::to(server.port, ("127.0.0.1", port.number()));
    agent.until("it serves another", |_| matches_disk("0"));
    assert!(get(&at, "/readyz").1.contains("served-differs"));
    *server.loaded.0.lock().unwrap() = loaded;
    agent.until("it serves this one", |_| matches_disk("1"));
    assert_eq!(get(&at, "/readyz").0, 200);
}

/// A unit that is ordered after the agent, and that its hook restarts, starts only when the agent is ready.
#[test]
fn a_hook_that_runs_holds_up_neither_the_start_nor_a_renewal() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let hook = node.shell("echo $FABCERT_TLS_FINGERPRINT >> log; until test -e go; do sleep 0.05; done");
    node.agent(&["--hook", &hook]).until_it_watches();
    node.renew_by_another_agent();
    let waits = node.fingerprint();
    let mut agent = node.agent(&[&["--hook", &hook][..], &LISTEN].concat());
    let at = address(&mut agent);
    agent.until_it_watches();
    agent.until("the hook runs", |_| node.lines("log") == [waits.clone()]);
    let all = get(&at, "/readyz").1;
    assert!(all.contains("hook-waiting") && !all.contains("missing"), "{all}");
    node.renew(&mut agent);
    assert_eq!(node.lines("log").len(), 1, "the hook still runs");
    std::fs::write(node.path("go"), "").unwrap();
    agent.until("the hooks have passed", |_| node.has_passed());
    agent.until("it is ready", |_| get(&at, "/readyz").0 == 200);
    assert_eq!(node.lines("log"), [waits, node.fingerprint()]);
}

/// A CA that does not answer delays what follows the renewals of another.
#[test]
fn the_hooks_of_a_renewed_identity_wait_for_no_other_renewal() {
    let (fast, slow) = (DevCaUnderTest::start(|_| {}, None), DevCaUnderTest::start(|_| {}, None));
    let (one, other) = (Node::new(&fast, "peer1"), Node::new(&slow, "peer2"));
    let folders = [text(&one.path("node")), text(&other.path("node"))];
    let hook = one.shell("echo $FABCERT_ID >> log");
    let args = [folders[0].as_str(), &folders[1], "--hook", &hook, "--jobs", "2", "--timeout", "5m"];
    let mut agent = Agent::start(one.dir.path(), &args, None);
    agent.until_it_watches();
    let before = other.fingerprint();
    slow.running.add_fault(FaultRule::new(Fault::Delay(120_000)).on(Endpoint::Reenroll));
    one.age();
    other.age();
    agent.signal("-HUP");
    agent.until("the hooks have passed", |_| one.has_passed() && one.lines("log") == ["peer1"]);
    agent.until("the other one is asked for", |_| slow.running.count(Endpoint::Reenroll) > 0);
    assert_eq!(other.fingerprint(), before);
    assert!(!agent.log().contains("next try at"), "the other renewal is not over: {}", agent.log());
}

/// What cannot be planned can still be renewed by another run.
#[test]
fn an_identity_that_cannot_be_planned_has_its_hooks() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let (folder, block) = (text(&node.path("node")), text(&node.path("gone.block")));
    let hook = node.shell("test -e go");
    let args = [&[folder.as_str(), "--channel-config", &block, "--hook", &hook], &LISTEN[..]].concat();
    let mut agent = Agent::start(node.dir.path(), &args, None);
    let at = address(&mut agent);
    agent.until("it cannot be planned", |log| log.contains("gone.block"));
    node.renew_by_another_agent();
    agent.signal("-HUP");
    agent.until("the hook is shown", |_| get(&at, "/readyz").1.contains("hook-waiting"));
    std::fs::write(node.path("go"), "").unwrap();
    agent.until("the hooks have passed", |_| node.has_passed());
}

/// A balancer that checks every few seconds has seen the first member again before the second one restarts.
#[test]
fn the_members_of_a_gateway_restart_some_time_apart() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::registered(&ca, "peer1");
    let (url, anchor) = (ca.url(), text(&node.path("anchor.pem")));
    for id in ["peer2", "peer3"] {
        ca.register(&Registration::peer(id, "pw"));
        let tls = text(&node.path(&format!("nodes/{id}/tls")));
        let args = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", id, "--tls-dir", &tls];
        let ran = crate::command::fabcert(&[&args[..], &["--san", id, "--san", "gateway"]].concat(), Some("pw"));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let hook = node.shell("echo $FABCERT_ID $(date +%s%N) >> log");
    let mut agent =
        Agent::start(node.dir.path(), &[&text(&node.path("nodes")), "--hook", &hook, "--settle", "3s"], None);
    agent.until_it_watches();
    agent.signal("-USR1");
    agent.until("both have restarted", |_| node.lines("log").len() == 2);
    let lines = node.lines("log");
    let restarts: Vec<(&str, u64)> = lines
        .iter()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, at)| (id, at.parse::<u64>().unwrap() / 1_000_000))
        .collect();
    assert_ne!(restarts[0].0, restarts[1].0);
    assert!(restarts[1].1 - restarts[0].1 >= 3000, "{restarts:?}");
}

/// As in a pod, where the node starts when its first certificates are in place.
#[test]
fn a_node_that_starts_after_its_first_enrolment_gets_no_signal() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::registered(&ca, "peer1");
    let port = crate::reserved::ReservedPort::new();
    let signal = format!("{}:HUP", node.path("pid").display());
    let endpoint = format!("127.0.0.1:{}", port.number());
    let mut agent = node.agent(&["--signal", &signal, "--served", &endpoint, "--served-within", "40s"]);
    agent.until_it_watches();
    let server = Server::start(&node);
    let _relay = crate::real::relay::Relay::to(server.port, ("127.0.0.1", port.number()));
    agent.until("the hooks have passed", |_| node.has_passed());
    std::thread::sleep(Duration::from_millis(200));
    assert!(node.lines("signals").is_empty(), "{}", agent.log());
    assert_eq!(agent.end("-TERM"), Some(143));

    // Without an endpoint: there is no process, and then one.
    let node = Node::registered(&ca, "peer2");
    let signal = format!("{}:HUP", node.path("pid").display());
    let mut agent = node.agent(&["--signal", &signal]);
    agent.until_it_watches();
    agent.until("the hooks have passed", |_| node.has_passed());
    assert!(agent.log().contains("no process is there"), "{}", agent.log());
    let _server = Server::start(&node);
    node.renew(&mut agent);
    agent.until("it is signalled", |_| node.lines("signals").len() == 1);
}

#[test]
fn a_pid_file_of_a_process_that_ended_is_read_again() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    std::fs::write(node.path("pid"), "4194304\n").unwrap();
    let signal = format!("{}:HUP", node.path("pid").display());
    let mut agent = node.agent(&["--signal", &signal]);
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("the failure is known", |log| log.contains("there is no process 4194304"));
    assert!(!node.has_passed());
    std::fs::remove_file(node.path("pid")).unwrap();
    let _server = Server::start(&node);
    agent.until("the hooks have passed", |_| node.has_passed());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(node.lines("signals").len(), 1);
}

#[test]
fn a_hook_that_hangs_is_ended_and_holds_no_signal_back() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let hook = node.shell("echo $$ >> pid; test -e ready || exec sleep 60");
    let mut agent = node.agent(&["--hook", &hook, "--hook-timeout", "1s"]);
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("the failure is known", |log| log.contains("hook 1 (/bin/sh) did not end within 1s"));
    agent.until("it is tried again", |_| node.lines("pid").len() == 2);
    std::fs::write(node.path("ready"), "").unwrap();
    agent.until("the hooks have passed", |_| node.has_passed());
    assert_eq!(agent.end("-TERM"), Some(143));

    // A signal ends the agent while a hook runs, and the hook with it.
    std::fs::remove_file(node.path("ready")).unwrap();
    let mut agent = node.agent(&["--hook", &hook]);
    agent.until_it_watches();
    let count = node.lines("pid").len();
    node.renew(&mut agent);
    agent.until("the hook runs", |_| node.lines("pid").len() > count);
    let start = Instant::now();
    assert_eq!(agent.end("-TERM"), Some(143));
    // The hook alone would take a minute.
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    let process = Path::new("/proc").join(node.lines("pid").pop().unwrap());
    while process.exists() && start.elapsed() < Duration::from_secs(50) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let state = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "the hook is still there: {state}");
}

#[test]
fn huge_and_binary_output_stays_bounded_and_safe() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let script = "head -c 30000000 /dev/urandom; printf '\\033[2J::error::x\\r\\n'; test -e ready";
    let hook = node.shell(script);
    let mut agent = node.agent(&["-vv", "--hook", &hook]);
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("the failure is known", |log| log.contains("hook 1 (/bin/sh) ended with exit code 1"));
    let log = agent.log();
    assert!(log.len() < 4_000_000, "{} bytes", log.len());
    assert!(!log.contains('\u{1b}') && !log.contains('\r') && !log.contains('\u{7}'));
    assert!(!log.lines().any(|line| line.trim_start().starts_with("::error")));
    std::fs::write(node.path("ready"), "").unwrap();
    agent.until("the hooks have passed", |_| node.has_passed());
}

#[test]
fn a_hook_sees_no_secret() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let hook = node.shell("cat /proc/$$/environ > environ; ls -l /proc/$$/fd > fds; echo done >> log; cat /proc/$$/environ | tr '\\0' '\\n'");
    let mut agent = node.agent(&["-vv", "--hook", &hook]);
    agent.until_it_watches();
    node.renew(&mut agent);
    agent.until("the hooks have passed", |_| node.has_passed());
    let environ = std::fs::read_to_string(node.path("environ")).unwrap();
    assert!(environ.contains(&format!("FABCERT_TLS_FINGERPRINT={}", node.fingerprint())), "{environ}");
    assert!(environ.contains("FABCERT_ID=peer1"), "{environ}");
    assert!(environ.contains("FABCERT_REASON="), "{environ}");
    assert!(!environ.contains("FABCERT_SECRET"), "{environ}");
    let key = std::fs::read_to_string(node.path("node/tls/server.key")).unwrap();
    let key = key.lines().nth(1).unwrap();
    for (what, text) in [("environment", &environ), ("log", &agent.log())] {
        assert!(!text.contains("s3cret-of-the-peer") && !text.contains(key), "{what}: {text}");
    }
    let fds = node.lines("fds");
    assert!(fds.iter().any(|line| line.contains(" 0 -> /dev/null")), "{fds:?}");
    assert!(
        !fds.iter().any(|line| line.contains("node/") || line.contains("socket:") || line.contains(".log")),
        "{fds:?}"
    );
}
