//! The names of a new certificate: those that the run requests, and those of the current certificate, which are kept.

use super::current::Current;
use super::due::list;
use super::state::record::Record;
use super::task::Task;
use crate::pki::name::{self, NameSet, SanName};
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// The names to drop, parsed.
///
/// # Errors
/// When one is invalid (input), or is requested too (usage).
pub(crate) fn parse_drops(texts: &[String], requested: &NameSet) -> Result<Vec<SanName>, Error> {
    let drops: Vec<SanName> =
        texts.iter().flat_map(|list| list.split(',')).map(str::parse).collect::<Result<_, _>>()?;
    let requested = requested.sans();
    match drops.iter().find(|name| name::holds(&requested, name)) {
        None => Ok(drops),
        Some(both) => Err(Error::new(ErrorKind::Usage, format!("\"{both}\" is requested and dropped in the same run"))
            .with_help("leave it out of --drop-san, or out of --san, --hostname, --gateway-service and the manifests")),
    }
}

/// The difference between the names of two certificates of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameChange {
    /// Names that the certificate holds although the run does not request them.
    pub(crate) kept: Vec<SanName>,
    /// Names of the replaced certificate that the new one does not hold.
    pub(crate) dropped: Vec<SanName>,
}

impl NameChange {
    /// `old` is `None` for a first certificate or a lost one, and equals `new` where none was issued.
    pub(crate) fn between(old: Option<&Cert>, new: &Cert, task: &Task<'_>) -> Self {
        let old = old.map_or(&task.kept[..], Cert::sans);
        let (kept, dropped): (Vec<_>, Vec<_>) = old.iter().cloned().partition(|name| name::holds(new.sans(), name));
        Self { kept: kept.into_iter().filter(|name| !name::holds(&task.requested, name)).collect(), dropped }
    }
}

impl Task<'_> {
    /// Adds the names of the current certificate of the same identity to the requested ones, less those to drop. Of a
    /// certificate that was lost or cannot be read, the record has the requested names.
    pub(crate) fn keep_names(&mut self, current: &Current) {
        (self.sans, self.kept, self.dropped) = (self.requested.clone(), Vec::new(), Vec::new());
        let (holder, names) = match (&current.leaf, &current.record) {
            (Some(leaf), _) => (leaf.common_name(), leaf.sans().to_vec()),
            (None, Some(record)) => (record.id.as_deref(), record.names()),
            (None, None) => return,
        };
        let is_same_identity = holder == Some(self.id);
        for held in &names {
            if name::holds(&self.sans, held) {
                continue;
            }
            let kept = requestable(held).filter(|_| is_same_identity && !name::holds(&self.drop_sans, held));
            match kept {
                Some(kept) => {
                    self.sans.push(kept.clone());
                    self.kept.push(kept);
                }
                None => self.dropped.push(held.clone()),
            }
        }
    }

    /// The names that the current certificate holds and this run drops. Names that an earlier run dropped with the same
    /// arguments do not count: the CA issued them all the same.
    pub(crate) fn names_to_drop(&self, current: &Current) -> Vec<SanName> {
        let before = current.record.as_ref().map_or(&[][..], Record::dropped);
        let is_new = |name: &&SanName| !before.contains(&name.to_string());
        self.drop_sans.iter().filter(is_new).filter(|n| name::holds(&self.dropped, n)).cloned().collect()
    }

    /// Logs the names that the new certificate keeps of the current one, and those that it does not.
    pub(crate) fn report_names(&self, current: &Current) {
        let target = self.target.display();
        let source = if current.leaf.is_some() { "the current certificate" } else { "an earlier request" };
        if current.leaf.is_none() && current.holds_a_broken_certificate && current.record.is_none() {
            tracing::warn!("{target}: the current certificate cannot be read, so its names are not kept");
        }
        if !self.kept.is_empty() {
            let kept = list(&self.kept);
            tracing::info!(
                "{target}: keeping names of {source} that this run does not request: {kept}; drop one with --drop-san NAME"
            );
        }
        let (asked, others): (Vec<_>, Vec<_>) =
            self.dropped.iter().cloned().partition(|held| name::holds(&self.drop_sans, held));
        if !asked.is_empty() {
            tracing::info!("{target}: dropping names of {source}: {}", list(&asked));
        }
        if !others.is_empty() && current.leaf.as_ref().and_then(Cert::common_name) == Some(self.id) {
            tracing::warn!(
                "{target}: names of the current certificate that cannot be requested from a CA are dropped: {}",
                list(&others)
            );
        } else if !others.is_empty() {
            tracing::info!("{target}: names of the other identity are dropped: {}", list(&others));
        }
    }
}

/// Checks that each name to drop is held by a current certificate, or was dropped by an earlier run.
///
/// # Errors
/// When a name is not held: it may be misspelt.
pub(crate) fn check_drops(tasks: &[Task<'_>], currents: &[Current]) -> Result<(), Error> {
    let Some(drops) = tasks.first().map(|task| &task.drop_sans).filter(|drops| !drops.is_empty()) else {
        return Ok(());
    };
    let mut held = Vec::new();
    let mut before = Vec::new();
    for (task, current) in tasks.iter().zip(currents) {
        match &current.leaf {
            Some(leaf) if leaf.common_name() == Some(task.id) => held.extend_from_slice(leaf.sans()),
            // A first certificate, or one that replaces another identity's: there is nothing to hold the name.
            _ if !task.requested.is_empty() => return Ok(()),
            _ => {}
        }
        before.extend(current.record.iter().flat_map(|r| r.dropped().iter().cloned()));
    }
    let unheld = drops.iter().find(|n| !name::holds(&held, n) && !before.contains(&n.to_string()));
    let Some(unheld) = unheld else { return Ok(()) };
    let held = if held.is_empty() { "no name".to_owned() } else { list(&held) };
    Err(Error::new(ErrorKind::Input, format!("--drop-san {unheld}: the current certificate does not hold this name"))
        .with_help(format!("it holds {held}")))
}

/// The name as it can be requested from a Fabric CA; `None` if it cannot.
fn requestable(held: &SanName) -> Option<SanName> {
    let prefix = held.kind().to_string().to_ascii_lowercase();
    let parsed: SanName = format!("{prefix}:{held}").parse().ok()?;
    name::holds(std::slice::from_ref(&parsed), held).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> NameSet {
        let mut set = NameSet::default();
        for name in names {
            set.add(name.parse().unwrap(), "--san".to_owned());
        }
        set
    }

    #[test]
    fn a_name_is_not_requested_and_dropped() {
        let drops = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
            parse_drops(&texts, &set(&["peer0", "10.0.0.1"]))
        };
        assert_eq!(drops(&["a,B", "uri:https://x/"]).unwrap().len(), 3);
        assert_eq!(drops(&["PEER0"]).unwrap_err().exit_code(), 2);
        assert_eq!(drops(&["::ffff:10.0.0.1"]).unwrap_err().exit_code(), 2);
        assert_eq!(drops(&["a b"]).unwrap_err().exit_code(), 4);
    }

    #[test]
    fn every_kind_of_name_can_be_requested_again_but_no_malformed_one() {
        for text in
            ["peer_0.example", "*.example", "10.0.0.1", "2001:db8::1", "a@b.example", "spiffe://td/x", "uri:https://x/"]
        {
            let name: SanName = text.parse().unwrap();
            assert_eq!(requestable(&name), Some(name.clone()), "{text}");
        }
        for text in ["peer0.", "a b", "10.0.0.1", "x@y"] {
            assert_eq!(requestable(&SanName::from_certificate_dns(text)), None, "{text}");
        }
    }
}
