//! The metrics of the agent in `OpenMetrics` 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>): a pure function of
//! the board.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::status::{Folder, Identity, Status};
use crate::Timestamp;
use crate::text::escape::Shown;

/// The type of the exposition.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The exposition of a status.
///
/// # Errors
/// None in practice: it is written to memory.
pub(crate) fn exposition(status: &Status) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("fabcert");
    registry.register_collector(Box::new(Snapshot { status: status.clone() }));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Snapshot {
    status: Status,
}

pub(crate) type Labels<const N: usize> = [(&'static str, String); N];

/// The values of a family by their labels.
pub(crate) type Values<const N: usize> = BTreeMap<Labels<N>, i64>;

impl Collector for Snapshot {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let (now, seconds) = (self.status.now(), Some(&Unit::Seconds));
        let ends = self.folders(|folder| folder.not_after.map(Timestamp::unix));
        gauge(&mut to, "certificate_not_after", "End of the certificate's validity, Unix time", seconds, &ends)?;
        let due = self.folders(|folder| folder.due_at.map(Timestamp::unix));
        gauge(&mut to, "certificate_due", "When the certificate is due for renewal, Unix time", seconds, &due)?;
        let help = "Requested names that the certificate lacks";
        gauge(&mut to, "missing_names", help, None, &self.missing_names())?;
        let served = self.identities(i64::min, |identity| identity.served.map(i64::from));
        gauge(&mut to, "served_matches_disk", "Whether the node serves the certificate on disk", None, &served)?;
        let overdue = self.identities(i64::max, |identity| Some(identity.is_overdue(now).into()));
        gauge(&mut to, "renewal_overdue", "Whether the renewal is overdue", None, &overdue)?;
        let looping = self.identities(i64::max, |identity| Some(identity.is_looping.into()));
        gauge(&mut to, "renewal_loop", "Whether fresh certificates are due at once", None, &looping)?;
        let left = self.identities(i64::min, |identity| identity.refusals_left.map(i64::from));
        let help = "Refusals that may follow before the agent stops trying the secret";
        gauge(&mut to, "refusals_left", help, None, &left)?;
        let is_waiting = |identity: &Identity| identity.hook.is_open().into();
        let waiting = self.identities(i64::max, |identity| Some(is_waiting(identity)));
        let help = "Whether the hook has yet to pass for the certificate on disk";
        gauge(&mut to, "hook_waiting", help, None, &waiting)?;
        if self.status.has_restarts {
            let waiting = |identity: &Identity| Some(i64::from(identity.hook.restart().is_some()));
            let help = "Whether the node has yet to be restarted for the certificate on disk";
            gauge(&mut to, "restart_waiting", help, None, &self.identities(i64::max, waiting))?;
            let stopped = |identity: &Identity| Some(i64::from(identity.hook.restart() == Some(true)));
            let help = "Whether the restart of the node is stopped, or the node is not back";
            gauge(&mut to, "restart_stopped", help, None, &self.identities(i64::max, stopped))?;
        }
        self.renewals(&mut to)?;
        let turned = [([], self.status.turned_at.unix())].into();
        gauge(&mut to, "agent_turned", "When the agent's loop turned last, Unix time", seconds, &turned)?;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        build.encode(to.encode_descriptor("build", "The version of fabcert", None, build.metric_type())?)
    }
}

impl Snapshot {
    /// A value for each folder that has one. Paths that differ only in bytes that are not UTF-8 have equal labels, as have two
    /// identities with one id: a repeated series would make the exposition invalid, so the least value counts.
    fn folders(&self, value: impl Fn(&Folder) -> Option<i64>) -> Values<3> {
        let mut values = Values::new();
        for identity in &self.status.identities {
            for folder in &identity.folders {
                let Some(value) = value(folder) else { continue };
                let path = Shown(folder.path.display()).to_string();
                let labels = [("id", shown(&identity.id)), ("role", folder.role.to_owned()), ("path", path)];
                values.entry(labels).and_modify(|old| *old = value.min(*old)).or_insert(value);
            }
        }
        values
    }

    fn missing_names(&self) -> Values<2> {
        let mut values = Values::new();
        for identity in &self.status.identities {
            for folder in &identity.folders {
                let labels = [("id", shown(&identity.id)), ("role", folder.role.to_owned())];
                *values.entry(labels).or_default() += i64::try_from(folder.missing_names.len()).unwrap_or(i64::MAX);
            }
        }
        values
    }

    /// A value for each id; `worse` chooses where two identities have one id.
    fn identities(&self, worse: fn(i64, i64) -> i64, value: impl Fn(&Identity) -> Option<i64>) -> Values<1> {
        let mut values = Values::new();
        for identity in &self.status.identities {
            let Some(value) = value(identity) else { continue };
            let labels = [("id", shown(&identity.id))];
            values.entry(labels).and_modify(|old| *old = worse(value, *old)).or_insert(value);
        }
        values
    }

    fn renewals(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut values: BTreeMap<Labels<3>, u64> = BTreeMap::new();
        for identity in &self.status.identities {
            for ((result, reason), count) in &identity.renewals {
                let result = (*result).to_owned();
                let labels = [("id", shown(&identity.id)), ("result", result), ("reason", shown(reason))];
                *values.entry(labels).or_default() += count;
            }
        }
        if values.is_empty() {
            return Ok(());
        }
        let kind = ConstCounter::new(0u64).metric_type();
        let help = "Renewals and failed tries since the start, by reason";
        let mut family = to.encode_descriptor("renewals", help, None, kind)?;
        for (labels, count) in &values {
            ConstCounter::new(*count).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}

/// Text from elsewhere in a label; quotes and backslashes are the encoder's.
fn shown(text: &str) -> String {
    Shown(text).to_string()
}

/// Writes a family of gauges; a family without values is left out.
pub(crate) fn gauge<const N: usize>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: &Values<N>,
) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    let mut family = to.encode_descriptor(name, help, unit, ConstGauge::new(0i64).metric_type())?;
    for (labels, value) in values {
        ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::status::HookState;
    use super::*;

    fn status(now: i64) -> Status {
        let at = Timestamp::from_unix;
        let folder = |role, path: &str| Folder {
            role,
            path: path.into(),
            not_after: Some(at(4000)),
            due_at: Some(at(1000)),
            missing_names: vec!["a-svc".to_owned()],
            ..Folder::default()
        };
        let renewals = BTreeMap::from([(("success", "due".to_owned()), 3), (("failure", "unreachable".to_owned()), 2)]);
        let mut status = Status::new(at(now));
        status.identities.push(Identity {
            id: "peer\"1\n".to_owned(),
            folders: vec![folder("sign", "/n/msp"), folder("tls", "/n/a\\b")],
            served: Some(true),
            refusals_left: Some(8),
            renewals: renewals.clone(),
            ..Identity::default()
        });
        // The same id at another CA.
        let waiting = HookState::Waiting { failures: 0, error: String::new() };
        status.identities.push(Identity {
            id: "peer\"1\n".to_owned(),
            folders: vec![folder("tls", "/m/tls")],
            served: Some(false),
            refusals_left: Some(2),
            hook: waiting,
            is_looping: true,
            renewals,
            ..Identity::default()
        });
        status
    }

    fn lines(status: &Status) -> Vec<String> {
        exposition(status).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_family_has_its_series_and_no_series_comes_twice() {
        let lines = lines(&status(3500));
        for line in [
            r#"fabcert_certificate_not_after_seconds{id="peer\"1\\n",role="sign",path="/n/msp"} 4000"#,
            r#"fabcert_certificate_due_seconds{id="peer\"1\\n",role="tls",path="/n/a\\b"} 1000"#,
            r#"fabcert_missing_names{id="peer\"1\\n",role="tls"} 2"#,
            r#"fabcert_served_matches_disk{id="peer\"1\\n"} 0"#,
            r#"fabcert_renewal_overdue{id="peer\"1\\n"} 1"#,
            r#"fabcert_renewal_loop{id="peer\"1\\n"} 1"#,
            r#"fabcert_refusals_left{id="peer\"1\\n"} 2"#,
            r#"fabcert_hook_waiting{id="peer\"1\\n"} 1"#,
            r#"fabcert_renewals_total{id="peer\"1\\n",result="success",reason="due"} 6"#,
            "fabcert_agent_turned_seconds 3500",
            concat!("fabcert_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(lines.contains(&line.to_owned()), "{line}\n{lines:#?}");
        }
        let series: Vec<&str> = lines.iter().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
        let distinct: std::collections::BTreeSet<&&str> = series.iter().collect();
        assert_eq!(distinct.len(), series.len());
        assert_eq!(lines.last().unwrap(), "# EOF");
    }

    #[test]
    fn every_family_has_help_a_type_and_the_unit_of_its_name() {
        let lines = lines(&status(0));
        let families: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert_eq!(families.len(), 11);
        for family in families {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(lines.iter().any(|line| line.starts_with(&format!("# HELP {name} "))), "{name}");
            assert_eq!(lines.contains(&format!("# UNIT {name} seconds")), name.ends_with("_seconds"), "{name}");
            let sample = match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            };
            assert!(lines.iter().any(|line| line.split(['{', ' ']).next() == Some(&sample)), "{sample}");
        }
    }

    #[cfg(feature = "kubernetes")]
    #[test]
    fn a_restart_that_is_stopped_has_its_series() {
        let mut status = status(0);
        status.has_restarts = true;
        assert!(lines(&status).contains(&r#"fabcert_restart_waiting{id="peer\"1\\n"} 0"#.to_owned()));
        status.identities[0].hook = HookState::Restart { is_stopped: true, error: String::new() };
        for name in ["restart_waiting", "restart_stopped", "hook_waiting"] {
            assert!(lines(&status).contains(&format!(r#"fabcert_{name}{{id="peer\"1\\n"}} 1"#)), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_series() {
        let at = Timestamp::from_unix(0);
        let text = exposition(&Status::new(at)).unwrap();
        assert!(!text.contains("certificate_") && text.contains("fabcert_agent_turned_seconds 0"), "{text}");
        let mut status = Status::new(at);
        status.identities.push(Identity { id: "a".to_owned(), ..Identity::default() });
        let text = exposition(&status).unwrap();
        assert!(!text.contains("served_matches_disk") && !text.contains("refusals_left"), "{text}");
        assert!(text.contains("fabcert_renewal_overdue{id=\"a\"} 0"), "{text}");
    }
}
