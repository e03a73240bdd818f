//! A reader that opens the folder once never sees key and certificate of different sets.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use fabcert::internals::{Disk, FolderPlan, Lock, Place, Placement, PlannedFile, install};
use rustix::fs::{CWD, Mode, OFlags, openat};
use zeroize::Zeroizing;

use super::world::{Before, NOW, scratch, world};

const INSTALLS: u32 = 200;

fn numbered(n: u32) -> FolderPlan {
    let file = |path: &str| PlannedFile {
        path: path.into(),
        bytes: Zeroizing::new(n.to_string().into_bytes()),
        mode: 0o600,
        group: None,
    };
    FolderPlan {
        files: vec![file("keystore/key_sk"), file("signcerts/cert.pem")],
        owned: super::world::owned(),
        ..FolderPlan::default()
    }
}

/// Opens the folder once, then reads both files below it; an error names the missing file.
fn read_pair(target: &Path, layout: Placement) -> Result<(u32, u32), String> {
    let folder = if layout == Placement::Mounted { target.join("..data") } else { target.to_owned() };
    let dir = openat(CWD, &folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    let read = |path: &str| -> Result<u32, String> {
        let file =
            openat(&dir, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|e| format!("{path}: {e}"))?;
        let text = std::io::read_to_string(std::fs::File::from(file)).map_err(|e| format!("{path}: {e}"))?;
        text.parse().map_err(|_| format!("{path} holds {text:?}"))
    };
    Ok((read("keystore/key_sk")?, read("signcerts/cert.pem")?))
}

fn install_and_read(layout: Placement) {
    let dir = scratch();
    let place = world(dir.path(), layout, Before::Nothing);
    let put = |place: &Place, n| {
        let lock = Lock::acquire(&Disk::real(), place, NOW).unwrap();
        install(&Disk::real(), &lock, &numbered(n), &|_| Ok(())).unwrap();
    };
    put(&place, 0);
    let (begun, ended, stop) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    // The number of pairs that the reader has read.
    let seen = AtomicU32::new(0);
    let sets = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut sets, mut last) = (0_u32, u32::MAX);
            while !stop.load(Ordering::SeqCst) {
                let ended_before = ended.load(Ordering::SeqCst);
                match read_pair(place.target(), layout) {
                    Ok((key, certificate)) => {
                        assert_eq!(key, certificate, "a mixed pair");
                        assert!(key >= ended_before, "a set that was replaced before the folder was opened");
                        seen.fetch_add(1, Ordering::SeqCst);
                        sets += u32::from(key != last);
                        last = key;
                    }
                    // An open folder stays complete until the second install after it removes it.
                    Err(missing) => {
                        assert!(begun.load(Ordering::SeqCst) >= ended_before + 2, "missing: {missing}");
                    }
                }
            }
            sets
        });
        for n in 1..=INSTALLS {
            begun.store(n, Ordering::SeqCst);
            put(&place, n);
            ended.store(n, Ordering::SeqCst);
            // On a busy machine the reader would otherwise not run between many installs.
            let before = seen.load(Ordering::SeqCst);
            while seen.load(Ordering::SeqCst) == before && !reader.is_finished() {
                thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(sets > INSTALLS / 2, "the reader saw too few sets: {sets}");
}

#[test]
fn a_reader_of_a_plain_folder_never_sees_a_mixed_or_missing_pair() {
    install_and_read(Placement::Plain);
}

#[test]
fn a_reader_of_a_mounted_folder_never_sees_a_mixed_or_missing_pair() {
    install_and_read(Placement::Mounted);
}
