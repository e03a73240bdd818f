//! One `fabric-ca-server` process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Answered;
use super::config::CaConfig;
use super::transport;
use crate::reserved::ReservedPort;

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

/// A running server; killed by its process id when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: ReservedPort,
    home: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts `program` in the new folder `home` and waits until it answers `cainfo`.
    pub(super) fn start(program: &Path, home: &Path, config: &CaConfig<'_>) -> Self {
        fs::create_dir_all(home).expect("a folder in our own temporary folder");
        let files: Vec<String> = config
            .further_files()
            .map(|(path, text)| {
                let file = home.join(&path);
                fs::create_dir_all(file.parent().expect("a file in a folder")).expect("a folder in our own");
                fs::write(&file, text).expect("a file in our own temporary folder");
                path
            })
            .collect();

        // The server cannot report a port that it chose.
        let port = ReservedPort::new();
        fs::write(home.join("fabric-ca-server-config.yaml"), config.yaml(port.number()))
            .expect("a file in our own folder");
        let mut server = Self::spawn(program, home, port, &files);
        match server.wait_until_ready(config) {
            Ok(()) => server,
            Err(why) => panic!("fabric-ca-server did not come up: {why}"),
        }
    }

    fn spawn(program: &Path, home: &Path, port: ReservedPort, files: &[String]) -> Self {
        let log = home.join("log");
        let stderr = File::create(&log).expect("a file in our own temporary folder");
        let stdout = stderr.try_clone().expect("a second handle");
        let mut command = Command::new(program);
        command.arg("start").arg("-H").arg(home);
        for file in files {
            command.arg("--cafiles").arg(file);
        }
        // The operator's FABRIC_CA_* variables must not reach it.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
        command.current_dir(home).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        Self { child, port, home: home.to_path_buf(), log }
    }

    fn wait_until_ready(&mut self, config: &CaConfig<'_>) -> Result<(), String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return Err(format!("it ended with {status}\n{}", self.log()));
            }
            let ready = if config.plaintext || config.client_anchor.is_some() {
                // The test has no certificate that it accepts, so its log decides.
                let scheme = if config.plaintext { "http" } else { "https" };
                self.log().contains(&format!("Listening on {scheme}://127.0.0.1:{}", self.port()))
            } else {
                transport::get(self.port(), config.tls_anchor, "/cainfo").is_ok_and(|a| a.starts_with("HTTP/1.1 200"))
            };
            if ready {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("no answer within {} s\n{}", READY_WITHIN.as_secs(), self.log()));
            }
            std::thread::sleep(POLL);
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Its certificate and those above it, PEM.
    pub(super) fn chain(&self) -> String {
        // Only an intermediate CA makes the first file.
        let files = ["ca-chain.pem", "ca-cert.pem"].map(|name| self.home.join(name));
        let file = files.iter().find(|file| file.is_file()).expect("a CA that has started has a certificate");
        fs::read_to_string(file).expect("a file in our own temporary folder")
    }

    /// Its log so far. A request is logged before the last byte of its answer is sent.
    pub(super) fn log(&self) -> String {
        fs::read(&self.log).map(|raw| String::from_utf8_lossy(&raw).into_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The requests in a server's log. The lines have this form:
///
/// ```text
/// 2026/11/23 17:56:58 [INFO] 127.0.0.1:40126 POST /enroll?ca=second 400 31 "CSR Decode failed"
/// ```
pub(super) fn answered(log: &str) -> Vec<Answered> {
    log.lines()
        .filter_map(|line| {
            let mut words = line.split_once("] 127.0.0.1:")?.1.split(' ').skip(1);
            let method = words.next()?.to_owned();
            let path = words.next()?.split('?').next()?;
            let status = words.next()?.parse().ok()?;
            let endpoint = path.rsplit('/').next()?.to_owned();
            Some(Answered { method, endpoint, status })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_are_read_from_the_log() {
        let log = "2026/11/23 17:56:55 [INFO] Listening on http://127.0.0.1:27154\n\
                   2026/11/23 17:56:58 [INFO] 127.0.0.1:40126 POST /enroll?ca=second 400 31 \"CSR Decode failed\"\n\
                   2026/11/23 17:56:58 [INFO] 127.0.0.1:40138 GET /api/v1/cainfo 200 0 \"OK\"\n\
                   2026/11/23 17:56:58 [ERROR] 127.0.0.1:1 is strange\n";
        let entry = |method: &str, endpoint: &str, status| Answered {
            method: method.into(),
            endpoint: endpoint.into(),
            status,
        };
        assert_eq!(answered(log), [entry("POST", "enroll", 400), entry("GET", "cainfo", 200)]);
    }
}
