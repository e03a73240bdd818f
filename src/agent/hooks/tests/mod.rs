//! Hooks as the agent calls them, on real folders and with real processes.

#![allow(clippy::disallowed_methods, reason = "tests set the scene behind the disk's back")]

mod crash;
#[cfg(feature = "kubernetes")]
mod restarts;
mod runs;
mod served;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, IsCa, date_time_ymd};

use super::{HookFailure, HookPlan, Hooks, PASSED_ON, Watched};
use crate::disk::Disk;
use crate::identity::Environment;
use crate::identity::state::record::sha256;
use crate::text::pem_encode;
use crate::{Error, Timestamp};

/// A new certificate of `id`, and its key.
fn made(id: &str) -> (Vec<u8>, rcgen::KeyPair) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, id);
    params.is_ca = IsCa::ExplicitNoCa;
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2034, 1, 1));
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().der().to_vec(), key)
}

/// An identity with an MSP folder and a TLS folder, and a log that its hooks write.
struct Scene {
    dir: tempfile::TempDir,
    clock: AtomicI64,
}

impl Scene {
    /// Both folders hold a certificate.
    fn new() -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap(), clock: AtomicI64::new(1_800_000_000) };
        scene.renew("sign");
        scene.renew("tls");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn watched(&self) -> Watched {
        let (sign, tls) = (Some(self.path("msp")), Some(self.path("tls")));
        Watched { id: "peer1".to_owned(), sign, tls, ..Watched::default() }
    }

    /// Puts a new certificate in place; its fingerprint.
    fn renew(&self, role: &str) -> String {
        self.put(role, &made("peer1").0)
    }

    fn put(&self, role: &str, der: &[u8]) -> String {
        let file = self.path(if role == "sign" { "msp/signcerts/cert.pem" } else { "tls/server.crt" });
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        // In one step, as an install.
        fs::write(file.with_extension("new"), pem_encode("CERTIFICATE", der)).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
        sha256(der)
    }

    /// A hook that appends the fingerprints to the log.
    fn logging(&self) -> String {
        self.shell("echo $FABCERT_SIGN_FINGERPRINT $FABCERT_TLS_FINGERPRINT >> log")
    }

    /// A hook that runs this in the scene's folder.
    fn shell(&self, script: &str) -> String {
        let script = format!("cd '{}' || exit 9\n{script}", self.path("").display());
        serde_json::to_string(&["sh", "-c", &script]).unwrap()
    }

    /// The lines that hooks wrote to a file.
    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.load(Ordering::Relaxed))
    }

    fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn run(&self, hooks: &Hooks) -> Result<(), HookFailure> {
        self.run_on(hooks, &Disk::real()).await
    }

    async fn run_on(&self, hooks: &Hooks, disk: &Disk) -> Result<(), HookFailure> {
        let now = || self.now();
        hooks.run(&self.watched(), Some("it was due"), &Environment::new(disk, &now), &pause).await
    }

    fn is_pending(&self, hooks: &Hooks) -> bool {
        hooks.pending(&self.watched(), &Disk::real()).unwrap().is_some()
    }

    fn adopted(&self, plan: HookPlan) -> Hooks {
        let hooks = Hooks::new(plan);
        hooks.adopt(&self.watched(), &Disk::real()).unwrap();
        hooks
    }
}

/// Ten seconds for each failure.
fn pause(failures: u32) -> Duration {
    Duration::from_secs(u64::from(failures) * 10)
}

/// The environment of the agent.
fn passed_on() -> Vec<(&'static str, std::ffi::OsString)> {
    PASSED_ON.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect()
}

fn plan(commands: &[String]) -> HookPlan {
    HookPlan {
        commands: commands.iter().map(|command| command.parse().unwrap()).collect(),
        timeout: Duration::from_secs(20),
        served_within: Duration::from_secs(2),
        passed_on: passed_on(),
        ..HookPlan::default()
    }
}

fn text(error: &Error) -> String {
    format!("{error}; {}; {}", error.cause().unwrap_or_default(), error.help().unwrap_or_default())
}

/// Whether a process exists and has not ended.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with(['Z', 'X']))
}
