//! What systemd is given (`sd_notify(3)`): ready, alive, a status line, the end.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::status::{Board, Status};
use crate::text::escape::Shown;
use crate::{Error, ErrorKind, Timestamp};

/// The most characters of a status line.
const LINE: usize = 256;

/// The socket of the service manager.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: UnixDatagram,
    /// How often it must be said that the loop turns: half of what the unit allows, as `sd_watchdog_enabled(3)` recommends.
    watchdog: Option<Duration>,
    is_ready: AtomicBool,
}

impl Notifier {
    /// The service manager that the environment names; `None` without one. `pid` is that of this process.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] if a variable cannot be read, [`ErrorKind::Io`] if the socket cannot be used.
    pub(crate) fn new(variable: &dyn Fn(&str) -> Option<OsString>, pid: u32) -> Result<Option<Self>, Error> {
        let Some(address) = variable("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else { return Ok(None) };
        let socket = connected(&address).map_err(|e| {
            let message = format!("cannot use the socket of the service manager, {}", address.display());
            let help = "unset NOTIFY_SOCKET, or set it to a path or to @ and an abstract name";
            Error::new(ErrorKind::Io, message).with_source(e).with_help(help)
        })?;
        Ok(Some(Self { socket, watchdog: watchdog(variable, pid)?, is_ready: AtomicBool::new(false) }))
    }

    /// Sends for ever what is published, and, as often as the watchdog wants it, that the loop turns, as long as it does.
    pub(crate) async fn watch(&self, board: &Board, unready_when_overdue: bool) -> Infallible {
        let watchdog = async {
            let Some(interval) = self.watchdog else { return std::future::pending().await };
            loop {
                if board.read(Status::is_alive) {
                    self.alive();
                }
                tokio::time::sleep(interval).await;
            }
        };
        let published = async {
            loop {
                board.published().await;
                self.status(board, unready_when_overdue);
            }
        };
        tokio::select! {
            never = watchdog => never,
            never = published => never,
        }
    }

    fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// A new line for `systemctl status`. When all certificates are in place for the first time, the unit is started, and those
    /// that wait for it start.
    fn status(&self, board: &Board, unready_when_overdue: bool) {
        let (line, has_certificates) =
            board.read(|status| (line(status, status.now(), unready_when_overdue), status.has_certificates()));
        self.send(&format!("STATUS={line}"));
        // Again at the next change, if the manager's socket is full.
        if has_certificates && !self.is_ready.load(Ordering::Relaxed) && self.send("READY=1") {
            self.is_ready.store(true, Ordering::Relaxed);
        }
    }

    /// The process ends on purpose.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Whether it was sent.
    fn send(&self, text: &str) -> bool {
        let sent = self.socket.send(text.as_bytes());
        if let Err(e) = &sent {
            tracing::warn!("the service manager was not notified: {e}");
        }
        sent.is_ok()
    }
}

/// A socket that nothing waits for: a service manager that does not read must not stop the loop.
fn connected(address: &OsStr) -> io::Result<UnixDatagram> {
    let bytes = address.as_bytes();
    let address = match bytes.split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        Some((b'/', _)) => SocketAddr::from_pathname(address)?,
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "it is neither a path nor an abstract name")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

fn watchdog(variable: &dyn Fn(&str) -> Option<OsString>, pid: u32) -> Result<Option<Duration>, Error> {
    let number = |name: &str| {
        let Some(text) = variable(name) else { return Ok(None) };
        let number = text.to_str().and_then(|text| text.parse::<u64>().ok());
        number.map(Some).ok_or_else(|| Error::new(ErrorKind::Input, format!("{name} is not a number")))
    };
    // The variables of another process, such as a shell that has started this one, are not for this one.
    if number("WATCHDOG_PID")?.is_some_and(|other| other != u64::from(pid)) {
        return Ok(None);
    }
    Ok(number("WATCHDOG_USEC")?.filter(|micros| *micros > 0).map(|micros| Duration::from_micros(micros / 2)))
}

/// One line about all identities.
fn line(status: &Status, now: Timestamp, unready_when_overdue: bool) -> String {
    let all = status.identities.len();
    let unready = status.identities.iter().filter_map(|identity| {
        let reasons = identity.reasons(now, unready_when_overdue);
        reasons.into_iter().next().map(|reason| format!("{}: {}", identity.id, reason.message))
    });
    let unready: Vec<String> = unready.collect();
    let hooks = status.identities.iter().filter(|identity| identity.hook.is_open()).count();
    let mut text = match (all, unready.first()) {
        (0, _) => "looking for identities".to_owned(),
        (1, None) => format!("1 identity ready; next look at {}", status.next_turn),
        (n, None) => format!("{n} identities ready; next look at {}", status.next_turn),
        (n, Some(first)) => format!("{} of {n} not ready; {first}", unready.len()),
    };
    if hooks > 1 {
        text = format!("{text}; {hooks} hooks wait");
    }
    Shown(text).to_string().chars().take(LINE).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::status::{Folder, HookState, Identity};
    use super::*;

    fn notifier(variables: &[(&str, &str)]) -> Result<Option<Notifier>, Error> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Notifier::new(&find, 77)
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn board() -> Board {
        let board = Board::new(Timestamp::from_unix(0));
        board.update(|of| *of = status());
        board
    }

    fn status() -> Status {
        let at = Timestamp::from_unix;
        let folder = Folder { role: "tls", not_after: Some(at(4000)), due_at: Some(at(1000)), ..Folder::default() };
        let mut status = Status::new(at(0));
        status.turn(at(0), at(60));
        status.identities.push(Identity { id: "peer1".to_owned(), folders: vec![folder], ..Identity::default() });
        status
    }

    fn speaks(manager: &UnixDatagram, address: &str) {
        let notifier = notifier(&[("NOTIFY_SOCKET", address)]).unwrap().unwrap();
        assert_eq!(notifier.watchdog, None);
        notifier.status(&Board::new(Timestamp::from_unix(0)), false);
        notifier.status(&board(), false);
        notifier.status(&board(), false);
        notifier.alive();
        notifier.stopping();
        let status = "STATUS=1 identity ready; next look at 1970-01-01T00:01:00Z";
        for text in ["STATUS=looking for identities", status, "READY=1", status, "WATCHDOG=1", "STOPPING=1"] {
            assert_eq!(received(manager), text);
        }
    }

    #[test]
    fn a_manager_at_a_path_is_notified() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        speaks(&UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap());
    }

    #[test]
    fn a_manager_at_an_abstract_name_is_notified() {
        let name = format!("fabcert-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        speaks(&UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}"));
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nothing_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(&[("NOTIFY_SOCKET", path.to_str().unwrap())]).unwrap().unwrap();
        (0..10_000).for_each(|_| notifier.alive());
    }

    #[test]
    fn a_unit_is_started_later_where_the_socket_was_full() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let notifier = notifier(&[("NOTIFY_SOCKET", path.to_str().unwrap())]).unwrap().unwrap();
        let heard = || {
            let mut bytes = [0; 1024];
            std::iter::from_fn(|| manager.recv(&mut bytes).ok().map(|length| bytes[..length].to_vec()))
                .collect::<Vec<_>>()
        };
        (0..10_000).for_each(|_| notifier.alive());
        notifier.status(&board(), false);
        assert!(!heard().contains(&b"READY=1".to_vec()), "the socket was full");
        notifier.status(&board(), false);
        assert!(heard().contains(&b"READY=1".to_vec()));
    }

    #[test]
    fn without_a_manager_nothing_is_notified() {
        assert!(notifier(&[]).unwrap().is_none());
        assert!(notifier(&[("NOTIFY_SOCKET", "")]).unwrap().is_none());
        for address in ["/nowhere/notify", "vsock:2:9999", "notify"] {
            let error = notifier(&[("NOTIFY_SOCKET", address)]).unwrap_err();
            assert_eq!(error.exit_code(), 5);
            assert!(error.to_string().contains(address), "{error}");
        }
    }

    #[test]
    fn the_watchdog_is_for_the_named_process_and_due_in_half_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let with = |more: &[(&str, &str)]| {
            let path: &Path = &path;
            notifier(&[&[("NOTIFY_SOCKET", path.to_str().unwrap())], more].concat())
        };
        let interval = |more: &[(&str, &str)]| with(more).unwrap().unwrap().watchdog;
        let half = Some(Duration::from_secs(15));
        assert_eq!(interval(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "77")]), half);
        assert_eq!(interval(&[("WATCHDOG_USEC", "30000000")]), half);
        assert_eq!(interval(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "78")]), None);
        assert_eq!(interval(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(with(&[("WATCHDOG_USEC", "soon")]).unwrap_err().to_string(), "WATCHDOG_USEC is not a number");
    }

    #[tokio::test]
    async fn the_watchdog_hears_of_a_loop_that_turns_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "20000")];
        let notifier = notifier(&variables).unwrap().unwrap();
        let heard = async |board: &Board| {
            let _ = tokio::time::timeout(Duration::from_millis(100), notifier.watch(board, false)).await;
            std::iter::from_fn(|| manager.recv(&mut [0; 64]).ok()).count()
        };
        let board = board();
        assert!(heard(&board).await >= 2);
        board.update(Status::hang);
        assert_eq!(heard(&board).await, 0);
    }

    #[test]
    fn the_status_line_names_the_first_identity_that_is_not_ready() {
        let mut status = status();
        let at = Timestamp::from_unix;
        assert_eq!(line(&Status::new(at(0)), at(0), false), "looking for identities");
        status.identities.push(Identity { id: "a\nREADY=1".to_owned(), ..Identity::default() });
        let line = |status: &Status| line(status, at(0), false);
        assert_eq!(line(&status), "1 of 2 not ready; a\\nREADY=1: it has no folder with a certificate");
        for identity in &mut status.identities {
            identity.hook = HookState::Waiting { failures: 1, error: "x".repeat(1000) };
        }
        assert_eq!(line(&status).len(), LINE);
    }

    #[test]
    fn the_status_line_follows_the_flag_for_overdue_renewals() {
        // The last third of the time between due at 1000 and the end at 4000.
        let (status, now) = (status(), Timestamp::from_unix(3500));
        assert!(line(&status, now, false).starts_with("1 identity ready"), "{}", line(&status, now, false));
        assert_eq!(line(&status, now, true), "1 of 1 not ready; peer1: its renewal is overdue");
    }

    /// The certificates are in place and the hooks wait: a unit that a hook restarts may wait for this one.
    #[tokio::test]
    async fn what_is_published_is_sent_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let notifier = notifier(&[("NOTIFY_SOCKET", path.to_str().unwrap())]).unwrap().unwrap();
        let board = Board::new(Timestamp::from_unix(0));
        let mut with_hook = status();
        with_hook.identities[0].hook = HookState::Waiting { failures: 0, error: String::new() };
        board.publish(|of| *of = with_hook);
        let _ = tokio::time::timeout(Duration::from_millis(100), notifier.watch(&board, false)).await;
        let heard: Vec<String> = std::iter::from_fn(|| {
            let mut bytes = [0; 1024];
            let length = manager.recv(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
        })
        .collect();
        assert!(heard.contains(&"READY=1".to_owned()), "{heard:?}");
    }
}
