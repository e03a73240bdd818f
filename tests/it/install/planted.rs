//! What another user can put into or in place of the state folder is neither read nor written.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use fabcert::Error;
use fabcert::internals::{Disk, InstallError, Lock, Place};

use super::world::{Before, EVERY_LAYOUT, NOW, put, scratch, view, world};

const STRANGER: u32 = 64_123;
const GROUP: u32 = 64_124;

/// Whether this process can give files to another user.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("NOT TESTED: files of another user, because this process is not root");
    }
    is_root
}

fn assert_refused(place: &Place, at: &Path, case: &str) {
    let disk = Disk::real();
    let old = view(place.target());
    for refused in [Lock::acquire(&disk, place, NOW).map(drop), put(&disk, place, 2)] {
        let error = refused.expect_err(case);
        assert!(matches!(&error, InstallError::NotOwn { path, .. } if path == at), "{case}: {error}");
        let error = Error::from(error);
        assert_eq!(error.exit_code(), 4, "{case}");
        assert!(error.help().is_some_and(|help| help.contains("rm -r")), "{case}: {error:?}");
    }
    assert_eq!(view(place.target()), old, "{case}");
}

#[test]
fn a_state_folder_of_another_user_is_refused() {
    if !is_root() {
        return;
    }
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let disk = Disk::real();
        place.write_state_file(&disk, "pending.json", b"{}", 0o600).unwrap();
        chown(place.state_dir(), Some(STRANGER), None).unwrap();
        assert_refused(&place, &place.state_dir(), "folder");
        assert!(place.state_fault(&disk).is_some());
        assert!(place.read_state_file(&disk, "pending.json").is_err());
        assert_eq!(place.peek_state_file(&disk, "pending.json").unwrap(), None);
        assert!(place.write_state_file(&disk, "pending.json", b"new", 0o600).is_err());
        assert_eq!(fs::read(place.state_dir().join("pending.json")).unwrap(), b"{}");
    }
}

#[test]
fn a_state_folder_that_others_may_write_is_refused() {
    for layout in EVERY_LAYOUT {
        for mode in [0o777, 0o770, 0o702, 0o1777, 0o2770] {
            let dir = scratch();
            let place = world(dir.path(), layout, Before::Installed);
            fs::set_permissions(place.state_dir(), fs::Permissions::from_mode(mode)).unwrap();
            assert_refused(&place, &place.state_dir(), &format!("{mode:o}"));
        }
    }
}

#[test]
fn a_state_folder_that_is_a_link_is_refused() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Foreign);
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).unwrap();
        symlink(&elsewhere, place.state_dir()).unwrap();
        assert_refused(&place, &place.state_dir(), "link");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}

#[test]
fn a_state_file_that_is_a_link_or_that_others_may_write_is_refused() {
    let disk = Disk::real();
    let dir = scratch();
    let place = world(dir.path(), EVERY_LAYOUT[0], Before::Installed);
    let file = place.state_dir().join("pending.json");
    let planted = dir.path().join("planted");
    fs::write(&planted, "planted").unwrap();
    symlink(&planted, &file).unwrap();
    assert!(place.read_state_file(&disk, "pending.json").is_err());
    place.write_state_file(&disk, "pending.json", b"own", 0o600).unwrap();
    assert_eq!(fs::read_to_string(&planted).unwrap(), "planted", "the link was replaced, not followed");
    for mode in [0o666, 0o620, 0o602] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = place.read_state_file(&disk, "pending.json").unwrap_err();
        assert!(matches!(&error, InstallError::NotOwn { path, .. } if *path == file), "{error}");
    }
    if is_root() {
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(STRANGER), None).unwrap();
        let error = Error::from(place.read_state_file(&disk, "pending.json").unwrap_err());
        assert!(error.to_string().contains(&format!("it belongs to user {STRANGER}")), "{error}");
    }
}

/// A key that is used again, as --reuse-key and a new certificate of an orderer do.
#[test]
fn a_key_file_that_others_may_write_is_refused() {
    let disk = Disk::real();
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let file = place.target().join("other.key");
        fs::write(&file, "key").unwrap();
        let vouch = |mode: u32, given: u32| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            place.vouch_for(&disk, Path::new("other.key"), given)
        };
        for (mode, given) in [(0o666, 0o600), (0o660, 0o600), (0o660, 0o640), (0o602, 0o600), (0o662, 0o660)] {
            let error = vouch(mode, given).expect_err("others may write it");
            assert!(matches!(&error, InstallError::NotOwn { path, .. } if *path == file), "{mode:o}: {error}");
            assert!(Error::from(error).help().is_some_and(|help| help.contains("chmod go-w")), "{mode:o}");
        }
        for (mode, given) in [(0o600, 0o600), (0o644, 0o600), (0o660, 0o660)] {
            vouch(mode, given).unwrap();
        }
    }
}

#[test]
fn a_lock_file_that_is_a_link_is_neither_opened_nor_changed() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let (lock, outside) = (place.state_dir().join("lock"), dir.path().join("outside"));
        fs::remove_file(&lock).unwrap();
        for exists in [false, true] {
            if exists {
                fs::write(&outside, "text of the owner").unwrap();
            } else {
                symlink(&outside, &lock).unwrap();
            }
            assert_refused(&place, &lock, "lock");
            assert_eq!(fs::read_to_string(&outside).ok().as_deref(), exists.then_some("text of the owner"));
        }
    }
}

#[test]
fn state_of_the_given_group_is_shared_with_its_members() {
    if !is_root() {
        return;
    }
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed).for_group(Some(GROUP));
        let disk = Disk::real();
        place.write_state_note(&disk, "record.json", b"{}").unwrap();
        place.write_state_file(&disk, "pending.json", b"{}", 0o600).unwrap();
        let found = |name: &str| {
            let found = fs::metadata(place.state_dir().join(name)).unwrap();
            (found.mode() & 0o777, found.gid() == GROUP)
        };
        assert_eq!((found(""), found("record.json")), ((0o750, true), (0o640, true)));
        assert_eq!(found("pending.json").0, 0o600, "a pending key is for its user only");
        chown(place.state_dir(), Some(STRANGER), None).unwrap();
        chown(place.state_dir().join("record.json"), Some(STRANGER), None).unwrap();
        assert!(place.read_state_file(&disk, "record.json").unwrap().is_some(), "another member wrote it");
        assert!(place.clone().for_group(None).read_state_file(&disk, "record.json").is_err());
        chown(place.state_dir(), None, Some(GROUP + 1)).unwrap();
        assert!(place.read_state_file(&disk, "record.json").is_err());
    }
}

#[test]
fn a_folder_that_everybody_may_write_takes_the_state_folder_of_its_user() {
    let dir = scratch();
    let shared = dir.path().canonicalize().unwrap().join("emptydir");
    fs::create_dir(&shared).unwrap();
    for (number, mode) in [0o777, 0o2777, 0o1777].into_iter().enumerate() {
        fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
        let place = Place::of(&Disk::real(), &shared.join(format!("msp{number}"))).unwrap();
        put(&Disk::real(), &place, 1).unwrap();
        put(&Disk::real(), &place, 2).unwrap();
        assert_eq!(fs::metadata(place.state_dir()).unwrap().mode() & 0o777, 0o700);
    }
}

#[test]
fn set_uid_and_set_gid_are_not_carried_over() {
    let dir = scratch();
    let place = world(dir.path(), EVERY_LAYOUT[0], Before::Foreign);
    let program = place.target().join("program");
    fs::write(&program, "#!").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
    put(&Disk::real(), &place, 1).unwrap();
    assert_eq!(fs::metadata(&program).unwrap().mode() & 0o7777, 0o755);
}
