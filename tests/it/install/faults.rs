//! Every fault point: the run fails with exit 5, readers see a complete set, the next run succeeds.

use std::fs;

use fabcert::Error;
use fabcert::internals::{Disk, FaultAction, InstallError, Lock, Placement, When};

use super::world::{
    Before, EIO, ENOSPC, EROFS, EVERY_BEFORE, EVERY_LAYOUT, View, after, assert_previous, assert_tidy, faulty, put,
    record, scratch, switch_point, view, world,
};

/// Lets every point fail in turn with `action`.
fn fail_everywhere(layout: Placement, before: Before, action: FaultAction, for_good: bool, exchange: bool) {
    let steps = record(layout, before, exchange);
    let switch = switch_point(&steps);
    let (old, new) = (before_view(layout, before), after(layout, before, 2));
    assert_ne!(old, new);
    for (at, step) in steps.iter().enumerate() {
        if action == FaultAction::Partial && step.2 == When::After {
            continue;
        }
        let case =
            format!("{layout:?} {before:?} {action:?} for good: {for_good}, at {at} of {}: {step:?}", steps.len());
        let dir = scratch();
        let place = world(dir.path(), layout, before);
        let (disk, _) = faulty(at, action, for_good, exchange);
        let error = put(&disk, &place, 2).expect_err(&case);
        let seen = view(place.target());
        let in_place = error.is_in_place();
        assert_eq!(Error::from(error).exit_code(), 5, "{case}");
        if at >= switch {
            assert!(seen == new, "{case}: not the new set: {seen:?}");
        } else {
            // Two moves in place of a swap, without the way back: the target is then missing until the next run.
            let vacant = !exchange && for_good && seen == View::new();
            assert!(seen == old || vacant, "{case}: not the old set: {seen:?}");
            assert!(!in_place, "{case}");
        }
        drop(Lock::acquire(&Disk::real(), &place, super::world::NOW).expect(&case));
        assert_eq!(view(place.target()), if at >= switch { new.clone() } else { old.clone() }, "{case}");
        if at >= switch {
            assert_previous(&place, before, &case);
        }
        put(&Disk::real(), &place, 2).expect(&case);
        assert_eq!(view(place.target()), new, "{case}");
        assert_tidy(&place);
    }
}

fn before_view(layout: Placement, before: Before) -> View {
    let dir = scratch();
    view(world(dir.path(), layout, before).target())
}

#[test]
fn a_full_disk_at_any_step_leaves_a_whole_set() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            fail_everywhere(layout, before, FaultAction::Fail(ENOSPC), true, true);
        }
    }
}

#[test]
fn a_file_system_that_turns_read_only_at_any_step_leaves_a_whole_set() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            fail_everywhere(layout, before, FaultAction::Fail(EROFS), true, true);
        }
    }
}

#[test]
fn one_failing_step_leaves_a_whole_set() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            fail_everywhere(layout, before, FaultAction::Fail(EIO), false, true);
        }
    }
}

#[test]
fn a_write_cut_short_leaves_a_whole_set() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            fail_everywhere(layout, before, FaultAction::Partial, false, true);
        }
    }
}

#[test]
fn without_exchange_a_failing_step_is_undone() {
    for before in [Before::Foreign, Before::Installed] {
        fail_everywhere(Placement::Plain, before, FaultAction::Fail(EIO), false, false);
        fail_everywhere(Placement::Plain, before, FaultAction::Fail(EROFS), true, false);
    }
    // The entries are links already, so that no swap is needed.
    fail_everywhere(Placement::Mounted, Before::Installed, FaultAction::Fail(EIO), false, false);
}

#[test]
fn folders_in_a_mount_without_exchange_are_refused() {
    let dir = scratch();
    let place = world(dir.path(), Placement::Mounted, Before::Foreign);
    let old = view(place.target());
    let (disk, _) = faulty(usize::MAX, FaultAction::Continue, false, false);
    let error = put(&disk, &place, 2).expect_err("it cannot be done in one step");
    assert!(matches!(error, InstallError::NoExchange { .. }), "{error}");
    assert_eq!(view(place.target()), old);
}

#[test]
fn a_failed_check_changes_nothing() {
    for layout in EVERY_LAYOUT {
        for before in EVERY_BEFORE {
            let dir = scratch();
            let place = world(dir.path(), layout, before);
            let old = view(place.target());
            let lock = Lock::acquire(&Disk::real(), &place, super::world::NOW).unwrap();
            let refused = fabcert::internals::install(&Disk::real(), &lock, &super::world::plan(2), &|tree| {
                let key = fs::read_to_string(tree.join("keystore/2_sk")).unwrap();
                assert_eq!(key, "keystore/2_sk of set 2\n", "the check sees the new tree");
                if matches!(before, Before::Foreign | Before::Installed) {
                    assert!(tree.join("admincerts/admin.pem").is_file(), "with the files that are not owned");
                }
                Err(Error::new(fabcert::ErrorKind::Input, "no"))
            });
            assert_eq!(Error::from(refused.unwrap_err()).exit_code(), 4);
            assert_eq!(view(place.target()), old);
        }
    }
}
