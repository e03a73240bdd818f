//! A signal to the process that a pid file names.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal};

use crate::disk::{Disk, Metadata};
use crate::{Error, ErrorKind, Timestamp};

/// The largest pid file, in bytes.
const LIMIT: usize = 64;

/// The start of a process is counted from that of the system, whose time changes where the clock is set: at boot, or after a
/// virtual machine was paused.
const INEXACT: Duration = Duration::from_secs(600);

/// Signals that a process may be sent, by their names without `SIG`.
const NAMES: [(&str, Signal); 18] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ABRT", Signal::ABORT),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("URG", Signal::URG),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("PWR", Signal::POWER),
    ("TRAP", Signal::TRAP),
];

/// A pid file and the signal for the process that it names: `PIDFILE:SIGNAL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignalTarget {
    file: PathBuf,
    signal: Signal,
    /// The signal as it was given.
    name: String,
}

impl FromStr for SignalTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected PIDFILE:SIGNAL, such as /run/peer.pid:TERM".to_owned();
        let (file, name) = text.rsplit_once(':').filter(|(file, _)| !file.is_empty()).ok_or_else(expected)?;
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        let by_name = NAMES.iter().find(|(known, _)| *known == short).map(|(_, signal)| *signal);
        let by_number = || name.parse().ok().and_then(Signal::from_named_raw);
        let Some(signal) = by_name.or_else(by_number) else {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(format!("unknown signal \"{name}\"; expected one of {}, or a number", names.join(", ")));
        };
        Ok(Self { file: file.into(), signal, name: name.to_owned() })
    }
}

impl std::fmt::Display for SignalTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.name)
    }
}

/// Why a signal was not sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// There is no pid file, or no process that it names.
    NoProcess(Error),
    Failed(Error),
}

impl From<Error> for NotSent {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NotSent> for Error {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::NoProcess(error) | NotSent::Failed(error) => error,
        }
    }
}

impl SignalTarget {
    /// Sends the signal. The pid file is read each time.
    ///
    /// # Errors
    /// When the file does not hold one process id above 1, another user can write it, or no such process is there to be signalled:
    /// one that started long after the file was written has taken over the number of the process that the file is of.
    pub(super) fn send(&self, disk: &Disk) -> Result<(), NotSent> {
        let file = self.file.display();
        let fail = |message: String| Error::new(ErrorKind::Hook, message);
        let content = disk.read_regular(&self.file, LIMIT).map_err(|e| {
            let is_missing = e.io_kind() == std::io::ErrorKind::NotFound;
            let error = fail(format!("cannot send {}: the pid file cannot be read", self.name)).with_source(e).with_help(
                "the process may not have started yet; if it never writes the file, correct --signal PIDFILE:SIGNAL",
            );
            if is_missing { NotSent::NoProcess(error) } else { NotSent::Failed(error) }
        })?;
        let pid = std::str::from_utf8(&content).ok().and_then(|text| text.trim().parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid > 1).and_then(Pid::from_raw) else {
            return Err(fail(format!("cannot send {}: {file} does not hold one process id above 1", self.name))
                .with_help("give the pid file that the process itself writes")
                .into());
        };
        let number = pid.as_raw_pid();
        if pid == getpid() {
            return Err(fail(format!(
                "{} is not sent: {file} names process {number}, which is fabcert itself",
                self.name
            ))
            .with_help("give the pid file of the node")
            .into());
        }
        let gone = || {
            let message = format!("cannot send {}: there is no process {number}, which {file} names", self.name);
            NotSent::NoProcess(fail(message).with_help(
                "the pid file is of a process that ended, or the process is in another pid namespace; \
                 in a pod, set shareProcessNamespace: true",
            ))
        };
        // Whatever the number is used for from here on, the signal is for the process that is looked at.
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => Some(process),
            Err(Errno::SRCH) => return Err(gone()),
            // An older kernel, or a container that does not allow the call.
            Err(_) => None,
        };
        if has_ended(disk, number) {
            return Err(gone());
        }
        self.check_writers(disk, number)?;
        self.check_start(disk, number)?;
        let sent = match process {
            Some(process) => pidfd_send_signal(process, self.signal),
            None => kill_process(pid, self.signal),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(gone()),
            Err(e) => Err(fail(format!("cannot send {} to process {number}, which {file} names", self.name))
                .with_source(std::io::Error::from(e))
                .with_help("run fabcert as the user of that process")
                .into()),
        }
    }

    /// Checks that the process is not one that started long after the file was written.
    fn check_start(&self, disk: &Disk, pid: i32) -> Result<(), NotSent> {
        let Some(written) = disk.metadata_followed(&self.file).map_err(Error::from)? else { return Ok(()) };
        let Some(started) = started_at(disk, pid) else { return Ok(()) };
        let written = written.modified;
        if started <= written + INEXACT {
            return Ok(());
        }
        let file = self.file.display();
        let message = format!(
            "{} is not sent: process {pid}, which {file} names, started at {}, after that file was written at {}: it has taken over the number",
            self.name,
            shown(started),
            shown(written)
        );
        let error = Error::new(ErrorKind::Hook, message).with_help(
            "the process of the file has ended: restart the node, which writes the file; \
             if the clock was set since the node started, touch the file",
        );
        Err(NotSent::NoProcess(error))
    }

    /// Whoever can write the file chooses the process that gets the signal: only root, the user of this process and the user of
    /// that process may.
    fn check_writers(&self, disk: &Disk, pid: i32) -> Result<(), Error> {
        let file = disk.canonical(&self.file)?;
        let folder = file.parent().unwrap_or_else(|| Path::new("/"));
        let (Some(of_file), Some(of_folder)) = (disk.metadata(&file)?, disk.metadata(folder)?) else { return Ok(()) };
        let mut users = vec![0, disk.user()];
        users.extend(user_of(disk, pid));
        let is_volume = disk.is_mount_point(folder).unwrap_or(false);
        let Some((is_file, why)) = other_writer(&of_file, &of_folder, is_volume, &users) else { return Ok(()) };
        let what = if is_file {
            format!("the pid file {}", file.display())
        } else {
            format!("{}, the folder of the pid file,", folder.display())
        };
        let message =
            format!("{} is not sent to process {pid}: {what} can be written by another user ({why})", self.name);
        Err(Error::new(ErrorKind::Hook, message)
            .with_help("let only root, the user of fabcert or the user of the process write it: chown, chmod go-w"))
    }
}

/// Whether a user who is not among `users` can write a file, or replace it in its folder: whether it is the file's own mode or
/// owner, and which. `is_volume`: the folder is a mount point, such as a volume of a pod, which the kubelet opens to all
/// containers that mount it.
fn other_writer(file: &Metadata, folder: &Metadata, is_volume: bool, users: &[u32]) -> Option<(bool, String)> {
    let owner = |of: &Metadata| (!users.contains(&of.uid)).then(|| format!("owner {}", of.uid));
    let mode = |of: &Metadata| (of.mode & 0o022 != 0).then(|| format!("mode {:04o}", of.mode));
    // In a folder with the sticky bit only the owner of a file replaces it.
    let folder_mode = || mode(folder).filter(|_| !is_volume && folder.mode & 0o1000 == 0);
    let of_file = owner(file).or_else(|| mode(file)).map(|why| (true, why));
    of_file.or_else(|| owner(folder).or_else(folder_mode).map(|why| (false, why)))
}

/// The effective user of a process (`proc_pid_status(5)`).
fn user_of(disk: &Disk, pid: i32) -> Option<u32> {
    let status = disk.read_regular(&Path::new("/proc").join(pid.to_string()).join("status"), 16 * 1024).ok()?;
    let line = std::str::from_utf8(&status).ok()?.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The fields of a process after its name, from its state on (`proc_pid_stat(5)`).
fn stat(disk: &Disk, pid: i32) -> Option<String> {
    let stat = disk.read_regular(&Path::new("/proc").join(pid.to_string()).join("stat"), 4096).ok()?;
    // The name of the program, in brackets, may hold anything.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2..).map(|fields| String::from_utf8_lossy(fields).into_owned())
}

/// Whether the process has ended and only waits for its parent: a signal would be lost. `false` where that is not known.
fn has_ended(disk: &Disk, pid: i32) -> bool {
    stat(disk, pid).is_some_and(|fields| fields.starts_with(['Z', 'X']))
}

/// When a process started: its ticks since the start of the system (`proc_pid_stat(5)`, field 22), and that start (`proc_stat(5)`).
fn started_at(disk: &Disk, pid: i32) -> Option<SystemTime> {
    let ticks: u64 = stat(disk, pid)?.split_whitespace().nth(22 - 3)?.parse().ok()?;
    let system = disk.read_regular(Path::new("/proc/stat"), 4 * 1024 * 1024).ok()?;
    let line = std::str::from_utf8(&system).ok()?.lines().find_map(|line| line.strip_prefix("btime "))?;
    let seconds = line.trim().parse::<u64>().ok()? + ticks / clock_ticks_per_second().max(1);
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn shown(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;

    fn sent(content: &str, name: &str) -> Result<(), Error> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        Disk::real().write_new(&file, content.as_bytes(), 0o644).unwrap();
        format!("{}:{name}", file.display()).parse::<SignalTarget>().unwrap().send(&Disk::real()).map_err(Error::from)
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, signal) in [
            ("/run/a.pid:HUP", Signal::HUP),
            ("/run/a.pid:sigterm", Signal::TERM),
            ("/run/a:b.pid:SIGUSR1", Signal::USR1),
            ("a.pid:2", Signal::INT),
        ] {
            assert_eq!(text.parse::<SignalTarget>().unwrap().signal, signal, "{text}");
        }
        for text in ["a.pid", ":HUP", "a.pid:", "a.pid:0", "a.pid:99", "a.pid:-1", "a.pid:SIGNAL", "a.pid:KILLS"] {
            assert!(text.parse::<SignalTarget>().is_err(), "{text}");
        }
        let error = "a.pid:RELOAD".parse::<SignalTarget>().unwrap_err();
        assert!(error.starts_with("unknown signal \"RELOAD\"; expected one of HUP, INT"), "{error}");
    }

    #[test]
    fn the_process_of_the_pid_file_gets_the_signal() {
        for content in ["{}", "  {}\n"] {
            let mut child = sleeper();
            sent(&content.replace("{}", &child.id().to_string()), "USR2").unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(Signal::USR2.as_raw()));
        }
    }

    #[test]
    fn a_pid_file_without_one_living_process_is_an_error() {
        let mut zombie = sleeper();
        zombie.kill().unwrap();
        let pid = zombie.id();
        let is_zombie = || has_ended(&Disk::real(), i32::try_from(pid).unwrap());
        while !is_zombie() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let error = sent(&pid.to_string(), "TERM").unwrap_err();
        assert!(error.to_string().contains(&format!("there is no process {pid}")), "{error}");
        assert!(error.help().unwrap().contains("shareProcessNamespace"), "{error:?}");
        zombie.wait().unwrap();
        assert!(sent(&pid.to_string(), "TERM").unwrap_err().to_string().contains("there is no process"));
        for content in ["", "1", "0", "-5", "12 13", "12\n13\n", "peer", "99999999999"] {
            let error = sent(content, "TERM").unwrap_err().to_string();
            assert!(error.contains("does not hold one process id above 1"), "{content:?}: {error}");
        }
        let own = sent(&std::process::id().to_string(), "TERM").unwrap_err().to_string();
        assert!(own.contains("fabcert itself"), "{own}");
        let missing = "/nowhere/pid:TERM".parse::<SignalTarget>().unwrap().send(&Disk::real());
        let missing = Error::from(missing.unwrap_err());
        assert!(missing.cause().unwrap().contains("/nowhere/pid"), "{missing:?}");
    }

    #[test]
    fn a_process_that_took_over_the_number_gets_no_signal() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, file) = (Disk::real(), dir.path().join("pid"));
        let mut child = sleeper();
        disk.write_new(&file, child.id().to_string().as_bytes(), 0o644).unwrap();
        let target: SignalTarget = format!("{}:TERM", file.display()).parse().unwrap();
        let written = disk.metadata(&file).unwrap().unwrap().modified;
        disk.set_modified(&file, written - INEXACT - Duration::from_secs(60)).unwrap();
        let not_sent = target.send(&disk).unwrap_err();
        assert!(matches!(not_sent, NotSent::NoProcess(_)));
        let error = Error::from(not_sent);
        assert!(error.to_string().contains("it has taken over the number"), "{error}");
        assert!(child.try_wait().unwrap().is_none());
        // The clock was set by some minutes since.
        disk.set_modified(&file, written - INEXACT / 2).unwrap();
        target.send(&disk).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    fn a_pid_file_that_another_user_can_write_sends_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, file) = (Disk::real(), dir.path().join("pid"));
        let mut child = sleeper();
        disk.write_new(&file, child.id().to_string().as_bytes(), 0o644).unwrap();
        let target: SignalTarget = format!("{}:TERM", file.display()).parse().unwrap();
        for (path, mode) in [(&*file, 0o666), (&*file, 0o664), (dir.path(), 0o777)] {
            let before = disk.metadata(path).unwrap().unwrap().mode;
            disk.chmod(path, mode).unwrap();
            let error = Error::from(target.send(&disk).unwrap_err()).to_string();
            assert!(error.contains(&format!("can be written by another user (mode {mode:04o})")), "{error}");
            disk.chmod(path, before).unwrap();
        }
        assert!(child.try_wait().unwrap().is_none());
        disk.chmod(dir.path(), 0o1777).unwrap();
        target.send(&disk).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    fn the_owner_of_the_file_and_of_its_folder_may_write() {
        let of = |uid, mode| {
            let dir = tempfile::tempdir().unwrap();
            Metadata { mode, uid, ..Disk::real().metadata(dir.path()).unwrap().unwrap() }
        };
        let users = [0, 1000, user_of(&Disk::real(), i32::try_from(std::process::id()).unwrap()).unwrap()];
        let writer = |file: (u32, u32), folder: (u32, u32), is_volume| {
            other_writer(&of(file.0, file.1), &of(folder.0, folder.1), is_volume, &users).map(|(_, why)| why)
        };
        assert_eq!(writer((1000, 0o644), (0, 0o755), false), None);
        assert_eq!(writer((4321, 0o644), (0, 0o755), false).unwrap(), "owner 4321");
        assert_eq!(writer((0, 0o644), (4321, 0o755), false).unwrap(), "owner 4321");
        assert_eq!(writer((0, 0o644), (0, 0o2777), true), None, "a volume of a pod");
        assert_eq!(writer((0, 0o646), (0, 0o2777), true).unwrap(), "mode 0646");
    }
}
