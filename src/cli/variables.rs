//! Variables that look like fabcert's: a misspelt one would be ignored, and a certificate would lack a name.

use clap::Command;

use super::unshown::every_argument;
use crate::{Error, ErrorKind};

/// The prefix of fabcert's variables.
const PREFIX: &str = "FABCERT_";
/// Variables that no flag has.
const OTHERS: [&str; 2] = ["FABCERT_SECRET", "FABCERT_TLS_SECRET"];

/// Refuses variables that no command knows. `variables` are those of the process that are set.
///
/// # Errors
/// For each unknown variable; the known ones that it resembles are in the help.
pub(super) fn check(command: &Command, variables: impl Iterator<Item = (String, String)>) -> Result<(), Error> {
    let known: Vec<&str> =
        every_argument(command).iter().filter_map(|arg| arg.get_env()?.to_str()).chain(OTHERS).collect();
    let is_unknown = |(name, value): &(String, String)| {
        name.starts_with(PREFIX)
            && !value.is_empty()
            && !known.contains(&name.as_str())
            && !is_of_a_service(name, value)
    };
    let mut unknown: Vec<String> = variables.filter(is_unknown).map(|(name, _)| name).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort();
    let near = |name: &str| {
        let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
        let best = known.iter().min_by_key(distance)?;
        (distance(&best) <= 3).then(|| format!("; did you mean {best}?"))
    };
    let items: Vec<String> = unknown.iter().map(|name| format!("{name}{}", near(name).unwrap_or_default())).collect();
    let message = match &items[..] {
        [one] => format!("unknown variable {one}"),
        _ => "unknown variables:".to_owned(),
    };
    let error = Error::new(ErrorKind::Usage, message);
    let error = if items.len() > 1 { error.with_items(items) } else { error };
    Err(error.with_help("correct or unset it: fabcert reads every variable that begins with FABCERT_; fabcert COMMAND --help lists them"))
}

/// Whether Kubernetes or Docker sets the variable, for a Service whose name begins with `fabcert`
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_of_a_service(name: &str, value: &str) -> bool {
    let ends_with_port = |name: &str| {
        ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
            let rest = name.rsplit_once(protocol).filter(|(_, rest)| ["", "_PROTO", "_PORT", "_ADDR"].contains(rest));
            let number = rest.and_then(|(start, _)| start.rsplit_once("_PORT_"));
            number.is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || ends_with_port(name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn checked(variables: &[(&str, &str)]) -> Result<(), Error> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        check(&crate::cli::Cli::command(), owned)
    }

    #[test]
    fn unknown_variables_are_refused_with_the_nearest() {
        let error = checked(&[("FABCERT_GATEWAY_SERVICES", "x"), ("PATH", "/bin")]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "unknown variable FABCERT_GATEWAY_SERVICES; did you mean FABCERT_GATEWAY_SERVICE?"
        );
        let error = checked(&[("FABCERT_SECRTE", "pw"), ("FABCERT_ZEBRA_CROSSING", "x")]).unwrap_err().to_string();
        assert!(error.contains("did you mean FABCERT_SECRET?") && error.contains("FABCERT_ZEBRA_CROSSING"), "{error}");
        assert!(!error.contains("pw"), "{error}");
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
            ("FABCERT_DEV_CA_PORT_53_UDP", "udp://10.0.0.1:53"),
            ("FABCERTX", "x"),
        ];
        checked(&passing).unwrap();
    }
}
