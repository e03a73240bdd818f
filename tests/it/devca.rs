//! `fabcert dev-ca` as a process.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command::command;

/// The processor time that a process has used, in clock ticks (hundredths of a second).
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

#[test]
fn server_without_file_descriptors_waits_for_one() {
    let fabcert = command(&["dev-ca", "--listen", "127.0.0.1:0"], &[]);
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 20; exec \"$0\" \"$@\""])
        .arg(fabcert.get_program())
        .args(fabcert.get_args())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| line.unwrap().split_once("https://127.0.0.1:").map(|(_, rest)| rest.to_owned()));
    let port: String = line.unwrap().chars().take_while(char::is_ascii_digit).collect();
    let address = format!("127.0.0.1:{port}");
    let held: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(&address).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let before = ticks(child.id());
    std::thread::sleep(Duration::from_secs(2));
    let used = ticks(child.id()) - before;
    drop(held);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(used < 20, "it used {used} of 200 hundredths of a second, and had nothing to do");
}
