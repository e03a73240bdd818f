//! The definitions of the kinds, as the API server takes them.

use serde_json::{Value, json};

use super::kind::{GROUP, IdentityType, IssuerKind, VERSION};
use crate::{Error, ErrorKind};

/// The definitions of both kinds, a stream of YAML documents.
///
/// # Errors
/// When they cannot be written, which is a bug.
pub(crate) fn yaml() -> Result<String, Error> {
    let mut out = String::new();
    for kind in IssuerKind::ALL {
        let text = yaml_serde::to_string(&definition(kind))
            .map_err(|e| Error::new(ErrorKind::Bug, "cannot write a definition as YAML").with_source(e))?;
        out.push_str("---\n");
        out.push_str(&text);
    }
    Ok(out)
}

/// The `CustomResourceDefinition` of a kind.
pub(super) fn definition(kind: IssuerKind) -> Value {
    let scope = match kind {
        IssuerKind::Namespaced => "Namespaced",
        IssuerKind::Cluster => "Cluster",
    };
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let ready = |member: &str| format!(".status.conditions[?(@.type==\"Ready\")].{member}");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{GROUP}", kind.plural())},
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": {
                "kind": kind.name(),
                "listKind": format!("{}List", kind.name()),
                "plural": kind.plural(),
                "singular": kind.name().to_ascii_lowercase(),
                "categories": ["cert-manager"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    column("CA", ".spec.url"),
                    column("Ready", &ready("status")),
                    column("Status", &ready("message")),
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": spec(kind),
                        "status": status(),
                    },
                }},
            }],
        },
    })
}

/// A text that is not empty.
fn text(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

fn object(description: &str, required: &[&str], properties: &Value) -> Value {
    let mut schema = json!({"type": "object", "description": description, "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn list(description: &str, items: &Value) -> Value {
    json!({"type": "array", "description": description, "items": items})
}

fn key_ref(description: &str) -> Value {
    object(description, &["name"], &json!({"name": text("Name of the object"), "key": text("Key in it")}))
}

fn identity_type(description: &str) -> Value {
    let words: Vec<&str> = IdentityType::ALL.into_iter().map(IdentityType::as_str).collect();
    json!({"type": "string", "enum": words, "description": description})
}

fn spec(kind: IssuerKind) -> Value {
    let place = match kind {
        IssuerKind::Namespaced => "in the namespace of the issuer",
        IssuerKind::Cluster => "in the namespace that fabcert issuer has as --cluster-resource-namespace",
    };
    let identity = object(
        "An identity that is registered at the CA",
        &["id", "secretRef"],
        &json!({
            "id": text("Enrolment id"),
            "secretRef": key_ref(&format!("Its enrolment secret, {place}; the key is secret if none is given. It is sent once")),
            "type": identity_type("Its type; without one the certificate must have one of the four NodeOUs"),
        }),
    );
    let registrar = object(
        "The identity that registers others when they are requested",
        &["secretRef"],
        &json!({
            "secretRef": object(
                &format!("Its certificate and key, {place}: tls.crt and tls.key, or signcert.pem and key.pem"),
                &["name"],
                &json!({"name": text("Name of the Secret")}),
            ),
            "affiliation": text("Affiliation of new identities; that of the registrar if none is given"),
            "takeOver": flag("Give an identity that exists a new secret, which ends whatever uses the old one"),
        }),
    );
    let mut rule = object(
        "What some namespaces may request",
        if kind == IssuerKind::Cluster { &["namespaces", "ids"] } else { &["ids"] },
        &json!({
            "namespaces": list("Patterns of namespaces, with * and ?", &text("Pattern")),
            "ids": list("Patterns of enrolment ids, with * and ?", &text("Pattern")),
            "types": list("Types; all but admin if none is given", &identity_type("Type")),
            "profiles": list("Signing profiles that the annotation fabcert.dev/profile may choose", &text("Profile")),
        }),
    );
    rule["properties"]["ids"]["minItems"] = 1.into();
    object(
        "A Fabric CA, and who may request what",
        if kind == IssuerKind::Cluster { &["url", "tlsCa", "allow"] } else { &["url", "tlsCa"] },
        &json!({
            "url": {"type": "string", "pattern": "^https://[^@]+$", "description": "https://HOST[:PORT][/PATH]; port 7054 if none is given"},
            "caName": text("CA on the server; its default CA if none is given"),
            "tlsCa": object(
                "Trust anchors for the connection to the CA: one of the three",
                &[],
                &json!({
                    "pem": text("PEM"),
                    "secretRef": key_ref(&format!("A Secret, {place}; the key is ca.crt if none is given")),
                    "configMapRef": key_ref(&format!("A ConfigMap, {place}; the key is ca.crt if none is given")),
                }),
            ),
            "identities": list("The identities whose secret is known", &identity),
            "registrar": registrar,
            "allow": list("Who may request what", &rule),
            "profiles": object(
                "Signing profiles of the CA",
                &[],
                &json!({
                    "tls": text("For requests with the usages server auth or client auth; tls if none is given"),
                    "sign": text("For the others; the default of the CA if none is given"),
                }),
            ),
            "allowKeyChange": flag("Certify another key for an orderer than before; its channels must be updated"),
            "allowEd25519": flag("Certify Ed25519 keys of identities; the channels have the capability V3_0"),
        }),
    )
}

fn status() -> Value {
    let condition = object(
        "What is known of the issuer",
        &["type", "status"],
        &json!({
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "observedGeneration": {"type": "integer", "format": "int64"},
        }),
    );
    let mut conditions = list("Ready, or why not", &condition);
    conditions["x-kubernetes-list-type"] = "map".into();
    conditions["x-kubernetes-list-map-keys"] = json!(["type"]);
    object("What is known of the issuer", &[], &json!({"conditions": conditions}))
}

#[cfg(test)]
mod tests {
    use super::super::kind::IssuerSpec;
    use super::*;

    /// A spec with every member.
    fn full() -> Value {
        json!({
            "url": "https://org1-ca", "caName": "ca1",
            "tlsCa": {"pem": "x", "secretRef": {"name": "a", "key": "b"}, "configMapRef": {"name": "a", "key": "b"}},
            "identities": [{"id": "peer1", "secretRef": {"name": "s", "key": "k"}, "type": "peer"}],
            "registrar": {"secretRef": {"name": "r"}, "affiliation": "org1", "takeOver": true},
            "allow": [{"namespaces": ["n"], "ids": ["i"], "types": ["peer"], "profiles": ["p"]}],
            "profiles": {"tls": "tls", "sign": "s"}, "allowKeyChange": true, "allowEd25519": true,
        })
    }

    /// The paths of all members of a value.
    fn members(value: &Value, at: &str, all: &mut Vec<String>) {
        match value {
            Value::Array(items) => members(&items[0], at, all),
            Value::Object(of) => {
                for (name, below) in of {
                    all.push(format!("{at}.{name}"));
                    members(below, &format!("{at}.{name}"), all);
                }
            }
            _ => {}
        }
    }

    /// Those that a schema describes.
    fn described(schema: &Value, at: &str, all: &mut Vec<String>) {
        if let Some(items) = schema.get("items") {
            described(items, at, all);
        }
        for (name, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            all.push(format!("{at}.{name}"));
            described(below, &format!("{at}.{name}"), all);
        }
    }

    #[test]
    fn the_schema_has_the_members_of_the_type() {
        let read: IssuerSpec = serde_json::from_value(full()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written, full(), "the type knows every member");
        for kind in IssuerKind::ALL {
            let (mut of_type, mut of_schema) = (Vec::new(), Vec::new());
            members(&written, "", &mut of_type);
            described(&spec(kind), "", &mut of_schema);
            of_type.sort_unstable();
            of_schema.sort_unstable();
            assert_eq!(of_type, of_schema);
        }
    }

    #[test]
    fn the_definitions_are_two_documents_of_yaml() {
        let text = yaml().unwrap();
        assert_eq!(text.matches("kind: CustomResourceDefinition").count(), 2);
        assert_eq!(text.matches("---\n").count(), 2);
    }
}
