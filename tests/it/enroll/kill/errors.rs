//! Errors of the file system at every step of an enrolment: the run ends with 5, in each folder key and certificate are a
//! pair, no key that the CA certified is lost, and the next run succeeds.

use std::time::Instant;

use fabcert::enroll::Action;
use fabcert::internals::{Disk, FaultAction, Op, Placement, When};
use fabcert::msp::Layout;
use fabcert::pki::key::KeyPair;
use fabcert::pki::x509::Cert;

use super::{Before, Ca, Run, assert_tidy, beginning, copy, pairs, record};
use crate::enroll::faults::now;
use crate::install::world::{EIO, ENOSPC, EROFS, Recorded, View, faulty, scratch, view};

const EACCES: i32 = 13;

/// What fails, and whether all later steps fail too.
const ACTIONS: [(FaultAction, bool); 6] = [
    (FaultAction::Fail(EIO), false),
    (FaultAction::Fail(ENOSPC), true),
    (FaultAction::Fail(EROFS), true),
    (FaultAction::Fail(EACCES), false),
    (FaultAction::Partial, true),
    (FaultAction::Fail(EIO), true),
];

/// Every key that the CA certified in this run is in a folder or waits for its certificate.
fn assert_no_certified_key_is_lost(ca: &Ca, run: &Run, before: usize, case: &str) {
    let mut kept = Vec::new();
    for folder in run.folders() {
        let state = fabcert::internals::Place::of(&Disk::real(), &folder).unwrap().state_dir();
        if let Ok(pending) = std::fs::read(state.join("pending.json")) {
            let pending: serde_json::Value = serde_json::from_slice(&pending).expect(case);
            kept.push(KeyPair::from_pem(pending["key_pem"].as_str().unwrap().as_bytes()).expect(case).spki_der());
        }
    }
    let keystore = std::fs::read_dir(run.msp().join("keystore")).into_iter().flatten().map(|e| e.unwrap().path());
    for file in keystore.chain([run.tls().join("server.key")]) {
        kept.extend(std::fs::read(file).ok().map(|pem| KeyPair::from_pem(&pem).expect(case).spki_der()));
    }
    for pem in ca.running.issued(&run.id).iter().skip(before) {
        let cert = Cert::all_from_pem(pem.as_bytes()).unwrap().remove(0);
        assert!(kept.iter().any(|key| key == cert.spki_der()), "{case}: a certified key is lost");
    }
}

/// Lets each step fail, with one action at a step and the next one at the next, so that steps of each kind meet all.
fn fail_everywhere(files: Layout, layout: Placement, before: Before) {
    let ca = Ca::with_files(files);
    ca.add("org1-peer1", -1);
    let template = scratch();
    beginning(&ca, template.path(), layout, before);
    ca.set_clock(now());
    let steps = record(&ca, template.path(), "org1-peer1");
    let (started, mut failed, mut went_on) = (Instant::now(), 0, 0);
    for (at, (op, path, when)) in steps.iter().enumerate() {
        let (action, for_good) = ACTIONS[at % ACTIONS.len()];
        let case = format!(
            "{files} {layout:?} {before:?}: {action:?} (for good: {for_good}) at {at} of {}: {when:?} {op:?} {}",
            steps.len(),
            path.display()
        );
        let dir = scratch();
        copy(template.path(), dir.path());
        let run = ca.run(dir.path(), "org1-peer1");
        let look = || -> [View; 2] { run.folders().map(|folder| view(&folder)) };
        let (old, old_pairs) = (look(), pairs(&run, &case));
        let issued = ca.running.issued(&run.id).len();
        let asked = || ca.running.requests().iter().filter(|r| r.target.contains("enroll")).count();
        let asked_before = asked();
        let (disk, _) = faulty(at, action, for_good, true);
        match run.enroll(&disk) {
            Ok(outcome) => {
                went_on += 1;
                assert_eq!(outcome.action, Action::Enrolled, "{case}");
            }
            Err(e) => {
                failed += 1;
                assert_eq!(e.exit_code(), 5, "{case}: {e}");
            }
        }
        if asked() == asked_before && !for_good {
            for folder in run.folders() {
                let state = fabcert::internals::Place::of(&Disk::real(), &folder).unwrap().state_dir();
                assert!(!state.join("refusal.json").exists(), "{case}: nothing was sent, and a try is counted");
            }
        }
        let (seen, seen_pairs) = (look(), pairs(&run, &case));
        assert_no_certified_key_is_lost(&ca, &run, issued, &case);

        run.later().enroll(&Disk::real()).expect(&case);
        let (new, new_pairs) = (look(), pairs(&run, &case));
        for i in 0..2 {
            assert!(new_pairs[i].is_some() && new_pairs[i] != old_pairs[i], "{case}: {new_pairs:?}");
            assert!(seen_pairs[i] == old_pairs[i] || seen_pairs[i] == new_pairs[i], "{case}: {seen_pairs:?}");
            assert!(seen[i] == old[i] || seen[i] == new[i], "{case}: {:?}", seen[i]);
        }
        assert_tidy(&run, &case);
        let end = ca.issued();
        let again = run.enroll(&Disk::real()).expect(&case);
        assert_eq!((again.action, ca.issued()), (Action::Unchanged, end), "{case}");
    }
    assert!(failed > steps.len() / 2, "{failed} of {} runs failed", failed + went_on);
    println!(
        "{files}, {layout:?}, {before:?}: {failed} runs failed and {went_on} went on at {} steps, {:.1} s",
        steps.len(),
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn a_disk_that_fails_in_a_first_enrolment_leaves_pairs_and_keys() {
    fail_everywhere(Layout::FabricCa, Placement::Plain, Before::Nothing);
    fail_everywhere(Layout::Cryptogen, Placement::Plain, Before::Nothing);
}

#[test]
fn a_disk_that_fails_in_a_later_enrolment_leaves_pairs_and_keys() {
    fail_everywhere(Layout::FabricCa, Placement::Plain, Before::Older);
}

#[test]
fn a_disk_that_fails_in_a_first_enrolment_in_mounts_leaves_pairs_and_keys() {
    fail_everywhere(Layout::FabricCa, Placement::Mounted, Before::Nothing);
}

#[test]
fn a_disk_that_fails_in_a_later_enrolment_in_mounts_leaves_pairs_and_keys() {
    fail_everywhere(Layout::FabricCa, Placement::Mounted, Before::Older);
    fail_everywhere(Layout::Cryptogen, Placement::Mounted, Before::Older);
}

/// A certificate that the CA issued and counted is installed although a file of the state cannot be written any more.
#[test]
fn an_issued_certificate_is_installed_although_its_answer_cannot_be_kept() {
    let ca = Ca::with_files(Layout::FabricCa);
    ca.add("org1-peer1", -1);
    let template = scratch();
    beginning(&ca, template.path(), Placement::Plain, Before::Nothing);
    let steps = record(&ca, template.path(), "org1-peer1");
    let of_msp = |name: &str| {
        let path = std::path::Path::new(".msp.fabcert").join(name);
        let is_begun = |step: &Recorded| step.0 == Op::Write && step.1 == path && step.2 == When::Before;
        steps.iter().enumerate().filter(|(_, step)| is_begun(step)).map(|(at, _)| at).collect::<Vec<_>>()
    };
    // The key is written before the request, and the answer after it.
    let [_, answer] = of_msp("pending.json.tmp")[..] else { panic!("{steps:?}") };
    for at in [answer, *of_msp("record.json.tmp").last().unwrap()] {
        let dir = scratch();
        copy(template.path(), dir.path());
        let run = ca.run(dir.path(), "org1-peer1");
        let issued = ca.issued();
        let (disk, _) = faulty(at, FaultAction::Fail(ENOSPC), false, true);
        let outcome = run.enroll(&disk).unwrap_or_else(|e| panic!("{at}: {e}"));
        assert_eq!(outcome.action, Action::Enrolled);
        assert_eq!(ca.issued(), (issued.0 + 1, issued.1 + 1));
        assert!(pairs(&run, "").iter().all(Option::is_some));
        let again = run.enroll(&Disk::real()).unwrap();
        assert_eq!((again.action, ca.issued()), (Action::Unchanged, (issued.0 + 1, issued.1 + 1)));
    }
}
