//! `fabcert agent`, on the real Fabric CA and on the dev CA with the same code.

#[cfg(feature = "dev-ca")]
mod expired;
mod full_disk;
#[cfg(feature = "dev-ca")]
mod hooks;
#[cfg(feature = "dev-ca")]
mod killed;
#[cfg(feature = "dev-ca")]
mod old_ca;
#[cfg(feature = "dev-ca")]
mod on_the_dev_ca;
#[cfg(feature = "dev-ca")]
mod process_1;
#[cfg(feature = "dev-ca")]
pub(crate) mod shown;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fabcert::pki::x509::Cert;

use crate::command::{command, fabcert, tree};
use crate::enroll::scene::{NAMES, text};
use crate::real::{CaUnderTest, RealCa, Registration, oracle};

/// Beyond what anything here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent; killed by its process id when dropped.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts `fabcert agent`, with its log in a new file in `dir`.
    pub(crate) fn start(dir: &Path, args: &[&str], secret: Option<&str>) -> Self {
        let log = (0..1000).map(|n| dir.join(format!("agent{n}.log"))).find(|path| !path.exists()).unwrap();
        let variables: Vec<(&str, &str)> = secret.iter().map(|secret| ("FABCERT_SECRET", *secret)).collect();
        let mut command = command(&[&["agent"], args].concat(), &variables);
        let child = command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        Self { child, log }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits until `is_so`; the agent must run until then.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let start = Instant::now();
        while !is_so(&self.log()) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before {what}: {}", self.log());
            assert!(start.elapsed() < PATIENCE, "not in time: {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has looked at everything and sleeps.
    pub(crate) fn until_it_watches(&mut self) {
        self.until("it watches", |log| log.contains("watching "));
    }

    /// The number of turns after which it logged when it looks again: the first, and those with new certificates.
    pub(crate) fn turns(&self) -> usize {
        self.log().matches("next look at").count()
    }

    /// Waits for the end of a turn with new certificates, after `turns`: until then it may look at them once more.
    pub(crate) fn until_it_sleeps(&mut self, turns: usize) {
        self.until("it sleeps", |log| log.matches("next look at").count() > turns);
    }

    /// Ends it with this signal; its exit code.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }

    /// Its exit code, when it has ended by itself.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        (self.child.wait().unwrap().code(), self.log())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A peer whose identity an agent enrols and renews.
pub(crate) struct Peer<'a> {
    ca: &'a dyn CaUnderTest,
    dir: tempfile::TempDir,
}

impl<'a> Peer<'a> {
    /// `org1-peer1` with one enrolment at most.
    pub(crate) fn register(ca: &'a dyn CaUnderTest) -> Self {
        ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer("org1-peer1", "peerpw") });
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(ca.tls_anchor(), dir.path().join("anchor.pem")).unwrap();
        Self { ca, dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn msp(&self) -> PathBuf {
        self.dir().join("peer/msp")
    }

    pub(crate) fn tls(&self) -> PathBuf {
        self.dir().join("peer/tls")
    }

    /// An agent for its folders, at this URL.
    pub(crate) fn agent_at(&self, url: &str, secret: &str, more: &[&str]) -> Agent {
        let (anchor, msp, tls) = (text(&self.dir().join("anchor.pem")), text(&self.msp()), text(&self.tls()));
        let mut args = vec!["--url", url, "--tls-ca", &anchor, "--id", "org1-peer1", "--role", "peer"];
        args.extend(["--msp-dir", &msp, "--tls-dir", &tls, "--san", NAMES[0], "--san", NAMES[1]]);
        args.extend(self.ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]));
        args.extend(more);
        Agent::start(self.dir(), &args, Some(secret))
    }

    pub(crate) fn agent(&self, secret: &str, more: &[&str]) -> Agent {
        self.agent_at(&self.ca.url(), secret, more)
    }

    /// The requests for certificates so far, by secret and by token.
    pub(crate) fn asked(&self) -> (usize, usize) {
        (self.ca.count("enroll"), self.ca.count("reenroll"))
    }

    /// Moves what the state folders remember of an issue, and of the installs, into the past.
    pub(crate) fn age(&self, days: i64) {
        age(&self.dir().join("peer"), days);
    }

    /// The certificates on disk.
    pub(crate) fn serials(&self) -> [String; 2] {
        let msp = std::fs::read_dir(self.msp().join("signcerts")).unwrap().next().unwrap().unwrap().path();
        [msp, self.tls().join("server.crt")]
            .map(|path| Cert::all_from_pem(&std::fs::read(path).unwrap()).unwrap()[0].serial_hex())
    }
}

/// Moves what the state folders in `parent` remember of an issue, and of the installs, into the past: the certificates are due
/// then, and the loop guard has nothing against it.
pub(crate) fn age(parent: &Path, days: i64) {
    let change = |file: PathBuf, change: &dyn Fn(&mut serde_json::Value)| {
        if let Ok(bytes) = std::fs::read(&file) {
            let mut json = serde_json::from_slice(&bytes).unwrap();
            change(&mut json);
            std::fs::write(file, json.to_string()).unwrap();
        }
    };
    let earlier = |at: &mut serde_json::Value| *at = (at.as_i64().unwrap() - days * 86_400).into();
    for entry in std::fs::read_dir(parent).unwrap() {
        let state = entry.unwrap().path();
        change(state.join("record.json"), &|json| earlier(&mut json["issued_at"]));
        change(state.join("installs.json"), &|json| {
            json["installs"].as_array_mut().unwrap().iter_mut().for_each(|install| earlier(&mut install["at"]));
        });
    }
}

/// Enrols once, and renews again and again with the current certificates.
fn enrols_once_and_renews_ten_times(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let (secrets, tokens) = peer.asked();
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    let (enrolled, reenrolled) = (ca.count("enroll"), ca.count("reenroll"));
    assert_eq!(
        (enrolled, reenrolled),
        (secrets + 1, tokens + 1),
        "the second certificate is by the first: {}",
        agent.log()
    );
    for round in 1..=10 {
        let (before, turns) = (peer.serials(), agent.turns());
        peer.age(2000);
        agent.signal("-HUP");
        agent.until("both certificates are new", |_| {
            let now = peer.serials();
            now[0] != before[0] && now[1] != before[1]
        });
        agent.until_it_sleeps(turns);
        assert_eq!(peer.asked(), (enrolled, reenrolled + 2 * round), "{}", agent.log());
        if let Some(verdict) = oracle::msp(&peer.msp(), "Org1MSP") {
            assert!(verdict.peer_starts() && verdict.verifies, "{verdict:?}");
        }
    }
    assert_eq!(agent.end("-TERM"), Some(143));
}

#[test]
fn an_agent_enrols_once_and_renews_ten_times() {
    let Some(ca) = RealCa::builder().intermediates(1).start() else { return };
    enrols_once_and_renews_ten_times(&ca);
}

/// Neither a restart nor SIGHUP sends a request while nothing is due; SIGUSR1 renews, but no more than three times an hour.
fn signals_and_restarts(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    let asked = peer.asked();
    let before = tree(&peer.dir().join("peer"));
    for _ in 0..100 {
        agent.signal("-HUP");
    }
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(agent.end("-INT"), Some(130));
    for _ in 0..5 {
        // Nothing is due: it needs neither the secret nor the CA.
        let mut agent = peer.agent_at("https://localhost:1", "wrong", &[]);
        agent.until_it_watches();
        assert_eq!(agent.end("-TERM"), Some(143));
    }
    assert_eq!(peer.asked(), asked);
    assert!(tree(&peer.dir().join("peer")) == before, "nothing was written");

    let mut agent = peer.agent("wrong", &[]);
    agent.until_it_watches();
    for round in 1..=2 {
        let before = peer.serials();
        agent.signal("-USR1");
        agent.until("both certificates are new", |_| {
            let now = peer.serials();
            now[0] != before[0] && now[1] != before[1]
        });
        assert_eq!(peer.asked(), (asked.0, asked.1 + 2 * round));
    }
    agent.signal("-USR1");
    agent.until("the third renewal is held back", |log| log.matches("SIGUSR1").count() == 3);
    agent.signal("-HUP");
    agent.until("it has looked again", |log| log.contains("SIGHUP"));
    assert_eq!(peer.asked(), (asked.0, asked.1 + 4), "{}", agent.log());
}

#[test]
fn restarts_and_sighup_send_nothing_and_sigusr1_renews() {
    let Some(ca) = RealCa::builder().start() else { return };
    signals_and_restarts(&ca);
}

/// A wrong secret is sent as often as `fabcert enroll` sends it, over any number of restarts.
fn a_wrong_secret(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let asked = peer.asked();
    let start = Instant::now();
    for round in 0..20 {
        let mut agent = peer.agent("wrong", &[]);
        agent.until_it_watches();
        agent.until("the refusal is known", |log| log.contains("next try at"));
        // The first pause is 10 s, counted in whole seconds; the second a minute.
        let most = if start.elapsed() < Duration::from_secs(8) { 1 } else { 2 };
        let now = peer.asked().0 - asked.0;
        assert!((1..=most).contains(&now), "round {round}: {now} requests: {}", agent.log());
        assert_eq!(agent.end("-TERM"), Some(143));
    }
    assert!(!peer.msp().exists());
    // The right secret is another one, and is sent at once.
    let mut agent = peer.agent("peerpw", &[]);
    agent.until("it is enrolled", |_| peer.tls().exists() && peer.msp().exists());
}

#[test]
fn twenty_restarts_send_a_wrong_secret_as_often_as_enroll_does() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_wrong_secret(&ca);
}

/// A CA that is not there yet is asked again; the agent runs on.
fn a_late_ca(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let port = crate::reserved::ReservedPort::new();
    let url = format!("https://localhost:{}", port.number());
    let mut agent = peer.agent_at(&url, "peerpw", &[]);
    agent.until("the failure is known", |log| log.contains("next try at"));
    let target = ca.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let _relay = crate::real::relay::Relay::to(target, ("127.0.0.1", port.number()));
    agent.until("it is enrolled", |_| peer.tls().exists() && peer.msp().exists());
    assert_eq!(agent.end("-TERM"), Some(143));
}

#[test]
fn a_ca_that_comes_late_is_waited_for() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_late_ca(&ca);
}

/// The identities below a path are renewed with what their records say.
fn a_tree(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca);
    let mut agent = peer.agent("peerpw", &[]);
    agent.until_it_watches();
    assert_eq!(agent.end("-TERM"), Some(143));
    let asked = peer.asked();
    peer.age(2000);
    let before = peer.serials();
    let mut agent = Agent::start(peer.dir(), &[&text(&peer.dir().join("peer"))], None);
    agent.until("both certificates are new", |_| {
        let now = peer.serials();
        now[0] != before[0] && now[1] != before[1]
    });
    agent.until_it_watches();
    assert_eq!(peer.asked(), (asked.0, asked.1 + 2));
    assert!(agent.log().contains("org1-peer1"), "{}", agent.log());
}

#[test]
fn identities_below_a_path_are_renewed_without_a_secret() {
    let Some(ca) = RealCa::builder().start() else { return };
    a_tree(&ca);
}

#[test]
fn a_command_line_that_cannot_work_ends_the_agent_at_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| Agent::start(dir.path(), args, None).ended();
    let nothing = fabcert(&["agent"], None);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    let empty = text(dir.path());
    let none = run(&[&empty]);
    assert_eq!(none.0, Some(3), "{none:?}");
    let gone = run(&[&text(&dir.path().join("gone"))]);
    assert_eq!(gone.0, Some(4), "{gone:?}");
    let unused = run(&[&empty, "--san", "peer1"]);
    assert_eq!(unused.0, Some(2), "{unused:?}");
    assert!(unused.1.contains("--msp-dir"), "{unused:?}");
    let msp = text(&dir.path().join("msp"));
    let anchor = text(&dir.path().join("anchor.pem"));
    std::fs::write(&anchor, crate::audit::scene::Scene::new().root()).unwrap();
    let no_secret = run(&["--url", "https://localhost:1", "--tls-ca", &anchor, "--id", "peer1", "--msp-dir", &msp]);
    assert_eq!(no_secret.0, Some(2), "{no_secret:?}");
    assert!(no_secret.1.contains("--secret-file"), "{no_secret:?}");
    let args = ["--url", "https://localhost:1", "--tls-ca", &anchor, "--id", "peer1", "--msp-dir", &msp];
    let expired = run(&[&args[..], &["--enroll-if-expired"]].concat());
    assert_eq!(expired.0, Some(2), "{expired:?}");
}
