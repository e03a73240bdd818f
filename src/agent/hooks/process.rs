//! One hook command as a process: its output, its time limit, its end.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process_group, test_kill_process_group, wait, waitpgid};
use tokio::sync::oneshot;

use crate::text::escape::Shown;

/// The bytes of the output that are kept: the last ones.
const KEPT: usize = 64 * 1024;
/// The bytes that are still read after the end of the command, which processes that it left running may write.
const LATE: usize = 1024 * 1024;
/// The lines of the output that an error holds.
const LAST_LINES: usize = 10;
/// The characters of a line of the output in an error, and in the log.
const LINE: usize = 200;
const LOG_LINE: usize = 2000;
/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How often the end of the command is looked for, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The reason if it did not end with exit code 0 in time.
    pub(super) failure: Option<String>,
    output: Output,
}

impl Ended {
    /// The last lines of what it wrote, each as one line without control characters.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let mut lines = self.output.lines(LINE);
        lines.split_off(lines.len().saturating_sub(LAST_LINES))
    }

    /// All that was kept, likewise.
    pub(super) fn log_lines(&self) -> Vec<String> {
        self.output.lines(LOG_LINE)
    }
}

/// Runs a command in a process group of its own, without standard input, to its end or for `limit`: then the group gets SIGTERM
/// and, 5 s later, SIGKILL. Where the future is dropped, the group gets SIGTERM at once.
///
/// # Errors
/// When it cannot be started.
pub(super) async fn run(command: Command, limit: Duration) -> io::Result<Ended> {
    let group = Group::default();
    #[cfg(test)]
    tests::LAST.with(|last| last.replace(Arc::downgrade(&group.0)));
    let _ended_on_drop = EndOnDrop(group.clone());
    let (done, ended) = oneshot::channel();
    // A thread: the runtime would wait for a task of its own kind before the process could end.
    std::thread::Builder::new().name("hook".to_owned()).spawn(move || {
        let ended = supervise(command, limit, &group, &|| done.is_closed());
        drop(done.send(ended));
    })?;
    ended.await.unwrap_or_else(|_| Err(io::Error::other("the thread of the hook ended without a result")))
}

/// The process group of the command, as long as its leader was not waited for.
#[derive(Clone, Default)]
struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    fn set(&self, group: Option<Pid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = group;
    }

    /// Looks whether the leader has ended; then the number of the group may be used again.
    fn ended(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait()?;
        if status.is_some() {
            *group = None;
        }
        Ok(status)
    }

    /// Kills it, and waits for its leader.
    fn kill(&self, child: &mut Child) {
        let mut group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = group.take() {
            signal(group, Signal::KILL);
            // It may have left its group. Nothing is to be done where that fails: the kernel knows no such process.
            drop(child.kill());
            drop(child.wait());
            reap(group);
        }
    }
}

struct EndOnDrop(Group);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(group) = *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            signal(group, Signal::TERM);
        }
    }
}

/// A group without processes needs no signal.
fn signal(group: Pid, signal: Signal) {
    if let Err(e) = kill_process_group(group, signal) {
        tracing::debug!("process group {} got no signal: {e}", group.as_raw_pid());
    }
}

/// As [`run`]. `is_dropped`: nobody waits for the end any more.
fn supervise(mut command: Command, limit: Duration, group: &Group, is_dropped: &dyn Fn() -> bool) -> io::Result<Ended> {
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.spawn()?;
    // It holds the ends of the pipe to write to.
    drop(command);
    group.set(Some(Pid::from_child(&child)));
    Ok(watch(&mut child, limit, group, is_dropped, &mut reader).unwrap_or_else(|e| {
        group.kill(&mut child);
        let failure = Some(format!("was killed, because it could not be supervised: {e}"));
        Ended { failure, output: Output::default() }
    }))
}

/// Waits for the end of the command, and brings it about where the time is over.
///
/// # Errors
/// When the system does not say whether it has ended, or its output cannot be read: it may still run then.
fn watch(
    child: &mut Child,
    limit: Duration,
    group: &Group,
    is_dropped: &dyn Fn() -> bool,
    reader: &mut (impl Read + AsFd),
) -> io::Result<Ended> {
    let leader = Pid::from_child(child);
    let mut output = Output::default();
    let start = Instant::now();
    let mut last_call: Option<Instant> = None;
    let mut look = FIRST_LOOK;
    let status = loop {
        if let Some(status) = group.ended(child)? {
            break status;
        }
        let limit = if is_dropped() { Duration::ZERO } else { limit };
        let left = last_call.map_or(limit, |at| at + GRACE - start).saturating_sub(start.elapsed());
        if left.is_zero() {
            signal(leader, if last_call.is_some() { Signal::KILL } else { Signal::TERM });
            // A process that left its group gets it as well.
            if last_call.is_some() {
                child.kill()?;
            }
            last_call = Some(Instant::now());
            look = FIRST_LOOK;
            continue;
        }
        output.wait(reader, look.min(left))?;
        look = (look * 2).min(LAST_LOOK);
    };
    output.rest(reader)?;
    if let Some(at) = last_call {
        end_group(leader, at + GRACE);
    }
    reap(leader);
    let failure = match last_call {
        Some(_) => Some(format!("did not end within {}", humantime::format_duration(limit))),
        None => failure(status),
    };
    Ok(Ended { failure, output })
}

/// Ends what is left of a group whose leader ran out of time.
fn end_group(group: Pid, last_call: Instant) {
    let is_there = || {
        reap(group);
        test_kill_process_group(group).is_ok()
    };
    while is_there() {
        if Instant::now() >= last_call {
            return signal(group, Signal::KILL);
        }
        std::thread::sleep(LAST_LOOK);
    }
}

/// Takes the exit codes of processes of the group that became children of this one.
fn reap(group: Pid) {
    while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
}

/// Takes the exit codes of all processes that commands left running and that have ended since. Only process 1 gets them. Not
/// while a command runs.
pub(super) fn reap_orphans() {
    if getpid().is_init() {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("ended with exit code {code}")),
        (None, Some(signal)) => Some(format!("was ended by signal {signal}")),
        (None, None) => Some("ended without an exit code".to_owned()),
    }
}

/// The last bytes that a command wrote.
#[derive(Debug, Default)]
struct Output {
    kept: VecDeque<u8>,
    cut: bool,
    ended: bool,
}

impl Output {
    /// Waits for more for this time at most, and reads it.
    fn wait(&mut self, reader: &mut (impl Read + AsFd), time: Duration) -> io::Result<()> {
        if self.ended {
            std::thread::sleep(time);
            return Ok(());
        }
        self.read(reader, time).map(drop)
    }

    /// Reads what is there after the end of the command.
    fn rest(&mut self, reader: &mut (impl Read + AsFd)) -> io::Result<()> {
        let mut read = 0;
        while !self.ended && read < LATE {
            match self.read(reader, Duration::ZERO)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(())
    }

    /// The number of bytes that were read within this time.
    fn read(&mut self, reader: &mut (impl Read + AsFd), time: Duration) -> io::Result<usize> {
        let time = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
        match poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&time)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(0),
            done => done?,
        };
        let mut buffer = [0; 16 * 1024];
        let count = reader.read(&mut buffer)?;
        self.ended = count == 0;
        self.kept.extend(&buffer[..count]);
        let excess = self.kept.len().saturating_sub(KEPT);
        self.cut |= excess > 0;
        self.kept.drain(..excess);
        Ok(count)
    }

    /// Its lines, each safe to print and no longer than `longest` characters.
    fn lines(&self, longest: usize) -> Vec<String> {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        let start = if self.cut { "[...]" } else { "" };
        let line = |(at, line): (usize, &str)| {
            let is_long = line.chars().nth(longest).is_some();
            let short: String = line.chars().take(longest).collect();
            let (start, end) = (if at == 0 { start } else { "" }, if is_long { "[...]" } else { "" });
            format!("{start}{}{end}", Shown(short))
        };
        text.lines().enumerate().map(line).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;
    use std::sync::Weak;

    use super::*;

    thread_local! {
        /// The last command that was run from this thread: it lives as long as it is supervised.
        pub(super) static LAST: RefCell<Weak<Mutex<Option<Pid>>>> = const { RefCell::new(Weak::new()) };
    }

    /// Waits until the last command that was run from this thread has ended with its group, also where the run was dropped.
    pub(in crate::agent::hooks) async fn until_ended() {
        let start = Instant::now();
        while LAST.with(|last| last.borrow().strong_count() > 0) {
            assert!(start.elapsed() < Duration::from_secs(60), "the command still runs");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Output that cannot be read: a folder in the place of the pipe.
    #[test]
    fn a_command_that_cannot_be_supervised_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let script = "sleep 60 & echo $! $$ > pids; wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(&dir).process_group(0);
        let mut child = command.spawn().unwrap();
        let group = Group::default();
        group.set(Some(Pid::from_child(&child)));
        let pids = dir.path().join("pids");
        let disk = crate::disk::Disk::real();
        let pids = loop {
            match disk.read(&pids, 64) {
                Ok(pids) if pids.ends_with(b"\n") => break String::from_utf8(pids).unwrap(),
                _ => std::thread::sleep(LAST_LOOK),
            }
        };
        #[allow(clippy::disallowed_methods, reason = "a test sets its scene")]
        let mut folder = std::fs::File::open(dir.path()).unwrap();
        let failed = watch(&mut child, Duration::from_secs(60), &group, &|| false, &mut folder);
        assert!(failed.is_err());
        group.kill(&mut child);
        let start = Instant::now();
        let is_there = |pid: &str| {
            let read = disk.read(&std::path::Path::new("/proc").join(pid).join("stat"), 4096);
            read.is_ok_and(|bytes| !String::from_utf8_lossy(&bytes).contains(") Z "))
        };
        while pids.split_whitespace().any(is_there) {
            assert!(start.elapsed() < Duration::from_secs(20), "{pids} still run");
            std::thread::sleep(LAST_LOOK);
        }
    }
}
