//! `SIGKILL` at every fault point: readers see a complete set, the next run succeeds.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use fabcert::internals::{Disk, FaultAction, Lock, Place, Placement};

use super::world::{
    Before, NOW, View, after, assert_previous, assert_tidy, child, faulty, put, record, scratch, switch_point, view,
    world,
};

/// Not a test by itself: the process to kill.
#[test]
fn victim() {
    let Some(target) = std::env::var_os("FABCERT_TEST_TARGET") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let layout = if number("FABCERT_TEST_MOUNTED") == 1 { Placement::Mounted } else { Placement::Plain };
    let exchange = number("FABCERT_TEST_EXCHANGE") == 1;
    let (disk, _) = faulty(number("FABCERT_TEST_STEP"), FaultAction::Kill, false, exchange);
    put(&disk, &Place::with_layout(&PathBuf::from(target), layout), 2).unwrap();
}

fn kill_everywhere(layout: Placement, before: Before, exchange: bool) {
    let steps = record(layout, before, exchange);
    let switch = switch_point(&steps);
    let old = {
        let dir = scratch();
        view(world(dir.path(), layout, before).target())
    };
    let new = after(layout, before, 2);
    for (at, step) in steps.iter().enumerate() {
        let case = format!("{layout:?} {before:?} killed at {at} of {}: {step:?}", steps.len());
        let dir = scratch();
        let place = world(dir.path(), layout, before);
        let env = [
            ("FABCERT_TEST_TARGET", place.target().to_str().unwrap()),
            ("FABCERT_TEST_MOUNTED", if layout == Placement::Mounted { "1" } else { "0" }),
            ("FABCERT_TEST_EXCHANGE", if exchange { "1" } else { "0" }),
            ("FABCERT_TEST_STEP", &at.to_string()),
        ];
        let output = child("install::kill::victim", "exec \"$@\"", &env);
        assert_eq!(output.status.signal(), Some(9), "{case}: {output:?}");
        let seen = view(place.target());
        let vacant = !exchange && seen == View::new();
        assert!(seen == if at >= switch { new.clone() } else { old.clone() } || vacant, "{case}: {seen:?}");
        drop(Lock::acquire(&Disk::real(), &place, NOW).expect("a dead process holds no lock"));
        assert_eq!(view(place.target()), if at >= switch { new.clone() } else { old.clone() }, "{case}");
        if at >= switch {
            assert_previous(&place, before, &case);
        }
        put(&Disk::real(), &place, 3).expect(&case);
        assert_tidy(&place);
    }
}

#[test]
fn a_kill_at_any_step_of_a_first_install_leaves_nothing_or_all() {
    kill_everywhere(Placement::Plain, Before::Nothing, true);
    kill_everywhere(Placement::Mounted, Before::Nothing, true);
}

#[test]
fn a_kill_at_any_step_leaves_a_whole_folder() {
    kill_everywhere(Placement::Plain, Before::Installed, true);
}

#[test]
fn a_kill_at_any_step_without_exchange_leaves_a_whole_folder_after_the_next_start() {
    kill_everywhere(Placement::Plain, Before::Foreign, false);
}

#[test]
fn a_kill_at_any_step_in_a_mount_leaves_a_whole_generation() {
    kill_everywhere(Placement::Mounted, Before::Installed, true);
    kill_everywhere(Placement::Mounted, Before::Emptied, true);
}

#[test]
fn a_kill_at_any_step_of_taking_over_a_mount_leaves_a_whole_set() {
    kill_everywhere(Placement::Mounted, Before::Foreign, true);
}
