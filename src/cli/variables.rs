//! Variables that look like fabcert's: a misspelt one, or one of another command, would be ignored, and a certificate would
//! lack a name.

use std::net::IpAddr;

use clap::{Arg, Command};

use super::unshown::every_argument;
use super::usage::lacks_feature;
use crate::agent::hooks;
use crate::{Error, ErrorKind};

/// The prefix of fabcert's variables.
const PREFIX: &str = "FABCERT_";
/// Variables that no flag has. A session may hold them for many commands.
const SECRETS: [&str; 2] = ["FABCERT_SECRET", "FABCERT_TLS_SECRET"];
/// Commands that only print what they are made of.
const FREE: [&str; 5] = ["rules", "explain", "completions", "man", "version"];

/// Refuses variables that no command knows. `root` is built only where such variables are set, `chosen` are the words that
/// name the command, and `variables` those of the process that are set. Returns a warning about known variables that the
/// command does not use.
///
/// # Errors
/// For each unknown variable; the known ones that it resembles are in the help. For `FABCERT_CSR_HOSTS` where the names come
/// from `--san`, which has this name in the Go client.
pub(super) fn check(
    root: impl FnOnce() -> Command,
    chosen: &[&str],
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Option<String>, Error> {
    if chosen.first().is_some_and(|word| FREE.contains(word)) {
        return Ok(None);
    }
    let mut set: Vec<String> = variables
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty() && !is_of_a_service(name, value))
        .map(|(name, _)| name)
        .filter(|name| !SECRETS.contains(&name.as_str()) && !hooks::GIVEN.contains(&name.as_str()))
        .collect();
    if set.is_empty() {
        return Ok(None);
    }
    set.sort_unstable();
    let root = root();
    let known = names(every_argument(&root));
    let (known_set, unknown): (Vec<String>, Vec<String>) =
        set.into_iter().partition(|name| known.contains(&name.as_str()));
    if !unknown.is_empty() {
        return Err(unknown_variables(&unknown, &known));
    }
    let command = chosen.iter().try_fold(&root, |command, word| command.find_subcommand(word)).unwrap_or(&root);
    let used = names(root.get_arguments().chain(command.get_arguments()));
    let unused: Vec<String> = known_set.into_iter().filter(|name| !used.contains(&name.as_str())).collect();
    let command = format!("fabcert {}", chosen.join(" "));
    if used.contains(&"FABCERT_SAN") && unused.iter().any(|name| name == "FABCERT_CSR_HOSTS") {
        return Err(Error::new(ErrorKind::Usage, format!("{command} does not read FABCERT_CSR_HOSTS")).with_help(
            "set FABCERT_SAN to the names, separated by commas; FABCERT_CSR_HOSTS is for fabcert names alone",
        ));
    }
    Ok((!unused.is_empty()).then(|| format!("{command} does not read {}", unused.join(", "))))
}

/// The variables of arguments.
fn names<'a>(arguments: impl IntoIterator<Item = &'a Arg>) -> Vec<&'a str> {
    arguments.into_iter().filter_map(|arg| arg.get_env()?.to_str()).collect()
}

fn unknown_variables(unknown: &[String], known: &[&str]) -> Error {
    let near = |name: &str| {
        let flag = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace('_', "-");
        if let Some(reason) = lacks_feature(&flag) {
            return Some(format!("; it {reason}"));
        }
        let distance = |known: &&str| strsim::damerau_levenshtein(name, known);
        let best = known.iter().copied().chain(SECRETS).min_by_key(distance)?;
        (distance(&best) <= 3).then(|| format!("; did you mean {best}?"))
    };
    let items: Vec<String> = unknown.iter().map(|name| format!("{name}{}", near(name).unwrap_or_default())).collect();
    let message = match &items[..] {
        [one] => format!("unknown variable {one}"),
        _ => "unknown variables:".to_owned(),
    };
    let error = Error::new(ErrorKind::Usage, message);
    let error = if items.len() > 1 { error.with_items(items) } else { error };
    error.with_help("correct or unset it: fabcert reads every variable that begins with FABCERT_; fabcert COMMAND --help lists them")
}

/// Whether Kubernetes or Docker sets the variable, for a Service whose name begins with `fabcert`
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_of_a_service(name: &str, value: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];
    let is_number = value.parse::<u16>().is_ok();
    let is_address = value.parse::<IpAddr>().is_ok();
    let is_url = PROTOCOLS.iter().any(|known| value.strip_prefix(known).is_some_and(|rest| rest.starts_with("://")));
    // FABCERT_PORT_7054_TCP, and the same with an end.
    let of_a_port = PROTOCOLS.iter().find_map(|protocol| {
        let (start, end) = name.rsplit_once(&format!("_{}", protocol.to_ascii_uppercase()))?;
        let (_, number) = start.rsplit_once("_PORT_")?;
        number.parse::<u16>().ok()?;
        Some(match end {
            "" => is_url,
            "_PROTO" => value == *protocol,
            "_PORT" => is_number,
            "_ADDR" => is_address,
            _ => false,
        })
    });
    of_a_port.unwrap_or(false)
        || (name.ends_with("_SERVICE_HOST") && is_address)
        || (name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_")) && is_number
        || (name.ends_with("_PORT") && is_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(chosen: &[&str], variables: &[(&str, &str)]) -> Result<Option<String>, Error> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        check(crate::cli::whole_command, chosen, owned)
    }

    #[test]
    fn unknown_variables_are_refused_with_the_nearest() {
        let error = checked(&["enroll"], &[("FABCERT_GATEWAY_SERVICES", "x"), ("PATH", "/bin")]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "unknown variable FABCERT_GATEWAY_SERVICES; did you mean FABCERT_GATEWAY_SERVICE?"
        );
        let both = [("FABCERT_SECRTE", "pw"), ("FABCERT_ZEBRA_CROSSING", "x")];
        let error = checked(&["enroll"], &both).unwrap_err().to_string();
        assert!(error.contains("did you mean FABCERT_SECRET?") && error.contains("FABCERT_ZEBRA_CROSSING"), "{error}");
        assert!(!error.contains("pw"), "{error}");
        assert_eq!(checked(&["explain"], &both).unwrap(), None, "it reads none");
    }

    #[test]
    fn known_and_empty_variables_and_those_of_services_pass() {
        let passing = [
            ("FABCERT_SECRET", "pw"),
            ("FABCERT_TLS_SECRET", "pw"),
            ("FABCERT_GATEWAY_SERVICE", "svc"),
            ("FABCERT_GATEWAY_SERVICES", ""),
            ("FABCERT_SERVICE_HOST", "10.0.0.1"),
            ("FABCERT_SERVICE_PORT", "7054"),
            ("FABCERT_SERVICE_PORT_HTTPS", "7054"),
            ("FABCERT_PORT", "tcp://10.0.0.1:7054"),
            ("FABCERT_PORT_7054_TCP", "tcp://10.0.0.1:7054"),
            ("FABCERT_PORT_7054_TCP_PROTO", "tcp"),
            ("FABCERT_PORT_7054_TCP_PORT", "7054"),
            ("FABCERT_PORT_7054_TCP_ADDR", "10.0.0.1"),
            ("FABCERT_DEV_CA_SERVICE_HOST", "10.0.0.1"),
            ("FABCERT_IPV6_SERVICE_HOST", "fd00::1"),
            ("FABCERT_DEV_CA_PORT_53_UDP", "udp://10.0.0.1:53"),
            ("FABCERTX", "x"),
        ];
        assert_eq!(checked(&["enroll"], &passing).unwrap(), None);
    }

    #[test]
    fn a_hook_may_call_fabcert_with_the_environment_that_it_gets() {
        let of_a_hook: Vec<_> = hooks::GIVEN.iter().map(|name| (*name, "x")).collect();
        assert_eq!(checked(&["probe"], &of_a_hook).unwrap(), None);
        let folders = [&of_a_hook[..], &[("FABCERT_ID", "peer1"), ("FABCERT_TLS_DIR", "/tls")]].concat();
        let warning = checked(&["probe"], &folders).unwrap();
        assert_eq!(warning.as_deref(), Some("fabcert probe does not read FABCERT_ID"));
    }

    #[test]
    fn a_service_variable_with_another_value_is_unknown() {
        for unknown in [
            ("FABCERT_GATEWAY_SERVICE_HOST", "org1-peer-gateway-svc"),
            ("FABCERT_GATEWAY_SERVICE_PORT", "https"),
            ("FABCERT_GATEWAY_SERVICE_PORT_HTTPS", "svc"),
            ("FABCERT_CA_PORT", "https://org1-ca:7054"),
            ("FABCERT_CA_PORT_7054_TCP", "org1-ca"),
            ("FABCERT_CA_PORT_7054_TCP_ADDR", "org1-ca"),
            ("FABCERT_CA_PORT_7054_TCP_PROTO", "udp"),
        ] {
            let error = checked(&["enroll"], &[unknown]).unwrap_err();
            assert_eq!((error.exit_code(), error.message().contains(unknown.0)), (2, true), "{error}");
        }
    }

    #[test]
    fn a_variable_of_another_command_is_a_warning() {
        let of_others = [("FABCERT_EXPECT_SAN", "a"), ("FABCERT_MSP_DIR", "msp"), ("FABCERT_OUTPUT", "json")];
        let warning = |chosen: &[&str]| checked(chosen, &of_others).unwrap();
        assert_eq!(warning(&["enroll"]).as_deref(), Some("fabcert enroll does not read FABCERT_EXPECT_SAN"));
        assert_eq!(
            warning(&["ca", "info"]).as_deref(),
            Some("fabcert ca info does not read FABCERT_EXPECT_SAN, FABCERT_MSP_DIR")
        );
        assert_eq!(checked(&["ca", "info"], &[("FABCERT_FINGERPRINT", "ab"), ("FABCERT_SECRET", "pw")]).unwrap(), None);
        for command in ["enroll", "csr"] {
            let error = checked(&[command], &[("FABCERT_CSR_HOSTS", "org1-peer1")]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.message().contains(command) && error.help().unwrap().contains("FABCERT_SAN"), "{error:?}");
        }
        assert_eq!(checked(&["names"], &[("FABCERT_CSR_HOSTS", "1")]).unwrap(), None);
    }
}
