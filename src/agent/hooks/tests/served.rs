//! What the node serves after a signal.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{Scene, made, plan, text};
use crate::agent::hooks::{Answer, HookPlan, Hooks};
use crate::disk::Disk;

/// A node: a process that notes each SIGHUP, and a TLS server that serves what it was given last.
struct Node {
    process: std::process::Child,
    address: SocketAddr,
    serves: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn config((der, key): &(Vec<u8>, rcgen::KeyPair)) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(der.clone())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    Arc::new(config.unwrap())
}

impl Node {
    /// Serves this certificate, and writes its pid file.
    async fn start(scene: &Scene, pair: &(Vec<u8>, rcgen::KeyPair)) -> Self {
        let script = format!(
            "trap 'echo hup >> {0}/signals' HUP; echo $$ > {0}/pid; while :; do sleep 0.02; done",
            scene.path("").display()
        );
        let process = std::process::Command::new("sh").args(["-c", &script]).spawn().unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serves = Arc::new(Mutex::new(config(pair)));
        let shared = Arc::clone(&serves);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = Arc::clone(&shared.lock().unwrap());
                tokio::spawn(async move {
                    let _ = TlsAcceptor::from(config).accept(stream).await;
                });
            }
        });
        while scene.lines("pid").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { process, address, serves }
    }

    fn serve(&self, pair: &(Vec<u8>, rcgen::KeyPair)) {
        *self.serves.lock().unwrap() = config(pair);
    }

    fn plan(&self, scene: &Scene, within: Duration) -> HookPlan {
        HookPlan {
            signals: vec![format!("{}:HUP", scene.path("pid").display()).parse().unwrap()],
            served: vec![self.address.to_string().parse().unwrap()],
            served_within: within,
            ..plan(&[])
        }
    }
}

/// A node that serves the certificate before the last renewal, its hooks, and the new certificate.
async fn renewed(scene: &Scene, within: Duration) -> (Node, Hooks, (Vec<u8>, rcgen::KeyPair)) {
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(scene, &old).await;
    let hooks = scene.adopted(node.plan(scene, within));
    scene.put("tls", &new.0);
    (node, hooks, new)
}

/// Waits until the node has noted this number of signals.
async fn signalled(scene: &Scene, count: usize) {
    let start = Instant::now();
    while scene.lines("signals").len() < count {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Longer than the node needs to note a signal that was sent.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn a_node_that_loads_the_certificate_late_gets_one_signal() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let hooks = scene.adopted(node.plan(&scene, Duration::from_secs(20)));
    assert_eq!(hooks.shows(&scene.watched(), &Disk::real()).await, Some(Answer::Expected));
    scene.put("tls", &new.0);
    let Some(Answer::Other(shows)) = hooks.shows(&scene.watched(), &Disk::real()).await else { panic!() };
    assert!(shows.ends_with("it serves a certificate other than the one on disk"), "{shows}");
    let late = async {
        signalled(&scene, 1).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        node.serve(&new);
    };
    let (ran, ()) = tokio::join!(scene.run(&hooks), late);
    ran.unwrap();
    settle().await;
    assert_eq!(scene.lines("signals").len(), 1);
    assert!(!scene.is_pending(&hooks));
}

#[tokio::test]
async fn a_node_that_loads_it_after_the_limit_gets_no_second_signal() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let limit = Duration::from_millis(300);
    let hooks = scene.adopted(node.plan(&scene, limit));
    scene.put("tls", &new.0);
    let failure = scene.run(&hooks).await.unwrap_err();
    assert!(text(&failure.error).contains("is not served after 300ms"), "{failure:?}");
    node.serve(&new);
    scene.wait(60);
    scene.run(&hooks).await.unwrap();
    settle().await;
    assert_eq!(scene.lines("signals").len(), 1);
}

#[tokio::test]
async fn a_node_that_ignores_a_signal_gets_another_at_the_next_try() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let plan = || node.plan(&scene, Duration::from_millis(300));
    let hooks = scene.adopted(plan());
    scene.put("tls", &new.0);
    for tries in 1..=3 {
        assert_eq!(scene.run(&hooks).await.unwrap_err().failures, tries);
        signalled(&scene, tries as usize).await;
        scene.wait(60);
    }
    let restarted = Hooks::new(plan());
    let served = async {
        signalled(&scene, 4).await;
        node.serve(&new);
    };
    let (ran, ()) = tokio::join!(scene.run(&restarted), served);
    ran.unwrap();
    settle().await;
    assert_eq!(scene.lines("signals").len(), 4);
}

/// The agent is killed after the signal, and the node serves the new certificate when the next one looks.
#[tokio::test]
async fn a_kill_after_the_signal_leads_to_no_second_one() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let plan = || node.plan(&scene, Duration::from_secs(20));
    let hooks = scene.adopted(plan());
    scene.put("tls", &new.0);
    tokio::select! {
        _ = scene.run(&hooks) => panic!("the node serves the old certificate"),
        () = signalled(&scene, 1) => {}
    }
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.serve(&new);
    };
    let restarted = Hooks::new(plan());
    let (ran, ()) = tokio::join!(scene.run(&restarted), late);
    ran.unwrap();
    settle().await;
    assert_eq!(scene.lines("signals").len(), 1);
}

#[tokio::test]
async fn a_node_that_serves_the_certificate_already_gets_no_signal() {
    let scene = Scene::new();
    let (node, hooks, new) = renewed(&scene, Duration::from_secs(20)).await;
    node.serve(&new);
    scene.run(&hooks).await.unwrap();
    settle().await;
    assert!(scene.lines("signals").is_empty());
}

#[tokio::test]
async fn the_second_signal_is_sent_where_the_first_was_enough_for_the_proof() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let mut plan = node.plan(&scene, Duration::from_secs(20));
    plan.signals.push(format!("{}:HUP", scene.path("other").display()).parse().unwrap());
    std::fs::write(scene.path("other"), "4194304\n").unwrap();
    let hooks = scene.adopted(plan);
    scene.put("tls", &new.0);
    let failure = scene.run(&hooks).await.unwrap_err();
    assert!(text(&failure.error).contains("there is no process 4194304"), "{failure:?}");
    signalled(&scene, 1).await;
    node.serve(&new);
    std::fs::write(scene.path("other"), std::fs::read(scene.path("pid")).unwrap()).unwrap();
    scene.run(&hooks).await.unwrap();
    signalled(&scene, 2).await;
}

#[tokio::test]
async fn a_stale_pid_file_holds_no_proof_back() {
    let scene = Scene::new();
    let (node, hooks, new) = renewed(&scene, Duration::from_secs(20)).await;
    let pid = std::fs::read(scene.path("pid")).unwrap();
    std::fs::write(scene.path("pid"), "4194304\n").unwrap();
    let failure = scene.run(&hooks).await.unwrap_err();
    assert!(text(&failure.error).contains("there is no process 4194304"), "{failure:?}");
    std::fs::write(scene.path("pid"), pid).unwrap();
    let served = async {
        signalled(&scene, 1).await;
        node.serve(&new);
    };
    let (ran, ()) = tokio::join!(scene.run(&hooks), served);
    ran.unwrap();
    assert_eq!(scene.lines("signals").len(), 1);
}

#[tokio::test]
async fn an_endpoint_may_serve_another_identity_of_the_agent_and_nothing_else() {
    let (one, two) = (Scene::new(), Scene::new());
    let (of_one, of_two) = (made("peer1"), made("peer2"));
    one.put("tls", &of_one.0);
    two.put("tls", &of_two.0);
    let node = Node::start(&two, &of_two).await;
    let plan = HookPlan { signals: Vec::new(), ..node.plan(&two, Duration::from_millis(100)) };
    let hooks = one.adopted(plan);
    let shows = hooks.shows(&one.watched(), &Disk::real()).await;
    assert!(matches!(shows, Some(Answer::Other(_))), "the agent does not watch that identity");
    hooks.adopt(&two.watched(), &Disk::real()).unwrap();
    assert_eq!(hooks.shows(&one.watched(), &Disk::real()).await, Some(Answer::Expected));
    assert_eq!(hooks.shows(&two.watched(), &Disk::real()).await, Some(Answer::Expected));
    two.renew("tls");
    assert!(matches!(hooks.shows(&two.watched(), &Disk::real()).await, Some(Answer::Other(_))));
}

/// A copy of the folders, for example one that was kept before the renewal, is no node of its own.
#[tokio::test]
async fn a_copy_of_the_folders_makes_no_old_certificate_expected() {
    let (scene, copy) = (Scene::new(), Scene::new());
    let (older, old, new) = (made("peer1"), made("peer1"), made("peer1"));
    scene.put("tls", &old.0);
    let node = Node::start(&scene, &old).await;
    let hooks = scene.adopted(HookPlan { signals: Vec::new(), ..node.plan(&scene, Duration::ZERO) });
    scene.put("tls", &new.0);
    for of_copy in [&old, &older] {
        node.serve(of_copy);
        copy.put("tls", &of_copy.0);
        hooks.retain(|first| first.starts_with(scene.path("")));
        hooks.adopt(&copy.watched(), &Disk::real()).unwrap();
        let shows = hooks.shows(&scene.watched(), &Disk::real()).await;
        assert!(matches!(shows, Some(Answer::Other(_))), "{shows:?}");
    }
}

#[tokio::test]
async fn an_identity_that_is_not_watched_any_more_has_no_endpoint() {
    let (one, two) = (Scene::new(), Scene::new());
    let (of_one, of_two) = (made("peer1"), made("peer2"));
    one.put("tls", &of_one.0);
    two.put("tls", &of_two.0);
    let node = Node::start(&two, &of_two).await;
    let hooks = one.adopted(HookPlan { signals: Vec::new(), ..node.plan(&two, Duration::ZERO) });
    hooks.adopt(&two.watched(), &Disk::real()).unwrap();
    assert_eq!(hooks.shows(&one.watched(), &Disk::real()).await, Some(Answer::Expected));
    hooks.retain(|first| first.starts_with(one.path("")));
    assert!(matches!(hooks.shows(&one.watched(), &Disk::real()).await, Some(Answer::Other(_))));
}

#[tokio::test]
async fn an_endpoint_without_an_answer_serves_no_other_certificate() {
    let scene = Scene::new();
    let (old, new) = (made("peer1"), made("peer1"));
    scene.put("tls", &new.0);
    let node = Node::start(&scene, &old).await;
    // Nobody accepts there.
    let bound = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed = bound.local_addr().unwrap();
    drop(bound);
    let with = |served: &[SocketAddr]| {
        let served = served.iter().map(|address| address.to_string().parse().unwrap()).collect();
        scene.adopted(HookPlan { signals: Vec::new(), served, ..node.plan(&scene, Duration::ZERO) })
    };
    let answer = with(&[closed]).shows(&scene.watched(), &Disk::real()).await;
    assert!(matches!(answer, Some(Answer::Silent(_))), "{answer:?}");
    let answer = with(&[closed, node.address]).shows(&scene.watched(), &Disk::real()).await;
    assert!(matches!(&answer, Some(Answer::Other(reasons)) if reasons.contains("; ")), "{answer:?}");
    node.serve(&new);
    let answer = with(&[closed, node.address]).shows(&scene.watched(), &Disk::real()).await;
    assert!(matches!(answer, Some(Answer::Silent(_))), "{answer:?}");
}
