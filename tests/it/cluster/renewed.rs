//! Renewals of an identity whose store are Secrets.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::api_server::Namespace;
use super::secrets::{ID, arguments, enroll};
use crate::real::{CaUnderTest, RealCa, Registration};

const WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// The leaf of the TLS Secret.
fn tls(namespace: &Namespace) -> Option<String> {
    Some(namespace.secret(ID)?["data"]["tls.crt"].as_str().unwrap().to_owned())
}

/// The limit of enrolments is used up: a renewal is by token.
#[test]
fn renew_replaces_what_is_due_in_the_secrets() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("renew")) else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(ID, "peerpw") });
    assert_eq!(enroll(&namespace, &ca, &[]).code, 0);
    let args = ["renew", "--k8s-secret", ID, "--output", "json"];
    let (before, versions) = (tls(&namespace), namespace.versions());
    let ran = namespace.fabcert(&args, None);
    assert_eq!((ran.code, ran.json()["identities"][0]["action"].as_str()), (0, Some("unchanged")), "{ran:?}");
    assert_eq!(namespace.versions(), versions, "nothing is written");
    namespace.age(ID);
    let ran = namespace.fabcert(&[&args[..], &["--dry-run"]].concat(), None);
    assert_eq!((ran.code, tls(&namespace)), (1, before.clone()), "{ran:?}");
    let ran = namespace.fabcert(&args, None);
    let row = &ran.json()["identities"][0];
    assert_eq!((ran.code, row["action"].as_str()), (0, Some("reenrolled")), "{ran:?}");
    assert_eq!(row["folders"][0]["path"], "k8s://renew/org1-peer1-msp", "{row}");
    assert_ne!(tls(&namespace), before);
    let again = namespace.fabcert(&args, None);
    assert_eq!(again.json()["identities"][0]["action"], "unchanged", "{again:?}");
}

/// A running agent; killed when dropped.
struct Agent(Child);

impl Agent {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(namespace: &Namespace, what: &str, mut found: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !found() {
        let log = fs::read_to_string(namespace.path("log")).unwrap();
        assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}\n{log}");
        std::thread::sleep(POLL);
    }
}

/// It enrols, sees that another writer has changed the Secrets, and renews.
#[test]
fn the_agent_enrols_and_renews_in_the_secrets() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("agent")) else { return };
    ca.register(&Registration { max_enrollments: Some(1), ..Registration::peer(ID, "peerpw") });
    let more = ["--id", ID, "--role", "peer", "--san", "org1-peer1,org1-peer-gateway-svc"];
    let args = arguments("agent", &ca, &more);
    let args: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !["--output", "json"].contains(arg)).collect();
    let mut agent = Agent(namespace.command(&args, "peerpw", "log").spawn().unwrap());
    let is_recorded =
        || namespace.secret("org1-peer1-fabcert").is_some_and(|s| s["data"]["tls.record.json"].is_string());
    wait_for(&namespace, "the first certificates", || tls(&namespace).is_some() && is_recorded());
    let first = tls(&namespace);
    namespace.age(ID);
    agent.signal(Signal::HUP);
    wait_for(&namespace, "the renewal", || tls(&namespace) != first);
    agent.signal(Signal::TERM);
    assert_eq!(agent.0.wait().unwrap().code(), Some(143));
    assert!(fs::read_dir(namespace.tmp()).unwrap().next().is_none(), "no key stays on the disk");
}

#[test]
fn hooks_of_an_agent_are_for_folders() {
    let Some(namespace) = Namespace::create("hooks") else { return };
    let args = ["agent", "--url", "https://localhost", "--id", ID, "--k8s-secret", ID, "--touch", "x"];
    let ran = namespace.fabcert(&args, None);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("are for folders, and --k8s-secret names Secrets"), "{ran:?}");
}
