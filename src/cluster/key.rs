//! The files of an MSP folder as keys of a Secret, which may not hold a slash.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Error, ErrorKind};

/// The annotation that maps keys to paths: JSON, the list that a volume takes as `items`.
pub(super) const ITEMS: &str = "fabcert.dev/items";

/// One file: the key of the Secret, and the path in the folder.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) path: String,
}

/// The names of the folders in the singular, as keys have them.
const SINGULAR: [(&str, &str); 8] = [
    ("signcerts", "signcert"),
    ("keystore", "key"),
    ("cacerts", "cacert"),
    ("intermediatecerts", "intermediatecert"),
    ("tlscacerts", "tlscacert"),
    ("tlsintermediatecerts", "tlsintermediatecert"),
    ("admincerts", "admincert"),
    ("crls", "crl"),
];

/// The keys for the files of an MSP folder, in the order of `paths`. `signcert.pem`, `key.pem` and `config.yaml` are one each; the other
/// folders count from 1: `cacert-1.pem`.
///
/// # Errors
/// When a file is none of an MSP.
pub(super) fn items<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Vec<Item>, Error> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for path in paths {
        let unknown = || Error::new(ErrorKind::Input, format!("{} is no file of an MSP folder", path.display()));
        let text = path.to_str().ok_or_else(unknown)?;
        let key = match text.split_once('/') {
            None if text == "config.yaml" => text.to_owned(),
            Some((folder, _)) => {
                let (_, singular) = SINGULAR.iter().find(|(known, _)| *known == folder).ok_or_else(unknown)?;
                let count = counts.entry(singular).or_default();
                *count += 1;
                match (*singular, *count) {
                    ("signcert" | "key", 1) => format!("{singular}.pem"),
                    (_, n) => format!("{singular}-{n}.pem"),
                }
            }
            None => return Err(unknown()),
        };
        items.push(Item { key, path: text.to_owned() });
    }
    Ok(items)
}

/// The items of the annotation `text` of the Secret `name`, each with a path inside the folder.
///
/// # Errors
/// When it is no such list, or a path leads out of the folder.
pub(super) fn parse(name: &str, text: &str) -> Result<Vec<Item>, Error> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Input, format!("the annotation {ITEMS} of the Secret {name} cannot be used: {why}"))
            .with_help("delete the Secret, and have fabcert write it again")
    };
    let items: Vec<Item> = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    let is_plain = |path: &str| path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    match items.iter().find(|item| !is_plain(&item.path)) {
        Some(item) => Err(wrong(format!("\"{}\" is no path inside the folder", item.path))),
        None => Ok(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(paths: &[&str]) -> Vec<String> {
        items(paths.iter().map(Path::new)).unwrap().into_iter().map(|item| item.key).collect()
    }

    #[test]
    fn each_file_of_an_msp_has_a_key() {
        let paths = [
            "cacerts/ca.pem",
            "config.yaml",
            "intermediatecerts/a.pem",
            "intermediatecerts/b.pem",
            "keystore/priv_sk",
            "signcerts/c.pem",
        ];
        let expected = [
            "cacert-1.pem",
            "config.yaml",
            "intermediatecert-1.pem",
            "intermediatecert-2.pem",
            "key.pem",
            "signcert.pem",
        ];
        assert_eq!(keys(&paths), expected);
    }

    #[test]
    fn a_file_outside_an_msp_is_refused() {
        for path in ["notes.txt", "old/cert.pem"] {
            let error = items([Path::new(path)].into_iter()).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_refused() {
        for path in ["../x", "/x", "a//b", "a/../b", ""] {
            let text = serde_json::to_string(&[Item { key: "k".to_owned(), path: path.to_owned() }]).unwrap();
            assert!(parse("s", &text).is_err(), "{path}");
        }
        assert_eq!(parse("s", r#"[{"key":"key.pem","path":"keystore/priv_sk"}]"#).unwrap()[0].path, "keystore/priv_sk");
    }
}
