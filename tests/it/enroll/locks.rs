//! What would lock an identity at the CA, which no registrar's patience ends: wrong secrets in restart loops, and
//! proxies that hide that the CA was asked.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::command::{Ran, fabcert};
use crate::real::proxy::PathProxy;
use crate::real::transport::TransportCa;
use crate::real::{CaUnderTest, RealCa, Registration};

use super::scene::{Peer, text};

/// The largest number of refused requests.
const LIMIT: usize = 8;

fn html(status: &str) -> Vec<u8> {
    let body = "<html><body>Please log in</body></html>";
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\n");
    format!("{head}Location: https://login.example/\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Each way to try: its id, the secret of each run, and what the proxy answers instead of the CA.
type Way = (&'static str, fn(usize) -> String, Option<Vec<u8>>);

fn ways() -> Vec<Way> {
    let wrong: fn(usize) -> String = |_| "wrong".to_owned();
    let empty = b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec();
    vec![
        ("wrong-secret", wrong, None),
        ("two-in-turn", |n| format!("wrong {}", n % 2), None),
        ("new-each-time", |n| format!("wrong {n}"), None),
        ("html-401", wrong, Some(html("401 Unauthorized"))),
        ("empty-401", wrong, Some(empty)),
        ("html-403", wrong, Some(html("403 Forbidden"))),
        ("html-407", wrong, Some(html("407 Proxy Authentication Required"))),
        ("login-302", wrong, Some(html("302 Found"))),
        ("html-200", wrong, Some(html("200 OK"))),
        ("html-404", wrong, Some(html("404 Not Found"))),
        ("html-502", wrong, Some(html("502 Bad Gateway"))),
        ("html-503", wrong, Some(html("503 Service Unavailable"))),
        ("dropped", wrong, Some(Vec::new())),
        ("dropped-new-each-time", |n| format!("wrong {n}"), Some(Vec::new())),
    ]
}

/// Fourteen restarts and one `--wait 60s` for each way: at most eight requests reach the CA, and the right secret works
/// afterwards at the same address: at once, or with `--force` where the count is full.
pub(super) fn nothing_locks(ca: &dyn CaUnderTest) {
    let ways = ways();
    for (id, ..) in &ways {
        ca.register(&Registration::peer(id, "right"));
    }
    let port = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let (anchor, name) = (ca.tls_anchor().to_path_buf(), ca.ca_name().map(str::to_owned));
    let (anchor, name) = (&anchor, name.as_deref());
    std::thread::scope(|scope| {
        for way in ways {
            scope.spawn(move || try_one_way(way, port, anchor, name));
        }
    });
}

fn try_one_way((id, secret, instead): Way, port: u16, anchor: &Path, ca_name: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    let transport = TransportCa::new(&dir.path().join("transport"));
    let certificate = transport.issue("proxy", &["localhost"]);
    let proxy = PathProxy::answering("", port, anchor, &certificate, instead);
    let msp = text(&dir.path().join("msp"));
    let enroll = |secret: &str, more: &[&str]| {
        let (url, anchor) = (proxy.url(), text(transport.anchor()));
        let mut args = vec!["enroll", "--url", &url, "--id", id, "--tls-ca", &anchor, "--msp-dir", &msp];
        args.extend(["--role", "peer", "--timeout", "10s"]);
        args.extend(ca_name.iter().flat_map(|name| ["--ca-name", name]));
        args.extend(more);
        fabcert(&args, Some(secret))
    };
    let reached = || proxy.seen().iter().filter(|target| target.ends_with("/enroll")).count();
    for n in 0..15 {
        let more: &[&str] = if n == 14 { &["--wait", "60s"] } else { &[] };
        let ran = enroll(&secret(n), more);
        assert!(ran.code == 6 || ran.code == 7, "{id}, run {n}: {ran:?}");
        assert!(!ran.stderr.contains("code 73"), "{id}, run {n}: {ran:?}");
    }
    let tried = reached();
    assert!((1..=LIMIT).contains(&tried), "{id}: {tried}");
    proxy.open();
    if tried == LIMIT {
        let full = enroll("right", &[]);
        assert_eq!((full.code, reached()), (7, LIMIT), "{id}: {full:?}");
        assert!(full.stderr.contains("--force"), "{id}: {full:?}");
    }
    let right = enroll("right", if tried == LIMIT { &["--force"] } else { &[] });
    assert_eq!((right.code, reached()), (0, tried + 1), "{id}: {right:?}");
    assert!(!dir.path().join(".msp.fabcert/refusal.json").exists(), "{id}: a success clears the memory");
}

#[test]
fn no_secret_and_no_proxy_lock_an_identity() {
    let Some(ca) = RealCa::builder().start() else { return };
    nothing_locks(&ca);
}

/// Enrols with `--wait`; returns the run and the time that it took.
fn waits(ca: &dyn CaUnderTest, dir: &Path, id: &str) -> (Ran, Duration) {
    let (url, anchor, msp) = (ca.url(), text(ca.tls_anchor()), text(&dir.join("msp")));
    let mut args = vec!["enroll", "--url", &url, "--id", id, "--tls-ca", &anchor, "--msp-dir", &msp];
    args.extend(["--role", "peer", "--wait", "60s"]);
    args.extend(ca.ca_name().iter().flat_map(|name| ["--ca-name", name]));
    let begun = Instant::now();
    (fabcert(&args, Some("right")), begun.elapsed())
}

/// Waits until the CA has refused one enrolment more than `before`.
fn refused_once(ca: &dyn CaUnderTest, before: usize) {
    let begun = Instant::now();
    while ca.count_status("enroll", 401) == before {
        assert!(begun.elapsed() < Duration::from_secs(60), "no refusal");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The identity is registered three seconds after the first try: code 20 is not "wrong secret".
pub(super) fn registered_late(ca: &(dyn CaUnderTest + Sync)) {
    // The registrar's own enrolment comes first.
    ca.register(&Registration::peer("somebody-else", "right"));
    let before = ca.count_status("enroll", 401);
    let dir = tempfile::tempdir().unwrap();
    let (ran, took) = std::thread::scope(|scope| {
        let run = scope.spawn(|| waits(ca, dir.path(), "late"));
        refused_once(ca, before);
        std::thread::sleep(Duration::from_secs(3));
        ca.register(&Registration::peer("late", "right"));
        run.join().unwrap()
    });
    assert_eq!((ran.code, ca.count_status("enroll", 401) - before), (0, 1), "{ran:?}");
    // The tries are recorded in whole seconds, so the pause of ten can end up to one second early.
    assert!((9..60).contains(&took.as_secs()), "{took:?}");
    let warnings = ran.stderr.lines().filter(|line| line.contains("waiting until")).count();
    assert_eq!(warnings, 1, "{ran:?}");
    assert!(!dir.path().join(".msp.fabcert/refusal.json").exists());
}

#[test]
fn an_identity_registered_late_enrols_within_wait() {
    let Some(ca) = RealCa::builder().start() else { return };
    registered_late(&ca);
}

/// The real server answers code 20 while its database is locked.
#[test]
fn a_locked_database_is_waited_for() {
    let Some(ca) = RealCa::builder().start() else { return };
    ca.register(&Registration::peer("org1-peer1", "right"));
    let (dir, database) = (tempfile::tempdir().unwrap(), ca.database());
    let (ran, _) = std::thread::scope(|scope| {
        // SQLite's own locks are of this kind; this one covers the whole file.
        let file = File::options().read(true).write(true).open(&database).unwrap();
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let run = scope.spawn(|| waits(&ca, dir.path(), "org1-peer1"));
        std::thread::sleep(Duration::from_secs(8));
        refused_once(&ca, 0);
        drop(file);
        run.join().unwrap()
    });
    assert_eq!((ran.code, ca.count_status("enroll", 401)), (0, 1), "{ran:?}");
}

/// `--force` sends the secret once, also in a run that waits.
#[cfg(feature = "dev-ca")]
#[test]
fn force_sends_a_refused_secret_once_within_wait() {
    let ca = super::on_the_dev_ca::DevCaUnderTest::start(|_| {}, None);
    let peer = Peer::register(&ca, "peerpw", None);
    for refused in 1..=3 {
        let ran = peer.enroll("wrong", &["--force", "--wait", "3s"]);
        assert_eq!((ran.code, ca.count("enroll")), (7, refused), "{ran:?}");
    }
}

/// The answer to the first request was lost, and the registrar carries the certificate here: the CA counts from zero again.
#[cfg(feature = "dev-ca")]
#[test]
fn an_installed_answer_clears_the_tries_before_it() {
    installed_after_a_lost_answer(0o600);
}

/// The certificate is installed, whether the memory can be written or not.
#[cfg(feature = "dev-ca")]
#[test]
fn an_answer_is_installed_beside_a_memory_that_cannot_be_used() {
    installed_after_a_lost_answer(0o660);
}

/// The memory has the mode `mode` when the answer is installed.
#[cfg(feature = "dev-ca")]
fn installed_after_a_lost_answer(mode: u32) {
    use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec};

    let peer = IdentitySpec::new("peer1", "right", "peer");
    let ca = DevCa::spawn_thread(DevCaConfig::new(super::faults::now).with_identity(peer)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: &str| {
        std::fs::write(dir.path().join(name), pem).unwrap();
        text(&dir.path().join(name))
    };
    write("ca.pem", &ca.tls_anchor_pem());
    let transport = TransportCa::new(&dir.path().join("transport"));
    let certificate = transport.issue("proxy", &["localhost"]);
    let port = ca.url().rsplit(':').next().unwrap().parse().unwrap();
    let proxy = PathProxy::answering("", port, &dir.path().join("ca.pem"), &certificate, Some(Vec::new()));
    let (url, anchor, msp) = (proxy.url(), text(transport.anchor()), text(&dir.path().join("msp")));
    let args = ["enroll", "--url", &url, "--id", "peer1", "--tls-ca", &anchor, "--msp-dir", &msp];
    let lost = fabcert(&args, Some("right"));
    let memory = dir.path().join(".msp.fabcert/refusal.json");
    assert_eq!((lost.code, memory.exists()), (6, true), "{lost:?}");

    std::fs::set_permissions(&memory, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let (cert, chain) = (write("cert.pem", &ca.issued("peer1")[0]), write("root.pem", &ca.root_pem()));
    let installed = fabcert(&["install", "--id", "peer1", "--msp-dir", &msp, "--cert", &cert, "--chain", &chain], None);
    assert_eq!((installed.code, memory.exists()), (0, mode != 0o600), "{installed:?}");
    assert!(installed.stdout.contains("certificate verified and installed"), "{installed:?}");
    assert_eq!(installed.stderr.contains("earlier tries are still counted"), mode != 0o600, "{installed:?}");
}

/// `--wait` is one budget for both certificates, each at a CA of its own that does not answer.
#[test]
fn wait_is_one_budget_and_quiet() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    drop(silent);
    let dir = tempfile::tempdir().unwrap();
    let (msp, tls) = (text(&dir.path().join("msp")), text(&dir.path().join("tls")));
    let args = ["enroll", "--plaintext", "--url", &url, "--id", "p", "--msp-dir", &msp, "--tls-dir", &tls];
    let begun = Instant::now();
    let ran = fabcert(&[&args[..], &["--hostname", "p", "--wait", "5s"]].concat(), Some("right"));
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!((5..8).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("trying again")).count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("gave up after") && ran.stderr.contains("attempts in 5s"), "{ran:?}");
    assert!(!dir.path().join(".msp.fabcert/refusal.json").exists(), "nothing reached a CA");
}

/// A file that cannot be read counts as full, and says so; `--force` tries once, and its success makes it good.
fn damaged(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, "peerpw", None);
    let wrong = peer.enroll("wrong", &[]);
    assert_eq!(wrong.code, 7, "{wrong:?}");
    for state in [".msp.fabcert", ".tls.fabcert"] {
        let file = peer.dir().join("peer").join(state).join("refusal.json");
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    }
    let before = ca.count("enroll");
    let stopped = peer.enroll("peerpw", &[]);
    assert_eq!((stopped.code, ca.count("enroll")), (7, before), "{stopped:?}");
    for part in ["cannot be read", "counts as full", "--force"] {
        assert!(stopped.stderr.contains(part), "{part}: {stopped:?}");
    }
    let forced = peer.enroll("peerpw", &["--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    let again = peer.enroll("peerpw", &["--san", "org1-peer1.example.com"]);
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn a_damaged_memory_counts_as_full() {
    let Some(ca) = RealCa::builder().start() else { return };
    damaged(&ca);
}
