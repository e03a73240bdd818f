//! Places: the resolved target, the state folder, the holder of the lock.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use fabcert::Error;
use fabcert::internals::{Disk, FolderPlan, InstallError, Lock, Place, Placement, PlannedFile, install};

use super::world::{Before, EVERY_LAYOUT, NOW, assert_tidy, child, plan, put, scratch, view, world};

#[test]
fn a_missing_target_is_plain_and_its_state_is_beside_it() {
    let dir = scratch();
    let base = dir.path().canonicalize().unwrap();
    let place = Place::of(&Disk::real(), &base.join("a/b/msp")).unwrap();
    assert_eq!((place.layout(), place.target()), (Placement::Plain, base.join("a/b/msp").as_path()));
    assert_eq!(place.state_dir(), base.join("a/b/.msp.fabcert"));
    assert!(!base.join("a").exists(), "looking makes nothing");
    put(&Disk::real(), &place, 1).unwrap();
    let mode = |path: &str| fs::metadata(base.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("a"), mode("a/b/msp"), mode("a/b/.msp.fabcert")), (0o755, 0o755, 0o700));
    assert_eq!(mode("a/b/.msp.fabcert/lock"), 0o600);
}

#[test]
fn a_link_to_a_folder_stays_and_the_folder_is_replaced() {
    let dir = scratch();
    let base = dir.path().canonicalize().unwrap();
    fs::create_dir(base.join("real")).unwrap();
    symlink("real", base.join("msp")).unwrap();
    let place = Place::of(&Disk::real(), &base.join("msp")).unwrap();
    assert_eq!(place.target(), base.join("real"));
    put(&Disk::real(), &place, 1).unwrap();
    assert!(fs::symlink_metadata(base.join("msp")).unwrap().is_symlink());
    assert!(base.join("msp/keystore/1_sk").is_file());
}

#[test]
fn a_path_that_is_not_a_folder_is_refused() {
    let dir = scratch();
    symlink("nowhere", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for path in ["link", "link/msp", "file", "/"] {
        let error = Error::from(Place::of(&Disk::real(), &dir.path().join(path)).unwrap_err());
        assert_eq!(error.exit_code(), 4, "{path}: {error}");
    }
    let error = Place::of(&Disk::real(), &dir.path().join("missing/../msp")).unwrap_err();
    assert_eq!(Error::from(error).exit_code(), 5);
}

#[test]
fn a_mounted_placement_stays() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Mounted, Before::Installed);
    assert_eq!(Place::of(&Disk::real(), place.target()).unwrap(), place);
}

#[test]
fn a_volume_that_the_kubelet_fills_is_refused() {
    let dir = scratch();
    let target = dir.path().canonicalize().unwrap().join("secret");
    fs::create_dir_all(target.join("..2026_11_23_03_42_39.123")).unwrap();
    symlink("..2026_11_23_03_42_39.123", target.join("..data")).unwrap();
    let place = Place::of(&Disk::real(), &target).unwrap();
    let error = Error::from(put(&Disk::real(), &place, 1).unwrap_err());
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("Kubernetes"), "{error}");
    assert!(!target.join(".fabcert").exists());
}

#[test]
fn the_error_of_a_locked_place_names_the_holder() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Installed);
        let held = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
        let error = Error::from(Lock::acquire(&Disk::real(), &place, NOW).unwrap_err());
        assert_eq!(error.exit_code(), 9);
        let lock = place.state_dir().join("lock");
        for part in [&format!("pid {}", std::process::id()), "2026-11-23T", lock.to_str().unwrap()] {
            assert!(error.to_string().contains(part), "{part} is not in: {error}");
        }
        drop(held);
        Lock::acquire(&Disk::real(), &place, NOW).unwrap();
    }
}

#[test]
fn a_run_with_nothing_to_do_creates_nothing() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Foreign);
    assert!(Lock::acquire_existing(&Disk::real(), &place, NOW).unwrap().is_none());
    assert_eq!(place.read_state_file(&Disk::real(), "pending").unwrap(), None);
    place.remove_state_file(&Disk::real(), "pending").unwrap();
    assert!(!place.state_dir().exists());
    put(&Disk::real(), &place, 1).unwrap();
    assert!(Lock::acquire_existing(&Disk::real(), &place, NOW).unwrap().is_some());
}

#[test]
fn locks_keep_the_given_order_and_overlapping_places_are_refused() {
    let dir = scratch();
    let base = dir.path().canonicalize().unwrap();
    let [tls, msp, inner] = ["tls", "msp", "msp/tls"].map(|p| Place::of(&Disk::real(), &base.join(p)).unwrap());
    let locks = Lock::acquire_all(&Disk::real(), &[&tls, &msp], NOW).unwrap();
    let order: Vec<_> = locks.iter().map(|l| l.place().target().to_owned()).collect();
    assert_eq!(order, [base.join("tls"), base.join("msp")]);
    let error = Lock::acquire_all(&Disk::real(), &[&inner, &msp], NOW).unwrap_err();
    assert!(matches!(error, InstallError::Overlap { .. }), "{error}");
}

#[test]
fn state_files_are_written_whole_and_read_back() {
    for layout in EVERY_LAYOUT {
        let dir = scratch();
        let place = world(dir.path(), layout, Before::Nothing);
        let disk = Disk::real();
        place.write_state_file(&disk, "pending.key", b"one", 0o600).unwrap();
        place.write_state_file(&disk, "pending.key", b"two", 0o600).unwrap();
        assert_eq!(place.read_state_file(&disk, "pending.key").unwrap().unwrap().as_slice(), b"two");
        let path = place.state_dir().join("pending.key");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
        put(&disk, &place, 1).unwrap();
        assert_eq!(place.read_state_file(&disk, "pending.key").unwrap().unwrap().as_slice(), b"two");
        place.remove_state_file(&disk, "pending.key").unwrap();
        assert_tidy(&place);
        for name in ["lock", "a/b", "..", "", "previous", "swap-7", "x.tmp"] {
            assert!(layout == Placement::Mounted || place.write_state_file(&disk, name, b"", 0o600).is_err(), "{name}");
        }
    }
}

#[test]
fn modes_are_exact_under_any_umask() {
    if let Some(dir) = std::env::var_os("FABCERT_TEST_UMASK") {
        for layout in EVERY_LAYOUT {
            let place = world(&std::path::Path::new(&dir).join(format!("{layout:?}")), layout, Before::Nothing);
            put(&Disk::real(), &place, 2).unwrap();
        }
        return;
    }
    let dir = scratch();
    for umask in ["077", "000"] {
        let base = dir.path().join(umask);
        for layout in EVERY_LAYOUT {
            fs::create_dir_all(base.join(format!("{layout:?}"))).unwrap();
        }
        let output = child(
            "install::places::modes_are_exact_under_any_umask",
            &format!("umask {umask}; exec \"$@\""),
            &[("FABCERT_TEST_UMASK", base.to_str().unwrap())],
        );
        assert!(output.status.success(), "{output:?}");
        for layout in EVERY_LAYOUT {
            let target = base.join(format!("{layout:?}")).join("org1/msp");
            let modes: Vec<_> =
                view(&target).into_iter().map(|(p, (mode, _))| format!("{} {mode:o}", p.display())).collect();
            let expected = [
                " 755",
                "cacerts 755",
                "cacerts/ca.pem 644",
                "config.yaml 644",
                "intermediatecerts 755",
                "intermediatecerts/ica.pem 644",
                "keystore 700",
                "keystore/2_sk 600",
                "signcerts 755",
                "signcerts/cert.pem 644",
            ];
            assert_eq!(modes, expected, "umask {umask}, {layout:?}");
        }
    }
}

#[test]
fn plans_that_leave_the_target_or_name_a_path_twice_are_bugs() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Nothing);
    let lock = Lock::acquire(&Disk::real(), &place, NOW).unwrap();
    let file = |path: &str| PlannedFile { path: path.into(), bytes: Vec::new().into(), mode: 0o644, group: None };
    for files in [vec!["../x"], vec!["/x"], vec![""], vec!["..data/x"], vec![".fabcert/x"], vec!["x", "x"]] {
        let plan = FolderPlan { files: files.iter().map(|p| file(p)).collect(), ..FolderPlan::default() };
        let error = install(&Disk::real(), &lock, &plan, &|_| Ok(())).unwrap_err();
        assert!(matches!(error, InstallError::BadPlan { .. }), "{files:?}: {error}");
    }
    assert!(!place.target().exists());
}

#[test]
fn debug_output_of_a_planned_file_has_no_content() {
    let text = format!("{:?}", plan(1));
    assert!(text.contains("keystore/1_sk (23 bytes, 0600)") && !text.contains("of set"), "{text}");
}

#[test]
fn links_are_carried_over_and_never_written_through() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Nothing);
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir_all(place.target()).unwrap();
    symlink(&outside, place.target().join("keystore")).unwrap();
    symlink("../../outside", place.target().join("notes")).unwrap();
    put(&Disk::real(), &place, 1).unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(fs::symlink_metadata(place.target().join("keystore")).unwrap().is_dir());
    assert_eq!(fs::read_link(place.target().join("notes")).unwrap().to_str(), Some("../../outside"));
}

#[test]
fn a_link_that_would_point_elsewhere_in_a_generation_is_refused() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Mounted, Before::Nothing);
    symlink("../keys", place.target().join("keystore")).unwrap();
    let error = put(&Disk::real(), &place, 1).unwrap_err();
    assert!(matches!(error, InstallError::LinkOut { .. }), "{error}");
    assert_eq!(fs::read_link(place.target().join("keystore")).unwrap().to_str(), Some("../keys"));
}
