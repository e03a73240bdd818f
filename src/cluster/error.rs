//! What a failed request to the API server means.

use kube::core::Status;

use crate::{Error, ErrorKind};

/// An object of a namespace, as errors name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    /// What it is: `Secret`.
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    /// What a Role must allow for all requests about such objects: `get of pods`.
    pub(super) rights: &'static str,
}

impl<'a> Object<'a> {
    pub(super) const fn secret(name: &'a str) -> Self {
        Self { kind: "Secret", name, rights: "get, create and patch of secrets" }
    }
}

/// The error for a request about an object of `namespace`.
pub(super) fn api_error(
    verb: &str,
    (namespace, object): (&str, Object<'_>),
    server: &str,
    error: kube::Error,
) -> Error {
    let Object { kind, name, rights } = object;
    let what = format!("cannot {verb} the {kind} {namespace}/{name}");
    let status = match error {
        kube::Error::Api(status) => status,
        other => {
            return Error::new(ErrorKind::Unreachable, format!("{what} at {server}"))
                .with_source(other)
                .with_help("check that the API server is up and that this host trusts its certificate");
        }
    };
    match status.code {
        401 => Error::new(
            ErrorKind::Input,
            format!("{what}: the API server does not know the credentials: {}", status.message),
        )
        .with_help("check the token or the client certificate of the kubeconfig, or the service account of the pod"),
        403 if !status.message.contains(" cannot ") => {
            Error::new(ErrorKind::Input, format!("{what}: {}", status.message))
        }
        403 => Error::new(ErrorKind::Input, format!("{what}: {}", status.message)).with_help(format!(
            "a Role in the namespace {namespace} must allow {rights}; bind it to the service account of the pod"
        )),
        404 => Error::new(ErrorKind::Input, format!("{what}: {}", status.message))
            .with_help(format!("create the namespace {namespace}, or name another one with --k8s-namespace")),
        409 => conflict(&what, (namespace, object), &status),
        429 | 500.. => Error::new(ErrorKind::Unreachable, format!("{what} at {server}: {}", status.message)),
        _ => Error::new(ErrorKind::Input, format!("{what}: {}", status.message)),
    }
}

/// A change by somebody else: of fields that another manager owns, or of the whole object since it was read.
fn conflict(what: &str, (namespace, object): (&str, Object<'_>), status: &Status) -> Error {
    let Object { kind, name, .. } = object;
    let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
    let others = causes.iter().filter(|cause| cause.reason == "FieldManagerConflict");
    let others: Vec<String> = others.map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    if others.is_empty() {
        return Error::new(ErrorKind::Locked, format!("{what}: another fabcert changed it meanwhile"))
            .with_help("run the same command again: it continues from what the other one stored");
    }
    Error::new(ErrorKind::Input, format!("{what}: somebody else writes to it")).with_items(others).with_help(format!(
        "use another name, or take it out of the hands of the other writer: kubectl get {} {name} -n {namespace} --show-managed-fields -o yaml",
        kind.to_ascii_lowercase()
    ))
}
