//! Every hostile tree in every form of a report: a valid report or an error, in bounded time and memory.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::trees::{Hostile, TREES};
use crate::audit::scene::Scene;
use crate::audit_reports::valid::{self, FORMS};
use crate::command::{Ran, command};

/// Catches hangs only.
const GUARD: Duration = Duration::from_secs(120);

/// Runs an audit of the scene with at most a gibibyte of address space, as `nobody` if this is root: root reads everything.
fn audit(scene: &Scene, form: &str, more: &[&str]) -> Ran {
    let mut bash = Command::new("bash");
    bash.env_clear().args(["-c", "ulimit -v 1048576; exec \"$0\" \"$@\""]).arg(command(&[], &[]).get_program());
    bash.args(["audit", ".", "--format", form, "--gateway-service", "gw", "--jobs", "2"]).args(more);
    if rustix::process::geteuid().is_root() {
        bash.uid(65534).gid(65534);
    }
    super::ended(bash.current_dir(scene.dir()).stdin(Stdio::null()), GUARD)
}

fn scene(hostile: &Hostile) -> Scene {
    let scene = Scene::new();
    fs::set_permissions(scene.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    scene.tls_folder("peer1/tls", "a", &["a"]);
    fs::create_dir_all(scene.path("peer1/msp/signcerts")).unwrap();
    if hostile.name == "links out of the tree" {
        fs::remove_dir_all(scene.path("peer1/msp")).unwrap();
    }
    (hostile.make)(&scene);
    scene
}

/// Fails unless the run ended with a report that is valid in its form, or with an error that says why.
fn check(name: &str, form: &str, ran: &Ran) {
    assert!([0, 1, 3, 4, 5, 6].contains(&ran.code), "{name}, {form}: {ran:?}");
    if ran.code < 2 || !ran.stdout.is_empty() {
        valid::check(form, &ran.stdout);
    }
    if ran.code > 1 {
        assert!(ran.stderr.contains("error: "), "{name}, {form}: {ran:?}");
    }
    let active = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}');
    assert!(!ran.stderr.contains(active) && !ran.stderr.contains("panicked"), "{name}, {form}: {ran:?}");
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    assert!(!ran.stderr.lines().any(is_command), "{name}, {form}: {ran:?}");
}

#[test]
fn hostile_trees_give_a_valid_report_in_every_form_or_an_error() {
    assert!(TREES.len() >= 35, "{}", TREES.len());
    let (next, reports) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(hostile) = TREES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scene = scene(hostile);
                    for form in FORMS {
                        let ran = audit(&scene, form, hostile.args);
                        check(hostile.name, form, &ran);
                        reports.fetch_add(usize::from(ran.code < 2), Ordering::Relaxed);
                    }
                    // std's own removal needs a descriptor for each level, and rights.
                    let script = "chmod -R u+rwx \"$0\" 2>/dev/null; rm -rf \"$0\"";
                    assert!(Command::new("bash").args(["-c", script]).arg(scene.dir()).status().unwrap().success());
                }
            });
        }
    });
    let (reports, runs) = (reports.load(Ordering::Relaxed), TREES.len() * FORMS.len());
    assert!(reports * 3 > runs * 2, "{reports} of {runs} runs gave a report: most of the trees were not audited");
}

#[test]
fn a_file_that_grows_during_the_audit_is_read_to_an_end() {
    let scene = Scene::new();
    fs::set_permissions(scene.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    scene.tls_folder("peer1/tls", "a", &["a"]);
    let (path, cert) = (scene.write("a.pem", ""), scene.server("a", &["a"]).0);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            while !is_done.load(Ordering::Relaxed) {
                file.write_all(cert.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for form in FORMS {
            check("a file that grows", form, &audit(&scene, form, &[]));
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
