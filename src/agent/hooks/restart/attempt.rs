//! One try of a restart.

use std::time::Duration;

use tokio::time::Instant;

use super::verdict::{Verdict, judge};
use super::{Fingerprints, Memory, News, Node, OnDisk, Path, Restarter, Turn, Watched};
use crate::agent::hooks::restarted::Restarted;
use crate::agent::hooks::{Answer, Hooks, served};
use crate::identity::Environment;
use crate::{Error, ErrorKind};

/// The pause before the next look at something that another member, or the cluster, is to do.
const WAIT: Duration = Duration::from_secs(10);

/// The pause where a person is to do something.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// The pause between two looks at a node that starts.
const LOOK: Duration = Duration::from_secs(1);

/// The restarts that are remembered.
const REMEMBERED: usize = 16;

/// Why a restart does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// Others have their turn, or what is asked for takes its time.
    Waits(String),
    /// The node was restarted, and is not back in time.
    NotBack(String),
    /// A person has to change something.
    Stopped(String),
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Halt {
    /// What is said of it, and its error.
    pub(super) fn explained(self) -> (News, Error) {
        let error = |text: String, pause| Error::new(ErrorKind::Hook, text).with_retry_after(pause);
        match self {
            Self::Waits(why) => (News::Waits, error(format!("the restart waits: {why}"), WAIT)),
            Self::NotBack(why) => (
                News::Stopped,
                error(format!("the node was restarted and is not back: {why}"), WAIT)
                    .with_help("the other members of the gateway wait for it; look at its log"),
            ),
            Self::Stopped(why) => (News::Stopped, error(format!("the node is not restarted: {why}"), LONG_WAIT)),
            Self::Failed(e) => {
                let cause = e.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
                let may_pass = matches!(e.kind(), ErrorKind::Unreachable | ErrorKind::Locked);
                let (news, pause) = if may_pass { (News::Waits, WAIT) } else { (News::Stopped, LONG_WAIT) };
                let failed = error(format!("the restart fails: {e}{cause}"), pause);
                (
                    news,
                    match e.help() {
                        Some(help) => failed.with_help(help),
                        None => failed,
                    },
                )
            }
        }
    }
}

impl From<Turn> for Result<(), Halt> {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Go => Ok(()),
            Turn::Wait(why) => Err(Halt::Waits(why)),
            Turn::Stop(why) => Err(Halt::Stopped(why)),
        }
    }
}

/// One try.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) hooks: &'a Hooks,
    pub(super) restarter: &'a dyn Restarter,
    pub(super) watched: &'a Watched,
    pub(super) on_disk: &'a OnDisk,
    pub(super) env: &'a Environment<'a>,
}

impl Attempt<'_> {
    /// Asks for the restart where it is needed and was not asked for, and waits for the node.
    pub(super) async fn go(self, memory: &mut Memory) -> Result<(), Halt> {
        let certificates = &self.on_disk.certificates;
        let node = self.restarter.node().await?;
        if node.is_ending {
            return Err(Halt::Waits("the pod is being deleted".to_owned()));
        }
        let begun = memory.restarts.last().filter(|last| last.certificates == *certificates).cloned();
        if let Some(begun) = begun.filter(|begun| begun.is_asked || begun.mark != node.mark) {
            // An agent that was killed goes on; another member may have the turn by now.
            drop(self.restarter.turn().await);
            return self.finish(&begun, memory).await;
        }
        if !self.needs_restart(&node, memory).await? {
            self.served().await.map_err(Halt::Waits)?;
            return Ok(());
        }
        self.may_restart(memory)?;
        self.is_kept()?;
        Result::from(self.restarter.turn().await?)?;
        let asked = self.ask(&node, memory).await;
        if asked.is_err() {
            // Nothing was asked for: the next member may begin, at the latest when the turn expires.
            drop(self.restarter.release().await);
        }
        let begun = asked?;
        let begun = Restarted { is_asked: true, ..begun };
        self.remember(begun.clone(), memory).await?;
        let text = format!("the node is restarted for {}", self.names());
        tracing::info!("{}: {text}", crate::text::escape::Shown(&self.watched.id));
        self.hooks.tell(self.watched, (News::Begins, &text), self.env).await;
        self.finish(&begun, memory).await
    }

    /// Notes the restart, and asks for it.
    async fn ask(&self, node: &Node, memory: &mut Memory) -> Result<Restarted, Halt> {
        let begun = self.begin(node, memory).await?;
        Result::from(self.restarter.restart(&self.on_disk.certificates).await?)?;
        for (at, signal) in self.hooks.plan.signals.iter().enumerate() {
            match signal.send(self.env.disk) {
                // The node may end by those that were sent.
                Err(e) if at > 0 => tracing::warn!("{}", Error::from(e)),
                sent => sent.map_err(Error::from)?,
            }
        }
        Ok(begun)
    }

    /// The certificates in texts.
    fn names(&self) -> String {
        let one = |(role, fingerprint): (&String, &String)| {
            format!("the {role} certificate {}", fingerprint.get(..16).unwrap_or(fingerprint))
        };
        self.on_disk.certificates.iter().map(one).collect::<Vec<_>>().join(" and ")
    }

    /// Whether the TLS certificate is new to the node, so that what it serves shows a restart.
    fn is_tls_new(&self, memory: &Memory) -> bool {
        self.on_disk.certificates.get("tls").is_some_and(|tls| memory.passed("tls") != Some(tls))
    }

    /// Whether the node runs with other certificates than those on disk.
    async fn needs_restart(&self, node: &Node, memory: &Memory) -> Result<bool, Halt> {
        match self.look().await {
            Some(Answer::Expected) => Ok(!self.is_tls_new(memory) && !memory.is_first()),
            // It is not there: at its start it reads what is on disk.
            Some(Answer::Silent(_)) if memory.is_first() => Ok(false),
            Some(Answer::Silent(why)) if !node.is_ready => {
                Err(Halt::Waits(format!("the node is down, and reads the new certificate when it starts: {why}")))
            }
            _ => Ok(true),
        }
    }

    /// Whether this many restarts are right, and the next start finds the identity.
    fn may_restart(&self, memory: &Memory) -> Result<(), Halt> {
        match judge(&memory.restarts, &self.on_disk.certificates, (self.env.now)()) {
            Verdict::Go => {}
            Verdict::Often { until } => {
                return Err(Halt::Stopped(format!("it was restarted 3 times within a day; not again before {until}")));
            }
            Verdict::Alternates => {
                return Err(Halt::Stopped(
                    "a certificate that was replaced is back: two writers replace each other's; restart it by hand when there is one".to_owned(),
                ));
            }
        }
        if self.env.keeper().is_some() || self.restarter.keeps_volumes() {
            return Ok(());
        }
        let mounts = self.env.disk.mounts();
        let is_lost = |path: &&Path| self.env.disk.canonical(path).is_ok_and(|path| mounts.empty_dir(&path).is_some());
        match self.watched.folders().map(|(_, path)| path).find(is_lost) {
            None => Ok(()),
            Some(path) => Err(Halt::Stopped(format!(
                "{} is on an emptyDir, which is deleted with the pod, and the identity with it",
                path.display()
            ))),
        }
    }

    /// Reads back what is kept beyond the disk: it must be what the node is to be restarted for.
    fn is_kept(&self) -> Result<(), Halt> {
        let Some(keeper) = self.env.keeper() else { return Ok(()) };
        keeper.refresh()?;
        let found = self.hooks.look(self.watched, self.env.disk)?;
        if found.is_some_and(|(on_disk, _)| on_disk.certificates == self.on_disk.certificates) {
            return Ok(());
        }
        Err(Halt::Waits("the Secrets hold other certificates now".to_owned()))
    }

    /// Notes the restart before it is asked for.
    async fn begin(&self, node: &Node, memory: &mut Memory) -> Result<Restarted, Halt> {
        let passed =
            ["sign", "tls"].into_iter().filter_map(|role| Some((role.to_owned(), memory.passed(role)?.clone())));
        let begun = Restarted {
            certificates: self.on_disk.certificates.clone(),
            replaced: passed.collect::<Fingerprints>(),
            at: (self.env.now)(),
            mark: node.mark.clone(),
            is_asked: false,
        };
        self.remember(begun.clone(), memory).await?;
        Ok(begun)
    }

    /// Writes a restart, in place of one that was not asked for.
    async fn remember(&self, restart: Restarted, memory: &mut Memory) -> Result<(), Error> {
        memory.restarts.retain(|one| one.is_asked);
        memory.restarts.push(restart);
        let surplus = memory.restarts.len().saturating_sub(REMEMBERED);
        memory.restarts.drain(..surplus);
        self.hooks.save(self.watched, self.on_disk, memory, self.env.disk)?;
        match self.env.keeper() {
            Some(keeper) => keeper.keep_memory().await,
            None => Ok(()),
        }
    }

    /// Waits until the node that was restarted is ready and serves the certificate.
    async fn finish(&self, begun: &Restarted, memory: &Memory) -> Result<(), Halt> {
        let start = Instant::now();
        let within = self.hooks.plan.served_within;
        loop {
            let node = self.restarter.node().await?;
            if node.is_ending {
                return Err(Halt::Waits("the pod is being deleted".to_owned()));
            }
            let answer = self.look().await;
            let is_served = answer.as_ref().is_none_or(|answer| *answer == Answer::Expected);
            let is_restarted = node.mark != begun.mark || is_served && self.is_tls_new(memory);
            if is_served && is_restarted && node.is_ready {
                break;
            }
            if start.elapsed() >= within {
                let limit = humantime::format_duration(within);
                return Err(Halt::NotBack(match answer {
                    Some(Answer::Other(why) | Answer::Silent(why)) => format!("after {limit}: {why}"),
                    _ if !is_restarted => format!("after {limit} it has not ended"),
                    _ => format!("after {limit} it is not ready"),
                }));
            }
            tokio::time::sleep(LOOK.min(within)).await;
        }
        self.restarter.release().await?;
        let text = format!("the node is back with {}", self.names());
        self.hooks.tell(self.watched, (News::Passed, &text), self.env).await;
        Ok(())
    }

    /// What the endpoints serve; `None` where there is no TLS certificate.
    async fn look(&self) -> Option<Answer> {
        let tls = self.on_disk.certificates.get("tls")?;
        let is_expected = |seen: &str| self.hooks.is_expected(self.watched, tls, seen);
        Some(served::look(&self.hooks.plan.served, &is_expected).await)
    }

    /// Waits until the endpoints serve the certificate.
    async fn served(&self) -> Result<(), String> {
        let Some(tls) = self.on_disk.certificates.get("tls") else { return Ok(()) };
        let is_expected = |seen: &str| self.hooks.is_expected(self.watched, tls, seen);
        served::prove(&self.hooks.plan.served, &is_expected, self.hooks.plan.served_within).await
    }
}
