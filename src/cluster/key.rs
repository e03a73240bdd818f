//! The files of an MSP folder as keys of a Secret, which may not hold a slash.

use std::collections::{BTreeMap, BTreeSet};
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
/// When a file does not belong to an MSP folder.
pub(super) fn items<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Vec<Item>, Error> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for path in paths {
        let unknown = || Error::new(ErrorKind::Input, format!("{} does not belong to an MSP folder", path.display()));
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

/// Whether fabcert writes the key into an MSP Secret.
pub(super) fn is_of_an_msp(key: &str) -> bool {
    let singular = |(_, singular): &(&str, &str)| {
        key.strip_prefix(singular).and_then(|rest| rest.strip_suffix(".pem")).is_some_and(|number| {
            number.is_empty() || number.strip_prefix('-').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    key == "config.yaml" || SINGULAR.iter().any(singular)
}

/// The items of the annotation `text` of the Secret `name`, each with a path inside the folder.
///
/// # Errors
/// When it is missing or no such list, a path is not that of a file in a folder of an MSP, or it does not name the keys `present`, each once.
pub(super) fn parse(name: &str, text: Option<&str>, present: &BTreeSet<&str>) -> Result<Vec<Item>, Error> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Input, format!("the annotation {ITEMS} of the Secret {name} cannot be used: {why}"))
            .with_help("it maps each key to its path, as the items of a volume; write it again with kubectl annotate --overwrite. The Secret holds the only copy of the key: do not delete it")
    };
    let text = text.ok_or_else(|| wrong("it is missing".to_owned()))?;
    let listed: Vec<Item> = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    // The paths decide the keys, so paths of other forms give other items.
    let expected = items(listed.iter().map(|item| Path::new(&item.path))).map_err(|e| wrong(e.to_string()))?;
    let is_plain = |path: &str| {
        path.split('/').count() <= 2
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
            && !path.chars().any(char::is_control)
    };
    if let Some(item) = listed.iter().find(|item| !is_plain(&item.path)) {
        return Err(wrong(format!("\"{}\" is no path inside the folder", item.path)));
    }
    let paths: BTreeSet<&str> = listed.iter().map(|item| item.path.as_str()).collect();
    let keys: BTreeSet<&str> = listed.iter().map(|item| item.key.as_str()).collect();
    if paths.len() != listed.len() || keys != *present {
        return Err(wrong("it does not name each key of the Secret, and each path, once".to_owned()));
    }
    if expected != listed {
        return Err(wrong("a key is not that of its path".to_owned()));
    }
    Ok(listed)
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

    fn parsed(list: &[(&str, &str)], present: &[&str]) -> Result<Vec<Item>, Error> {
        let item = |(key, path): &(&str, &str)| Item { key: (*key).to_owned(), path: (*path).to_owned() };
        let text = serde_json::to_string(&list.iter().map(item).collect::<Vec<_>>()).unwrap();
        parse("s", Some(&text), &present.iter().copied().collect())
    }

    #[test]
    fn a_path_that_is_not_in_the_folder_is_refused() {
        for path in
            ["../x", "/x", "cacerts//b", "cacerts/../b", "", "cacerts", "cacerts/a/b", "cacerts/a\0b", "config.yaml/a"]
        {
            assert!(parsed(&[("cacert-1.pem", path)], &["cacert-1.pem"]).is_err(), "{path}");
        }
    }

    #[test]
    fn each_key_is_listed_once() {
        let (key, cert) = (("key.pem", "keystore/priv_sk"), ("signcert.pem", "signcerts/c.pem"));
        assert_eq!(parsed(&[cert, key], &["key.pem", "signcert.pem"]).unwrap()[1].path, "keystore/priv_sk");
        assert!(parsed(&[cert], &["key.pem", "signcert.pem"]).is_err(), "a key that is not listed");
        assert!(parsed(&[cert, key], &["signcert.pem"]).is_err(), "a key that is not there");
        assert!(parsed(&[key, key], &["key.pem"]).is_err(), "one twice");
        assert!(parsed(&[("key.pem", cert.1), ("signcert.pem", key.1)], &["key.pem", "signcert.pem"]).is_err());
        assert!(parsed(&[("cacert-1.pem", key.1)], &["cacert-1.pem"]).is_err(), "a path of another kind");
        assert!(parse("s", None, &BTreeSet::new()).is_err(), "no annotation");
    }

    #[test]
    fn keys_of_others_are_told_apart() {
        for key in ["key.pem", "signcert.pem", "cacert-1.pem", "crl-12.pem", "config.yaml"] {
            assert!(is_of_an_msp(key), "{key}");
        }
        for key in ["extra.txt", "key.pem.bak", "cacert-x.pem", "tls.crt"] {
            assert!(!is_of_an_msp(key), "{key}");
        }
    }
}
