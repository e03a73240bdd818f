//! What readers are to find after a power cut is on the disk before the switch: every file and folder of the new set.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fabcert::internals::{Disk, FaultAction, Lock, Op, Placement, Step, When};

use super::world::{
    Before, EINVAL, EVERY_BEFORE, EVERY_LAYOUT, NOW, Recorded, faulty, put, record, scratch, switch_point, world,
};

/// What a sync forces to the disk of one file or folder, as far as it can be seen: modification time, mode, owner, size.
type State = (i64, i64, u32, u32, u32, u64);

fn state(path: &Path) -> Option<(u64, State)> {
    let m = fs::symlink_metadata(path).ok()?;
    Some((m.ino(), (m.mtime(), m.mtime_nsec(), m.mode(), m.uid(), m.gid(), m.len())))
}

/// The files and folders of a tree that are not in the state in which they were synced. A link is a part of its folder.
fn unsynced(tree: &Path, synced: &BTreeMap<u64, State>, found: &mut Vec<PathBuf>) {
    let meta = fs::symlink_metadata(tree).unwrap();
    let (inode, now) = state(tree).unwrap();
    if meta.is_symlink() {
        return;
    }
    if synced.get(&inode) != Some(&now) {
        found.push(tree.to_owned());
    }
    if meta.is_dir() {
        for entry in fs::read_dir(tree).unwrap() {
            unsynced(&entry.unwrap().path(), synced, found);
        }
    }
}

/// Puts set 2 in place of `before`; what readers saw at any switch that had not been synced.
fn unsynced_at_the_switch(layout: Placement, before: Before, exchange: bool) -> (usize, Vec<PathBuf>) {
    let dir = scratch();
    let place = world(dir.path(), layout, before);
    let target = place.target().to_owned();
    let synced = Mutex::new(BTreeMap::new());
    let seen = Arc::new(Mutex::new((0, Vec::new())));
    let noted = Arc::clone(&seen);
    let hook = move |step: &Step<'_>| {
        let is_after = step.when == When::After;
        match step.op {
            Op::Exchange if !is_after && !exchange => return FaultAction::Fail(EINVAL),
            Op::Sync if is_after => synced.lock().unwrap().extend(state(step.path)),
            Op::Exchange | Op::Move if is_after && step.path == target && layout == Placement::Plain => {
                let mut noted = noted.lock().unwrap();
                noted.0 += 1;
                unsynced(&target, &synced.lock().unwrap(), &mut noted.1);
            }
            Op::Move if is_after && step.path.ends_with("..data") => {
                let mut noted = noted.lock().unwrap();
                noted.0 += 1;
                let set = step.path.canonicalize().unwrap();
                unsynced(&set, &synced.lock().unwrap(), &mut noted.1);
            }
            _ => {}
        }
        FaultAction::Continue
    };
    put(&Disk::with_faults(Arc::new(hook)), &place, 2).unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn everything_of_the_new_set_is_on_the_disk_before_the_switch() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            for exchange in [true, false] {
                if !exchange && layout == Placement::Mounted && before == Before::Foreign {
                    continue; // refused: `folders_in_a_mount_without_exchange_are_refused`
                }
                let (switches, unsynced) = unsynced_at_the_switch(layout, before, exchange);
                let case = format!("{layout:?} {before:?} exchange: {exchange}");
                assert!(switches > 0, "{case}");
                assert!(unsynced.is_empty(), "{case}: {unsynced:?}");
            }
        }
    }
}

/// A sync takes longer than anything else of an install.
#[test]
fn nothing_of_the_new_set_is_synced_twice() {
    for layout in EVERY_LAYOUT {
        let steps = record(layout, Before::Nothing, true);
        let switch = switch_point(&steps);
        let synced = steps[..switch].iter().filter(|(op, _, when)| *op == Op::Sync && *when == When::After);
        let mut synced: Vec<&Path> = synced.map(|(_, path, _)| path.as_path()).collect();
        let count = synced.len();
        synced.sort_unstable();
        synced.dedup();
        assert_eq!(synced.len(), count, "{layout:?}: {steps:?}");
    }
}

/// The name that leads to the new set is on the disk before anything of the old set is removed.
#[test]
fn the_switch_is_on_the_disk_before_the_old_set_goes() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            let steps = record(layout, before, true);
            let switch = switch_point(&steps);
            let folder = steps[switch].1.parent().unwrap();
            let then = &steps[switch + 1..];
            let is_sync = |step: &&Recorded| step.0 == Op::Sync && step.1 == folder;
            let synced = then.iter().position(|step| is_sync(&step) && step.2 == When::After);
            let removed = then.iter().position(|step| matches!(step.0, Op::Remove | Op::RemoveTree));
            let case = format!("{layout:?} {before:?}: {then:?}");
            let synced = synced.unwrap_or_else(|| panic!("{} is not synced: {case}", folder.display()));
            assert!(removed.is_none_or(|removed| synced < removed), "{case}");
        }
    }
}

/// The folders that hold the switch, the current and the previous set, synced before and after the switch.
#[test]
fn the_folders_around_the_sets_are_synced() {
    let is_set =
        |path: &Path| path.components().any(|c| ["build", "..new", "..current"].iter().any(|n| c.as_os_str() == *n));
    let mut lines = Vec::new();
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            let steps = record(layout, before, true);
            let switch = switch_point(&steps);
            let of = |steps: &[Recorded]| -> String {
                let synced =
                    steps.iter().filter(|(op, path, when)| *op == Op::Sync && *when == When::After && !is_set(path));
                synced.map(|(_, path, _)| path.display().to_string()).collect::<Vec<_>>().join(" ")
            };
            lines.push(format!("{layout:?} {before:?}: {} | {}", of(&steps[..switch]), of(&steps[switch..])));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// The steps of what `run` does, on either side.
fn steps_of(run: impl FnOnce(&Disk)) -> Vec<Recorded> {
    let (disk, steps) = faulty(usize::MAX, FaultAction::Continue, false, true);
    run(&disk);
    let steps = steps.lock().unwrap();
    steps.iter().filter(|(_, _, when)| *when == When::After).cloned().collect()
}

/// A run that was killed between its two moves is undone, and the way back is on the disk.
#[test]
fn the_way_back_of_a_killed_run_is_on_the_disk() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Installed);
    fs::rename(place.target(), place.state_dir().join("old")).unwrap();
    let steps = steps_of(|disk| drop(Lock::acquire(disk, &place, NOW).unwrap()));
    let back = steps.iter().position(|(op, path, _)| *op == Op::Move && path == place.target()).unwrap();
    let parent = place.target().parent().unwrap();
    assert!(steps[back..].iter().any(|(op, path, _)| *op == Op::Sync && path == parent), "{steps:?}");
}

/// A state file may hold the only copy of a key, or a refusal that keeps an identity from being locked.
#[test]
fn a_state_file_is_on_the_disk_when_it_is_written_and_when_it_is_removed() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Plain, Before::Installed);
    let state = place.state_dir();
    let written = steps_of(|disk| place.write_state_file(disk, "pending.json", b"key", 0o600).unwrap());
    let at = |op: Op, path: &Path| written.iter().position(|(o, p, _)| *o == op && p == path);
    let staged = written.iter().find(|(op, ..)| *op == Op::Write).map(|(_, path, _)| path.clone()).unwrap();
    let order = [
        at(Op::Write, &staged),
        at(Op::Sync, &staged),
        at(Op::Move, &state.join("pending.json")),
        written.iter().rposition(|(op, path, _)| *op == Op::Sync && *path == state),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}: {written:?}");
    let removed = steps_of(|disk| place.remove_state_file(disk, "pending.json").unwrap());
    let last = removed.last().map(|(op, path, _)| (*op, path.clone()));
    assert_eq!(last, Some((Op::Sync, state)), "{removed:?}");
}
