//! When hooks run, how often, with which environment, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Scene, is_alive, pause, plan, text};
use crate::agent::hooks::{HookPlan, Hooks, Watched};
use crate::disk::{Disk, FaultAction, Op, When};
use crate::identity::Environment;
use crate::install::{Lock, Place};

#[tokio::test]
async fn a_hook_passes_once_for_each_new_certificate() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.logging()]));
    assert!(!scene.is_pending(&hooks), "what was there before the agent is not new");
    scene.run(&hooks).await.unwrap();
    assert!(scene.lines("log").is_empty());
    let mut expected = Vec::new();
    for round in 0..3 {
        let (sign, tls) = (scene.renew("sign"), scene.renew("tls"));
        assert!(scene.is_pending(&hooks));
        // Another process, too, sees that it is pending, and that it has passed.
        let hooks =
            if round == 1 { scene.adopted(plan(&[scene.logging()])) } else { Hooks::new(plan(&[scene.logging()])) };
        scene.run(&hooks).await.unwrap();
        scene.run(&hooks).await.unwrap();
        expected.push(format!("{sign} {tls}"));
        assert_eq!(scene.lines("log"), expected);
        assert!(!scene.is_pending(&hooks) && !scene.is_pending(&scene.adopted(plan(&[scene.logging()]))));
    }
    let state = std::fs::metadata(scene.path(".msp.fabcert/hooks.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&state.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn the_first_certificate_of_an_empty_folder_is_new() {
    let scene = Scene::new();
    std::fs::remove_dir_all(scene.path("msp")).unwrap();
    std::fs::remove_dir_all(scene.path("tls")).unwrap();
    let hooks = scene.adopted(plan(&[scene.logging()]));
    assert!(!scene.is_pending(&hooks));
    let (sign, tls) = (scene.renew("sign"), scene.renew("tls"));
    // A new process adopts what is there only where nothing is remembered.
    let hooks = scene.adopted(plan(&[scene.logging()]));
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log"), [format!("{sign} {tls}")]);
}

#[tokio::test]
async fn a_folder_that_is_watched_for_the_first_time_is_adopted() {
    let scene = Scene::new();
    let hooks = Hooks::new(plan(&[scene.logging()]));
    let sign_only = Watched { tls: None, ..scene.watched() };
    hooks.adopt(&sign_only, &Disk::real()).unwrap();
    let hooks = scene.adopted(plan(&[scene.logging()]));
    assert!(!scene.is_pending(&hooks));
}

#[tokio::test]
async fn an_earlier_certificate_that_was_brought_back_is_new() {
    let scene = Scene::new();
    let (old, _) = super::made("peer1");
    scene.put("tls", &old);
    let hooks = scene.adopted(plan(&[scene.logging()]));
    scene.renew("tls");
    scene.run(&hooks).await.unwrap();
    scene.put("tls", &old);
    assert!(scene.is_pending(&hooks), "the node still has the newer one");
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log").len(), 2);
}

#[tokio::test]
async fn a_hook_that_failed_is_tried_again_and_those_that_passed_are_not() {
    let scene = Scene::new();
    let failing = scene.shell("echo one; echo two >&2; test -e ready || exit 7");
    let hooks = scene.adopted(plan(&[scene.logging(), failing.clone(), scene.shell("echo last >> log")]));
    scene.renew("tls");
    for failures in 1..=3 {
        let failure = scene.run(&hooks).await.unwrap_err();
        assert_eq!((failure.failures, failure.next_try), (failures, scene.now().plus(pause(failures))));
        assert_eq!(failure.error.exit_code(), 10);
        assert_eq!(failure.error.to_string(), "hook 2 (sh) ended with exit code 7\n  one\n  two");
        let change = hooks.pending(&scene.watched(), &Disk::real()).unwrap().unwrap();
        assert_eq!((change.failures, change.waits(scene.now())), (failures, Some(failure.next_try)));
        assert_eq!(change.waits(failure.next_try), None);
        assert_eq!(change.waits(scene.now().minus(Duration::from_secs(400 * 86_400))), None, "the clock was set back");
        scene.wait(100);
        // The memory is on disk.
        let other = Hooks::new(plan(&[scene.logging(), failing.clone(), scene.shell("echo last >> log")]));
        assert_eq!(other.pending(&scene.watched(), &Disk::real()).unwrap().unwrap(), change);
    }
    std::fs::write(scene.path("ready"), "").unwrap();
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log").len(), 2, "the first hook once, then the last");
}

#[tokio::test]
async fn each_look_adopts_then_runs_and_waits_between_tries() {
    let scene = Scene::new();
    let hooks = Hooks::new(plan(&[scene.shell("echo x >> log; test -e ready")]));
    let look = async || {
        let now = || scene.now();
        hooks.follow(&scene.watched(), None, &Environment::new(&Disk::real(), &now), &pause).await
    };
    look().await.unwrap();
    scene.renew("tls");
    let first = look().await.unwrap_err();
    scene.wait(9);
    let early = look().await.unwrap_err();
    assert_eq!((early.failures, early.next_try), (1, first.next_try));
    assert_eq!(early.error.to_string(), first.error.to_string());
    assert_eq!(scene.lines("log").len(), 1, "it is too early");
    scene.wait(1);
    assert_eq!(look().await.unwrap_err().failures, 2);
    std::fs::write(scene.path("ready"), "").unwrap();
    scene.wait(20);
    look().await.unwrap();
    assert_eq!(scene.lines("log").len(), 3);
}

#[tokio::test]
async fn the_same_hook_given_twice_runs_twice() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.logging(), scene.logging()]));
    scene.renew("tls");
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log").len(), 2);
}

#[tokio::test]
async fn a_newer_certificate_takes_the_place_of_one_whose_hook_failed() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.logging(), scene.shell("test -e ready")]));
    scene.renew("tls");
    scene.run(&hooks).await.unwrap_err();
    let newer = scene.renew("tls");
    std::fs::write(scene.path("ready"), "").unwrap();
    let change = hooks.pending(&scene.watched(), &Disk::real()).unwrap().unwrap();
    assert_eq!((change.failures, change.waits(scene.now())), (0, None));
    scene.run(&hooks).await.unwrap();
    assert!(scene.lines("log")[1].ends_with(&newer));
}

#[tokio::test]
async fn the_environment_is_what_is_listed_and_no_file_is_open() {
    let scene = Scene::new();
    let held = std::fs::File::open(scene.path("msp/signcerts/cert.pem")).unwrap();
    let script =
        "cat /proc/$$/environ > environ; ls -l /proc/$$/fd > fds; cat > stdin; ps -o pgid= -p $$ > pgid; echo $$ > pid";
    let hooks = scene.adopted(plan(&[scene.shell(script)]));
    let (sign, tls) = (scene.renew("sign"), scene.renew("tls"));
    scene.run(&hooks).await.unwrap();
    let environ = std::fs::read_to_string(scene.path("environ")).unwrap();
    let mut found: Vec<(&str, &str)> = environ.split_terminator('\0').map(|v| v.split_once('=').unwrap()).collect();
    found.sort_unstable();
    let (msp, folder) = (scene.path("msp"), scene.path("tls"));
    let mut expected = vec![
        ("FABCERT_ID", "peer1"),
        ("FABCERT_MSP_DIR", msp.to_str().unwrap()),
        ("FABCERT_NOT_AFTER", "2034-01-01T00:00:00Z"),
        ("FABCERT_REASON", "it was due"),
        ("FABCERT_SIGN_FINGERPRINT", &sign),
        ("FABCERT_TLS_DIR", folder.to_str().unwrap()),
        ("FABCERT_TLS_FINGERPRINT", &tls),
    ];
    let passed_on = super::passed_on();
    expected.extend(passed_on.iter().map(|(name, value)| (*name, value.to_str().unwrap())));
    expected.sort_unstable();
    assert_eq!(found, expected);
    let fds = scene.lines("fds").join("\n");
    assert!(fds.contains(" 0 -> /dev/null") && !fds.contains("cert.pem"), "{fds}");
    assert_eq!(scene.lines("stdin"), [""; 0]);
    if let [group] = &scene.lines("pgid")[..] {
        assert_eq!(group.trim(), scene.lines("pid")[0]);
    }
    drop(held);
}

#[tokio::test]
async fn the_program_is_looked_up_in_path_and_no_shell_takes_part() {
    let scene = Scene::new();
    let bin = scene.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("restart"), format!("#!/bin/sh\necho \"$#:$1\" >> {}\n", scene.path("log").display()))
        .unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join("restart"), executable).unwrap();
    let with_path = |command: &str| HookPlan {
        passed_on: vec![("PATH", format!("/nowhere:{}:/usr/bin:/bin", bin.display()).into())],
        ..plan(&[command.to_owned()])
    };
    let hooks = scene.adopted(with_path(r#"["restart","$HOME; exit 3"]"#));
    scene.renew("tls");
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log"), ["1:$HOME; exit 3"]);
    scene.renew("tls");
    let hooks = Hooks::new(with_path(r#"["no-such-program","s3cret"]"#));
    let failure = scene.run(&hooks).await.unwrap_err();
    let said = text(&failure.error);
    assert!(said.contains("hook 1 (no-such-program) cannot be started; No such file"), "{said}");
    assert!(!said.contains("s3cret"));
}

#[tokio::test]
async fn a_command_that_does_not_end_is_ended_with_its_group() {
    let scene = Scene::new();
    let limit = Duration::from_millis(300);
    let ends = scene.shell("trap 'echo term > ended; exit' TERM; sleep 60 & echo $! > child; echo waiting; wait");
    let ignores = scene.shell("trap '' TERM; sh -c 'sleep 60' & echo $! > child; while :; do wait; sleep 1; done");
    for (command, is_asked_first) in [(ends, true), (ignores, false)] {
        let hooks = scene.adopted(HookPlan { timeout: limit, ..plan(&[command]) });
        scene.renew("tls");
        let start = Instant::now();
        let failure = scene.run(&hooks).await.unwrap_err();
        let took = start.elapsed();
        assert!(took < Duration::from_secs(50), "{took:?}");
        // SIGTERM first, and SIGKILL only after the time of grace.
        if is_asked_first {
            assert_eq!(scene.lines("ended"), ["term"]);
        } else {
            assert!(took >= Duration::from_secs(5), "{took:?}");
        }
        let said = failure.error.to_string();
        assert!(said.starts_with("hook 1 (sh) did not end within 300ms"), "{said}");
        let child = scene.lines("child").remove(0);
        for _ in 0..100 {
            if !is_alive(&child) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!is_alive(&child), "the whole group is ended");
    }
}

#[tokio::test]
async fn a_command_whose_run_is_dropped_is_ended() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.shell("echo $$ > pid; exec sleep 60")]));
    scene.renew("tls");
    tokio::select! {
        _ = scene.run(&hooks) => panic!("it does not end by itself"),
        () = async {
            while scene.lines("pid").is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } => {}
    }
    let pid = scene.lines("pid").remove(0);
    for _ in 0..200 {
        if !std::path::Path::new("/proc").join(&pid).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("process {pid} is still there, or was not waited for");
}

#[tokio::test]
async fn a_process_left_running_does_not_hold_the_hook() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.shell("sleep 60 & echo $! > child")]));
    scene.renew("tls");
    let start = Instant::now();
    scene.run(&hooks).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(50), "{:?}", start.elapsed());
    let child = scene.lines("child").remove(0);
    assert!(is_alive(&child), "it was started on purpose");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn output_is_bounded_and_made_safe() {
    let scene = Scene::new();
    let many = "i=0; while [ $i -lt 20 ]; do echo line $i; i=$((i+1)); done";
    for (script, expected) in [
        ("head -c 20000000 /dev/zero | tr '\\0' x; exit 1".to_owned(), Some(format!("[...]{}[...]", "x".repeat(200)))),
        ("printf '\\033[31mred\\r\\007\\n'; exit 1".to_owned(), Some("\\u{1b}[31mred\\r\\u{7}".to_owned())),
        ("head -c 300000 /dev/urandom; exit 1".to_owned(), None),
        (format!("{many}; exit 1"), Some("line 10".to_owned())),
    ] {
        let hooks = scene.adopted(plan(&[scene.shell(&script)]));
        scene.renew("tls");
        let error = scene.run(&hooks).await.unwrap_err().error;
        assert!(
            error.items().len() <= 10 && error.items().iter().all(|line| line.chars().count() < 200 * 9),
            "{error}"
        );
        assert!(!error.items().iter().any(|line| line.contains(crate::text::escape::is_active)), "{error}");
        assert!(expected.is_none_or(|expected| error.items()[0] == expected), "{error}");
    }
}

#[tokio::test]
async fn the_hooks_of_two_identities_do_not_run_at_the_same_time() {
    let (one, two) = (Scene::new(), Scene::new());
    let lock = one.path("lock");
    let script = format!("mkdir {0} && sleep 0.2 && rmdir {0}", lock.display());
    let hooks = Hooks::new(plan(&[one.shell(&script)]));
    for scene in [&one, &two] {
        hooks.adopt(&scene.watched(), &Disk::real()).unwrap();
        scene.renew("tls");
    }
    let (a, b) = tokio::join!(one.run(&hooks), two.run(&hooks));
    a.unwrap();
    b.unwrap();
}

#[tokio::test]
async fn a_damaged_memory_runs_the_hooks_again() {
    for content in ["", "{", "{\"schema_version\":2,\"passed\":{},\"waiting\":null}"] {
        let scene = Scene::new();
        let hooks = scene.adopted(plan(&[scene.logging()]));
        scene.renew("tls");
        scene.run(&hooks).await.unwrap();
        std::fs::write(scene.path(".msp.fabcert/hooks.json"), content).unwrap();
        let hooks = scene.adopted(plan(&[scene.logging()]));
        scene.run(&hooks).await.unwrap();
        assert_eq!(scene.lines("log").len(), 2, "{content}");
        assert!(!scene.is_pending(&scene.adopted(plan(&[scene.logging()]))));
    }
}

/// Where the memory cannot be written, no hook runs; where what is done cannot be written, it is not repeated.
#[tokio::test]
async fn a_full_disk_stops_hooks_and_repeats_none() {
    let scene = Scene::new();
    let is_full = Arc::new(AtomicBool::new(true));
    let full = Arc::clone(&is_full);
    let disk = Disk::with_faults(Arc::new(move |step| match step.op {
        Op::Write if step.when == When::Before && full.load(Ordering::Relaxed) => FaultAction::Fail(28),
        _ => FaultAction::Continue,
    }));
    let hooks = scene.adopted(plan(&[scene.logging(), scene.shell("test -e ready")]));
    scene.renew("tls");
    let failure = scene.run_on(&hooks, &disk).await.unwrap_err();
    assert!(text(&failure.error).contains("hooks.json"), "{failure:?}");
    assert!(scene.lines("log").is_empty());
    // The disk is full again after the first hook.
    is_full.store(false, Ordering::Relaxed);
    let (seen, log) = (Arc::clone(&is_full), scene.path("log"));
    let filled = Disk::with_faults(Arc::new(move |step| {
        if step.op == Op::Write && step.when == When::Before && log.exists() {
            seen.store(true, Ordering::Relaxed);
            return FaultAction::Fail(28);
        }
        FaultAction::Continue
    }));
    for _ in 0..3 {
        scene.run_on(&hooks, &filled).await.unwrap_err();
        assert_eq!(scene.lines("log").len(), 1);
    }
    assert!(is_full.load(Ordering::Relaxed));
    std::fs::write(scene.path("ready"), "").unwrap();
    scene.run(&hooks).await.unwrap();
    assert_eq!(scene.lines("log").len(), 1);
}

/// A hook that ends the agent must not run in a loop.
#[tokio::test]
async fn a_try_that_was_killed_is_repeated_at_once_and_then_after_a_pause() {
    let scene = Scene::new();
    let command = scene.shell("echo x >> log; exec sleep 60");
    let hooks = scene.adopted(plan(std::slice::from_ref(&command)));
    scene.renew("tls");
    drop(hooks);
    for (kills, expected) in [(1, None), (2, Some(10)), (3, Some(20))] {
        let hooks = scene.adopted(plan(std::slice::from_ref(&command)));
        tokio::select! {
            _ = scene.run(&hooks) => panic!("it does not end by itself"),
            () = async {
                while scene.lines("log").len() < kills {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            } => {}
        }
        let change = Hooks::new(plan(std::slice::from_ref(&command))).pending(&scene.watched(), &Disk::real());
        let waits = change.unwrap().unwrap().waits(scene.now());
        assert_eq!(waits.map(|until| until.seconds_since(scene.now())), expected);
    }
}

#[tokio::test]
async fn without_hooks_nothing_is_written() {
    let scene = Scene::new();
    let hooks = scene.adopted(HookPlan::default());
    scene.renew("tls");
    assert!(hooks.is_empty() && !scene.is_pending(&hooks));
    let now = || scene.now();
    let disk = Disk::real();
    let env = Environment::new(&disk, &now);
    hooks.run(&scene.watched(), None, &env, &pause).await.unwrap();
    assert_eq!(hooks.shows(&scene.watched(), &Disk::real()).await, None);
    assert!(!scene.path(".msp.fabcert").exists());
}

/// Another fabcert puts the MSP folder in place, then the TLS folder: the hooks see both.
#[tokio::test]
async fn hooks_wait_for_the_installs_of_another_run() {
    let scene = Scene::new();
    let hooks = scene.adopted(plan(&[scene.logging()]));
    let place = Place::of(&Disk::real(), &scene.path("tls")).unwrap();
    let lock = Lock::acquire(&Disk::real(), &place, scene.now()).unwrap();
    let sign = scene.renew("sign");
    let installs = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(scene.lines("log").is_empty(), "the other folder is still to come");
        let tls = scene.renew("tls");
        drop(lock);
        tls
    };
    let (ran, tls) = tokio::join!(scene.run(&hooks), installs);
    ran.unwrap();
    assert_eq!(scene.lines("log"), [format!("{sign} {tls}")]);
}

#[tokio::test]
async fn a_member_waits_until_the_one_before_has_settled() {
    let scene = Scene::new();
    let of = |gateway: Option<&str>, folder: &str| Watched {
        gateway: gateway.map(str::to_owned),
        tls: Some(scene.path(folder)),
        ..Watched::default()
    };
    let plan = |settle| HookPlan { touched: vec![scene.path("touched")], settle, ..plan(&[]) };
    for (settle, waits) in [(Duration::from_secs(3600), true), (Duration::ZERO, false)] {
        let hooks = Hooks::new(plan(settle));
        let (now, member) = (|| scene.now(), of(Some("gw"), "tls"));
        hooks.adopt(&member, &Disk::real()).unwrap();
        assert_eq!(hooks.settles(&of(Some("gw"), "other")), None, "no hook has run");
        scene.renew("tls");
        hooks.run(&member, None, &Environment::new(&Disk::real(), &now), &pause).await.unwrap();
        assert_eq!(hooks.settles(&of(Some("gw"), "other")).is_some(), waits);
        assert_eq!(hooks.settles(&member), None, "it is the same member");
        for gateway in [None, Some("gw2")] {
            assert_eq!(hooks.settles(&of(gateway, "other")), None);
        }
    }
}
