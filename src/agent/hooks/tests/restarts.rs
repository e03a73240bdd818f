//! Restarts by the cluster, with a cluster that does what a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Scene, made, pause};
use crate::agent::hooks::{
    Fingerprints, HookFailure, HookPlan, Hooks, News, Node, Phase, Restarter, Turn, Watched, Work,
};
use crate::disk::Disk;
use crate::identity::Environment;
use crate::{Error, ErrorKind, Timestamp};

/// What the cluster has, and what was asked of it.
#[derive(Debug)]
struct Cluster {
    node: Node,
    turn: Turn,
    /// What an API server that is away, or lets nobody in, answers.
    error: Option<ErrorKind>,
    /// Whether a restart that is asked for happens.
    obeys: bool,
    asked: Vec<Fingerprints>,
    released: usize,
    news: Vec<(News, String)>,
}

#[derive(Clone, Debug)]
struct Fake(Arc<Mutex<Cluster>>);

impl Fake {
    fn new() -> Self {
        let node = Node { mark: "0".to_owned(), is_ready: true, is_ending: false };
        let cluster = Cluster {
            node,
            turn: Turn::Go,
            error: None,
            obeys: true,
            asked: Vec::new(),
            released: 0,
            news: Vec::new(),
        };
        Self(Arc::new(Mutex::new(cluster)))
    }

    fn set<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn answer<T>(&self, answer: impl FnOnce(&mut Cluster) -> T) -> Result<T, Error> {
        self.set(|cluster| match cluster.error {
            Some(kind) => Err(Error::new(kind, "the API server says no").with_help("let it say yes")),
            None => Ok(answer(cluster)),
        })
    }

    fn asked(&self) -> usize {
        self.set(|cluster| cluster.asked.len())
    }

    /// The agent of a new process.
    fn hooks(&self) -> Hooks {
        let served_within = Duration::from_millis(10);
        Hooks::new(HookPlan { restarter: Some(Box::new(self.clone())), served_within, ..HookPlan::default() })
    }
}

impl Restarter for Fake {
    fn node(&self) -> Work<'_, Node> {
        Box::pin(async { self.answer(|cluster| cluster.node.clone()) })
    }

    fn turn(&self) -> Work<'_, Turn> {
        Box::pin(async { self.answer(|cluster| cluster.turn.clone()) })
    }

    fn restart<'a>(&'a self, certificates: &'a Fingerprints) -> Work<'a, Turn> {
        Box::pin(async {
            self.answer(|cluster| {
                cluster.asked.push(certificates.clone());
                if cluster.obeys {
                    cluster.node.mark = cluster.asked.len().to_string();
                }
                Turn::Go
            })
        })
    }

    fn release(&self) -> Work<'_, ()> {
        Box::pin(async { self.answer(|cluster| cluster.released += 1) })
    }

    fn say<'a>(&'a self, news: News, text: &'a str, _: Timestamp) -> Work<'a, ()> {
        Box::pin(async move {
            self.set(|cluster| cluster.news.push((news, text.to_owned())));
            Ok(())
        })
    }

    fn keeps_volumes(&self) -> bool {
        false
    }
}

/// An identity with a signing certificate alone, so that there is no endpoint.
fn watched(scene: &Scene) -> Watched {
    Watched { tls: None, ..scene.watched() }
}

async fn follow(scene: &Scene, hooks: &Hooks) -> Result<(), HookFailure> {
    let now = || scene.now();
    hooks.follow(&watched(scene), None, &Environment::new(&Disk::real(), &now), &pause).await
}

/// A scene whose agent has seen the first certificate, and a new one.
fn renewed(cluster: &Fake) -> (Scene, Hooks) {
    let (scene, hooks) = (Scene::new(), cluster.hooks());
    hooks.adopt(&watched(&scene), &Disk::real()).unwrap();
    scene.renew("sign");
    (scene, hooks)
}

#[tokio::test]
async fn a_node_is_restarted_once_for_each_certificate() {
    let cluster = Fake::new();
    let (scene, hooks) = renewed(&cluster);
    for _ in 0..2 {
        follow(&scene, &hooks).await.unwrap();
        follow(&scene, &cluster.hooks()).await.unwrap();
        assert_eq!(cluster.asked(), 1);
    }
    assert_eq!(cluster.set(|cluster| cluster.released), 1);
    let news = cluster.set(|cluster| cluster.news.iter().map(|(news, _)| *news).collect::<Vec<_>>());
    assert_eq!(news, [News::Begins, News::Passed]);
    scene.renew("sign");
    follow(&scene, &hooks).await.unwrap();
    assert_eq!(cluster.asked(), 2);
}

/// Waiting is no failure, is said once an hour, and is tried again soon however long it takes.
#[tokio::test]
async fn a_member_waits_for_its_turn() {
    let cluster = Fake::new();
    let (scene, hooks) = renewed(&cluster);
    cluster.set(|cluster| cluster.turn = Turn::Wait("another has its turn".to_owned()));
    for _ in 0..100 {
        let failure = follow(&scene, &hooks).await.unwrap_err();
        assert_eq!(failure.next_try.seconds_since(scene.now()), 10);
        assert_eq!((failure.failures, hooks.phase(&watched(&scene))), (0, Phase::Waits));
        scene.wait(10);
    }
    assert_eq!(cluster.asked(), 0);
    cluster.set(|cluster| cluster.turn = Turn::Go);
    follow(&scene, &hooks).await.unwrap();
    assert_eq!(cluster.asked(), 1);
    let waits = cluster.set(|cluster| cluster.news.iter().filter(|(news, _)| *news == News::Waits).count());
    assert_eq!(waits, 1);
}

#[tokio::test]
async fn an_api_server_that_is_away_loses_nothing_and_restarts_nothing_twice() {
    let cluster = Fake::new();
    let (scene, hooks) = renewed(&cluster);
    cluster.set(|cluster| (cluster.error, cluster.obeys) = (Some(ErrorKind::Unreachable), false));
    // Five minutes, and after that the node takes its time.
    for _ in 0..30 {
        follow(&scene, &hooks).await.unwrap_err();
        assert_eq!(hooks.phase(&watched(&scene)), Phase::Waits);
        scene.wait(10);
    }
    cluster.set(|cluster| cluster.error = None);
    follow(&scene, &hooks).await.unwrap_err();
    cluster.set(|cluster| cluster.error = Some(ErrorKind::Unreachable));
    for _ in 0..30 {
        scene.wait(10);
        follow(&scene, &cluster.hooks()).await.unwrap_err();
    }
    cluster.set(|cluster| (cluster.error, cluster.node.mark) = (None, "1".to_owned()));
    scene.wait(10);
    follow(&scene, &hooks).await.unwrap();
    assert_eq!(cluster.asked(), 1);
}

/// Between the note and the request, and between the request and the note of its success.
#[tokio::test]
async fn a_kill_at_any_time_costs_no_second_restart() {
    for has_arrived in [false, true] {
        let cluster = Fake::new();
        let (scene, hooks) = renewed(&cluster);
        cluster.set(|cluster| cluster.obeys = false);
        follow(&scene, &hooks).await.unwrap_err();
        let file = scene.path(".msp.fabcert/hooks.json");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("\"is_asked\": true"), "{text}");
        std::fs::write(&file, text.replace("\"is_asked\": true", "\"is_asked\": false")).unwrap();
        if has_arrived {
            cluster.set(|cluster| cluster.node.mark = "1".to_owned());
        } else {
            cluster.set(|cluster| (cluster.obeys, cluster.asked) = (true, Vec::new()));
        }
        scene.wait(600);
        follow(&scene, &cluster.hooks()).await.unwrap();
        assert_eq!(cluster.asked(), 1, "{has_arrived}");
    }
}

#[tokio::test]
async fn a_node_that_is_not_back_is_not_restarted_again_and_keeps_the_turn() {
    let cluster = Fake::new();
    let (scene, hooks) = renewed(&cluster);
    cluster.set(|cluster| cluster.node.is_ready = false);
    for hooks in [&hooks, &cluster.hooks()] {
        let failure = follow(&scene, hooks).await.unwrap_err();
        assert!(failure.error.message().contains("is not back: after 10ms it is not ready"), "{failure:?}");
        assert_eq!(hooks.phase(&watched(&scene)), Phase::Stopped);
        scene.wait(600);
    }
    assert_eq!((cluster.asked(), cluster.set(|cluster| cluster.released)), (1, 0));
    cluster.set(|cluster| cluster.node.is_ready = true);
    follow(&scene, &hooks).await.unwrap();
    assert_eq!((cluster.asked(), cluster.set(|cluster| cluster.released)), (1, 1));
}

/// An hour of two writers that put back their own certificate, and of two that issue a new one each time.
#[tokio::test]
async fn two_writers_cause_three_restarts_at_most() {
    for is_new in [false, true] {
        let cluster = Fake::new();
        let (scene, mut hooks) = renewed(&cluster);
        let own = [made("peer1").0, made("peer1").0];
        for minute in 0..60usize {
            let der = if is_new { made("peer1").0 } else { own[minute % 2].clone() };
            scene.put("sign", &der);
            if minute % 7 == 0 {
                hooks = cluster.hooks();
            }
            drop(follow(&scene, &hooks).await);
            scene.wait(60);
        }
        assert!((1..=3).contains(&cluster.asked()), "{}", cluster.asked());
        let stopped = cluster.set(|cluster| cluster.news.iter().any(|(news, _)| *news == News::Stopped));
        assert!(stopped, "{is_new}");
        if is_new {
            scene.wait(86_400);
            scene.renew("sign");
            follow(&scene, &hooks).await.unwrap();
            assert_eq!(cluster.asked(), 4, "a day later");
        }
    }
}

#[tokio::test]
async fn a_right_that_is_missing_stops_the_restart_and_says_what_to_do() {
    let cluster = Fake::new();
    let (scene, hooks) = renewed(&cluster);
    cluster.set(|cluster| cluster.error = Some(ErrorKind::Input));
    let failure = follow(&scene, &hooks).await.unwrap_err();
    assert_eq!(failure.error.help(), Some("let it say yes"));
    assert_eq!((hooks.phase(&watched(&scene)), cluster.asked()), (Phase::Stopped, 0));
}
