//! Kills of the binary at random times: also inside a system call, in the handshake, and while it waits for the CA.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fabcert::enroll::Action;
use fabcert::internals::{Disk, Placement};

use super::{Before, Ca, Run, assert_tidy, beginning, pairs};
use crate::enroll::faults::now;
use crate::enroll::scene::{NAMES, text};
use crate::install::world::scratch;

/// Numbers from a seed, so that a run can be repeated: Steele and others, "Fast splittable pseudorandom number
/// generators" (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn binary(run: &Run) -> Command {
    let (anchor, msp, tls) = (text(&run.dir.join("anchor.pem")), text(&run.msp()), text(&run.tls()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fabcert"));
    command.args(["enroll", "--force", "--quiet", "--url", &run.url, "--id", &run.id, "--role", "peer"]);
    command.args(["--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls, "--san", &NAMES.join(",")]);
    command.env_clear().env("FABCERT_SECRET", "peerpw").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// `FABCERT_TEST_SEED` repeats the delays of another run.
#[test]
fn the_binary_killed_at_random_leaves_pairs() {
    let ca = Ca::start();
    ca.set_clock(now());
    ca.add("org1-peer1", -1);
    let dir = scratch();
    beginning(&ca, dir.path(), Placement::Plain, Before::Nothing);
    let run = ca.run(dir.path(), "org1-peer1");
    assert!(binary(&run).status().unwrap().success());
    // The shortest of several, so that a busy moment does not move the kills behind the end.
    let timed = || {
        let started = Instant::now();
        assert!(binary(&run).status().unwrap().success());
        started.elapsed()
    };
    let took = (0..5).map(|_| timed()).min().unwrap();
    // After a kill, a run also recognises the secret of the try that is open, by a slow hash.
    let longest = 2 * took;
    let seed = std::env::var("FABCERT_TEST_SEED").map_or_else(|_| now().unix().unsigned_abs(), |s| s.parse().unwrap());
    println!("FABCERT_TEST_SEED={seed}; a run takes {took:?}");
    let (mut numbers, mut killed, mut switched) = (Numbers(seed), 0, [0, 0]);
    let mut before = pairs(&run, "at first");
    for n in 0..40 {
        let delay = Duration::from_nanos(numbers.next() % u64::try_from(longest.as_nanos()).unwrap());
        let case = format!("run {n}, killed after {delay:?}");
        let mut child = binary(&run).spawn().unwrap();
        std::thread::sleep(delay);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(9) || status.success(), "{case}: {status}");
        killed += u32::from(status.signal().is_some());
        let after = pairs(&run, &case);
        for i in 0..2 {
            assert!(after[i].is_some(), "{case}: the folder is missing");
            switched[i] += u32::from(after[i] != before[i]);
        }
        before = after;
    }
    println!(
        "{killed} of 40 killed; the MSP folder was new after {}, the TLS folder after {}",
        switched[0], switched[1]
    );
    assert!(killed >= 10, "too few runs were killed");
    assert!(binary(&run).status().unwrap().success());
    let last = pairs(&run, "the last run");
    assert!(last.iter().all(Option::is_some));
    assert_tidy(&run, "the last run");
    assert_eq!(run.enroll(&Disk::real()).unwrap().action, Action::Unchanged);
}
