//! Runs as a user with limited permissions.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use fabcert::Error;
use fabcert::internals::{Disk, InstallError, Place, Placement};

use super::world::{assert_tidy, child, fill_foreign, put, scratch, view};

const NOBODY: u32 = 65534;

/// Runs the test `name` again as the user nobody with the folder that `prepare` set up; prints a message and does
/// nothing when this process cannot change its user.
fn as_nobody(name: &str, prepare: impl FnOnce(&Path)) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let user = format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups");
    let mut probe = Command::new("sh");
    probe.args(["-c", &format!("{user} \"$0\" --list")]).arg(std::env::current_exe().unwrap());
    if !probe.output().unwrap().status.success() {
        println!("skipped: no setpriv here, or the test program is out of reach for nobody");
        return;
    }
    let dir = scratch();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    prepare(dir.path());
    let env = [("FABCERT_TEST_NOBODY", dir.path().to_str().unwrap())];
    let output = child(name, &format!("exec {user} \"$@\""), &env);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The folder, in the second process.
fn as_nobody_here() -> Option<PathBuf> {
    std::env::var_os("FABCERT_TEST_NOBODY").map(|p| Path::new(&p).canonicalize().unwrap())
}

/// Changes the owner of `path` and all below it to `uid`.
fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap().path();
            if !entry.is_symlink() {
                give(&entry, uid);
            }
        }
    }
}

#[test]
fn a_folder_whose_parent_is_not_writable_gets_generations() {
    let Some(dir) = as_nobody_here() else {
        return as_nobody("install::rights::a_folder_whose_parent_is_not_writable_gets_generations", |dir| {
            fs::create_dir(dir.join("msp")).unwrap();
            fill_foreign(&dir.join("msp"));
            give(&dir.join("msp"), NOBODY);
        });
    };
    let place = Place::of(&Disk::real(), &dir.join("msp")).unwrap();
    assert_eq!(place.layout(), Placement::Mounted);
    for n in 1..4 {
        put(&Disk::real(), &place, n).unwrap();
        assert_tidy(&place);
    }
}

#[test]
fn an_unwritable_folder_is_named() {
    let Some(dir) = as_nobody_here() else {
        return as_nobody("install::rights::an_unwritable_folder_is_named", |dir| {
            fs::create_dir(dir.join("msp")).unwrap();
        });
    };
    for target in ["msp", "other/msp"] {
        let error = Place::of(&Disk::real(), &dir.join(target)).and_then(|place| put(&Disk::real(), &place, 1));
        let error = Error::from(error.unwrap_err());
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().starts_with(&format!("cannot create the folder {}", dir.display())), "{error}");
        assert!(error.help().unwrap().contains("right to write"), "{error:?}");
    }
}

#[test]
fn files_of_root_are_carried_over_and_files_of_another_user_are_refused() {
    let name = "install::rights::files_of_root_are_carried_over_and_files_of_another_user_are_refused";
    let Some(dir) = as_nobody_here() else {
        return as_nobody(name, |dir| {
            for (folder, uid) in [("of-root", 0), ("of-another", 1234)] {
                let msp = dir.join(folder).join("msp");
                fs::create_dir_all(&msp).unwrap();
                fill_foreign(&msp);
                give(&dir.join(folder), NOBODY);
                give(&msp.join("IssuerPublicKey"), uid);
            }
        });
    };
    let place = Place::of(&Disk::real(), &dir.join("of-root/msp")).unwrap();
    assert_eq!(place.layout(), Placement::Plain);
    put(&Disk::real(), &place, 1).unwrap();
    put(&Disk::real(), &place, 2).unwrap();
    assert_tidy(&place);
    let found = fs::metadata(place.target().join("IssuerPublicKey")).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (NOBODY, NOBODY, 0o444));

    let place = Place::of(&Disk::real(), &dir.join("of-another/msp")).unwrap();
    let old = view(place.target());
    let error = put(&Disk::real(), &place, 1).unwrap_err();
    assert!(matches!(&error, InstallError::Fs(e) if e.op() == fabcert::internals::Op::Own), "{error}");
    assert_eq!(view(place.target()), old);
}

#[test]
fn a_folder_that_could_not_be_removed_later_is_refused_first() {
    let name = "install::rights::a_folder_that_could_not_be_removed_later_is_refused_first";
    let Some(dir) = as_nobody_here() else {
        return as_nobody(name, |dir| {
            let msp = dir.join("org/msp");
            fs::create_dir_all(&msp).unwrap();
            fill_foreign(&msp);
            give(&dir.join("org"), NOBODY);
            chown(msp.join("signcerts"), Some(0), Some(0)).unwrap();
        });
    };
    let place = Place::of(&Disk::real(), &dir.join("org/msp")).unwrap();
    let old = view(place.target());
    let error = put(&Disk::real(), &place, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot remove {}: permission denied", dir.join("org/msp/signcerts").display())
    );
    assert_eq!(view(place.target()), old);
}

#[test]
fn folders_without_the_write_bit_are_carried_over_and_removed() {
    let Some(dir) = as_nobody_here() else {
        return as_nobody("install::rights::folders_without_the_write_bit_are_carried_over_and_removed", |dir| {
            let msp = dir.join("org/msp");
            fs::create_dir_all(&msp).unwrap();
            fill_foreign(&msp);
            for folder in ["admincerts", "signcerts"] {
                fs::set_permissions(msp.join(folder), fs::Permissions::from_mode(0o555)).unwrap();
            }
            give(&dir.join("org"), NOBODY);
        });
    };
    let place = Place::of(&Disk::real(), &dir.join("org/msp")).unwrap();
    for n in 1..4 {
        put(&Disk::real(), &place, n).unwrap();
        assert_eq!(fs::metadata(place.target().join("admincerts")).unwrap().mode() & 0o7777, 0o555);
        assert_tidy(&place);
    }
}
