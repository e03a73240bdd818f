//! Rollback and the previous set.

use std::fs;
use std::path::Path;

use fabcert::Error;
use fabcert::internals::{Disk, FaultAction, Lock, Placement, rollback};

use super::world::{
    Before, EIO, EVERY_LAYOUT, NOW, View, assert_tidy, faulty, fill_foreign, owned, put, scratch, view, world,
};

#[test]
fn rollback_restores_the_previous_set_and_a_second_one_undoes_it() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let first = view(place.target());
        put(&Disk::real(), &place, 2).unwrap();
        let second = view(place.target());
        assert_ne!(first, second);
        for expected in [&first, &second, &first] {
            let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
            rollback(&Disk::real(), &lock, &owned()).unwrap();
            assert_eq!(&view(place.target()), expected, "{layout:?}");
            assert_tidy(&place);
        }
    }
}

#[test]
fn rollback_restores_the_files_of_another_program() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Foreign);
        let foreign = view(place.target());
        put(&Disk::real(), &place, 2).unwrap();
        let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
        rollback(&Disk::real(), &lock, &owned()).unwrap();
        assert_eq!(view(place.target()), foreign, "{layout:?}");
    }
}

#[test]
fn rollback_keeps_later_files_that_are_not_owned() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        put(&Disk::real(), &place, 2).unwrap();
        fs::create_dir(place.target().join("crls")).unwrap();
        fs::write(place.target().join("crls/new.pem"), "revoked").unwrap();
        let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
        rollback(&Disk::real(), &lock, &owned()).unwrap();
        assert_eq!(fs::read_to_string(place.target().join("crls/new.pem")).unwrap(), "revoked", "{layout:?}");
        assert!(place.target().join("keystore/1_sk").is_file());
    }
}

#[test]
fn rollback_without_a_previous_set_is_an_error() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Nothing);
        put(&Disk::real(), &place, 1).unwrap();
        let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
        let error = Error::from(rollback(&Disk::real(), &lock, &owned()).unwrap_err());
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains("no previous set"), "{error}");
    }
}

#[test]
fn rollback_restores_a_folder_that_was_removed() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Installed);
    let first = view(place.target());
    put(&Disk::real(), &place, 2).unwrap();
    fs::remove_dir_all(place.target()).unwrap();
    let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
    rollback(&Disk::real(), &lock, &owned()).unwrap();
    let (mut restored, mut expected) = (view(place.target()), first);
    // The mode of the folder itself is lost.
    for view in [&mut restored, &mut expected] {
        view.remove(Path::new(""));
    }
    assert_eq!(restored, expected);
}

#[test]
fn a_rollback_that_fails_at_any_step_leaves_a_whole_set() {
    for (layout, exchange) in [(Placement::Plain, true), (Placement::Plain, false), (Placement::Mounted, true)] {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let first = view(place.target());
        put(&Disk::real(), &place, 2).unwrap();
        let second = view(place.target());
        let mut at = 0;
        loop {
            let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
            let (disk, _) = faulty(at, FaultAction::Fail(EIO), false, exchange);
            let done = rollback(&disk, &lock, &owned());
            let seen: View = view(place.target());
            assert!(seen == first || seen == second, "{layout:?} at {at}: {seen:?}");
            if done.is_ok() {
                break;
            }
            drop(lock);
            put(&Disk::real(), &place, 1).unwrap();
            put(&Disk::real(), &place, 2).unwrap();
            at += 1;
        }
        assert!(at > 20, "few fault points: {at}");
        assert_eq!(view(place.target()), first);
    }
}

#[test]
fn files_that_are_not_owned_keep_mode_time_and_kind() {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::{Duration, SystemTime};
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Nothing);
        fs::create_dir_all(place.target()).unwrap();
        fill_foreign(place.target());
        let admin = place.target().join("admincerts/admin.pem");
        let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::open(&admin).unwrap().set_modified(past).unwrap();
        fs::File::open(admin.parent().unwrap()).unwrap().set_modified(past).unwrap();
        for n in 1..4 {
            put(&Disk::real(), &place, n).unwrap();
            let found = fs::symlink_metadata(&admin).unwrap();
            assert_eq!((found.mode() & 0o7777, found.modified().unwrap()), (0o604, past));
            assert_eq!(fs::metadata(admin.parent().unwrap()).unwrap().modified().unwrap(), past);
            assert_eq!(fs::read_link(place.target().join("link")).unwrap(), Path::new("admincerts/admin.pem"));
        }
    }
}
