//! `SIGKILL` anywhere in an enrolment for both folders: in each folder key and certificate are a pair, the next run
//! succeeds, and a kept answer of the CA is not requested again.

mod at_random;
mod errors;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use fabcert::devca::{DevCa, DevCaConfig, Endpoint, IdentitySpec, Running};
use fabcert::enroll::{Action, Outcome};
use fabcert::internals::{
    Disk, Environment, FaultAction, FolderPlan, Lock, Op, Place, Placement, Request, When, enroll, install,
};
use fabcert::msp::Layout;
use fabcert::pki::key::KeyPair;
use fabcert::pki::x509::{Cert, NodeOu};
use fabcert::{Enrolment, Error, Secret, Timestamp};

use super::faults::now;
use super::scene::NAMES;
use crate::install::world::{Recorded, View, child, faulty, scratch, view};

const DAY: i64 = 86_400;
/// The age of the older set: less than a third of its year is left, so that it is due.
const AGE: i64 = 300 * DAY;

/// The parameters of a run.
#[derive(Clone)]
struct Run {
    /// The parent of the two folders and the trust anchor.
    dir: PathBuf,
    url: String,
    id: String,
    now: Timestamp,
    force: bool,
    /// File names in the MSP folder.
    files: Layout,
}

impl Run {
    fn msp(&self) -> PathBuf {
        self.dir.join("msp")
    }

    fn tls(&self) -> PathBuf {
        self.dir.join("tls")
    }

    fn folders(&self) -> [PathBuf; 2] {
        [self.msp(), self.tls()]
    }

    fn request(&self) -> Request {
        let enrolment = Enrolment::new(&self.url, &self.id)
            .unwrap()
            .secret(Secret::new("peerpw"))
            .anchor_file(self.dir.join("anchor.pem"))
            .role(NodeOu::Peer)
            .layout(self.files)
            .msp_dir(self.msp())
            .tls_dir(self.tls());
        let enrolment = NAMES.iter().fold(enrolment, |enrolment, name| enrolment.san(*name));
        if self.force { enrolment.force() } else { enrolment }.request().unwrap()
    }

    fn enroll(&self, disk: &Disk) -> Result<Outcome, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let request = self.request();
        runtime.block_on(enroll(&request, &Environment::new(disk, &|| self.now)))
    }

    /// The same run after the pause that follows a request without an answer.
    pub(super) fn later(&self) -> Self {
        Self { now: self.now.plus(std::time::Duration::from_secs(10)), ..self.clone() }
    }

    /// Runs in a process of its own, which kills itself at the fault point number `step`.
    fn killed_at(&self, step: usize) -> std::process::Output {
        let env = [
            ("FABCERT_TEST_FLOW", self.dir.to_str().unwrap()),
            ("FABCERT_TEST_URL", &self.url),
            ("FABCERT_TEST_ID", &self.id),
            ("FABCERT_TEST_NOW", &self.now.unix().to_string()),
            ("FABCERT_TEST_FILES", &self.files.to_string()),
            ("FABCERT_TEST_FORCE", if self.force { "1" } else { "0" }),
            ("FABCERT_TEST_STEP", &step.to_string()),
        ];
        child("enroll::kill::victim", "exec \"$@\"", &env)
    }
}

/// Not a test by itself: the process to kill.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os("FABCERT_TEST_FLOW") else { return };
    let given = |name: &str| std::env::var(name).unwrap();
    let run = Run {
        dir: dir.into(),
        url: given("FABCERT_TEST_URL"),
        id: given("FABCERT_TEST_ID"),
        now: Timestamp::from_unix(given("FABCERT_TEST_NOW").parse().unwrap()),
        force: given("FABCERT_TEST_FORCE") == "1",
        files: given("FABCERT_TEST_FILES").parse().unwrap(),
    };
    let (disk, _) = faulty(given("FABCERT_TEST_STEP").parse().unwrap(), FaultAction::Kill, false, true);
    run.enroll(&disk).unwrap();
}

/// A dev CA whose clock the test sets.
struct Ca {
    running: Running,
    clock: Arc<AtomicI64>,
    /// File names in the MSP folders of its runs.
    files: Layout,
}

impl Ca {
    fn start() -> Self {
        Self::with_files(Layout::FabricCa)
    }

    fn with_files(files: Layout) -> Self {
        let clock = Arc::new(AtomicI64::new(now().unix() - AGE));
        let hand = Arc::clone(&clock);
        let config = DevCaConfig::new(move || Timestamp::from_unix(hand.load(Ordering::SeqCst)));
        Self { running: DevCa::spawn_thread(config).unwrap(), clock, files }
    }

    fn add(&self, id: &str, limit: i64) {
        self.running.add_identity(&IdentitySpec::new(id, "peerpw", "peer").limited_to(limit)).unwrap();
    }

    fn set_clock(&self, to: Timestamp) {
        self.clock.store(to.unix(), Ordering::SeqCst);
    }

    /// The numbers of certificates issued for a secret and for a token.
    fn issued(&self) -> (usize, usize) {
        let requests = self.running.requests();
        let count = |endpoint| requests.iter().filter(|r| r.endpoint == endpoint && r.status == Some(201)).count();
        (count(Endpoint::Enroll), count(Endpoint::Reenroll))
    }

    fn run(&self, dir: &Path, id: &str) -> Run {
        let now = Timestamp::from_unix(self.clock.load(Ordering::SeqCst));
        let (dir, url, id) = (dir.canonicalize().unwrap(), self.running.url().into(), id.into());
        Run { dir, url, id, now, force: false, files: self.files }
    }
}

/// The state before the run that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Both folders, from a time when both were not due.
    Older,
}

/// The initial folder of every case: its trust anchor, and the state before the run.
fn beginning(ca: &Ca, dir: &Path, layout: Placement, before: Before) {
    std::fs::write(dir.join("anchor.pem"), ca.running.tls_anchor_pem()).unwrap();
    let run = ca.run(dir, "org1-peer1");
    if layout == Placement::Mounted {
        // An empty first generation: from then on the folder counts as one that cannot be moved.
        for folder in run.folders() {
            std::fs::create_dir(&folder).unwrap();
            let lock = Lock::acquire(&Disk::real(), &Place::with_layout(&folder, layout), run.now).unwrap();
            install(&Disk::real(), &lock, &FolderPlan::default(), &|_| Ok(())).unwrap();
        }
    }
    if before == Before::Older {
        // Twice, so that there is a previous set as well.
        for force in [false, true] {
            let outcome = Run { force, ..run.clone() }.enroll(&Disk::real()).unwrap();
            assert_eq!(outcome.action, Action::Enrolled);
        }
    }
    for folder in run.folders() {
        assert!(!folder.exists() || Place::of(&Disk::real(), &folder).unwrap().layout() == layout);
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap().success());
}

/// The serial numbers that a reader finds in the MSP and in the TLS folder; `None` for a missing folder. Panics when a
/// key is missing or belongs to another certificate.
fn pairs(run: &Run, case: &str) -> [Option<String>; 2] {
    let pair = |cert: PathBuf, key: Option<PathBuf>| {
        if !cert.exists() && key.as_ref().is_none_or(|k| !k.exists()) {
            return None;
        }
        let cert = Cert::all_from_pem(&std::fs::read(&cert).expect(case)).expect(case).remove(0);
        let key = KeyPair::from_pem(&std::fs::read(key.expect(case)).expect(case)).expect(case);
        assert_eq!(cert.spki_der(), key.spki_der(), "{case}: certificate and key do not belong together");
        Some(cert.serial_hex())
    };
    let signcert = match run.files {
        Layout::Cryptogen => format!("{}-cert.pem", run.id),
        _ => "cert.pem".to_owned(),
    };
    let keystore = run.msp().join("keystore");
    let mut keys: Vec<PathBuf> =
        std::fs::read_dir(keystore).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    assert!(keys.len() <= 1, "{case}: {keys:?}");
    [
        pair(run.msp().join("signcerts").join(signcert), keys.pop()),
        pair(run.tls().join("server.crt"), Some(run.tls().join("server.key"))),
    ]
}

/// Asserts that a killed run left nothing: no incomplete tree, no unfinished file, no pending key.
fn assert_tidy(run: &Run, case: &str) {
    let names = |dir: &Path| -> BTreeSet<String> {
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    for folder in run.folders() {
        let place = Place::of(&Disk::real(), &folder).unwrap();
        let known = ["lock", "previous", "record.json", "installs.json", "config-yaml.json"];
        let state = names(&place.state_dir());
        assert!(state.iter().all(|n| known.contains(&n.as_str())), "{case}: {state:?}");
        let hidden: Vec<String> = names(&folder).into_iter().filter(|n| n.starts_with('.')).collect();
        let sets = hidden.iter().filter(|n| n.starts_with("..set-")).count();
        match place.layout() {
            Placement::Mounted => assert!(sets <= 2 && hidden.len() == sets + 2, "{case}: {hidden:?}"),
            _ => assert!(hidden.is_empty(), "{case}: {hidden:?}"),
        }
    }
    let beside: Vec<String> = names(&run.dir).into_iter().collect();
    let expected = ["anchor.pem", "msp", "tls", ".msp.fabcert", ".tls.fabcert"];
    assert!(beside.iter().all(|n| expected.contains(&n.as_str())), "{case}: {beside:?}");
}

/// The file with the key before the request and the CA's answer after it, finished or not.
fn keeps_an_answer(path: &Path) -> bool {
    path.file_name().is_some_and(|n| n.to_str().unwrap().starts_with("pending.json"))
}

/// Every fault point of a run that is not killed.
fn record(ca: &Ca, template: &Path, id: &str) -> Vec<Recorded> {
    let dir = scratch();
    copy(template, dir.path());
    let run = ca.run(dir.path(), id);
    let (disk, steps) = faulty(usize::MAX, FaultAction::Continue, false, true);
    run.enroll(&disk).unwrap();
    let steps = steps.lock().unwrap();
    steps.iter().map(|(op, path, when)| (*op, path.strip_prefix(&run.dir).unwrap().to_owned(), *when)).collect()
}

/// Kills a run at every fault point, each time from the same state, and runs again.
fn kill_everywhere(files: Layout, layout: Placement, before: Before) {
    let ca = Ca::with_files(files);
    ca.add("org1-peer1", -1);
    let template = scratch();
    beginning(&ca, template.path(), layout, before);
    ca.set_clock(now());
    let steps = record(&ca, template.path(), "org1-peer1");
    let mut asked_twice = Vec::new();
    let started = Instant::now();
    for (at, (op, path, when)) in steps.iter().enumerate() {
        let case = format!(
            "{files} {layout:?} {before:?} killed at {at} of {}: {when:?} {op:?} {}",
            steps.len(),
            path.display()
        );
        let dir = scratch();
        copy(template.path(), dir.path());
        let run = ca.run(dir.path(), "org1-peer1");
        let look = || -> [View; 2] { run.folders().map(|folder| view(&folder)) };
        let (old, old_pairs, begin) = (look(), pairs(&run, &case), ca.issued());

        let output = run.killed_at(at);
        assert_eq!(output.status.signal(), Some(9), "{case}: {output:?}");
        let (seen, seen_pairs, spent) = (look(), pairs(&run, &case), ca.issued());

        run.later().enroll(&Disk::real()).expect(&case);
        let (new, new_pairs, end) = (look(), pairs(&run, &case), ca.issued());
        for i in 0..2 {
            assert!(new_pairs[i].is_some() && new_pairs[i] != old_pairs[i], "{case}: {new_pairs:?}");
            assert!(seen_pairs[i] == old_pairs[i] || seen_pairs[i] == new_pairs[i], "{case}: {seen_pairs:?}");
            assert!(seen[i] == old[i] || seen[i] == new[i], "{case}: {:?}", seen[i]);
        }
        assert_tidy(&run, &case);

        // One enrolment and one re-enrolment, and one more only if an answer had arrived and was not kept.
        let (by_secret, by_token) = (end.0 - begin.0, end.1 - begin.1);
        if (by_secret, by_token) != (1, 1) {
            assert!(keeps_an_answer(path), "{case}: {by_secret} by secret, {by_token} by token");
            assert_eq!(by_secret + by_token, 3, "{case}");
            assert!(spent != begin, "{case}: asked twice although the killed run had no answer");
            asked_twice.push(at);
        }

        let again = run.enroll(&Disk::real()).expect(&case);
        assert_eq!((again.action, ca.issued()), (Action::Unchanged, end), "{case}");
    }
    println!(
        "{files}, {layout:?}, {before:?}: killed at each of {} fault points, asked again after {asked_twice:?}, {:.1} s",
        steps.len(),
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn a_kill_in_a_first_enrolment_leaves_pairs_and_the_next_run_succeeds() {
    kill_everywhere(Layout::FabricCa, Placement::Plain, Before::Nothing);
}

#[test]
fn a_kill_in_a_later_enrolment_leaves_pairs_and_the_next_run_succeeds() {
    kill_everywhere(Layout::FabricCa, Placement::Plain, Before::Older);
}

#[test]
fn a_kill_in_a_first_enrolment_in_mounts_leaves_pairs_and_the_next_run_succeeds() {
    kill_everywhere(Layout::FabricCa, Placement::Mounted, Before::Nothing);
}

#[test]
fn a_kill_in_a_later_enrolment_in_mounts_leaves_pairs_and_the_next_run_succeeds() {
    kill_everywhere(Layout::FabricCa, Placement::Mounted, Before::Older);
}

#[test]
fn a_kill_in_a_first_enrolment_leaves_pairs_in_the_layout_of_cryptogen() {
    kill_everywhere(Layout::Cryptogen, Placement::Plain, Before::Nothing);
}

#[test]
fn a_kill_in_a_later_enrolment_in_mounts_leaves_pairs_in_the_layout_of_cryptogen() {
    kill_everywhere(Layout::Cryptogen, Placement::Mounted, Before::Older);
}

/// The killed run's request was answered, and the answer was not kept.
fn answer_was_lost(ca: &Ca, run: &Run) -> bool {
    let pending = run.dir.join(".msp.fabcert/pending.json");
    let answer = |bytes: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["answer"].clone();
    ca.running.enrollments("dev-ca", &run.id) == Some(1)
        && !run.msp().exists()
        && std::fs::read(pending).map(answer).is_ok_and(|answer| answer.is_null())
}

/// An identity that may enrol once: only a kill between the CA's answer and its keeping needs the registrar, and the
/// key of the issued certificate is kept then too.
#[test]
fn a_kill_costs_a_single_enrolment_at_most_an_answer_and_never_its_key() {
    let ca = Ca::start();
    let template = scratch();
    beginning(&ca, template.path(), Placement::Plain, Before::Nothing);
    ca.set_clock(now());
    ca.add("recorded", 1);
    let mut lost = Vec::new();
    for (at, (op, path, when)) in record(&ca, template.path(), "recorded").iter().enumerate() {
        let case = format!("killed at {at}: {when:?} {op:?} {}", path.display());
        let dir = scratch();
        copy(template.path(), dir.path());
        let id = format!("peer{at}");
        ca.add(&id, 1);
        let run = ca.run(dir.path(), &id);
        let output = run.killed_at(at);
        assert_eq!(output.status.signal(), Some(9), "{case}: {output:?}");
        if !answer_was_lost(&ca, &run) {
            run.later().enroll(&Disk::real()).expect(&case);
            assert!(pairs(&run, &case).iter().all(Option::is_some), "{case}");
            continue;
        }
        assert!(keeps_an_answer(path), "{case}");
        let refused = run.later().enroll(&Disk::real()).expect_err(&case);
        assert_eq!(refused.exit_code(), 7, "{case}: {refused}");
        assert!(refused.help().is_some_and(|h| h.contains("fabcert install")), "{case}: {:?}", refused.help());
        let kept = std::fs::read(run.dir.join(".msp.fabcert/pending.json")).expect(&case);
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        let key = KeyPair::from_pem(kept["key_pem"].as_str().unwrap().as_bytes()).unwrap();
        let issued = Cert::all_from_pem(ca.running.issued(&id)[0].as_bytes()).unwrap().remove(0);
        assert_eq!(key.spki_der(), issued.spki_der(), "{case}");
        lost.push(at);
    }
    println!("an answer was lost at {lost:?}");
}

/// After a kill between a switch and the cleanup the CA's answer is still in the state folder: it is never installed
/// again.
#[test]
fn an_answer_installed_before_a_kill_is_not_installed_again() {
    let ca = Ca::start();
    ca.add("org1-peer1", -1);
    let template = scratch();
    beginning(&ca, template.path(), Placement::Plain, Before::Older);
    ca.set_clock(now());
    let steps = record(&ca, template.path(), "org1-peer1");
    for folder in ["msp", "tls"] {
        let switched =
            |(op, path, when): &Recorded| *op == Op::Exchange && path.ends_with(folder) && *when == When::After;
        let at = steps.iter().position(switched).unwrap();
        let dir = scratch();
        copy(template.path(), dir.path());
        let run = ca.run(dir.path(), "org1-peer1");
        assert_eq!(run.killed_at(at).status.signal(), Some(9));
        run.enroll(&Disk::real()).unwrap();
        let before = pairs(&run, folder);
        let begin = ca.issued();
        Run { force: true, ..run.clone() }.enroll(&Disk::real()).unwrap();
        let after = pairs(&run, folder);
        assert!(before[0] != after[0] && before[1] != after[1], "{folder}: --force brought the same certificate again");
        assert_eq!(ca.issued(), (begin.0 + 1, begin.1 + 1), "{folder}");
    }
}
