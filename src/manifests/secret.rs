//! Secrets: only the certificates in them are kept.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::meta::Meta;
use crate::text::yaml::Node;

/// The certificates of a Secret or a `ConfigMap`. Keys and other secret values are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Name, namespace, place.
    pub(crate) meta: Meta,
    /// The Secret type, such as `kubernetes.io/tls`.
    pub(crate) kind: String,
    /// The files that contain certificates (PEM, one or many), by key.
    pub(crate) certificates: Vec<(String, String)>,
}

impl Secret {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        let mut certificates = Vec::new();
        for (key, value) in document.entries_at(&["data"]) {
            let (Some(key), Some(text)) = (key.text(), value.text()) else { continue };
            let dense: String = text.split_whitespace().collect();
            let Ok(bytes) = STANDARD.decode(dense) else { continue };
            certificates.extend(pem(&String::from_utf8_lossy(&bytes)).map(|pem| (key.to_owned(), pem)));
        }
        // The API server lets stringData override data.
        for (key, value) in document.entries_at(&["stringData"]) {
            let (Some(key), Some(text)) = (key.text(), value.text()) else { continue };
            certificates.retain(|(known, _)| known != key);
            certificates.extend(pem(text).map(|pem| (key.to_owned(), pem)));
        }
        Self {
            meta: Meta::read(document, kind, path),
            kind: document.text_at(&["type"]).unwrap_or_default().to_owned(),
            certificates,
        }
    }
}

/// The certificates in a text, without any key.
pub(super) fn pem(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut out = String::new();
    for part in text.split(BEGIN).skip(1) {
        let (body, _) = part.split_once(END)?;
        out.push_str(BEGIN);
        out.push_str(body);
        out.push_str(END);
        out.push('\n');
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERT: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n";

    fn secret(text: &str) -> Secret {
        let document = crate::text::yaml::documents(text).unwrap().remove(0);
        Secret::read(&document, "Secret", &Arc::from(Path::new("s.yaml")))
    }

    #[test]
    fn certificates_are_kept_and_keys_are_not() {
        let both = STANDARD.encode(format!("{KEY}{CERT}"));
        let found = secret(&format!("data:\n  tls.crt: {both}\n  tls.key: {}\n", STANDARD.encode(KEY)));
        assert_eq!(found.certificates, [("tls.crt".to_owned(), CERT.to_owned())]);
        assert!(!format!("{found:?}").contains("hidden"));
    }

    #[test]
    fn string_data_overrides_data() {
        let old = STANDARD.encode("-----BEGIN CERTIFICATE-----\nold\n-----END CERTIFICATE-----\n");
        let text = format!(
            "data:\n  tls.crt: {old}\nstringData:\n  tls.crt: |\n    {}\n",
            CERT.trim().replace('\n', "\n    ")
        );
        assert_eq!(secret(&text).certificates, [("tls.crt".to_owned(), CERT.to_owned())]);
        assert_eq!(secret("data:\n  tls.crt: '%%%'\n").certificates, []);
    }
}
