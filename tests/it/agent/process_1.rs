//! The agent as process 1 of a container.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::hooks::Node;
use crate::command::command;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;

/// Starts an agent as process 1 of a namespace; the process that waits for it.
fn as_process_1(node: &Node, hook: &str) -> Option<Child> {
    let unshare = if rustix::process::geteuid().is_root() { "-pf" } else { "-Urpf" };
    let made = Command::new("unshare").args([unshare, "true"]).output();
    if !made.as_ref().is_ok_and(|made| made.status.success()) {
        println!("skipped, no namespace can be made here: {made:?}");
        return None;
    }
    let tls = text(&node.path("node/tls"));
    let agent = command(&["agent", &tls, "--hook", hook], &[]);
    let process = Command::new("unshare")
        .args([unshare, "--kill-child"])
        .arg(agent.get_program())
        .args(agent.get_args())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Some(process.unwrap())
}

/// The children of a process, each with its state.
fn children(process: u32) -> Vec<(u32, String)> {
    let list = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let state = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid.parse().unwrap(), stat.rsplit_once(") ")?.1[..1].to_owned()))
    };
    list.split_whitespace().filter_map(state).collect()
}

#[test]
fn process_1_waits_for_what_a_hook_left_running() {
    let ca = DevCaUnderTest::start(|_| {}, None);
    let node = Node::new(&ca, "peer1");
    let hook = node.shell("(sleep 0.5; echo ended >> orphan) &\necho $FABCERT_TLS_FINGERPRINT >> log");
    // Adopted, and due.
    node.agent(&["--hook", &hook]).until_it_watches();
    node.age();
    let Some(mut outer) = as_process_1(&node, &hook) else { return };
    let start = Instant::now();
    let mut seen = Vec::new();
    while start.elapsed() < Duration::from_secs(30) {
        if let Some((agent, _)) = children(outer.id()).first() {
            seen = children(*agent);
        }
        if node.lines("orphan").len() == 1 && seen.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let passed = node.has_passed();
    outer.kill().unwrap();
    outer.wait().unwrap();
    assert_eq!((node.lines("orphan").len(), passed), (1, true));
    assert_eq!(seen, [], "a process that ended was not waited for");
}
