//! Host names that the manifests dial.

use super::container::EnvSource;
use super::fabric::is_own_address;
use super::meta::At;
use super::network::Network;

/// A dialled host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The host, lower case.
    pub host: String,
    /// The port, if given.
    pub port: Option<u16>,
    /// The namespace of the dialler.
    pub namespace: Option<String>,
    /// The dialler.
    pub(super) from: Dialler,
    /// The dialler in words: `Deployment app, PEER_ENDPOINT`.
    pub by: String,
    /// Its position.
    pub at: At,
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

/// Returns the hosts in a text that have a port or a scheme, each with its line number in the text, from 0.
///
/// Skips addresses, `localhost` and placeholders of Kubernetes or a shell.
pub(super) fn endpoints(text: &str) -> Vec<(String, Option<u16>, usize)> {
    let mut out = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Hosts in comments are not dialled.
        if !line.contains(':') || line.trim_start().starts_with('#') {
            continue;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '$' | '@');
        for word in line.split(|c| !is_part(c)) {
            if let Some((host, port)) = endpoint(word) {
                out.push((host, port, index));
            }
        }
    }
    out
}

/// `SCHEME://HOST[:PORT][/PATH]` or `HOST:PORT`.
pub(super) fn endpoint(word: &str) -> Option<(String, Option<u16>)> {
    const SCHEMES: [&str; 7] = ["grpc", "grpcs", "https", "http", "tcp", "tls", "dns"];
    let (has_scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) if SCHEMES.contains(&scheme) => (true, rest.trim_start_matches('/')),
        Some(_) => return None,
        None => (false, word.strip_prefix("dns:").map_or(word, |rest| rest.trim_start_matches('/'))),
    };
    let authority = rest.split('/').next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|p| *p > 0)?)),
        None if has_scheme => (authority, None),
        None => return None,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    is_host(&host).then_some((host, port))
}

/// Whether a text is a valid DNS name and not an address.
pub(super) fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    host.len() <= 253
        && host != "localhost"
        && host.split('.').all(label)
        && host.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialled_hosts_are_found() {
        for (text, expected) in [
            ("org1-peer1:7051", vec![("org1-peer1", Some(7051))]),
            ("grpcs://GW.fabric.svc:7051", vec![("gw.fabric.svc", Some(7051))]),
            ("https://org1-ca", vec![("org1-ca", None)]),
            ("https://a:b@org1-ca:7054/x", vec![("org1-ca", Some(7054))]),
            ("dns:///gw:7051", vec![("gw", Some(7051))]),
            ("--peer a:1,b:2", vec![("a", Some(1)), ("b", Some(2))]),
            ("{\"url\": \"gw:7051\"}", vec![("gw", Some(7051))]),
            ("0.0.0.0:7051", vec![]),
            ("127.0.0.1:7051 localhost:5984", vec![]),
            ("$(POD):7051 ${HOST}:7051 $HOST:7051", vec![]),
            ("debug:cauthdsl", vec![]),
            ("  # such as gw:7051", vec![]),
            ("a:b:7051", vec![]),
            ("file:///x:1", vec![]),
            ("sha256:0123", vec![("sha256", Some(123))]),
        ] {
            let found: Vec<_> = endpoints(text).into_iter().map(|(h, p, _)| (h, p)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(h, p)| (h.to_owned(), p)).collect();
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(endpoints("x\ny: a:1\n")[0].2, 1);
    }
}
