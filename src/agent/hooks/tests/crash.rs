//! A crash at every step between the swap of a certificate and the end of its hooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Scene, plan};
use crate::agent::hooks::process::tests::until_ended;
use crate::agent::hooks::{HookPlan, Hooks};
use crate::disk::{Disk, FaultAction};

/// A disk on which everything fails from the step with this number on, as for a process that is not there any more.
fn crashing(at: usize) -> (Disk, Arc<AtomicUsize>) {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    let disk = Disk::with_faults(Arc::new(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) >= at { FaultAction::Fail(5) } else { FaultAction::Continue }
    }));
    (disk, steps)
}

/// Two hooks; each notes the certificate of its run.
fn hooks(scene: &Scene) -> Hooks {
    let noting = |file: &str| scene.shell(&format!("echo $FABCERT_TLS_FINGERPRINT >> {file}"));
    Hooks::new(HookPlan { touched: vec![scene.path("touched")], ..plan(&[noting("first"), noting("second")]) })
}

/// Asserts that the hooks ran for each certificate, in order, once or as often as they may have been interrupted.
fn check(scene: &Scene, expected: &[String], interrupted: usize, case: &str) {
    for file in ["first", "second"] {
        let ran = scene.lines(file);
        let repeated = ran.len().saturating_sub(expected.len());
        let mut once = ran;
        once.dedup();
        assert_eq!(once, expected, "{case}: {file}");
        assert!(repeated <= interrupted, "{case}: {file} was repeated {repeated} times after {interrupted} crashes");
    }
}

#[tokio::test]
async fn a_crash_at_any_step_on_the_disk_repeats_at_most_one_hook() {
    let mut crashes = 0;
    for at in 0.. {
        let scene = Scene::new();
        hooks(&scene).adopt(&scene.watched(), &Disk::real()).unwrap();
        let fingerprint = scene.renew("tls");
        let (disk, steps) = crashing(at);
        let has_failed = scene.run_on(&hooks(&scene), &disk).await.is_err();
        let restarted = hooks(&scene);
        restarted.adopt(&scene.watched(), &Disk::real()).unwrap();
        scene.run(&restarted).await.unwrap();
        let counts = [scene.lines("first").len(), scene.lines("second").len()];
        assert!(counts.iter().sum::<usize>() <= 3, "step {at}: {counts:?}");
        check(&scene, &[fingerprint], 1, &format!("step {at}"));
        assert!(!scene.is_pending(&hooks(&scene)));
        crashes += usize::from(has_failed);
        if steps.load(Ordering::Relaxed) <= at {
            assert!(!has_failed, "nothing failed");
            break;
        }
    }
    assert!(crashes > 20, "only {crashes} steps were seen");
}

/// A small generator (xorshift), so that each seed is a case that can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Restarts until nothing is pending, with a crash at a random step or a random time in each but the last run.
async fn converge(scene: &Scene, random: &mut Random, crashes: u64) -> usize {
    for _ in 0..crashes {
        let restarted = hooks(scene);
        restarted.adopt(&scene.watched(), &Disk::real()).unwrap();
        if random.below(2) == 0 {
            let (disk, _) = crashing(usize::try_from(random.below(40)).unwrap());
            let _ = scene.run_on(&restarted, &disk).await;
        } else {
            let time = Duration::from_micros(random.below(12_000));
            let _ = tokio::time::timeout(time, scene.run(&restarted)).await;
            // The process that was ended at the crash may write its last line.
            drop(restarted);
            until_ended().await;
        }
    }
    scene.run(&hooks(scene)).await.unwrap();
    usize::try_from(crashes).unwrap()
}

#[tokio::test]
async fn over_200_seeds_each_certificate_has_its_hooks_in_order() {
    for seed in 1..=200 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let scene = Scene::new();
        hooks(&scene).adopt(&scene.watched(), &Disk::real()).unwrap();
        let (mut expected, mut crashes) = (Vec::new(), 0);
        for _ in 0..2 {
            expected.push(scene.renew("tls"));
            let count = random.below(3);
            crashes += converge(&scene, &mut random, count).await;
            assert!(!scene.is_pending(&hooks(&scene)), "seed {seed}");
        }
        check(&scene, &expected, crashes, &format!("seed {seed}"));
    }
}
