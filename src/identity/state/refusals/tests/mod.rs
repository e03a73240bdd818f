//! What is counted, and for whom.

mod damage;

use super::{LIMIT, Next, Refusals, Subject, Success};
use crate::ca::{CaError, CaUrl, Operation};
use crate::disk::{Disk, FaultAction, Op, Step, When};
use crate::install::{Place, Placement};
use crate::{Secret, Timestamp};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds)
}

fn subject(url: &str, ca_name: Option<&str>, id: &str) -> Subject {
    Subject::new(&CaUrl::parse(url).unwrap().0, ca_name, id)
}

fn peer() -> Subject {
    subject("https://ca", None, "org1-peer1")
}

/// A try that cannot be noted in every folder is not sent, and counts in none.
#[test]
fn a_try_that_cannot_be_noted_is_not_counted() {
    const ENOSPC: i32 = 28;
    for when in [When::Before, When::After] {
        let folder = Folder::new();
        let (msp, tls) = (folder.place("msp"), folder.place("tls"));
        let places = [&msp, &tls];
        let failed = std::sync::atomic::AtomicBool::new(false);
        let disk = Disk::with_faults(std::sync::Arc::new(move |step: &Step<'_>| {
            let is_of_tls = step.path.to_string_lossy().contains(".tls.fabcert/refusal.json");
            let is_hit = is_of_tls && step.op == Op::Write && step.when == when;
            if is_hit && !failed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                FaultAction::Fail(ENOSPC)
            } else {
                FaultAction::Continue
            }
        }));
        let mut refusals = folder.read(&places, peer(), "pw");
        assert_eq!(refusals.begin(&Secret::new("pw"), &disk, at(0)).unwrap_err().exit_code(), 5);
        for place in places {
            assert!(folder.read(&[place], peer(), "pw").is_empty(), "{when:?}");
        }
    }
}

/// A folder for state files.
struct Folder {
    dir: tempfile::TempDir,
    disk: Disk,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), disk: Disk::real() }
    }

    fn place(&self, name: &str) -> Place {
        Place::with_layout(&self.dir.path().join(name), Placement::Plain)
    }

    fn read<'a>(&self, places: &'a [&'a Place], subject: Subject, secret: &str) -> Refusals<'a> {
        Refusals::read(places, subject, "https://ca:7054".to_owned(), &Secret::new(secret), &self.disk).unwrap()
    }

    /// The CA issues for `subject`; `answered` is its name.
    fn succeed(&self, places: &[&Place], subject: &Subject, answered: &str) {
        super::clear(places, subject, answered, Success::Now, &self.disk).unwrap();
    }

    /// Sends one request that is lost, if it may be sent.
    fn lose(&self, places: &[&Place], subject: &Subject, secret: &str, now: Timestamp) -> Next {
        let mut refusals = self.read(places, subject.clone(), secret);
        let next = refusals.next(now);
        if next == Next::Now {
            refusals.begin(&Secret::new(secret), &self.disk, now).unwrap();
            refusals.settle(&lost(), &Secret::new(secret), &self.disk, now).unwrap();
        }
        next
    }
}

fn lost() -> CaError {
    CaError::Lost { address: "ca:7054".to_owned(), operation: Operation::Enroll, reason: "reset".to_owned() }
}

#[test]
fn one_secret_is_tried_five_times_with_growing_pauses() {
    let (folder, mut seconds) = (Folder::new(), 0);
    let place = folder.place("msp");
    for pause in [10, 60, 600, 3600] {
        assert_eq!(folder.lose(&[&place], &peer(), "wrong", at(seconds)), Next::Now);
        let early = folder.lose(&[&place], &peer(), "wrong", at(seconds + pause - 1));
        assert_eq!(early, Next::At(at(seconds + pause)));
        seconds += pause;
    }
    assert_eq!(folder.lose(&[&place], &peer(), "wrong", at(seconds)), Next::Now);
    assert_eq!(folder.lose(&[&place], &peer(), "wrong", at(1_000_000_000)), Next::SecretUsedUp);
    assert_eq!(folder.read(&[&place], peer(), "another").next(at(seconds)), Next::Now);
}

#[test]
fn every_secret_counts_towards_the_limit() {
    let folder = Folder::new();
    let place = folder.place("msp");
    for n in 0..LIMIT {
        assert_eq!(folder.lose(&[&place], &peer(), &format!("wrong {n}"), at(0)), Next::Now);
    }
    assert_eq!(folder.lose(&[&place], &peer(), "one more", at(1_000_000_000)), Next::Full);
}

#[test]
fn a_try_is_counted_before_it_is_sent() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let mut killed = folder.read(&places, peer(), "right");
    killed.begin(&Secret::new("right"), &folder.disk, at(0)).unwrap();
    drop(killed);
    // Its secret is not known, so the pause is for every secret.
    for secret in ["right", "another"] {
        let after = folder.read(&places, peer(), secret);
        assert_eq!((after.next(at(1)), after.last_is_open()), (Next::At(at(10)), true));
    }
}

#[test]
fn a_request_that_never_reached_the_ca_is_not_counted() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let mut refusals = folder.read(&places, peer(), "right");
    refusals.begin(&Secret::new("right"), &folder.disk, at(0)).unwrap();
    let error = CaError::Connect { address: "ca:7054".to_owned(), reason: "refused".to_owned() };
    refusals.settle(&error, &Secret::new("right"), &folder.disk, at(0)).unwrap();
    assert!(refusals.is_empty() && folder.read(&places, peer(), "right").is_empty());
    assert!(place.read_state_file(&folder.disk, super::FILE).unwrap().is_none());
}

#[test]
fn identities_and_cas_are_counted_apart_in_one_file() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let others = [
        subject("https://ca", None, "org1-peer2"),
        subject("https://ca2", None, "org1-peer1"),
        subject("https://ca:7055", None, "org1-peer1"),
        subject("https://ca/ca/org2", None, "org1-peer1"),
    ];
    for n in 0..LIMIT {
        folder.lose(&[&place], &peer(), &format!("wrong {n}"), at(0));
    }
    for other in &others {
        assert_eq!(folder.lose(&[&place], other, "wrong", at(0)), Next::Now, "{other:?}");
        assert_eq!(folder.lose(&[&place], other, "wrong", at(0)), Next::At(at(10)), "{other:?}");
    }
    let places = [&place];
    folder.succeed(&places, &others[0], "");
    assert!(folder.read(&places, others[0].clone(), "right").is_empty());
    assert_eq!(folder.read(&places, peer(), "right").next(at(0)), Next::Full, "a success of another identity");
    assert!(!folder.read(&places, others[1].clone(), "right").is_empty());
}

/// The default CA is one of the named ones, and which one is not known before the request.
#[test]
fn the_default_ca_is_counted_with_every_named_one() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let named = |name| subject("https://ca/api/v1", Some(name), "ORG1-peer1");
    for n in 0..LIMIT {
        let who = if n % 2 == 0 { peer() } else { named("org1-ca") };
        assert_eq!(folder.lose(&places, &who, &format!("wrong {n}"), at(0)), Next::Now);
    }
    for who in [peer(), named("org1-ca")] {
        assert_eq!(folder.read(&places, who, "new").next(at(0)), Next::Full);
    }
    assert_eq!(folder.read(&places, named("ca2"), "new").next(at(0)), Next::Now, "another CA; half of the tries");
    folder.succeed(&places, &named("org1-ca"), "org1-ca");
    // At org1-ca the count is zero now. Whether it is the default CA is not known: there half of the tries count on.
    assert!(folder.read(&places, named("org1-ca"), "new").is_empty());
    assert_eq!(folder.read(&places, peer(), "new").history().len(), LIMIT / 2);
    folder.succeed(&places, &peer(), "org1-ca");
    assert!(folder.read(&places, peer(), "new").is_empty());
}

/// What counted before a success does not count after it, under whichever spelling it was sent.
#[test]
fn a_success_clears_everything_that_counted() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let spelt = |id| subject("https://ca", None, id);
    for n in 0..LIMIT {
        folder.lose(&places, &spelt("ORG1-PEER1"), &format!("wrong {n}"), at(0));
    }
    assert_eq!(folder.read(&places, peer(), "right").next(at(0)), Next::Full);
    folder.succeed(&places, &peer(), "org1-ca");
    assert_eq!(folder.read(&places, peer(), "right").next(at(0)), Next::Now);
    assert_eq!(
        folder.read(&places, spelt("ORG1-PEER1"), "right").next(at(0)),
        Next::Full,
        "it may be another identity"
    );
}

#[test]
fn a_success_of_an_earlier_time_clears_the_tries_before_it() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    for (n, seconds) in [0, 100, 200].into_iter().enumerate() {
        assert_eq!(folder.lose(&places, &peer(), &format!("wrong {n}"), at(seconds)), Next::Now);
    }
    // Issued in the second request, whose answer was lost; the time of a try is that of its answer.
    let left = |success: Success| {
        super::clear(&places, &peer(), "", success, &folder.disk).unwrap();
        folder.read(&places, peer(), "right").history().len()
    };
    assert_eq!(left(Success::IssuedAt(at(-1))), 2);
    assert_eq!(left(Success::ReceivedAt(at(99))), 2);
    assert_eq!(left(Success::IssuedAt(at(98))), 1);
    assert_eq!(left(Success::IssuedAt(at(201))), 0);
}

#[test]
fn folders_beside_each_other_count_together_in_runs_of_their_own() {
    let folder = Folder::new();
    let (msp, tls, mounted) = (folder.place("msp"), folder.place("tls"), folder.dir.path().join("mounted"));
    folder.disk.create_dirs(&mounted).unwrap();
    let mounted = Place::with_layout(&mounted, Placement::Mounted);
    let all = [&msp, &tls, &mounted];
    for n in 0..LIMIT {
        assert_eq!(folder.lose(&[all[n % 3]], &peer(), &format!("wrong {n}"), at(0)), Next::Now);
    }
    for place in all {
        assert_eq!(folder.read(&[place], peer(), "right").next(at(0)), Next::Full);
    }
    assert!(folder.read(&[&folder.place("below/msp")], peer(), "right").is_empty());
    folder.succeed(&[&tls], &peer(), "");
    for place in all {
        assert!(folder.read(&[place], peer(), "right").is_empty());
    }
    for place in all {
        folder.succeed(&[place], &peer(), "");
    }
    folder.succeed(&[&tls], &peer(), "");
    for place in all {
        assert!(!place.state_dir().join(super::FILE).exists(), "{place:?}");
    }
    // A file that cannot be read is about this identity only in the run's own folders.
    msp.write_state_file(&folder.disk, super::FILE, b"{", 0o600).unwrap();
    assert_eq!(folder.read(&[&msp], peer(), "right").next(at(0)), Next::Full);
    assert!(folder.read(&[&tls], peer(), "right").is_empty());
}

/// The state folders of other identities, and of the same identity in other runs.
#[test]
fn a_run_changes_nothing_in_the_state_folders_beside_its_own() {
    let folder = Folder::new();
    let (p1, p2, p3) = (folder.place("p1"), folder.place("p2"), folder.place("p3"));
    let named = |id| subject("https://ca", None, id);
    folder.lose(&[&p1], &named("p1"), "wrong", at(0));
    folder.lose(&[&p1], &named("p2"), "wrong", at(0));
    let mode = |place: &Place| folder.disk.metadata(&place.state_dir()).unwrap().unwrap().mode & 0o7777;
    let content = || p1.read_state_file(&folder.disk, super::FILE).unwrap();
    let (before, entries) = (content(), folder.disk.read_dir(&p1.state_dir()).unwrap());
    let group = Some(rustix::process::getegid().as_raw());
    let grouped = p2.clone().for_group(group);
    assert_eq!(folder.lose(&[&grouped], &named("p2"), "right", at(20)), Next::Now);
    let own = p2.for_group(group).read_state_file(&folder.disk, super::FILE).unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&own).contains("\"p1\""), "tries of another identity");
    folder.succeed(&[&grouped], &named("p2"), "");
    assert!(folder.read(&[&grouped], named("p2"), "right").is_empty());
    assert_eq!((content(), mode(&p1)), (before, 0o700));
    assert_eq!(folder.disk.read_dir(&p1.state_dir()).unwrap(), entries);
    // A damaged file is about its own folder only, also after a success beside it.
    p1.write_state_file(&folder.disk, super::FILE, b"{", 0o600).unwrap();
    folder.succeed(&[&grouped], &named("p2"), "");
    assert!(folder.read(&[&p3], named("p3"), "right").is_empty());
    // Also one that a run in that folder has noted as lost.
    let forced = &[&p1];
    folder.read(forced, named("p1"), "new").begin(&Secret::new("new"), &folder.disk, at(30)).unwrap();
    assert_eq!(folder.read(forced, named("p1"), "new").next(at(1_000_000)), Next::Full);
    assert!(folder.read(&[&p3], named("p3"), "right").is_empty());
    assert_eq!(folder.lose(&[&p3], &named("p3"), "right", at(40)), Next::Now);
    assert!(folder.read(&[&p3], named("p1"), "x").stop(at(1_000_000)).is_none(), "no loss is copied");
}

#[test]
fn a_success_at_the_default_ca_clears_the_tries_under_its_name() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let named = subject("https://ca", Some("org1-ca"), "org1-peer1");
    folder.lose(&places, &named, "wrong", at(0));
    folder.succeed(&places, &peer(), "org1-ca");
    assert!(folder.read(&places, named, "wrong").is_empty());
}

#[test]
fn folders_that_were_used_apart_are_counted_together() {
    let folder = Folder::new();
    let (msp, tls) = (folder.place("msp"), folder.place("tls"));
    for n in 0..LIMIT {
        let place = if n % 2 == 0 { &msp } else { &tls };
        assert_eq!(folder.lose(&[place], &peer(), &format!("wrong {n}"), at(0)), Next::Now);
    }
    assert_eq!(folder.read(&[&msp, &tls], peer(), "new").next(at(0)), Next::Full);
    // A try that both remember is one try.
    let (msp, tls) = (folder.place("a/msp"), folder.place("a/tls"));
    folder.lose(&[&msp, &tls], &peer(), "wrong", at(0));
    assert_eq!(folder.read(&[&msp, &tls], peer(), "new").history().len(), 1);
}

#[test]
fn force_is_remembered_and_clears_nothing() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    for n in 0..60 {
        let secret = Secret::new(format!("wrong {}", n % 2));
        let mut refusals = folder.read(&places, peer(), secret.expose());
        refusals.begin(&secret, &folder.disk, at(n)).unwrap();
        refusals.settle(&lost(), &secret, &folder.disk, at(n)).unwrap();
        let tries = usize::try_from(n).unwrap() + 1;
        assert_eq!(refusals.history().len(), tries.min(4 * LIMIT));
        assert_eq!(refusals.next(at(1_000_000)) == Next::Full, tries >= LIMIT);
    }
}

#[test]
fn a_stop_names_tries_time_and_causes() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let places = [&place];
    let wrong = Secret::new("wrong");
    let mut refusals = folder.read(&places, peer(), "wrong");
    refusals.begin(&wrong, &folder.disk, at(0)).unwrap();
    let refused =
        CaError::TooLarge { address: "ca:7054".to_owned(), operation: Operation::Enroll, http_status: 401, limit: 1 };
    refusals.settle(&refused, &wrong, &folder.disk, at(0)).unwrap();
    let error = folder.read(&places, peer(), "wrong").stop(at(1)).unwrap();
    assert_eq!(error.exit_code(), 7);
    let text = format!("{error} {}", error.help().unwrap());
    let (when, next) = (at(0).to_string(), at(10).to_string());
    for part in [
        when.as_str(),
        &next,
        "no secret was sent for \"org1-peer1\"",
        "HTTP 401",
        "not registered yet",
        "used-up enrolments",
        "database",
        "--force",
        "refusal.json",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("wrong 0"));
}
