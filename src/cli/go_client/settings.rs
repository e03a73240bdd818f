//! The value of each setting: flag, variable `FABRIC_CA_CLIENT_*`, configuration file, default, in this order (viper v1
//! `viper.go`, `find`).

use super::file::ConfigFile;
use super::flags::GLOBAL;
use super::grammar::{Line, number, switch};
use crate::cli::args::fabric_env::Lookup;
use crate::text::yaml::Node;
use crate::{Error, ErrorKind};

/// The flags that neither a variable nor the file sets, as in the Go client.
const FLAG_ONLY: [&str; 3] = ["csr.names", "enrollment.attrs", "id.attrs"];

/// The sources of settings.
pub(super) struct Settings<'a> {
    pub(super) line: &'a Line,
    pub(super) env: Lookup<'a>,
    pub(super) file: &'a ConfigFile,
}

/// The values of a setting, and where they come from.
enum Found<'a> {
    Given(&'a [String]),
    Variable(String),
    File(&'a Node),
}

/// The variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("FABRIC_CA_CLIENT_{}", key.replace('.', "_").to_ascii_uppercase())
}

impl<'a> Settings<'a> {
    fn find(&self, key: &str) -> Option<Found<'_>> {
        if let Some(values) = self.line.given.get(key) {
            return Some(Found::Given(values));
        }
        let set = (self.env)(&variable(key)).filter(|value| !value.is_empty());
        set.map(Found::Variable).or_else(|| self.file.get(key).map(Found::File))
    }

    /// A text; empty where no default says otherwise.
    ///
    /// # Errors
    /// When the file holds a list or a mapping in its place.
    pub(super) fn text(&self, key: &str) -> Result<String, Error> {
        match self.find(key) {
            Some(Found::Given(values)) => Ok(values.first().cloned().unwrap_or_default()),
            Some(Found::Variable(value)) => Ok(value),
            Some(Found::File(node)) => {
                node.text().map(str::to_owned).ok_or_else(|| unfit(key, &format!("{}, not a text", node.kind())))
            }
            None => Ok(default(key).to_owned()),
        }
    }

    /// A text that is not empty.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub(super) fn given(&self, key: &str) -> Result<Option<String>, Error> {
        self.text(key).map(|text| Some(text).filter(|text| !text.is_empty()))
    }

    /// A truth value.
    ///
    /// # Errors
    /// When the text is not a truth value.
    pub(super) fn switch(&self, key: &str) -> Result<bool, Error> {
        let text = self.text(key)?;
        if text.is_empty() { Ok(false) } else { switch(&text).map_err(|why| unfit(key, &why)) }
    }

    /// A number.
    ///
    /// # Errors
    /// When the text is not a number.
    pub(super) fn number(&self, key: &str) -> Result<i64, Error> {
        let text = self.text(key)?;
        if text.is_empty() { Ok(0) } else { number(&text).map_err(|why| unfit(key, &why)) }
    }

    /// A list, as the Go client cleans it: without brackets around an item, split at commas, without blanks and empty
    /// items.
    ///
    /// # Errors
    /// When the file holds a mapping in its place.
    pub(super) fn list(&self, key: &str) -> Result<Vec<String>, Error> {
        let items = match self.find(key) {
            // Brackets are around the whole list.
            Some(Found::Given(values)) => vec![values.join(",")],
            Some(Found::Variable(value)) => vec![value],
            Some(Found::File(node)) => match (node.items(), node.text()) {
                (Some(items), _) => {
                    let text = |item: &Node| {
                        let text = if item.is_null() { Some("") } else { item.text() };
                        text.map(str::to_owned).ok_or_else(|| unfit(key, &format!("{}, not a text", item.kind())))
                    };
                    items.iter().map(text).collect::<Result<_, _>>()?
                }
                (None, Some(text)) => vec![text.to_owned()],
                _ => return Err(unfit(key, &format!("{}, not a list", node.kind()))),
            },
            None => Vec::new(),
        };
        Ok(items.iter().flat_map(|item| normal(item)).collect())
    }

    /// The mappings in a list that only the file holds; one mapping is a list of itself.
    ///
    /// # Errors
    /// When the file holds anything else in its place.
    pub(super) fn mappings(&self, key: &str) -> Result<Vec<&'a Node>, Error> {
        let Some(node) = self.file.get(key).filter(|node| node.text() != Some("")) else { return Ok(Vec::new()) };
        let items: Vec<&'a Node> = node.items().map_or_else(|| vec![node], |items| items.iter().collect());
        match items.iter().find(|item| item.entries().is_none() && !item.is_null()) {
            Some(other) => {
                let why = format!("{}, not a mapping or a list of mappings", other.kind());
                Err(Error::new(ErrorKind::Input, format!("{key}: {why}"))
                    .with_help("correct it in the configuration file"))
            }
            None => Ok(items),
        }
    }

    /// Warns of variables that look like settings, and that neither the Go client nor fabcert reads.
    pub(super) fn report_unread(&self) {
        for key in FLAG_ONLY.into_iter().chain(["config"]) {
            let name = variable(key);
            if (self.env)(&name).is_some_and(|value| !value.is_empty()) {
                tracing::warn!("{name} is not read, as in fabric-ca-client; give --{key} instead");
            }
        }
    }
}

/// The items in one item of a list (fabric-ca v1.5.21 `util/util.go`, `NormalizeStringSlice`).
fn normal(item: &str) -> Vec<String> {
    let inner = item.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(item);
    inner.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn default(key: &str) -> &'static str {
    GLOBAL.iter().find(|flag| flag.name == key).map_or("", |flag| flag.default)
}

fn unfit(key: &str, why: &str) -> Error {
    let name = variable(key);
    Error::new(ErrorKind::Input, format!("{key}: {why}"))
        .with_help(format!("correct it in --{key}, in {name}, or in the configuration file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;

    fn with(words: &[&str], env: &[(&str, &str)], yaml: &str, check: impl FnOnce(&Settings<'_>)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.yaml");
        Disk::real().write_new(&path, yaml.as_bytes(), 0o600).unwrap();
        let file = ConfigFile::read(&Disk::real(), &path).unwrap();
        let words: Vec<String> = ["enroll"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let line = Line::parse(&words).unwrap();
        let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        check(&Settings { line: &line, env: &env, file: &file });
    }

    #[test]
    fn a_flag_overrides_a_variable_which_overrides_the_file() {
        let (set, yaml) =
            ([("FABRIC_CA_CLIENT_CSR_CN", "env"), ("FABRIC_CA_CLIENT_URL", "")], "csr: {cn: file}\nURL: f\n");
        with(&["--csr.cn", "flag"], &set, yaml, |s| assert_eq!(s.text("csr.cn").unwrap(), "flag"));
        with(&[], &set, yaml, |s| {
            assert_eq!(s.text("csr.cn").unwrap(), "env");
            assert_eq!((s.text("url").unwrap(), s.text("mspdir").unwrap()), ("f".into(), "msp".into()));
        });
        with(&["--csr.cn="], &[], yaml, |s| assert_eq!(s.given("csr.cn").unwrap(), None));
        with(&[], &[], "url:\n", |s| assert_eq!(s.text("url").unwrap(), "http://localhost:7054"));
    }

    #[test]
    fn lists_have_brackets_blanks_and_commas_in_each_source() {
        let hosts = |words: &[&str], env: &[(&str, &str)], yaml: &str, expected: &[&str]| {
            with(words, env, yaml, |s| assert_eq!(s.list("csr.hosts").unwrap(), expected));
        };
        hosts(&["--csr.hosts=['a'"], &[], "", &["['a'"]);
        hosts(&["--csr.hosts=[a, b]"], &[], "", &["a", "b"]);
        hosts(&["--csr.hosts=a", "--csr.hosts", "b, ,c,"], &[], "", &["a", "b", "c"]);
        hosts(&[], &[("FABRIC_CA_CLIENT_CSR_HOSTS", "[a, b]")], "csr: {hosts: [z]}", &["a", "b"]);
        hosts(&[], &[], "csr:\n  hosts:\n    - a\n    - 1\n    -\n", &["a", "1"]);
        hosts(&[], &[], "csr: {hosts: \"a,b\"}", &["a", "b"]);
        hosts(&["--csr.hosts", ""], &[], "csr: {hosts: [z]}", &[]);
    }

    #[test]
    fn a_mapping_is_a_list_of_itself() {
        let count = |yaml: &str, expected: usize| {
            with(&[], &[], yaml, |s| assert_eq!(s.mappings("csr.names").unwrap().len(), expected, "{yaml}"));
        };
        count("csr: {names: {C: GB, O: Acme}}", 1);
        count("csr: {names: [{C: GB}, {O: Acme}]}", 2);
        count("csr: {names: [{C: GB}, ]}", 1);
        count("csr:\n  names:\n", 0);
        count("csr: {names: \"\"}", 0);
        for yaml in ["csr: {names: \"C=GB\"}", "csr: {names: [C=GB]}", "csr: {names: [[{C: GB}]]}"] {
            with(&[], &[], yaml, |s| {
                let error = s.mappings("csr.names").unwrap_err();
                assert!(error.to_string().starts_with("csr.names: a "), "{error}");
            });
        }
    }

    #[test]
    fn a_value_of_another_kind_is_named() {
        with(&[], &[("FABRIC_CA_CLIENT_CSR_KEYREQUEST_SIZE", "big")], "csr: {cn: [a]}", |s| {
            let error = s.number("csr.keyrequest.size").unwrap_err();
            assert!(
                error.to_string().contains("csr.keyrequest.size") && error.help().unwrap().contains("KEYREQUEST_SIZE")
            );
            assert!(s.text("csr.cn").unwrap_err().to_string().contains("a list"));
        });
    }
}
