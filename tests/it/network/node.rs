//! A running Fabric node.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A process; killed by its process id when dropped.
pub(super) struct Node {
    child: Child,
    log: PathBuf,
}

impl Node {
    /// Starts `program`, whose output goes to the file `log`.
    pub(super) fn start(program: &Path, args: &[&str], variables: &[(&str, &str)], log: PathBuf) -> Self {
        let stderr = File::create(&log).unwrap();
        let stdout = stderr.try_clone().unwrap();
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(variables.iter().copied());
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
        Self { child: child.unwrap_or_else(|e| panic!("{}: {e}", program.display())), log }
    }

    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `found` gives a value.
    pub(super) fn wait_for<T>(&mut self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(value) = found() {
                return value;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{what}: the node ended with {status}\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "{what}: not within {READY_WITHIN:?}\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
