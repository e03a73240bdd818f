//! Months of an agent in simulated time: the real cycle, dates and decisions, with a CA and folders in memory.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock::Clock;
use super::cycle::{Cycle, Site};
use super::decision::{Seen, SeenFolder};
use super::status::{Board, Folder};
use crate::renew::schedule::{GAP, Life, Term, dates};
use crate::{Error, ErrorKind, Timestamp};

const DAY: i64 = 86_400;
/// Seldom, for the speed of the tests: dates and tries wake it.
const LOOK_EVERY: Duration = Duration::from_secs(6 * 3600);
/// The requests for the two certificates of an identity.
const BOTH: usize = 2;

struct Certificate {
    issued_at: Timestamp,
    end: Timestamp,
    spki: Vec<u8>,
}

struct Identity {
    id: String,
    gateway: String,
    certificates: Vec<Certificate>,
    installs: Vec<Timestamp>,
}

/// Gateways of five members, their folders and their CA.
struct World {
    /// The true time, which the CA has.
    time: AtomicI64,
    /// What the system's clock is ahead of it.
    ahead: AtomicI64,
    life: i64,
    is_down: Cell<bool>,
    /// The kind of the error while it is down; an input is that of the command line.
    fault: Cell<ErrorKind>,
    identities: RefCell<Vec<Identity>>,
    /// Their dates, until one of them is renewed.
    dates: RefCell<Vec<Vec<Timestamp>>>,
    /// Time and identity of each renewal.
    renewals: RefCell<Vec<(i64, usize)>>,
    /// Tries that did not reach the CA.
    failed: Cell<usize>,
    /// Questions for the CA's time.
    asked: Cell<usize>,
}

impl World {
    /// Fifty members, whose certificates are issued in the same minute.
    fn new(life_days: i64) -> Self {
        Self::of(50, life_days)
    }

    fn of(members: usize, life_days: i64) -> Self {
        let world = Self {
            time: AtomicI64::new(1_800_000_000),
            ahead: AtomicI64::new(0),
            life: life_days * DAY,
            is_down: Cell::new(false),
            fault: Cell::new(ErrorKind::Unreachable),
            identities: RefCell::default(),
            dates: RefCell::default(),
            renewals: RefCell::default(),
            failed: Cell::new(0),
            asked: Cell::new(0),
        };
        for n in 0..members {
            let (id, gateway) = (format!("peer{n}"), format!("gateway{}", n / 5));
            let mut identity = Identity { id, gateway, certificates: Vec::new(), installs: Vec::new() };
            identity.issue(world.now(), world.now(), world.life);
            world.identities.borrow_mut().push(identity);
        }
        world
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.time.load(Ordering::Relaxed))
    }

    fn system(&self) -> Timestamp {
        Timestamp::from_unix(self.now().unix() + self.ahead.load(Ordering::Relaxed))
    }

    fn sleep(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
    }

    fn requests(&self) -> usize {
        self.renewals.borrow().len() * BOTH
    }

    /// No certificate has expired, and none was renewed after its end.
    fn nothing_has_expired(&self) {
        for identity in self.identities.borrow().iter() {
            assert!(identity.certificates.iter().all(|c| c.end > self.now()), "{} has expired", identity.id);
        }
    }

    /// No two members of a gateway were renewed within the time that two restarts take.
    fn members_took_turns(&self) {
        let renewals = self.renewals.borrow();
        for (at, (time, identity)) in renewals.iter().enumerate() {
            for (other_time, other) in &renewals[at + 1..] {
                let is_apart = other_time - time >= i64::try_from(GAP.as_secs()).unwrap();
                assert!(is_apart || identity / 5 != other / 5, "{identity} at {time}, {other} at {other_time}");
            }
        }
    }
}

impl Identity {
    fn issue(&mut self, at: Timestamp, ca: Timestamp, life: i64) {
        let generation = self.installs.len();
        let certificate = |role: &str| Certificate {
            issued_at: at,
            end: Timestamp::from_unix(ca.unix() + life),
            spki: format!("{}/{role}/{generation}", self.id).into_bytes(),
        };
        self.certificates = vec![certificate("sign"), certificate("tls")];
        self.installs.push(at);
    }
}

impl Site for World {
    fn look(&self, clock: &Clock<'_>) -> Vec<Seen> {
        let now = clock.now();
        let identities = self.identities.borrow();
        let life = |c: &Certificate| (Life { start: Some(c.issued_at), end: c.end }, c.spki.clone());
        let term = |identity: &Identity| Term {
            gateway: Some(identity.gateway.clone()),
            certificates: identity.certificates.iter().map(life).collect(),
        };
        let mut known = self.dates.borrow_mut();
        if known.is_empty() {
            *known = dates(&identities.iter().map(term).collect::<Vec<_>>(), None);
        }
        let see = |(identity, dates): (&Identity, &Vec<Timestamp>)| {
            let folder = |(certificate, due): (&Certificate, &Timestamp)| {
                let due = *due;
                let reason = if now >= certificate.end { Some("expired") } else { (now >= due).then_some("due") };
                SeenFolder {
                    shown: Folder { not_after: Some(certificate.end), due_at: Some(due), ..Folder::default() },
                    reason: reason.map(|word| (word, word.to_owned())),
                    issued_at: Some(certificate.issued_at),
                    installs: identity.installs.clone(),
                }
            };
            Seen {
                key: identity.id.clone().into(),
                id: identity.id.clone(),
                folders: identity.certificates.iter().zip(dates).map(folder).collect(),
                gateway: Some(identity.gateway.clone()),
                is_of_flags: self.fault.get() == ErrorKind::Input,
                ..Seen::default()
            }
        };
        identities.iter().zip(known.iter()).map(see).collect()
    }

    async fn date(&self, _at: usize) -> Option<Timestamp> {
        self.asked.set(self.asked.get() + 1);
        (!self.is_down.get()).then(|| self.now())
    }

    async fn renew(&self, at: usize, _: (&'static str, bool), clock: &Clock<'_>) -> Result<(), Error> {
        // A request takes a second.
        self.sleep(1);
        if self.is_down.get() {
            self.failed.set(self.failed.get() + 1);
            return Err(Error::new(self.fault.get(), "no connection"));
        }
        let mut identities = self.identities.borrow_mut();
        let identity = &mut identities[at];
        let is_valid = |c: &Certificate| c.end > self.now();
        assert!(self.life < DAY || identity.certificates.iter().all(is_valid), "{} had expired", identity.id);
        identity.issue(clock.now(), self.now(), self.life);
        self.dates.borrow_mut().clear();
        self.renewals.borrow_mut().push((self.now().unix(), at));
        Ok(())
    }
}

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(0x9e37_79b9_7f4a_7c15) };
}

/// The same numbers in each run.
fn random() -> f64 {
    let next = RANDOM.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    RANDOM.set(next);
    f64::from(u32::try_from(next >> 32).unwrap()) / 4_294_967_296.0
}

/// An agent, started at the present time of the world.
struct Agent<'a> {
    cycle: Cycle<'a, World>,
    world: &'a World,
}

/// Starts an agent, and ends it after `run`.
fn with_agent(world: &World, run: impl FnOnce(&mut Agent<'_>)) {
    let (time, ahead) = (&world.time, &world.ahead);
    let system = || Timestamp::from_unix(time.load(Ordering::Relaxed) + ahead.load(Ordering::Relaxed));
    let (clock, board) = (Clock::new(&system), Board::new(world.system()));
    let mut cycle = Cycle::new(world, &board, &clock, (LOOK_EVERY, 1));
    cycle.random = random;
    run(&mut Agent { cycle, world });
}

impl Agent<'_> {
    /// One turn; the time of the next by the world's clock.
    fn turn(&mut self, force: bool) -> i64 {
        let turned = std::pin::pin!(self.cycle.turn(force)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(next) = turned else { panic!("the simulation waits for nothing") };
        let next = self.cycle.clock.on_the_system(next.unwrap());
        next.unix() - self.world.ahead.load(Ordering::Relaxed)
    }

    /// Runs for this time: it sleeps until its next turn, as often as it wants.
    fn run_for(&mut self, seconds: i64) {
        let end = self.world.now().unix() + seconds;
        while self.world.now().unix() < end {
            let next = self.turn(false);
            assert!(next > self.world.now().unix(), "it sleeps");
            self.world.time.store(next.min(end), Ordering::Relaxed);
        }
    }

    /// The system's clock is set by this time.
    fn jump(&mut self, seconds: i64) {
        self.world.ahead.fetch_add(seconds, Ordering::Relaxed);
        self.cycle.clock.jumped(seconds);
    }
}

#[test]
fn over_400_days_nothing_expires_and_members_take_turns() {
    for life in [60, 365] {
        let world = World::new(life);
        with_agent(&world, |agent| agent.run_for(400 * DAY));
        world.nothing_has_expired();
        world.members_took_turns();
        let renewals = world.renewals.borrow();
        // Each is renewed after between 0.61 and two thirds of its life.
        let rounds = usize::try_from(400 * 3 / (2 * life)).unwrap();
        assert!((50 * rounds..=50 * (rounds + 2)).contains(&renewals.len()), "{life} days: {}", renewals.len());
        assert_eq!(world.failed.get(), 0);
    }
}

/// The dates of certificates that were issued in one minute are spread over a twentieth of their life. The mean is that of this window;
/// where it is below the requests of one identity, no minute has more than those.
#[test]
fn no_minute_has_more_than_twice_the_mean_number_of_requests() {
    let world = World::new(365);
    with_agent(&world, |agent| agent.run_for(300 * DAY));
    let renewals = world.renewals.borrow();
    assert_eq!(renewals.len(), 50);
    let (first, last) = (renewals[0].0, renewals[49].0);
    let minutes = usize::try_from((last - first) / 60).unwrap();
    assert!(minutes > 10 * 24 * 60, "spread over {minutes} minutes");
    let most = renewals.iter().map(|(at, _)| {
        let in_minute = renewals.iter().filter(|(other, _)| (*at..*at + 60).contains(other));
        in_minute.count() * BOTH
    });
    let allowed = (2 * world.requests()).div_ceil(minutes).max(BOTH);
    assert!(most.max().unwrap() <= allowed, "{allowed}");
}

#[test]
fn a_ca_that_is_down_for_a_week_is_asked_with_growing_pauses_and_then_renews_all() {
    let world = World::of(10, 60);
    with_agent(&world, |agent| {
        agent.run_for(35 * DAY);
        assert_eq!(world.requests(), 0);
        world.is_down.set(true);
        agent.run_for(7 * DAY);
        assert_eq!(world.requests(), 0);
        // With full jitter a pause of at most ten minutes is five in the mean.
        let most = 10 * 7 * 24 * 12 * 5 / 4;
        assert!((10..most).contains(&world.failed.get()), "{} tries", world.failed.get());
        world.is_down.set(false);
        agent.run_for(2 * DAY);
        world.nothing_has_expired();
        world.members_took_turns();
        assert_eq!(world.renewals.borrow().len(), 10, "each once");
        agent.run_for(30 * DAY);
    });
    world.nothing_has_expired();
    world.members_took_turns();
}

/// An error that another command line corrects ends the agent only where the node could not run anyway.
#[test]
fn an_agent_with_valid_certificates_stays_up_in_its_first_turn() {
    let world = World::of(1, 60);
    world.fault.set(ErrorKind::Input);
    world.is_down.set(true);
    world.sleep(45 * DAY);
    with_agent(&world, |agent| agent.run_for(DAY));
    assert!(world.failed.get() > 1, "{}", world.failed.get());
    world.sleep(20 * DAY);
    with_agent(&world, |agent| {
        let turned = std::pin::pin!(agent.cycle.turn(false)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(turned, Poll::Ready(Err(e)) if e.kind() == ErrorKind::Input), "it has expired");
    });
}

#[test]
fn a_clock_that_jumps_causes_no_request() {
    let world = World::new(365);
    with_agent(&world, |agent| {
        for days in [400, -400] {
            for is_down in [false, true] {
                world.is_down.set(is_down);
                agent.run_for(DAY);
                agent.jump(days * DAY);
                agent.run_for(3 * DAY);
                agent.jump(-days * DAY);
                agent.run_for(DAY);
            }
        }
    });
    assert_eq!((world.requests(), world.failed.get()), (0, 0));
    world.nothing_has_expired();
}

/// With the clock of the system 400 days behind, and the CA's for the dates.
#[test]
fn a_clock_that_is_wrong_for_months_lets_nothing_expire() {
    for days in [400, -400] {
        let world = World::new(60);
        with_agent(&world, |agent| {
            agent.run_for(DAY);
            agent.jump(days * DAY);
            agent.run_for(100 * DAY);
        });
        world.nothing_has_expired();
        world.members_took_turns();
        assert!(world.renewals.borrow().len() >= 100, "{days}: {}", world.renewals.borrow().len());
    }
}

#[test]
fn a_clock_that_is_ahead_at_the_start_causes_no_request() {
    let world = World::new(365);
    world.ahead.store(400 * DAY, Ordering::Relaxed);
    with_agent(&world, |agent| agent.run_for(10 * DAY));
    assert_eq!(world.requests(), 0);
    assert!(world.asked.get() <= 1 + 10 * 24, "{}", world.asked.get());
}

#[test]
fn a_suspend_of_30_days_causes_no_storm() {
    let world = World::new(365);
    with_agent(&world, |agent| {
        agent.run_for(220 * DAY);
        assert_eq!(world.requests(), 0);
        // The clock goes on, and nothing jumps.
        world.sleep(30 * DAY);
        agent.run_for(2 * DAY);
        assert_eq!(world.renewals.borrow().len(), 50, "each once");
    });
    world.nothing_has_expired();
    world.members_took_turns();
}

#[test]
fn sighup_and_restarts_send_nothing() {
    let world = World::new(365);
    for _ in 0..50 {
        with_agent(&world, |agent| {
            for _ in 0..2 {
                agent.turn(false);
                world.sleep(7);
            }
        });
    }
    with_agent(&world, |agent| {
        for _ in 0..100 {
            agent.turn(false);
        }
    });
    assert_eq!((world.requests(), world.asked.get()), (0, 0));
}

/// The CA issues for four minutes, which is shorter than a fresh certificate is left alone.
#[test]
fn certificates_that_are_always_due_are_an_error_and_no_loop() {
    let mut world = World::of(5, 1);
    world.life = 240;
    with_agent(&world, |agent| {
        agent.run_for(3 * DAY);
        let is_said = agent.cycle.board.read(|status| {
            let all = status.identities.iter();
            all.filter(|i| i.is_looping && i.failure.as_ref().is_some_and(|f| f.kind == "not-as-asked")).count()
        });
        assert!(is_said > 0);
        // Then the CA fails: this is another fault.
        let issued = world.renewals.borrow().len();
        world.is_down.set(true);
        agent.run_for(DAY / 8);
        assert_eq!(world.renewals.borrow().len(), issued);
        let failures = agent.cycle.board.read(|status| {
            let all = status.identities.iter();
            all.map(|i| (i.is_looping, i.failure.as_ref().unwrap().kind)).collect::<Vec<_>>()
        });
        assert_eq!(failures, [(false, "unreachable"); 5]);
    });
    let renewals = world.renewals.borrow();
    for identity in 0..5 {
        let times: Vec<i64> = renewals.iter().filter(|(_, of)| *of == identity).map(|(at, _)| *at).collect();
        assert!(times.len() > 24, "{}", times.len());
        assert!(times.windows(4).all(|four| four[3] - four[0] >= 3600), "more than 3 an hour");
        assert!(times.windows(2).all(|two| two[1] - two[0] >= 300), "within 5 minutes");
    }
}

#[test]
fn a_forced_turn_renews_all_once_and_three_times_an_hour_at_most() {
    let world = World::new(365);
    world.sleep(2 * 3600);
    with_agent(&world, |agent| {
        for expected in [50, 100, 150, 150, 150] {
            agent.turn(true);
            assert_eq!(world.renewals.borrow().len(), expected);
        }
        world.sleep(3600);
        agent.turn(true);
        assert_eq!(world.renewals.borrow().len(), 200);
    });
}
