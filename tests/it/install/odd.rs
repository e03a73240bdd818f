//! Odd file systems: by fault points everywhere, and on real ones (bindfs, fuse2fs, overlayfs) where they can be mounted.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use fabcert::Error;
use fabcert::internals::{
    Disk, FaultAction, InstallError, KeyAccess, Lock, Op, Place, Placement, Step, When, rehearse,
};

use super::world::{
    Before, EVERY_BEFORE, EVERY_LAYOUT, NOW, after, assert_tidy, child, fill_foreign, owned, plan, put, scratch, view,
    world,
};

const EPERM: i32 = 1;
const EOPNOTSUPP: i32 = 95;
const ENOLCK: i32 = 37;
const ENOTEMPTY: i32 = 39;

/// A disk on which `odd` answers each step before it is taken.
fn disk(odd: impl Fn(&Step<'_>) -> FaultAction + Send + Sync + 'static) -> Disk {
    Disk::with_faults(Arc::new(
        move |step: &Step<'_>| {
            if step.when == When::Before { odd(step) } else { FaultAction::Continue }
        },
    ))
}

/// A disk that refuses one kind of step.
fn refusing(op: Op, errno: i32) -> Disk {
    disk(move |step| if step.op == op { FaultAction::Fail(errno) } else { FaultAction::Continue })
}

fn try_out(disk: &Disk, place: &Place) -> Result<Vec<String>, InstallError> {
    let lock = Lock::acquire(disk, place, NOW)?;
    rehearse(disk, &lock, &owned(), KeyAccess::default()).inspect_err(|_| lock.withdraw(disk))
}

/// Every path below `dir`, with modes and contents.
fn everything(dir: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.push((path.clone(), metadata.mode(), content));
        if metadata.is_dir() {
            found.extend(everything(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn a_rehearsal_leaves_nothing_and_changes_nothing() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            let dir = scratch();
            let place = world(dir.path(), layout, before);
            drop(Lock::acquire(&Disk::real(), &place, NOW).unwrap());
            let old = everything(dir.path());
            assert_eq!(try_out(&Disk::real(), &place).unwrap(), Vec::<String>::new());
            let state = place.state_dir();
            let known: Vec<_> = everything(dir.path()).into_iter().filter(|(p, ..)| *p != state.join("lock")).collect();
            let old: Vec<_> = old.into_iter().filter(|(p, ..)| *p != state.join("lock")).collect();
            assert_eq!(known, old, "{layout:?} {before:?}");
        }
    }
}

#[test]
fn modes_that_are_refused_or_ignored_are_a_warning() {
    for layout in EVERY_LAYOUT {
        for errno in [Some(EPERM), Some(EOPNOTSUPP), None] {
            let dir = scratch();
            let place = world(dir.path(), layout, Before::Nothing);
            // Every file has mode 0777, and chmod is refused, or reports success.
            let odd = disk(move |step| {
                if step.op != Op::Mode {
                    return FaultAction::Continue;
                }
                fs::set_permissions(step.path, fs::Permissions::from_mode(0o777)).unwrap();
                errno.map_or(FaultAction::Skip, FaultAction::Fail)
            });
            let lock = Lock::acquire(&odd, &place, NOW);
            if rustix::process::geteuid().is_root() || lock.is_ok() {
                let lock = lock.unwrap();
                fs::set_permissions(place.state_dir().join("lock"), fs::Permissions::from_mode(0o777)).unwrap();
                let warnings = rehearse(&odd, &lock, &owned(), KeyAccess::default()).unwrap();
                let text = warnings.join("\n");
                assert!(text.contains("mode 0777 instead of 0600") && text.contains("every user"), "{text}");
                fabcert::internals::install(&odd, &lock, &plan(2), &|_| Ok(())).unwrap();
                drop(lock);
                put(&odd, &place, 1).unwrap();
                let key = fs::metadata(place.target().join("keystore/1_sk")).unwrap();
                assert_eq!(key.mode() & 0o777, 0o777);
            }
        }
    }
}

#[test]
fn without_chmod_the_mode_at_creation_is_right() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Nothing);
        let odd = refusing(Op::Mode, EPERM);
        assert_eq!(try_out(&odd, &place).unwrap(), Vec::<String>::new());
        put(&odd, &place, 2).unwrap();
        assert_eq!(view(place.target()), after(layout, Before::Nothing, 2), "{layout:?}");
    }
}

#[test]
fn a_file_system_without_syncs_of_folders_is_installed_on() {
    for layout in EVERY_LAYOUT {
        for errno in [22, 38, EOPNOTSUPP] {
            let dir = scratch();
            let place = world(dir.path(), layout, Before::Installed);
            let odd = refusing(Op::Sync, errno);
            put(&odd, &place, 2).unwrap();
            assert_tidy(&place);
            assert!(place.target().join("keystore/2_sk").is_file());
        }
    }
}

#[test]
fn without_file_locks_one_process_at_a_time_holds_the_name() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let odd = refusing(Op::Lock, ENOLCK);
        let held = Lock::acquire(&odd, &place, NOW).unwrap();
        assert!(!held.is_shared());
        let error = Error::from(Lock::acquire(&odd, &place, NOW).unwrap_err());
        assert_eq!(error.exit_code(), 9);
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        let warnings = rehearse(&odd, &held, &owned(), KeyAccess::default()).unwrap();
        assert!(warnings.iter().any(|w| w.contains("has no locks")), "{warnings:?}");
        drop(held);
        put(&odd, &place, 2).unwrap();
    }
}

#[test]
fn a_mount_without_links_is_refused_before_anything_changes() {
    for errno in [EPERM, EOPNOTSUPP] {
        let dir = scratch();
        let place = world(dir.path(), Placement::Mounted, Before::Foreign);
        let old = everything(dir.path());
        let error = try_out(&refusing(Op::Link, errno), &place).unwrap_err();
        assert!(matches!(error, InstallError::NoLinks { .. }), "{error}");
        let error = Error::from(error);
        assert_eq!(error.exit_code(), 5);
        assert!(error.help().is_some_and(|help| help.contains("sub-folder of the mount")), "{error:?}");
        assert_eq!(everything(dir.path()), old);
    }
}

#[test]
fn a_mount_without_exchange_is_refused_before_anything_changes() {
    for errno in [22, 38] {
        let dir = scratch();
        let place = world(dir.path(), Placement::Mounted, Before::Foreign);
        let odd = refusing(Op::Exchange, errno);
        let old = everything(dir.path());
        let error = try_out(&odd, &place).unwrap_err();
        assert!(matches!(error, InstallError::NoExchange { .. }), "{error}");
        assert_eq!(everything(dir.path()), old, "not even a state folder");
        // An install that was not rehearsed leaves its state folder, and no copy of a key.
        let error = put(&odd, &place, 2).unwrap_err();
        assert!(matches!(error, InstallError::NoExchange { .. }), "{error}");
        let sets = fs::read_dir(place.target())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".."));
        assert_eq!(sets.count(), 0);
    }
}

#[test]
fn a_set_that_cannot_be_emptied_yet_stays_for_a_later_run() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let odd = disk(|step| {
            let is_trash = step.op == Op::RemoveTree && step.path.to_string_lossy().contains("trash");
            if is_trash { FaultAction::Fail(ENOTEMPTY) } else { FaultAction::Continue }
        });
        for n in 2..5 {
            put(&odd, &place, n).unwrap();
            assert!(place.target().join(format!("keystore/{n}_sk")).is_file());
        }
        assert!(place.has_leftovers(&Disk::real()));
        drop(Lock::acquire(&Disk::real(), &place, NOW).unwrap());
        assert!(!place.has_leftovers(&Disk::real()));
        assert_tidy(&place);
    }
}

#[test]
fn an_immutable_file_is_refused_before_anything_changes() {
    let dir = tempfile::tempdir().unwrap();
    for layout in EVERY_LAYOUT {
        let base = dir.path().join(format!("{layout:?}"));
        fs::create_dir(&base).unwrap();
        let place = world(&base, layout, Before::Installed);
        let file = place.target().join("signcerts/cert.pem").canonicalize().unwrap();
        let set = |flag: &str| Command::new("chattr").arg(flag).arg(&file).stderr(Stdio::null()).status();
        if !set("+i").is_ok_and(|status| status.success()) {
            println!("NOT TESTED: immutable files, because chattr does not work here");
            return;
        }
        let refused = [try_out(&Disk::real(), &place).map(drop), put(&Disk::real(), &place, 2)];
        let seen = place.target().join("keystore/1_sk").is_file();
        set("-i").unwrap();
        assert!(seen);
        for error in refused.map(Result::unwrap_err) {
            assert!(matches!(&error, InstallError::Immutable { path } if path.ends_with("cert.pem")), "{error}");
            assert_eq!(Error::from(error).exit_code(), 5);
        }
        put(&Disk::real(), &place, 2).unwrap();
    }
}

/// Says that a file system cannot be mounted here, past the capture of the output of tests that pass.
fn say_loudly(system: &str, cause: &[u8]) {
    let cause = String::from_utf8_lossy(cause);
    let text = format!("\n*** NOT MOUNTED: {system}: {}\n*** it is tested by fault points only ***\n", cause.trim());
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// A mounted FUSE file system, unmounted when dropped.
pub(crate) struct Fuse {
    dir: tempfile::TempDir,
}

impl Fuse {
    /// Runs `command` in a shell with `source` and `mount` in the environment; `None`, with a loud message, where that
    /// cannot be mounted.
    pub(crate) fn mount(command: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        for name in ["source", "mount"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("source", dir.path().join("source")).env("mount", dir.path().join("mount"));
        let ran = shell.stdin(Stdio::null()).output().unwrap();
        let fuse = Self { dir };
        let is_mounted = Disk::real().is_mount_point(&fuse.path()).unwrap();
        if !ran.status.success() || !is_mounted {
            say_loudly(command, &ran.stderr);
            return None;
        }
        Some(fuse)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("mount")
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.dir.path().join("mount")).status();
    }
}

/// Installs four sets below the mount and at the mount point itself.
fn install_everywhere(mount: &Path) {
    for (target, layout) in [(mount.join("deep/msp"), Placement::Plain), (mount.to_owned(), Placement::Mounted)] {
        let place = Place::of(&Disk::real(), &target).unwrap();
        assert_eq!(place.layout(), layout);
        for n in 1..5 {
            try_out(&Disk::real(), &place).unwrap();
            put(&Disk::real(), &place, n).unwrap();
            assert!(target.join(format!("keystore/{n}_sk")).is_file());
            assert_tidy(&place);
        }
    }
}

#[test]
fn bindfs_that_refuses_chmod_and_chown_is_installed_on() {
    let command = "bindfs --chmod-deny --chown-deny --chgrp-deny \"$source\" \"$mount\"";
    let Some(fuse) = Fuse::mount(command) else { return };
    install_everywhere(&fuse.path());
    let key = fs::metadata(fuse.path().join("deep/msp/keystore/4_sk")).unwrap();
    assert_eq!(key.mode() & 0o777, 0o600);
}

#[test]
fn bindfs_that_ignores_chmod_gets_a_warning_with_the_mode() {
    let Some(fuse) = Fuse::mount("bindfs --chmod-ignore -p 0777 \"$source\" \"$mount\"") else { return };
    for target in [fuse.path().join("deep/msp"), fuse.path()] {
        let place = Place::of(&Disk::real(), &target).unwrap();
        for n in 1..4 {
            let warnings = try_out(&Disk::real(), &place).unwrap();
            assert!(warnings.iter().any(|w| w.contains("mode 0777 instead of 0600")), "{warnings:?}");
            put(&Disk::real(), &place, n).unwrap();
            assert!(target.join(format!("keystore/{n}_sk")).is_file());
        }
    }
}

#[test]
fn a_file_system_that_shows_one_owner_for_all_is_installed_on() {
    let Some(fuse) = Fuse::mount("bindfs --force-user=64123 --chown-ignore -p 0755 \"$source\" \"$mount\"") else {
        return;
    };
    let place = Place::of(&Disk::real(), &fuse.path().join("deep/msp")).unwrap();
    for n in 1..4 {
        put(&Disk::real(), &place, n).unwrap();
        assert!(place.target().join(format!("keystore/{n}_sk")).is_file());
    }
}

#[test]
fn folders_at_a_bindfs_mount_without_exchange_are_refused_before_anything_changes() {
    let Some(fuse) = Fuse::mount("bindfs \"$source\" \"$mount\"") else { return };
    let mount = fuse.path();
    fill_foreign(&mount);
    let old = everything(&mount);
    let place = Place::of(&Disk::real(), &mount).unwrap();
    match try_out(&Disk::real(), &place) {
        Ok(_) => put(&Disk::real(), &place, 2).unwrap(),
        Err(error) => {
            assert!(matches!(error, InstallError::NoExchange { .. }), "{error}");
            assert_eq!(everything(&mount), old);
        }
    }
}

#[test]
fn fuse2fs_is_installed_on() {
    let command = "truncate -s 8M \"$source/image\" && PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q \"$source/image\" && \
                   fuse2fs \"$source/image\" \"$mount\" -o fakeroot && rmdir \"$mount/lost+found\"";
    let Some(fuse) = Fuse::mount(command) else { return };
    install_everywhere(&fuse.path());
}

/// In a mount namespace: a folder of a lower layer of overlayfs.
#[test]
fn a_folder_of_an_image_layer_is_refused_before_anything_changes() {
    const VARIABLE: &str = "FABCERT_TEST_OVERLAY";
    let name = "install::odd::a_folder_of_an_image_layer_is_refused_before_anything_changes";
    if let Some(dir) = std::env::var_os(VARIABLE) {
        let merged = Path::new(&dir).canonicalize().unwrap().join("merged");
        let place = Place::of(&Disk::real(), &merged.join("org/msp")).unwrap();
        assert_eq!(place.layout(), Placement::Plain);
        let old = everything(&merged);
        let error = Error::from(try_out(&Disk::real(), &place).unwrap_err());
        assert_eq!(error.exit_code(), 5);
        assert!(error.help().is_some_and(|help| help.contains("layer of a container")), "{error:?}");
        assert_eq!(everything(&merged), old);
        let place = Place::of(&Disk::real(), &merged.join("org/tls")).unwrap();
        for n in 1..4 {
            try_out(&Disk::real(), &place).unwrap();
            put(&Disk::real(), &place, n).unwrap();
            assert_tidy(&place);
        }
        return;
    }
    let dir = scratch();
    for folder in ["lower/org/msp", "upper", "work", "merged"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fill_foreign(&dir.path().join("lower/org/msp"));
    let path = dir.path().to_str().unwrap();
    let unshare = if rustix::process::geteuid().is_root() { "unshare -m" } else { "unshare -Urm" };
    let make =
        "cd \"$FABCERT_TEST_OVERLAY\" && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged";
    let env = [(VARIABLE, path)];
    let probe = Command::new("sh").args(["-c", &format!("{unshare} sh -c '{make}'")]).envs(env).output().unwrap();
    if !probe.status.success() {
        return say_loudly("overlayfs", &probe.stderr);
    }
    let output = child(name, &format!("exec {unshare} sh -c '{make} && exec \"$@\"' sh \"$@\""), &env);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
