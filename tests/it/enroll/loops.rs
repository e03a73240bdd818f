//! A restart loop with answers that are not as requested: how often the request is repeated, and what is kept.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use fabcert::devca::{DevCa, DevCaConfig, Endpoint, IdentitySpec, Running};
use fabcert::enroll::Outcome;
use fabcert::internals::{Disk, Environment, enroll};
use fabcert::pki::key::KeyPair;
use fabcert::pki::x509::NodeOu;
use fabcert::{Enrolment, Error, Secret, Timestamp};

use super::faults::now;

/// One peer with its MSP folder at a dev CA, and a clock that the test sets.
struct Scene {
    ca: Running,
    dir: tempfile::TempDir,
    now: Cell<Timestamp>,
}

impl Scene {
    fn new(limit: i64) -> Self {
        let peer = IdentitySpec::new("org1-peer1", "peerpw", "peer").limited_to(limit);
        let ca = DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("anchor.pem"), ca.tls_anchor_pem()).unwrap();
        Self { ca, dir, now: Cell::new(now()) }
    }

    fn request(&self, role: NodeOu) -> Enrolment {
        self.request_at(self.ca.url(), role)
    }

    fn request_at(&self, url: &str, role: NodeOu) -> Enrolment {
        Enrolment::new(url, "org1-peer1")
            .unwrap()
            .secret(Secret::new("peerpw"))
            .anchor_file(self.dir.path().join("anchor.pem"))
            .role(role)
            .msp_dir(self.dir.path().join("msp"))
    }

    fn run(&self, enrolment: &Enrolment) -> Result<Outcome, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (request, now) = (enrolment.request().unwrap(), self.now.get());
        runtime.block_on(enroll(&request, &Environment::new(&Disk::real(), &move || now)))
    }

    fn exit_code(&self, enrolment: &Enrolment) -> u8 {
        self.run(enrolment).map_or_else(|e| e.exit_code(), |_| 0)
    }

    fn asked(&self) -> usize {
        self.ca.requests().iter().filter(|r| r.endpoint == Endpoint::Enroll).count()
    }

    fn wait(&self, seconds: u64) {
        self.now.set(self.now.get().plus(Duration::from_secs(seconds)));
    }

    fn current_key(&self) -> KeyPair {
        let mut keys = std::fs::read_dir(self.dir.path().join("msp/keystore")).unwrap();
        KeyPair::from_pem(&std::fs::read(keys.next().unwrap().unwrap().path()).unwrap()).unwrap()
    }
}

#[test]
fn the_same_request_is_sent_again_after_ten_minutes_then_an_hour_then_never() {
    let scene = Scene::new(-1);
    let wrong = scene.request(NodeOu::Orderer);
    // Seconds before a run, and the number of requests that the CA has seen after it.
    let schedule = [(0, 1), (599, 1), (1, 2), (3599, 2), (1, 3), (10 * 86_400, 3)];
    for (seconds, requests) in schedule {
        scene.wait(seconds);
        let error = scene.run(&wrong).unwrap_err();
        assert_eq!((error.exit_code(), scene.asked()), (8, requests), "{seconds} s later: {error}");
        let help = error.help().unwrap();
        assert!(help.contains("pending.json") && help.contains("--force"), "{help}");
    }
    let forced = scene.request(NodeOu::Orderer).force();
    assert_eq!((scene.exit_code(&forced), scene.asked()), (8, 4));
    // The count begins again after that.
    assert_eq!((scene.exit_code(&wrong), scene.asked()), (8, 4));
    scene.wait(600);
    assert_eq!((scene.exit_code(&wrong), scene.asked()), (8, 5));
    assert!(!scene.dir.path().join("msp").exists());
}

/// A proxy reports success and returns no certificate: the CA may have counted the enrolment.
#[test]
fn a_success_without_a_certificate_is_not_requested_in_a_loop() {
    let scene = Scene::new(-1);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (connected, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let body = r#"{"success":true,"result":{},"errors":[],"messages":[]}"#;
            let head = format!("HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            // The whole request, with a JSON object as its body.
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            if connected.send(()).is_err() {
                return;
            }
        }
    });
    let request = scene.request_at(&url, NodeOu::Peer).plaintext();
    let first = scene.run(&request).unwrap_err();
    for _ in 0..3 {
        let error = scene.run(&request).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (8, first.to_string()));
        assert!(error.help().unwrap().contains("remembered"), "{error:?}");
    }
    assert_eq!(connections.try_iter().count(), 1);
    // The real CA has another URL: the refusal does not apply to it.
    assert_eq!(scene.exit_code(&scene.request(NodeOu::Peer)), 0);
}

/// The only enrolment was answered; a later refusal must not drop that answer.
#[test]
fn a_refusal_keeps_an_earlier_answer() {
    let scene = Scene::new(1);
    let wrong = scene.request(NodeOu::Orderer);
    assert_eq!(scene.exit_code(&wrong), 8);
    scene.wait(600);
    assert_eq!((scene.exit_code(&wrong), scene.asked()), (7, 2), "the enrolments are used up");
    assert_eq!((scene.exit_code(&scene.request(NodeOu::Peer)), scene.asked()), (0, 2));
}

/// Attributes and profile are not verified, so an answer to a request with others is not used.
#[test]
fn a_kept_answer_to_a_request_for_other_attributes_is_not_used() {
    let scene = Scene::new(-1);
    assert_eq!(scene.exit_code(&scene.request(NodeOu::Orderer)), 8);
    let attributes = vec![fabcert::ca::AttrRequest { name: "hf.EnrollmentID".into(), optional: false }];
    let other = scene.request(NodeOu::Peer).attributes(attributes);
    assert_eq!((scene.exit_code(&other), scene.asked()), (0, 2));
}

#[test]
fn a_kept_answer_for_a_key_other_than_the_reused_one_is_not_used() {
    let scene = Scene::new(-1);
    let peer = scene.request(NodeOu::Peer);
    assert_eq!(scene.exit_code(&peer), 0);
    let current = scene.current_key();
    assert_eq!(scene.exit_code(&scene.request(NodeOu::Orderer).force()), 8);
    let reuse = scene.request(NodeOu::Peer).force().reuse_key();
    assert_eq!((scene.exit_code(&reuse), scene.asked()), (0, 3));
    assert_eq!(scene.current_key().public_point(), current.public_point());
}

#[test]
fn a_kept_answer_that_is_due_is_not_installed() {
    let scene = Scene::new(-1);
    assert_eq!(scene.exit_code(&scene.request(NodeOu::Orderer)), 8);
    scene.wait(300 * 86_400);
    assert_eq!((scene.exit_code(&scene.request(NodeOu::Peer)), scene.asked()), (0, 2));
}
