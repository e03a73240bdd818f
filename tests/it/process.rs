//! Time limits and signals: a silent name server, a silent CA, process 1 of a container.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{command, fabcert};
use crate::install::world::child;

/// Beyond a time limit: starting the program, a busy machine.
const SLACK: Duration = Duration::from_millis(2500);

/// An anchor file.
fn anchor(dir: &Path) -> String {
    let path = dir.join("ca.pem");
    std::fs::write(&path, crate::audit::scene::Scene::new().root()).unwrap();
    path.display().to_string()
}

/// Waits for its end; its exit code and the time that it took.
fn end_of(mut process: Child, limit: Duration) -> (Option<i32>, Duration) {
    let start = Instant::now();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return (status.code(), start.elapsed());
        }
        if start.elapsed() > limit {
            process.kill().unwrap();
            process.wait().unwrap();
            return (None, start.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// Runs the test again in namespaces of its own, where the name server never answers.
fn with_a_silent_name_server(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("resolv.conf");
    std::fs::write(&file, "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n").unwrap();
    let unshare = if rustix::process::geteuid().is_root() { "unshare -mn" } else { "unshare -Urmn" };
    let make = "ip link set lo up && mount --bind \"$FABCERT_TEST_RESOLV\" /etc/resolv.conf";
    let env = [("FABCERT_TEST_RESOLV", file.to_str().unwrap())];
    let probe = Command::new("sh").args(["-c", &format!("{unshare} sh -c '{make}'")]).envs(env).output().unwrap();
    if !probe.status.success() {
        println!("skipped, no namespace can be made here: {}", String::from_utf8_lossy(&probe.stderr).trim());
        return;
    }
    let output = child(name, &format!("exec {unshare} sh -c '{make} && exec \"$@\"' sh \"$@\""), &env);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

#[test]
fn silent_name_server_delays_no_command_beyond_its_limit() {
    if std::env::var_os("FABCERT_TEST_RESOLV").is_none() {
        return with_a_silent_name_server("process::silent_name_server_delays_no_command_beyond_its_limit");
    }
    let _server = UdpSocket::bind(("127.0.0.1", 53)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (anchor, msp) = (anchor(dir.path()), dir.path().join("msp").display().to_string());
    let enroll = ["enroll", "--url", "https://org1-ca.example", "--id", "a", "--tls-ca", &anchor, "--msp-dir", &msp];
    let secret = [("FABCERT_SECRET", "pw")];

    let start = Instant::now();
    let ran = crate::command::fabcert_in(&[&enroll[..], &["--connect-timeout", "1s"]].concat(), &secret);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(start.elapsed() < Duration::from_secs(1) + SLACK, "enroll: {:?}", start.elapsed());

    let start = Instant::now();
    let names: Vec<String> = (0..100).map(|n| format!("peer{n}.example:7051")).collect();
    let ran = fabcert(&["audit", "--no-policy", "--connect", &names.join(","), "--dial-timeout", "1s"], None);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(start.elapsed() < Duration::from_secs(1) + SLACK, "audit: {:?}", start.elapsed());

    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let args = [&enroll[..], &["--connect-timeout", "30s", "--wait", "60s"]].concat();
        let process = command(&args, &secret).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        kill(signal, process.id());
        let (ended, took) = end_of(process, Duration::from_secs(20));
        assert_eq!(ended, Some(code), "after {took:?}");
        assert!(took < Duration::from_secs(1), "{signal}: {took:?}");
    }
}

/// Starts a command as process 1 of a namespace; the process that waits for it, and its id outside.
fn as_process_1(args: &[&str]) -> Option<(Child, u32)> {
    let unshare = if rustix::process::geteuid().is_root() { "-pf" } else { "-Urpf" };
    let made = Command::new("unshare").args([unshare, "true"]).output();
    if !made.as_ref().is_ok_and(|made| made.status.success()) {
        println!("skipped, no namespace can be made here: {made:?}");
        return None;
    }
    let fabcert = command(args, &[]);
    let mut process = Command::new("unshare")
        .args([unshare, "--kill-child"])
        .arg(fabcert.get_program())
        .args(args)
        .env_clear()
        .envs([("FABCERT_SECRET", "pw"), ("PATH", "/usr/bin:/bin")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", process.id());
    for _ in 0..500 {
        std::thread::sleep(Duration::from_millis(10));
        let found = std::fs::read_to_string(&children).unwrap();
        if let Ok(child) = found.trim().parse() {
            return Some((process, child));
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    panic!("unshare started nothing");
}

#[test]
fn process_1_ends_at_once_at_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (anchor, msp) = (anchor(dir.path()), dir.path().join("msp"));
    let folder = msp.display().to_string();
    // The kernel accepts the connections.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let url = format!("https://{address}");
    let enroll = ["enroll", "--url", &url, "--id", "a", "--tls-ca", &anchor, "--msp-dir", &folder];
    let nobody = format!("https://{}", crate::reserved::nobody());
    let agent = ["agent", "--url", &nobody, "--id", "a", "--tls-ca", &anchor, "--msp-dir", &folder];
    let waits: [(&str, Vec<&str>); 5] = [
        ("the time of the next try", agent.to_vec()),
        ("the CA", [&enroll[..], &["--connect-timeout", "60s", "--timeout", "90s"]].concat()),
        ("the secret", [&enroll[..], &["--secret-file", "-"]].concat()),
        ("an endpoint", vec!["audit", "--no-policy", "--connect", &address, "--dial-timeout", "60s"]),
        ("standard input", vec!["audit", "--no-policy", "-"]),
    ];
    for (what, args) in waits {
        for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
            let Some((process, inner)) = as_process_1(&args) else { return };
            std::thread::sleep(Duration::from_millis(500));
            kill(signal, inner);
            let (ended, took) = end_of(process, Duration::from_secs(10));
            assert_eq!(ended, Some(code), "{what} {signal}: after {took:?}");
            assert!(took < Duration::from_secs(1), "{what} {signal}: {took:?}");
        }
    }
    assert!(!msp.exists());
}
