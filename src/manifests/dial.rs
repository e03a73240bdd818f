//! Host names that the manifests dial.

use super::container::EnvSource;
use super::endpoint::endpoints;
use super::fabric::is_own_address;
use super::meta::At;
use super::network::Network;

/// A dialled host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dial {
    /// The host, lower case.
    pub(crate) host: String,
    /// The port, if given.
    pub(crate) port: Option<u16>,
    /// The namespace of the dialler.
    pub(crate) namespace: Option<String>,
    /// The dialler.
    pub(super) from: Dialler,
    /// The dialler in words: `Deployment app, PEER_ENDPOINT`.
    pub(crate) by: String,
    /// Its position.
    pub(crate) at: At,
}

/// The origin of a dial, by its index in the [`super::Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialler {
    ConfigMap(usize),
    /// A channel configuration in a `ConfigMap`: addresses that all members of the channel dial.
    Channel(usize),
    Workload(usize),
    Profile,
}

impl Network {
    /// Collects the dials of all manifests, before namespaces are inferred.
    pub(super) fn all_dials(&self) -> Vec<Dial> {
        let mut out = Vec::new();
        for (index, map) in self.config_maps.iter().enumerate() {
            out.extend(map.dialled.iter().map(|d| Dial {
                host: d.host.text.clone(),
                port: d.port,
                namespace: None,
                from: if d.key == "configtx.yaml" { Dialler::Channel(index) } else { Dialler::ConfigMap(index) },
                by: format!("{}, {}", map.meta, d.key),
                at: map.meta.at.line(d.host.line),
            }));
        }
        for (w, workload) in self.workloads.iter().enumerate() {
            let mut add = |text: &str, by: String, line: usize| {
                out.extend(endpoints(text).into_iter().map(|(host, port, index)| Dial {
                    host,
                    port,
                    namespace: None,
                    from: Dialler::Workload(w),
                    by: by.clone(),
                    at: workload.meta.at.line(line + index),
                }));
            };
            for container in workload.containers.iter().chain(&workload.init_containers) {
                for variable in &container.env {
                    if let EnvSource::Value(value) = &variable.source
                        && !is_own_address(&variable.name)
                    {
                        add(value, format!("{}, {}", workload.meta, variable.name), variable.line);
                    }
                }
                for word in &container.words {
                    add(&word.text, format!("{}, container {}", workload.meta, container.name), word.line);
                }
            }
        }
        for profile in &self.profiles {
            for host in &profile.hosts {
                if let Some((name, port)) = host.endpoint() {
                    let at = profile.at.line(host.url.line);
                    out.push(Dial {
                        host: name.to_ascii_lowercase(),
                        port,
                        namespace: None,
                        from: Dialler::Profile,
                        by: "the connection profile".into(),
                        at,
                    });
                }
            }
        }
        out
    }

    /// Gives each dial the namespace of its dialler, once that is known.
    pub(super) fn dials_take_namespaces(&mut self) {
        for dial in &mut self.dials {
            dial.namespace = match dial.from {
                Dialler::ConfigMap(index) | Dialler::Channel(index) => self.config_maps[index].meta.namespace.clone(),
                Dialler::Workload(index) => self.workloads[index].meta.namespace.clone(),
                Dialler::Profile => None,
            };
        }
    }
}
