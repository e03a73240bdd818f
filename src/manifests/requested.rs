//! Names requested by cert-manager, an operator or an init container, each with its line.

use super::document::Word;
use super::meta::At;
use crate::pki::name::{NameRequest, NameSet};

/// The names of a certificate request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requested {
    /// The requester in words: `Certificate org1-peer1-tls-cert`.
    pub(crate) by: String,
    /// The position of the list's key, or of the object if there is no list.
    pub(crate) at: At,
    /// The names, DNS and IP alike, each with its line.
    pub(crate) names: Vec<Word>,
}

impl Requested {
    /// The names without their lines.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.names.iter().map(|name| name.text.as_str()).collect()
    }

    /// Reads the request of a container's command line: `fabcert enroll`, `fabcert agent` or `fabric-ca-client enroll`.
    ///
    /// Returns `None` if it enrols nothing, or an identity without TLS.
    pub(super) fn by_command(words: &[Word], by: &str, at: &At) -> Option<Self> {
        let line: Vec<(String, usize)> = words.iter().flat_map(split).collect();
        let program = line.iter().position(|(word, _)| {
            let name = word.rsplit('/').next().unwrap_or_default();
            name == "fabcert" || name == "fabric-ca-client"
        });
        let start = match program {
            Some(index) => index + 1,
            // The image's entry point may be the program.
            None if line.first().is_some_and(|(word, _)| matches!(word.as_str(), "enroll" | "agent")) => 0,
            None => return None,
        };
        let rest = &line[start..];
        let is_fabcert = line.get(start.wrapping_sub(1)).is_none_or(|(word, _)| word.ends_with("fabcert"));
        let enrols = |word: &str| matches!(word, "enroll" | "reenroll") || is_fabcert && word == "agent";
        if !rest.iter().any(|(word, _)| enrols(word)) {
            return None;
        }
        let flags = Flags(rest);
        let is_tls = if is_fabcert {
            !flags.values(&["--tls-dir"]).is_empty()
        } else {
            flags.values(&["--enrollment.profile"]).iter().any(|(value, _)| value == "tls")
        };
        if !is_tls {
            return None;
        }
        let sans = flags.values(&["--san", "--csr.hosts"]);
        let hostnames = flags.values(&["--hostname"]);
        let services = flags.values(&["--gateway-service"]);
        let first = sans.iter().chain(&hostnames).chain(&services).map(|(_, line)| *line).min();
        let texts = |list: &[(String, usize)]| list.iter().map(|(value, _)| value.clone()).collect::<Vec<_>>();
        let single = |flag: &str| flags.values(&[flag]).pop().map(|(value, _)| value);
        let namespace = single("--namespace");
        let domain = single("--cluster-domain").unwrap_or_else(|| "cluster.local".to_owned());
        let mut names = Vec::new();
        for (list, kind) in [(&sans, 0), (&hostnames, 1), (&services, 2)] {
            for one in list {
                let request = texts(std::slice::from_ref(one));
                let pick = |wanted: usize| if kind == wanted { request.as_slice() } else { &[] };
                let requests = NameRequest {
                    sans: pick(0),
                    hostnames: pick(1),
                    gateway_services: pick(2),
                    namespace: namespace.as_deref(),
                    cluster_domain: &domain,
                };
                // Invalid names are left to the enrolment to report.
                let Ok(set) = NameSet::derive(&requests) else { continue };
                names.extend(set.strings().into_iter().map(|text| Word { text, line: one.1 }));
            }
        }
        Some(Self { by: by.to_owned(), at: at.line(first.unwrap_or(at.line)), names })
    }
}

/// Splits a shell line into words without quotes. A block scalar begins at its first line of text.
pub(super) fn split(word: &Word) -> Vec<(String, usize)> {
    if !word.text.contains(char::is_whitespace) {
        return vec![(word.text.clone(), word.line)];
    }
    let mut out = Vec::new();
    for (index, line) in word.text.lines().enumerate() {
        let bare = line.trim().trim_end_matches('\\');
        let parts = bare.split_whitespace().map(|w| w.trim_matches(['"', '\'']).to_owned());
        out.extend(parts.filter(|w| !w.is_empty()).map(|w| (w, word.line + index)));
    }
    out
}

/// The words of a command line after its program, each with its line.
pub(super) struct Flags<'a>(pub(super) &'a [(String, usize)]);

impl Flags<'_> {
    /// The values of flags, `--flag VALUE` and `--flag=VALUE`, split at commas.
    pub(super) fn values(&self, names: &[&str]) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        let mut words = self.0.iter().peekable();
        while let Some((word, line)) = words.next() {
            let mut add = |value: &str, line: usize| {
                out.extend(
                    value.split(',').filter(|v| !v.is_empty()).map(|v| (v.trim_matches(['"', '\'']).to_owned(), line)),
                );
            };
            match word.split_once('=') {
                Some((flag, value)) if names.contains(&flag) => add(value, *line),
                None if names.contains(&word.as_str()) => {
                    // fabcert's list flags take several values.
                    while let Some((value, line)) = words.next_if(|(next, _)| !next.starts_with('-')) {
                        add(value, *line);
                    }
                }
                _ => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn by(words: &[&str]) -> Option<Vec<String>> {
        let at = At { path: Arc::from(Path::new("p.yaml")), line: 1 };
        let words: Vec<Word> =
            words.iter().enumerate().map(|(i, w)| Word { text: (*w).to_owned(), line: i + 10 }).collect();
        Requested::by_command(&words, "container enrol", &at).map(|r| r.names.into_iter().map(|n| n.text).collect())
    }

    #[test]
    fn the_names_of_a_fabcert_command_are_read() {
        let line =
            ["fabcert", "enroll", "--hostname", "p1", "--gateway-service=gw", "--namespace", "a", "--tls-dir", "/tls"];
        let names = by(&line).unwrap();
        assert_eq!(names.len(), 8);
        assert!(names.contains(&"gw.a.svc.cluster.local".to_owned()));
        assert_eq!(by(&line[1..]).unwrap().len(), 8, "the entry point may be the program");
        let agent = ["agent", "--hostname", "p1", "--gateway-service", "gw", "--namespace", "a", "--tls-dir", "/tls"];
        assert_eq!(by(&agent).map(|names| names.len()), Some(8));
        assert_eq!(by(&["fabcert", "enroll", "--hostname", "p1", "--msp-dir", "/msp"]), None);
        assert_eq!(by(&["sleep", "1"]), None);
    }

    #[test]
    fn the_names_of_a_fabric_ca_client_line_are_read() {
        let script = "fabric-ca-client enroll -u https://a:b@ca:7054 \\\n  --enrollment.profile tls --csr.hosts 'p1,gw' --csr.hosts localhost\n";
        assert_eq!(by(&["sh", "-c", script]).unwrap(), ["p1", "gw", "localhost"]);
        assert_eq!(by(&["sh", "-c", "fabric-ca-client enroll --csr.hosts p1"]), None, "a signing certificate");
    }
}
