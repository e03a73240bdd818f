//! Real mounts, if this process may create them: a full disk, a read-only one, a target that is a mount point.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fabcert::Error;
use fabcert::internals::{Disk, InstallError, Place, Placement};

use super::world::{assert_tidy, child, fill_foreign, put, scratch, view};

/// Runs the test `name` again in a mount namespace with a tmpfs of 1 MiB on its folder; prints a message and does
/// nothing when that is not possible.
pub(crate) fn with_tmpfs(name: &str, below: &str) {
    let dir = scratch();
    let mount = dir.path().join(below);
    fs::create_dir_all(&mount).unwrap();
    let unshare = if rustix::process::geteuid().is_root() { "unshare -m" } else { "unshare -Urm" };
    let make = "mount -t tmpfs -o size=1m,mode=0755 tmpfs \"$FABCERT_TEST_MOUNT\"";
    let env = [("FABCERT_TEST_MOUNT", mount.to_str().unwrap())];
    let probe = Command::new("sh").args(["-c", &format!("{unshare} sh -c '{make}'")]).envs(env).output().unwrap();
    if !probe.status.success() {
        println!("skipped, no mount can be made here: {}", String::from_utf8_lossy(&probe.stderr).trim());
        return;
    }
    let output = child(name, &format!("exec {unshare} sh -c '{make} && exec \"$@\"' sh \"$@\""), &env);
    assert!(output.status.success(), "{}{}", stdout(&output.stdout), stdout(&output.stderr));
    assert!(stdout(&output.stdout).contains("1 passed"), "{}", stdout(&output.stdout));
}

fn stdout(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The mount point, in the second process.
pub(crate) fn mounted_here() -> Option<PathBuf> {
    std::env::var_os("FABCERT_TEST_MOUNT").map(|p| Path::new(&p).canonicalize().unwrap())
}

/// Fills the disk except for `left` bytes.
pub(crate) fn fill_up(dir: &Path, left: usize) {
    let mut size = 1 << 20;
    while size >= 4096 {
        let path = dir.join(format!("ballast-{size}"));
        if fs::write(&path, vec![0; size]).is_err() {
            fs::remove_file(path).unwrap();
        }
        size /= 2;
    }
    if left >= 4096 {
        let _ = fs::remove_file(dir.join(format!("ballast-{}", left.next_power_of_two())));
    }
}

#[test]
fn a_mount_point_gets_generations() {
    let Some(target) = mounted_here() else {
        return with_tmpfs("install::mounts::a_mount_point_gets_generations", "volume");
    };
    assert!(Disk::real().is_mount_point(&target).unwrap());
    assert!(!Disk::real().is_mount_point(target.parent().unwrap()).unwrap());
    fill_foreign(&target);
    let place = Place::of(&Disk::real(), &target).unwrap();
    assert_eq!((place.layout(), place.state_dir()), (Placement::Mounted, target.join(".fabcert")));
    for n in 1..5 {
        put(&Disk::real(), &place, n).unwrap();
        assert!(target.join(format!("keystore/{n}_sk")).is_file());
        assert_tidy(&place);
    }
}

#[test]
fn a_full_mount_leaves_the_old_set() {
    let Some(mount) = mounted_here() else {
        return with_tmpfs("install::mounts::a_full_mount_leaves_the_old_set", "volume");
    };
    for target in [mount.clone(), mount.join("deep/msp")] {
        let place = Place::of(&Disk::real(), &target).unwrap();
        put(&Disk::real(), &place, 1).unwrap();
        let old = || -> Vec<_> {
            view(&target).into_iter().filter(|(p, _)| p.iter().next().is_some_and(|n| n != "deep")).collect()
        };
        let mut refused = 0;
        for left in [0, 4096, 8192, 16384] {
            fill_up(&mount, left);
            let mut before = old();
            let outcome = put(&Disk::real(), &place, 2);
            for name in fs::read_dir(&mount).unwrap().map(|e| e.unwrap().path()) {
                if name.to_str().unwrap().contains("ballast") {
                    fs::remove_file(name).unwrap();
                }
            }
            before.retain(|(p, _)| !p.to_str().unwrap().contains("ballast"));
            if let Err(error) = outcome {
                let error = Error::from(error);
                assert_eq!(error.exit_code(), 5);
                assert!(error.help().unwrap().contains("make room"), "{error:?}");
                assert_eq!(old(), before, "{}", target.display());
                refused += 1;
            }
            put(&Disk::real(), &place, 1).unwrap();
            assert_tidy(&place);
        }
        assert!(refused > 0, "the disk was never full");
    }
}

#[test]
fn a_read_only_mount_is_reported_only_when_written() {
    let name = "install::mounts::a_read_only_mount_is_reported_only_when_written";
    let Some(mount) = mounted_here() else { return with_tmpfs(name, "volume") };
    let remount = |how: &str| {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&mount).status().unwrap();
        assert!(done.success());
    };
    let (top, below) = (mount.clone(), mount.join("org/msp"));
    for target in [&top, &below] {
        let place = Place::of(&Disk::real(), target).unwrap();
        put(&Disk::real(), &place, 1).unwrap();
        remount("ro");
        let again = Place::of(&Disk::real(), target).unwrap();
        let error = Error::from(put(&Disk::real(), &place, 2).unwrap_err());
        assert_eq!(error.exit_code(), 5);
        assert!(error.help().unwrap().contains("read-only"), "{error:?}");
        assert!(!again.has_leftovers(&Disk::real()) && again.state_fault(&Disk::real()).is_none());
        assert!(target.join("keystore/1_sk").is_file());
        remount("rw");
    }
}

#[test]
fn a_mount_inside_the_folder_is_refused() {
    let Some(mount) = mounted_here() else {
        return with_tmpfs("install::mounts::a_mount_inside_the_folder_is_refused", "msp/user");
    };
    let place = Place::of(&Disk::real(), mount.parent().unwrap()).unwrap();
    let error = put(&Disk::real(), &place, 1).unwrap_err();
    assert!(matches!(&error, InstallError::MountInside { path } if *path == mount), "{error}");
    assert_eq!(Error::from(error).exit_code(), 4);
}
