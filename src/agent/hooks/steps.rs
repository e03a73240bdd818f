//! The hooks of one change, one after another.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::command::HookCommand;
use super::memory::Memory;
use super::signal::{NotSent, SignalTarget};
use super::{Answer, HookPlan, Hooks, OnDisk, Watched, process, served};
use crate::disk::{Disk, Kind};
use crate::identity::Environment;
use crate::identity::state::record::sha256;
use crate::text::escape::Shown;
use crate::{Error, ErrorKind, Timestamp};

/// One hook.
enum Step<'a> {
    Command(usize, &'a HookCommand),
    Touch(&'a Path),
    Signal(&'a SignalTarget),
}

impl Step<'_> {
    /// What makes it another hook.
    fn text(&self) -> String {
        match self {
            Self::Command(_, command) => format!("command {}", command.words()),
            Self::Touch(path) => format!("touch {}", path.display()),
            Self::Signal(target) => format!("signal {target}"),
        }
    }
}

impl Hooks {
    /// Runs what is not done, in order; at the end the hooks have passed.
    pub(super) async fn try_all(
        &self,
        watched: &Watched,
        on_disk: &OnDisk,
        memory: &mut Memory,
        env: &Environment<'_>,
    ) -> Result<(), Error> {
        let HookPlan { commands, touched, signals, .. } = &self.plan;
        let tls = on_disk.certificates.get("tls").filter(|_| !self.plan.served.is_empty());
        let commands = commands.iter().enumerate().map(|(at, command)| Step::Command(at + 1, command));
        let steps = commands.chain(touched.iter().map(|path| Step::Touch(path)));
        // With an endpoint, a signal is done when the endpoint shows its effect.
        let last = signals.iter().map(Step::Signal).filter(|_| tls.is_none() && !self.is_restarted_by_cluster());
        let mut before: Vec<String> = Vec::new();
        for step in steps.chain(last) {
            // The same hook may be given twice.
            let text = step.text();
            let key = sha256(format!("{} {text}", before.iter().filter(|other| **other == text).count()).as_bytes());
            before.push(text);
            let is_done = |memory: &Memory| memory.waiting.as_ref().is_none_or(|waiting| waiting.done.contains(&key));
            if is_done(memory) {
                continue;
            }
            match step {
                Step::Command(number, command) => self.command(number, command, watched, (on_disk, memory)).await?,
                Step::Touch(path) => touch(path, (env.now)(), env.disk)?,
                Step::Signal(target) => match target.send(env.disk) {
                    Err(NotSent::NoProcess(_)) if memory.is_first() => {
                        tracing::info!(
                            "{target} is not sent: no process is there, and it reads the first certificate at its start"
                        );
                    }
                    sent => sent?,
                },
            }
            if let Some(waiting) = &mut memory.waiting {
                waiting.done.insert(key);
            }
            self.save(watched, on_disk, memory, env.disk)?;
        }
        #[cfg(feature = "kubernetes")]
        self.restart(watched, on_disk, memory, env).await?;
        if let Some(tls) = tls.filter(|_| !self.is_restarted_by_cluster()) {
            self.prove(watched, tls, on_disk, memory, env).await?;
        }
        // If this cannot be written, the hooks still wait, and only the note is repeated.
        let mut passed = memory.clone();
        passed.pass();
        passed.write(&on_disk.place, env.disk)?;
        self.remember(watched, on_disk, &passed);
        *memory = passed;
        tracing::info!("{}: the hooks passed for the new certificate", Shown(&watched.id));
        Ok(())
    }

    /// Whether the cluster restarts the node, which then proves what it serves.
    #[cfg_attr(not(feature = "kubernetes"), allow(clippy::unused_self, reason = "no cluster is known"))]
    const fn is_restarted_by_cluster(&self) -> bool {
        #[cfg(feature = "kubernetes")]
        return self.restarts();
        #[cfg(not(feature = "kubernetes"))]
        false
    }

    /// Sends the signals, unless the endpoints show the certificate without them or after those of an earlier try, and waits for
    /// their effect.
    async fn prove(
        &self,
        watched: &Watched,
        tls: &str,
        on_disk: &OnDisk,
        memory: &mut Memory,
        env: &Environment<'_>,
    ) -> Result<(), Error> {
        let is_expected = |seen: &str| self.is_expected(watched, tls, seen);
        let within = self.plan.served_within;
        let key = |target| sha256(Step::Signal(target).text().as_bytes());
        let sent = memory.waiting.as_ref().map(|waiting| waiting.signalled.clone()).unwrap_or_default();
        let is_sent = self.plan.signals.iter().all(|target| sent.contains_key(&key(target)));
        if let Some(last) = sent.values().max().filter(|_| is_sent) {
            // A run that was killed may have sent them just before.
            let since = u64::try_from((env.now)().seconds_since(*last)).map_or(within, Duration::from_secs);
            if served::prove(&self.plan.served, &is_expected, within.saturating_sub(since)).await.is_ok() {
                return Ok(());
            }
            memory.waiting.iter_mut().for_each(|waiting| waiting.signalled.clear());
        }
        let signals = &self.plan.signals[..];
        let looked = if signals.is_empty() { None } else { Some(served::look(&self.plan.served, &is_expected).await) };
        let needed = match looked {
            // Where some were sent, a killed or failed try was to send the others, too.
            Some(Answer::Expected) if sent.is_empty() || is_sent => return Ok(()),
            // The node does not run: at its start it reads the first certificate that there is.
            Some(Answer::Silent(_)) if memory.is_first() => &[],
            _ => signals,
        };
        for target in needed {
            let key = key(target);
            let Some(waiting) = &mut memory.waiting else { break };
            if waiting.signalled.insert(key.clone(), (env.now)()).is_some() {
                continue;
            }
            // Before it is sent: a kill must not lead to a second one.
            self.save(watched, on_disk, memory, env.disk)?;
            if let Err(e) = target.send(env.disk) {
                memory.waiting.iter_mut().for_each(|waiting| {
                    waiting.signalled.remove(&key);
                });
                return Err(e.into());
            }
        }
        served::prove(&self.plan.served, &is_expected, within).await.map_err(|reasons| {
            let limit = humantime::format_duration(within);
            Error::new(ErrorKind::Hook, format!("the new certificate is not served after {limit}: {reasons}"))
                .with_help("restart the node: Fabric reads its certificate only at its start")
        })
    }

    async fn command(
        &self,
        number: usize,
        command: &HookCommand,
        watched: &Watched,
        (on_disk, memory): (&OnDisk, &Memory),
    ) -> Result<(), Error> {
        let name = format!("hook {number} ({})", Shown(command.program()));
        let reason = memory.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
        let variables = self.variables(watched, on_disk, reason);
        let ended = process::run(command.with(&variables), self.plan.timeout).await.map_err(|e| {
            Error::new(ErrorKind::Hook, format!("{name} cannot be started"))
                .with_source(e)
                .with_help("the program is looked up in PATH; give its full path")
        })?;
        for line in ended.log_lines() {
            tracing::debug!("{name}: {line}");
        }
        match &ended.failure {
            None => Ok(()),
            Some(why) => Err(Error::new(ErrorKind::Hook, format!("{name} {why}")).with_items(ended.last_lines())),
        }
    }

    /// The environment of a command: nothing secret.
    fn variables(&self, watched: &Watched, on_disk: &OnDisk, reason: Option<&str>) -> Vec<(&'static str, OsString)> {
        let mut variables = self.plan.passed_on.clone();
        let mut set = |name, value: Option<OsString>| variables.extend(value.map(|value| (name, value)));
        let fingerprint = |role: &str| on_disk.certificates.get(role).map(Into::into);
        set("FABCERT_ID", Some(watched.id.clone().into()));
        set("FABCERT_MSP_DIR", watched.sign.clone().map(Into::into));
        set("FABCERT_TLS_DIR", watched.tls.clone().map(Into::into));
        set("FABCERT_SIGN_FINGERPRINT", fingerprint("sign"));
        set("FABCERT_TLS_FINGERPRINT", fingerprint("tls"));
        set("FABCERT_NOT_AFTER", on_disk.not_after.map(|end| end.rfc3339().into()));
        let reason = reason.unwrap_or("the certificate on disk is another than the last one");
        // No variable holds NUL.
        set("FABCERT_REASON", Some(Shown(reason).to_string().into()));
        variables
    }
}

/// Sets the modification time of a file, and creates it if it is missing. A link is not followed.
fn touch(path: &Path, now: Timestamp, disk: &Disk) -> Result<(), Error> {
    let fail =
        |error: Error| Error::new(ErrorKind::Hook, format!("cannot touch {}", path.display())).with_source(error);
    let touch = || {
        match disk.metadata(path)? {
            Some(found) if found.kind == Kind::Link => {
                return Err(Error::new(ErrorKind::Input, "it is a symbolic link, which is not followed"));
            }
            Some(_) => {}
            None => disk.write_new(path, b"", 0o644)?,
        }
        let seconds = Duration::from_secs(u64::try_from(now.unix()).unwrap_or_default());
        Ok(disk.set_modified(path, SystemTime::UNIX_EPOCH + seconds)?)
    };
    touch().map_err(fail)
}
