//! Live endpoints: one deadline for everything that is dialled.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::live::serve;
use super::scene::Scene;
use crate::command::{Ran, command, fabcert};

/// Beyond the limit: starting the program, judging, a busy machine.
const SLACK: Duration = Duration::from_millis(2500);

/// An address that accepts connections and never answers. The kernel accepts them.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn timed(args: &[&str]) -> (Ran, Duration) {
    let start = Instant::now();
    let ran = fabcert(&[&["audit", "--no-policy", "--output", "json"], args].concat(), None);
    (ran, start.elapsed())
}

#[test]
fn silent_addresses_with_many_samples_end_with_the_deadline() {
    let (_listeners, addresses): (Vec<_>, Vec<_>) = (0..3).map(|_| silent()).unzip();
    let connect = addresses.join(",");
    let (ran, took) = timed(&["--connect", &connect, "--samples", "20", "--dial-timeout", "1s"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
    let report = ran.json();
    let found = report["findings"].as_array().unwrap();
    let paths: Vec<&str> = found.iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(paths, addresses, "one finding an address, in their order");
    assert!(found[0]["message"].as_str().unwrap().contains("the TLS handshake was not complete within 1s"), "{report}");
}

#[test]
fn default_limit_is_that_of_everything() {
    let (_listener, address) = silent();
    let (ran, took) = timed(&["--connect", &address]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(took < Duration::from_secs(5) + SLACK, "{took:?}");
}

#[test]
fn healthy_member_is_found_among_silent_ones_with_more_samples_than_connections() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer", &["localhost"]);
    let healthy = format!("127.0.0.1:{}", serve(&cert, &key));
    let (_listeners, mut addresses): (Vec<_>, Vec<_>) = (0..4).map(|_| silent()).unzip();
    addresses.push(healthy);
    let connect = addresses.join(",");
    let root = scene.write("root.pem", scene.root()).display().to_string();
    let args = ["--connect", &connect, "--server-name", "localhost", "--tls-ca", &root];
    let (ran, took) = timed(&[&args[..], &["--samples", "100", "--dial-timeout", "4s"]].concat());
    assert_eq!(ran.code, 6, "{ran:?}");
    assert_eq!(ran.json()["summary"]["certificates"], 1, "{ran:?}");
    assert!(took < Duration::from_secs(4) + SLACK, "{took:?}");
}

#[test]
fn server_that_sends_a_byte_at_a_time_is_bounded_by_the_deadline() {
    let (listener, address) = silent();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A TLS record of 16 KiB that never becomes complete.
                for byte in [22, 3, 3, 64, 0].into_iter().chain(std::iter::repeat(2)) {
                    if client.write_all(&[byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
        }
    });
    let (ran, took) = timed(&["--connect", &address, "--samples", "20", "--dial-timeout", "1s"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
}

#[test]
fn every_sample_is_made_although_the_process_may_open_few_files() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer", &["localhost"]);
    let address = format!("127.0.0.1:{}", serve(&cert, &key));
    let root = scene.write("root.pem", scene.root()).display().to_string();
    let args = ["audit", "--no-policy", "--connect", &address, "--server-name", "localhost", "--tls-ca", &root];
    let fabcert = command(&[&args[..], &["--samples", "60", "--dial-timeout", "20s"]].concat(), &[]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 16 && exec \"$@\"", "sh"]).arg(fabcert.get_program()).args(fabcert.get_args());
    let output = limited.env_clear().output().unwrap();
    let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(!shown.contains("endpoint-unreachable"), "{shown}");
}

/// Each of the connections, which are served one after the other, would otherwise be waited for.
#[test]
fn server_that_asks_for_no_certificate_is_not_waited_for() {
    let scene = Scene::new();
    let (cert, key) = scene.server("peer", &["localhost"]);
    let address = format!("127.0.0.1:{}", serve(&cert, &key));
    let root = scene.write("root.pem", scene.root()).display().to_string();
    let args = ["--connect", &address, "--server-name", "localhost", "--tls-ca", &root, "--dial-timeout", "15s"];
    let (ran, _) = timed(&[&args[..], &["--samples", "30"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}
