//! The Go client's environment: `FABRIC_CA_CLIENT_*` is read for what neither a flag nor `FABCERT_*` sets.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{CaArgs, KeyArgs, NameArgs, TargetArgs};
use crate::{Error, ErrorKind};

/// Reads a variable from the environment of the process, or of a test.
pub(in crate::cli) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of the process.
///
/// # Errors
/// When a variable of fabcert or the Go client, or one of `others`, is not UTF-8: it would count as one that is not set.
pub(in crate::cli) fn of_process(others: &[&str]) -> Result<impl Fn(&str) -> Option<String> + use<>, Error> {
    readable(std::env::vars_os(), others)?;
    Ok(|name: &str| std::env::var(name).ok())
}

fn readable(variables: impl Iterator<Item = (OsString, OsString)>, others: &[&str]) -> Result<(), Error> {
    let is_read =
        |name: &str| ["FABCERT_", "FABRIC_CA_"].iter().any(|prefix| name.starts_with(prefix)) || others.contains(&name);
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| is_read(name)) else { continue };
        if value.to_str().is_none() {
            return Err(Error::new(ErrorKind::Usage, format!("the value of {name} is not UTF-8"))
                .with_help(format!("set {name} to text in UTF-8, or unset it")));
        }
    }
    Ok(())
}

/// The variable `FABRIC_CA_CLIENT_<name>`. An empty one is not set.
fn get(env: Lookup<'_>, name: &str) -> Option<String> {
    env(&format!("FABRIC_CA_CLIENT_{name}")).filter(|v| !v.is_empty())
}

fn list(env: Lookup<'_>, name: &str) -> Vec<String> {
    get(env, name)
        .map(|v| v.split(',').map(str::trim).filter(|i| !i.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default()
}

fn fill<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

fn fill_list<T>(slot: &mut Vec<T>, value: Vec<T>) {
    if slot.is_empty() {
        *slot = value;
    }
}

/// Sets every argument that is not given to the value of the Go client's variable.
pub(in crate::cli) fn apply(
    env: Lookup<'_>,
    ca: &mut CaArgs,
    names: &mut NameArgs,
    target: &mut TargetArgs,
    key: &mut KeyArgs,
    profile: &mut Option<String>,
    attrs: &mut Vec<String>,
) {
    fill(&mut ca.url, get(env, "URL"));
    let connection = &mut ca.connection;
    fill(&mut connection.ca_name, get(env, "CANAME"));
    fill_list(&mut connection.tls_ca, list(env, "TLS_CERTFILES").into_iter().map(PathBuf::from).collect());
    fill(&mut connection.tls_client_cert, get(env, "TLS_CLIENT_CERTFILE").map(PathBuf::from));
    fill(&mut connection.tls_client_key, get(env, "TLS_CLIENT_KEYFILE").map(PathBuf::from));
    fill_list(&mut names.san, list(env, "CSR_HOSTS"));
    fill(&mut names.csr_serialnumber, get(env, "CSR_SERIALNUMBER"));
    fill(&mut key.keyrequest_size, get(env, "CSR_KEYREQUEST_SIZE"));
    fill(profile, get(env, "ENROLLMENT_PROFILE"));
    // The Go client documents this one and ignores it.
    fill_list(attrs, list(env, "ENROLLMENT_ATTRS"));
    fill(&mut target.home, get(env, "HOME").map(PathBuf::from));
    if target.msp_dir.is_none() && target.tls_dir.is_none() {
        target.msp_dir = get(env, "MSPDIR").map(PathBuf::from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_where_it_is_read() {
        use std::os::unix::ffi::OsStringExt as _;
        let set = |name: &str| [(OsString::from(name), OsString::from_vec(vec![b'a', 0xff]))].into_iter();
        for name in ["FABCERT_SECRET", "FABRIC_CA_CLIENT_CSR_HOSTS", "FABRIC_CA_HOME"] {
            let error = readable(set(name), &[]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(readable(set("HOME"), &["HOME"]).is_err());
        assert!(readable(set("HOME"), &[]).is_ok());
    }

    #[test]
    fn flag_overrides_variable_and_empty_variable_is_not_set() {
        let env = |name: &str| match name {
            "FABRIC_CA_CLIENT_URL" => Some("https://env".to_owned()),
            "FABRIC_CA_CLIENT_CSR_HOSTS" => Some("a, b".to_owned()),
            "FABRIC_CA_CLIENT_CANAME" => Some(String::new()),
            "FABRIC_CA_CLIENT_ENROLLMENT_ATTRS" => Some("hf.Type:opt,x".to_owned()),
            "FABRIC_CA_CLIENT_MSPDIR" => Some("msp".to_owned()),
            _ => None,
        };
        let mut ca = CaArgs { url: Some("https://flag".into()), ..CaArgs::default() };
        let (mut names, mut target, mut key, mut profile, mut attrs) =
            (NameArgs::default(), TargetArgs::default(), KeyArgs::default(), None, Vec::new());
        apply(&env, &mut ca, &mut names, &mut target, &mut key, &mut profile, &mut attrs);
        assert_eq!(ca.url.as_deref(), Some("https://flag"));
        assert_eq!(ca.connection.ca_name, None);
        assert_eq!(attrs, ["hf.Type:opt", "x"]);
        assert_eq!(names.san, ["a", "b"]);
        assert_eq!(target.msp_dir, Some(PathBuf::from("msp")));
    }
}
