//! What a running agent shows: health, metrics, the notifications of systemd, the termination message; and the rendered sidecar.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Agent, PATIENCE, Peer};
use crate::audit_reports::objection;
use crate::command::{command, fabcert};
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::CaUnderTest as _;
use crate::real::tools::{Tool, find};

pub(super) const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Where an agent listens, by its log.
pub(super) fn address(agent: &mut Agent) -> String {
    agent.until("it listens", |log| log.contains("health and metrics on http://"));
    let log = agent.log();
    let rest = log.split_once("health and metrics on http://").unwrap().1;
    rest.split(|c: char| c != ':' && c != '.' && !c.is_ascii_digit()).next().unwrap().to_owned()
}

/// The status and the body that the agent answers with.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn json(address: &str, path: &str) -> serde_json::Value {
    serde_json::from_str(&get(address, path).1).unwrap()
}

/// `OpenMetrics` in the older text format of Prometheus, where a family has the name of its samples.
fn in_the_text_format(metrics: &str) -> String {
    let suffix = |name: &str| {
        let is = |kind: &str| metrics.contains(&format!("# TYPE {name} {kind}\n"));
        if is("counter") {
            "_total"
        } else if is("info") {
            "_info"
        } else {
            ""
        }
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "UNIT" | "EOF", ..] => String::new(),
            ["#", word, name, rest] => {
                format!("# {word} {name}{} {}\n", suffix(name), if rest == "info" { "gauge" } else { rest })
            }
            _ => format!("{line}\n"),
        }
    };
    metrics.lines().map(line).collect()
}

#[test]
fn an_enrolled_node_is_ready_and_prometheus_takes_its_metrics() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let mut agent = peer.agent("wrong", &LISTEN);
    let at = address(&mut agent);
    agent.until("the refusal is known", |log| log.contains("next try at"));
    let (code, _) = get(&at, "/readyz");
    let all = json(&at, "/readyz");
    assert_eq!((code, &all["ready"]), (503, &false.into()), "{all}");
    assert_eq!(all["identities"][0]["failure"]["kind"], "refused", "{all}");
    assert_eq!(all["identities"][0]["reasons"][0]["kind"], "missing", "{all}");
    let left = get(&at, "/metrics").1;
    assert!(left.contains("fabcert_refusals_left{id=\"org1-peer1\"} 7\n"), "{left}");
    assert_eq!(agent.end("-TERM"), Some(143));

    let mut agent = peer.agent("peerpw", &LISTEN);
    let at = address(&mut agent);
    agent.until("it is ready", |_| get(&at, "/readyz").0 == 200);
    assert_eq!(get(&at, "/livez"), (200, "ok\n".to_owned()));
    assert_eq!(json(&at, "/readyz/org1-peer1")["identities"][0]["reasons"], serde_json::json!([]));
    assert_eq!(get(&at, "/readyz/org1-peer2").0, 404);
    let metrics = get(&at, "/metrics").1;
    let tls = format!(
        "fabcert_certificate_not_after_seconds{{id=\"org1-peer1\",role=\"tls\",path=\"{}\"}}",
        text(&peer.tls())
    );
    assert!(metrics.contains(&tls) && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("fabcert_renewal_overdue{id=\"org1-peer1\"} 0\n"), "{metrics}");
    let succeeded = |metrics: &str| {
        let lines = metrics.lines().filter(|line| line.contains("result=\"success\""));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum::<u64>()
    };
    let before = succeeded(&metrics);
    agent.signal("-USR1");
    agent.until("a renewal is counted", |_| succeeded(&get(&at, "/metrics").1) > before);
    if let Some(oracle) = find(Tool::MetricsOracle) {
        let metrics = in_the_text_format(&get(&at, "/metrics").1);
        assert_eq!(objection(&mut Command::new(oracle), &metrics), None, "{metrics}");
    }
    assert!(!metrics.contains("peerpw") && !agent.log().contains("peerpw"));
}

#[test]
fn systemd_hears_of_the_start_the_life_and_the_end() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let socket = peer.dir().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let (url, anchor) = (ca.url(), text(&peer.dir().join("anchor.pem")));
    let (msp, tls) = (text(&peer.msp()), text(&peer.tls()));
    let args =
        ["agent", "--url", &url, "--tls-ca", &anchor, "--id", "org1-peer1", "--msp-dir", &msp, "--tls-dir", &tls];
    let socket = text(&socket);
    let variables = [("FABCERT_SECRET", "peerpw"), ("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "200000")];
    let mut child = command(&[&args[..], &["--san", "localhost"]].concat(), &variables)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut heard = Vec::new();
    let mut until = |text: &str| {
        let start = Instant::now();
        while !heard.iter().any(|word: &String| word.starts_with(text)) {
            assert!(start.elapsed() < PATIENCE, "no {text}: {heard:?}");
            let mut bytes = [0; 1024];
            let length = manager.recv(&mut bytes).unwrap();
            heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    };
    until("READY=1");
    assert!(peer.msp().exists() && peer.tls().exists(), "it was ready too early");
    until("STATUS=1 identity ready; next look at ");
    until("WATCHDOG=1");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    until("STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// A folder that cannot be looked into for a moment, by the flags of one identity and below a path: the id, the counters and the
/// dates stay, and so does the rest.
#[test]
fn an_identity_whose_folder_cannot_be_read_is_not_forgotten() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let of_flags = peer.agent("peerpw", &LISTEN);
    let mut agents = vec![of_flags];
    agents[0].until_it_watches();
    agents.push(Agent::start(peer.dir(), &[&[&*text(&peer.dir().join("peer"))][..], &LISTEN].concat(), None));
    agents[1].until_it_watches();
    for (mut agent, broken) in agents.into_iter().zip([peer.tls(), peer.msp()]) {
        let at = address(&mut agent);
        let (before, turns) = (peer.serials(), agent.turns());
        peer.age(2000);
        agent.signal("-HUP");
        agent.until("both certificates are new", |_| {
            get(&at, "/readyz").0 == 200 && peer.serials().iter().zip(&before).all(|(new, old)| new != old)
        });
        let kept = |metrics: &str| {
            let lines = metrics.lines().filter(|line| {
                line.starts_with("fabcert_renewals_total") || line.starts_with("fabcert_certificate_not_after_seconds")
            });
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        agent.until_it_sleeps(turns);
        let counted = kept(&get(&at, "/metrics").1);
        // A link to itself cannot be looked into, by root neither.
        let aside = peer.dir().join("aside");
        std::fs::rename(&broken, &aside).unwrap();
        std::os::unix::fs::symlink(&broken, &broken).unwrap();
        agent.signal("-HUP");
        agent.until("the fault is shown", |_| get(&at, "/readyz/org1-peer1").0 == 503);
        let all = json(&at, "/readyz");
        assert_eq!(all["identities"].as_array().unwrap().len(), 1, "{all}");
        assert_eq!(all["identities"][0]["reasons"][0]["kind"], "invalid", "{all}");
        assert_eq!(kept(&get(&at, "/metrics").1), counted);
        std::fs::remove_file(&broken).unwrap();
        std::fs::rename(&aside, &broken).unwrap();
        agent.signal("-HUP");
        agent.until("it is ready again", |_| get(&at, "/readyz/org1-peer1").0 == 200);
        assert_eq!(kept(&get(&at, "/metrics").1), counted);
        assert_eq!(agent.end("-TERM"), Some(143));
    }
}

#[test]
fn the_termination_message_says_why_the_agent_ended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("termination-log");
    let gone = text(&dir.path().join("gone"));
    let ran = fabcert(&["agent", &gone, "--termination-message", &text(&file)], None);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("fabcert: {gone} does not exist\n"));
}

#[test]
fn the_rendered_sidecar_enrols_and_holds_the_peer_back_until_then() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca);
    let render =
        ["render", "--org", "org1", "--namespace", "fabric", "--ca-url", "https://org1-ca", "--fabcert-image", "f"];
    let list = fabcert(&[&render[..], &["--sidecar", "--output", "json"]].concat(), None).json();
    let of = |item: &&serde_json::Value| item["metadata"]["name"] == "org1-peer1" && item["kind"] == "Deployment";
    let pod = &list["items"].as_array().unwrap().iter().find(of).unwrap()["spec"]["template"]["spec"];
    let sidecar = &pod["initContainers"][0];
    assert_eq!((&sidecar["restartPolicy"], &pod["shareProcessNamespace"]), (&"Always".into(), &true.into()));
    std::fs::write(peer.dir().join("secret"), "peerpw\n").unwrap();
    let url = ca.url();
    // The paths of the pod, below the folder of this test.
    let here = |words: &serde_json::Value| -> Vec<String> {
        let place = |word: &str| match word {
            "https://org1-ca:7054" => url.clone(),
            "/ca/ca.pem" => text(&peer.dir().join("anchor.pem")),
            "/secret/secret" => text(&peer.dir().join("secret")),
            "/identity/msp" => text(&peer.msp()),
            "/identity/tls" => text(&peer.tls()),
            "/run/peer/pid:TERM" => format!("{}:TERM", peer.dir().join("pid").display()),
            "0.0.0.0:9444" => LISTEN[1].to_owned(),
            word => word.to_owned(),
        };
        words.as_array().unwrap().iter().map(|word| place(word.as_str().unwrap())).collect()
    };
    let probe = here(&sidecar["startupProbe"]["exec"]["command"]);
    let probe = || fabcert(&probe[1..].iter().map(String::as_str).collect::<Vec<_>>(), None).code;
    assert_eq!(probe(), 1, "nothing is there yet");
    let args = here(&sidecar["args"]);
    assert_eq!(args[0], "agent");
    let args: Vec<&str> =
        args[1..].iter().map(String::as_str).filter(|arg| !["--log-format", "json"].contains(arg)).collect();
    let mut agent = Agent::start(peer.dir(), &args, None);
    agent.until("the startup probe passes", |_| probe() == 0);
    let at = address(&mut agent);
    assert_eq!(get(&at, sidecar["livenessProbe"]["httpGet"]["path"].as_str().unwrap()).0, 200);
    assert_eq!(agent.end("-TERM"), Some(143));
}
