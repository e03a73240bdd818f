//! What a command needs and did not get, listed at once: each value with its flag, its variable and an example.

use crate::{Error, ErrorKind};

/// A value that some command cannot do without.
struct Input {
    flag: &'static str,
    value: &'static str,
    what: &'static str,
    example: &'static str,
}

const fn input(flag: &'static str, value: &'static str, what: &'static str, example: &'static str) -> Input {
    Input { flag, value, what, example }
}

const INPUTS: [Input; 18] = [
    input("url", "URL", "URL of the CA", "https://org1-ca:7054"),
    input("id", "ID", "enrolment id", "org1-peer1"),
    input("secret-file", "PATH", "file with the enrolment secret", "/run/secrets/enroll"),
    input("tls-ca", "PATH", "certificates to trust for the connection to the CA", "ca.pem"),
    input("tls-url-ca", "PATH", "certificates to trust for the connection to the TLS CA", "tls-ca.pem"),
    input("msp-dir", "DIR", "folder for the signing identity", "msp"),
    input("tls-dir", "DIR", "folder for the TLS pair", "tls"),
    input("san", "NAME", "name that clients dial", "org1-peer1.example.com"),
    input("hostname", "HOST", "host name of the node", "org1-peer1"),
    input("gateway-service", "SVC", "Kubernetes Service in front of the peers", "org1-peer-gateway-svc"),
    input("from-manifests", "PATH", "manifests to take the names from", "k8s/"),
    input("cert", "PATH", "file with the certificate", "org1-peer1.pem"),
    input("chain", "PATH", "files with the CA certificates", "ca-chain.pem"),
    input("org", "NAME", "name of the organisation", "org1"),
    input("namespace", "NS", "namespace of the objects", "fabric"),
    input("ca-url", "URL", "URL of the CA, without id and secret", "https://org1-ca:7054"),
    input("fabcert-image", "IMAGE", "image of fabcert", "registry.example/fabcert"),
    input("tls-url", "URL", "URL of the TLS CA", "https://org1-tls-ca:7054"),
];

/// Examples of arguments without a flag, by the name of their value.
const POSITIONAL: [(&str, &str); 5] = [
    ("MANIFEST", "files or folders of manifests, for example k8s/"),
    ("PATH", "files or folders, for example organizations/"),
    ("RULE|CODE|TEXT", "a rule, an error code or a line of a log, for example san-missing"),
    ("SHELL", "one of bash, elvish, fish, powershell, zsh"),
    ("HOST:PORT", "an address, for example org1-ca:7054"),
];

/// The values that a command misses.
#[derive(Debug)]
pub(super) struct Missing {
    command: &'static str,
    items: Vec<String>,
}

impl Missing {
    /// Nothing is missing yet.
    pub(super) const fn of(command: &'static str) -> Self {
        Self { command, items: Vec::new() }
    }

    /// Notes that one of `flags` is needed.
    pub(super) fn add(&mut self, flags: &[&str]) {
        self.items.push(one_of(flags));
    }

    /// Whether something is missing.
    pub(super) const fn is_something(&self) -> bool {
        !self.items.is_empty()
    }

    /// # Errors
    /// When something is missing.
    pub(super) fn check(self) -> Result<(), Error> {
        if self.items.is_empty() { Ok(()) } else { Err(error(self.command, self.items)) }
    }
}

/// The usage error that lists the missing values of `command`.
fn error(command: &str, items: Vec<String>) -> Error {
    let count = match items.len() {
        1 => "one more value".to_owned(),
        n => format!("{n} more values"),
    };
    Error::new(ErrorKind::Usage, format!("fabcert {command} needs {count}"))
        .with_items(items)
        .with_help(format!("fabcert {command} --help shows all options, with examples"))
}

/// The usage error for the arguments that clap reports as missing, such as `--id <ID>`, `<PATH>...` or
/// `<--msp-dir <DIR>|--tls-dir <DIR>>`.
pub(super) fn missing(command: &str, arguments: &[String]) -> Error {
    let items = arguments.iter().map(|argument| {
        let group = argument.strip_prefix("<--").and_then(|rest| rest.strip_suffix('>'));
        let flags: Vec<&str> = match group {
            Some(rest) => rest.split('|').map(flag_in).collect(),
            None => argument.strip_prefix("--").map(flag_in).into_iter().collect(),
        };
        if !flags.is_empty() && flags.iter().all(|flag| INPUTS.iter().any(|input| input.flag == *flag)) {
            return one_of(&flags);
        }
        let name = argument.trim_end_matches("...").trim_start_matches('<').trim_end_matches('>');
        match POSITIONAL.iter().find(|(value, _)| *value == name) {
            Some((_, what)) => format!("{argument}: {what}"),
            None => argument.clone(),
        }
    });
    error(command, items.collect())
}

/// The flag in `--id <ID>` or `id <ID>`.
fn flag_in(text: &str) -> &str {
    text.trim_start_matches("--").split(' ').next().unwrap_or_default()
}

/// One line about a value that one of these flags gives.
fn one_of(flags: &[&str]) -> String {
    let inputs: Vec<&Input> = flags.iter().filter_map(|flag| INPUTS.iter().find(|i| i.flag == *flag)).collect();
    let names: Vec<String> = inputs.iter().map(|i| format!("--{} <{}>", i.flag, i.value)).collect();
    let variables: Vec<String> = inputs.iter().map(|i| variable(i.flag)).collect();
    let Some(first) = inputs.first() else { return String::new() };
    let what: Vec<&str> = inputs.iter().map(|i| i.what).collect();
    let secret = if first.flag == "secret-file" { "; or the secret itself in FABCERT_SECRET" } else { "" };
    format!(
        "{}: {}, for example --{} {} (or set {}{secret})",
        names.join(" or "),
        what.join(", or "),
        first.flag,
        first.example,
        variables.join(" or "),
    )
}

/// The variable of a flag.
pub(super) fn variable(flag: &str) -> String {
    format!("FABCERT_{}", flag.replace('-', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_value_comes_with_flag_variable_and_example() {
        let mut missing = Missing::of("enroll");
        missing.add(&["url"]);
        missing.add(&["msp-dir", "tls-dir"]);
        let error = missing.check().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.message(), "fabcert enroll needs 2 more values");
        assert_eq!(
            error.items(),
            [
                "--url <URL>: URL of the CA, for example --url https://org1-ca:7054 (or set FABCERT_URL)",
                "--msp-dir <DIR> or --tls-dir <DIR>: folder for the signing identity, or folder for the TLS pair, \
                 for example --msp-dir msp (or set FABCERT_MSP_DIR or FABCERT_TLS_DIR)",
            ]
        );
    }

    #[test]
    fn arguments_that_clap_misses_are_described_in_the_same_way() {
        let arguments = ["--id <ID>", "<--msp-dir <DIR>|--tls-dir <DIR>>", "<MANIFEST>...", "--other <X>"];
        let listed = missing("x", &arguments.map(str::to_owned));
        let starts: Vec<&str> = listed.items().iter().map(|item| item.split(&[':', ','][..]).next().unwrap()).collect();
        assert_eq!(starts, ["--id <ID>", "--msp-dir <DIR> or --tls-dir <DIR>", "<MANIFEST>...", "--other <X>"]);
    }
}
