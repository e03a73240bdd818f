//! Programs that enrol with the builder, on both kinds of tokio runtime.

use std::path::Path;
use std::time::{Duration, Instant};

use fabcert::devca::{DevCa, DevCaConfig, Fault, IdentitySpec, Running};
use fabcert::enroll::Action;
use fabcert::internals::{Disk, InstallError, Lock, Place};
use fabcert::pki::x509::NodeOu;
use fabcert::{Enrolment, Secret};
use tokio::runtime::{Builder, Runtime};

use super::faults::now;
use super::odd_answers::ID;
use super::scene::NAMES;
use crate::command::tree;

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()].map(|mut b| b.enable_all().build().unwrap())
}

fn dev_ca() -> Running {
    DevCa::spawn_thread(DevCaConfig::new(now).with_identity(IdentitySpec::new(ID, "peerpw", "peer"))).unwrap()
}

fn enrolment(ca: &Running, dir: &Path) -> Enrolment {
    Enrolment::new(ca.url(), ID)
        .unwrap()
        .secret(Secret::new("peerpw"))
        .anchor_pem(ca.tls_anchor_pem())
        .role(NodeOu::Peer)
        .hostname(NAMES[0])
        .gateway_service(NAMES[1])
        .msp_dir(dir.join("msp"))
        .tls_dir(dir.join("tls"))
}

/// Whether the lock of the folder is free within this time.
fn is_unlocked_within(limit: Duration, folder: &Path) -> bool {
    let disk = Disk::real();
    let place = Place::of(&disk, folder).unwrap();
    let begun = Instant::now();
    loop {
        match Lock::acquire(&disk, &place, now()) {
            Ok(_) => return true,
            Err(InstallError::Locked { .. }) if begun.elapsed() < limit => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(InstallError::Locked { .. }) => return false,
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn a_dropped_run_ends_and_changes_no_folder() {
    for runtime in runtimes() {
        let (ca, dir) = (dev_ca(), tempfile::tempdir().unwrap());
        let enrolment = || enrolment(&ca, dir.path());
        let folders = ["msp", "tls"].map(|name| dir.path().join(name));
        let content = || folders.each_ref().map(|folder| tree(folder));
        let first = runtime.block_on(enrolment().run(now)).unwrap();
        assert_eq!(first.action, Action::Enrolled);
        let (before, asked) = (content(), ca.requests().len());

        ca.set_fault("silent".parse::<Fault>().unwrap());
        runtime.block_on(async {
            let sent = async {
                while ca.requests().len() == asked {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                outcome = enrolment().force().run(now) => panic!("{outcome:?}"),
                () = sent => {}
            }
        });
        // The run itself would wait for the answer for 30 s.
        for folder in &folders {
            assert!(is_unlocked_within(Duration::from_secs(10), folder), "{}", folder.display());
        }
        assert!(content() == before);

        ca.clear_faults();
        let next = runtime.block_on(enrolment().force().run(now)).unwrap();
        assert_eq!(next.action, Action::Enrolled);
        let last = runtime.block_on(enrolment().run(now)).unwrap();
        assert_eq!(last.action, Action::Unchanged);
    }
}

#[test]
fn a_run_that_was_never_polled_does_nothing() {
    for runtime in runtimes() {
        let (ca, dir) = (dev_ca(), tempfile::tempdir().unwrap());
        runtime.block_on(async { drop(enrolment(&ca, dir.path()).run(now)) });
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
        assert_eq!(ca.requests().len(), 0);
    }
}

#[test]
fn a_reenrolment_needs_no_secret_and_keeps_the_names() {
    for runtime in runtimes() {
        let (ca, dir) = (dev_ca(), tempfile::tempdir().unwrap());
        let first = runtime.block_on(enrolment(&ca, dir.path()).run(now)).unwrap();
        let of =
            |id| Enrolment::new(ca.url(), id).unwrap().anchor_pem(ca.tls_anchor_pem()).tls_dir(dir.path().join("tls"));
        let again = runtime.block_on(of(ID).san("added").reenrol(now)).unwrap();
        assert_eq!(again.action, Action::Reenrolled);
        let (old, new) = (&first.certificates[1], &again.certificates[0]);
        assert_ne!(old.serial, new.serial);
        assert!(
            old.sans.iter().all(|name| new.sans.contains(name)) && new.sans.contains(&"added".to_owned()),
            "{new:?}"
        );

        let asked = ca.requests().len();
        let other = runtime.block_on(of("peer9").reenrol(now)).unwrap_err();
        assert!(other.exit_code() == 4 && other.to_string().contains(ID), "{other}");
        let empty = of(ID).msp_dir(dir.path().join("none"));
        assert_eq!(runtime.block_on(empty.reenrol(now)).unwrap_err().exit_code(), 4);
        assert_eq!(ca.requests().len(), asked, "nothing was sent");
    }
}
