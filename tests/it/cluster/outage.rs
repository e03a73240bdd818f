//! The API server goes away, or a Secret changes, between the request to the CA and the writing of its answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fabcert::devca::Fault;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use rustix::process::{Pid, Signal, kill_process};

use super::api_server::Namespace;
use super::secrets::{ID, NAMES, arguments, content, enroll};
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::real::{CaUnderTest as _, Registration};

const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A way to the API server that can be closed; the connections of a closed one are cut.
pub(super) struct Way {
    pub(super) port: u16,
    is_open: Arc<AtomicBool>,
}

impl Way {
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_open = Arc::new(AtomicBool::new(true));
        let open = Arc::clone(&is_open);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Some(server) =
                    TcpStream::connect(("127.0.0.1", server)).ok().filter(|_| open.load(Ordering::SeqCst))
                else {
                    continue;
                };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                for (from, to) in [(client, server), back] {
                    let open = Arc::clone(&open);
                    std::thread::spawn(move || forward(from, to, &open));
                }
            }
        });
        Self { port, is_open }
    }

    pub(super) fn set(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, open: &AtomicBool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(n) = from.read(&mut bytes) {
        if n == 0 || !open.load(Ordering::SeqCst) || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// A run of `enroll` whose request is under way: the CA answers in two seconds.
struct UnderWay {
    ca: DevCaUnderTest,
    namespace: Namespace,
    way: Way,
    child: Child,
}

impl UnderWay {
    /// `None` where the programs are missing.
    fn begin(name: &str) -> Option<Self> {
        let namespace = Namespace::create(name)?;
        let ca = DevCaUnderTest::start(|_| (), None);
        ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(ID, "peerpw") });
        ca.running.set_fault(Fault::Delay(2_000));
        let way = Way::to(namespace.port());
        let kubeconfig = namespace.kubeconfig_at(&format!("https://127.0.0.1:{}", way.port), "admin-token");
        let args = arguments("enroll", &ca, &[&NAMES[..], &["--kubeconfig", &kubeconfig]].concat());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let child = namespace.command(&args, "peerpw", "log").spawn().unwrap();
        let scene = Self { ca, namespace, way, child };
        scene.wait_for("the request", || scene.ca.running.enrollments("dev-ca", ID) == Some(1));
        // The key is stored before it is sent.
        let stored = scene.namespace.secret("org1-peer1-fabcert").unwrap();
        assert!(stored["data"]["msp.pending.json"].is_string(), "{stored}");
        Some(scene)
    }

    fn wait_for(&self, what: &str, found: impl Fn() -> bool) {
        let deadline = Instant::now() + WITHIN;
        while !found() {
            assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.namespace.path("log")).unwrap()
    }

    /// The exit code; afterwards everything is stored, and nothing is enrolled again.
    fn end(&mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        self.ca.running.clear_faults();
        code
    }

    fn assert_stored(&self) {
        let again = enroll(&self.namespace, &self.ca, &[]);
        assert_eq!((again.code, again.json()["action"].as_str()), (0, Some("unchanged")), "{again:?}\n{}", self.log());
        assert_eq!(self.ca.running.enrollments("dev-ca", ID), Some(1), "{}", self.log());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_api_server_that_is_away_when_the_answer_comes_costs_nothing() {
    let Some(mut scene) = UnderWay::begin("away") else { return };
    scene.way.set(false);
    scene.wait_for("a failed try to store the answer", || scene.log().matches("trying again in").count() >= 2);
    assert!(scene.namespace.secret(ID).is_none());
    scene.way.set(true);
    assert_eq!(scene.end(), Some(0), "{}", scene.log());
    scene.assert_stored();
}

#[test]
fn a_label_of_somebody_else_does_not_count_as_a_change() {
    let Some(mut scene) = UnderWay::begin("labelled") else { return };
    scene.namespace.annotate("org1-peer1-fabcert", "backup.example/at", "now");
    assert_eq!(scene.end(), Some(0), "{}", scene.log());
    scene.assert_stored();
}

/// The folder with the only copy of the answer stays, and the next run of this identity on this disk stores it.
#[test]
fn what_a_signal_keeps_from_being_stored_is_stored_by_the_next_run() {
    let Some(mut scene) = UnderWay::begin("ended") else { return };
    scene.way.set(false);
    scene.wait_for("a failed try to store the answer", || scene.log().contains("trying again in"));
    kill_process(Pid::from_child(&scene.child), Signal::TERM).unwrap();
    assert_eq!(scene.end(), Some(143), "{}", scene.log());
    assert!(scene.log().contains("it may hold a key and a certificate that are in no Secret"), "{}", scene.log());
    scene.way.set(true);
    let next = enroll(&scene.namespace, &scene.ca, &[]);
    assert_eq!(next.code, 0, "{next:?}");
    scene.assert_stored();
    assert!(std::fs::read_dir(scene.namespace.tmp()).unwrap().next().is_none(), "no key stays on the disk");
}

/// The Secrets of the identity went on with another key, as another pod would have made it.
#[test]
fn a_key_that_an_earlier_run_left_does_not_replace_a_newer_one() {
    let Some(mut scene) = UnderWay::begin("newer-key") else { return };
    scene.way.set(false);
    scene.wait_for("a failed try to store the answer", || scene.log().contains("trying again in"));
    kill_process(Pid::from_child(&scene.child), Signal::TERM).unwrap();
    assert_eq!(scene.end(), Some(143), "{}", scene.log());
    scene.way.set(true);
    let newer = KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem();
    scene.namespace.rewrite(ID, "msp.pending.json", |pending| pending["key_pem"] = newer.as_str().into());
    let next = enroll(&scene.namespace, &scene.ca, &[]);
    assert_ne!(next.code, 0, "the only enrolment was for the other key: {next:?}");
    assert!(next.stderr.contains("the Secrets of newer-key/org1-peer1 hold another one"), "{next:?}");
    let stored = content(&scene.namespace.secret("org1-peer1-fabcert").unwrap(), "msp.pending.json");
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(stored["key_pem"].as_str(), Some(newer.as_str()), "{next:?}");
    let left = std::fs::read_dir(scene.namespace.tmp()).unwrap().count();
    assert_eq!(left, 1, "the folder with the other key and its answer");
}
