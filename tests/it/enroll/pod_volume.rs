//! Folders on an `emptyDir`: bind mounts of a folder as the kubelet keeps it.

use std::process::Command;

use crate::command::{Ran, command};
use crate::real::{CaUnderTest, RealCa, Registration};

use super::scene::text;

/// Runs `fabcert` in a mount namespace in which `volume` is mounted on `/mnt`; `None`, with a message, where no mount can be
/// made.
pub(crate) fn on_mount(volume: &std::path::Path, args: &[&str]) -> Option<Ran> {
    let unshare: &[&str] = if rustix::process::geteuid().is_root() { &["-m"] } else { &["-Urm"] };
    let run = |script: &str, program: &Command| {
        let mut inner = Command::new("unshare");
        inner.args(unshare).args(["sh", "-c", &format!("mount --bind \"$0\" /mnt && {script}")]).arg(volume);
        inner.arg(program.get_program()).args(program.get_args()).env_clear();
        inner.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inner.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        inner.output().unwrap()
    };
    let program = command(args, &[("FABCERT_SECRET", "peerpw")]);
    let probe = run("true", &program);
    if !probe.status.success() {
        println!("skipped, no mount can be made here: {}", String::from_utf8_lossy(&probe.stderr).trim());
        return None;
    }
    let ran = run("exec \"$@\"", &program);
    Some(Ran {
        code: ran.status.code().unwrap_or(-1),
        stdout: String::from_utf8(ran.stdout).unwrap(),
        stderr: String::from_utf8(ran.stderr).unwrap(),
    })
}

pub(super) fn an_identity_is_lost_with_the_pod(ca: &dyn CaUnderTest) {
    for (id, kind) in [("org1-peer1", "peer"), ("orderer1", "orderer")] {
        ca.register(&Registration { kind, ..Registration::peer(id, "peerpw") });
    }
    let (url, anchor) = (ca.url(), text(ca.tls_anchor()));
    let pod = tempfile::tempdir().unwrap();
    let volume = |name: &str| {
        let folder = pod.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let (empty, claim) =
        (volume("volumes/kubernetes.io~empty-dir/identity"), volume("volumes/kubernetes.io~csi/pvc-1"));
    let line = |command: &'static str, id: &'static str, more: &[&'static str]| -> Vec<&'static str> {
        let role = if id == "orderer1" { "orderer" } else { "peer" };
        let folders = ["--msp-dir", "/mnt/msp", "--tls-dir", "/mnt/tls", "--san", id, "--role", role];
        [&[command, "--id", id], &folders[..], more].concat()
    };
    let run = |on: &std::path::Path, args: &[&str]| {
        let mut args = [args, &["--url", &url, "--tls-ca", &anchor]].concat();
        args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", name]));
        on_mount(on, &args)
    };
    let said = "/mnt/msp and /mnt/tls are on an emptyDir, which is deleted with the pod: each new pod costs an enrolment of \
                \"org1-peer1\" and gets a new key";

    let Some(ran) = run(&empty, &line("enroll", "org1-peer1", &["--dry-run"])) else { return };
    assert!(ran.code == 0 && ran.stderr.contains(said), "{ran:?}");
    let ran = run(&empty, &line("doctor", "org1-peer1", &[])).unwrap();
    assert!(ran.code == 0 && ran.stdout.contains("warn  volume") && ran.stdout.contains(said), "{ran:?}");
    let ran = run(&empty, &line("enroll", "org1-peer1", &[])).unwrap();
    assert!(ran.code == 0 && ran.stderr.contains(said), "{ran:?}");
    let ran = run(&empty, &line("enroll", "org1-peer1", &[])).unwrap();
    assert!(ran.code == 0 && !ran.stderr.contains("emptyDir"), "nothing is due: {ran:?}");
    let ran = run(&empty, &line("reenroll", "org1-peer1", &[])).unwrap();
    assert!(ran.code == 0 && ran.stderr.contains(said), "{ran:?}");

    let heard = ca.answered().len();
    let fresh = volume("volumes/kubernetes.io~empty-dir/orderer");
    for more in [&[][..], &["--dry-run"]] {
        let ran = run(&fresh, &line("enroll", "orderer1", more)).unwrap();
        assert!(ran.code == 4 && ran.stderr.contains("no request was sent"), "{ran:?}");
        assert!(ran.stderr.contains("--new-tls-key"), "{ran:?}");
    }
    let ran = run(&fresh, &line("doctor", "orderer1", &[])).unwrap();
    assert!(ran.code == 1 && ran.stdout.contains("fail  volume"), "{ran:?}");
    let enrolments = |from: usize| ca.answered()[from..].iter().filter(|a| a.endpoint == "enroll").count();
    assert_eq!(enrolments(heard), 0);
    assert_eq!(std::fs::read_dir(&fresh).unwrap().count(), 0, "nothing is left");
    let ran = run(&fresh, &line("enroll", "orderer1", &["--new-tls-key"])).unwrap();
    assert!(ran.code == 0 && ran.stderr.contains("each new pod costs an enrolment"), "{ran:?}");
    // An orderer that is there already is renewed: its key stays as long as the pod.
    let ran = run(&fresh, &line("reenroll", "orderer1", &[])).unwrap();
    assert!(ran.code == 0 && ran.stderr.contains("each new pod costs an enrolment"), "{ran:?}");
    let ran = run(&claim, &line("enroll", "orderer1", &[])).unwrap();
    assert!(ran.code == 0 && !ran.stderr.contains("emptyDir"), "{ran:?}");
}

#[test]
fn identity_on_an_empty_dir_is_told_what_a_new_pod_costs() {
    let Some(ca) = RealCa::builder().start() else { return };
    an_identity_is_lost_with_the_pod(&ca);
}
