//! The home of the Go client: the folder of its configuration file, to which other paths are relative (fabric-ca v1.5.21
//! `util/util.go`, `GetDefaultConfigFile`; `util/configutil.go`, `ValidateAndReturnAbsConf`).

use std::path::{Path, PathBuf};

use crate::cli::args::fabric_env::Lookup;

/// The file in each home.
const FILE: &str = "fabric-ca-client-config.yaml";

/// A home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The folder.
    pub(super) dir: PathBuf,
    /// Its configuration file.
    pub(super) config: PathBuf,
}

impl Home {
    /// The home where no flag names one: the first variable that is set, or a folder of the user.
    pub(super) fn default_dir(env: Lookup<'_>) -> PathBuf {
        let named = ["FABRIC_CA_CLIENT_HOME", "FABRIC_CA_HOME", "CA_CFG_PATH"].into_iter().filter_map(env);
        let named = named.into_iter().find(|dir| !dir.is_empty());
        named.map_or_else(|| Path::new(&env("HOME").unwrap_or_default()).join(".fabric-ca-client"), PathBuf::from)
    }

    /// The home by `--config`, `--home`, or the default; relative paths are below `working_dir`.
    pub(super) fn find(config: Option<&str>, home: Option<&str>, working_dir: &Path, env: Lookup<'_>) -> Self {
        if let Some(config) = config {
            if home.is_some() {
                tracing::warn!("--config and --home are given; --config is used");
            }
            let config = absolute(Path::new(config), working_dir);
            let dir = config.parent().unwrap_or_else(|| Path::new("/")).to_owned();
            return Self { dir, config };
        }
        let dir = home.map_or_else(|| Self::default_dir(env), PathBuf::from);
        let dir = absolute(&dir, working_dir);
        Self { config: dir.join(FILE), dir }
    }

    /// A path of the configuration: below the home, unless it is absolute.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        absolute(Path::new(path), &self.dir)
    }
}

/// The path as Go's `filepath.Abs` gives it: without `.` and `..`, by its text alone.
fn absolute(path: &Path, base: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: Option<&str>, home: Option<&str>, set: &[(&str, &str)]) -> (String, String) {
        let env = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let home = Home::find(config, home, Path::new("/w"), &env);
        (home.dir.display().to_string(), home.config.display().to_string())
    }

    #[test]
    fn the_first_rule_that_applies_gives_the_home() {
        let all = [("FABRIC_CA_CLIENT_HOME", "/a"), ("FABRIC_CA_HOME", "b"), ("CA_CFG_PATH", "c"), ("HOME", "/u")];
        let file = |dir: &str| (dir.to_owned(), format!("{dir}/fabric-ca-client-config.yaml"));
        assert_eq!(found(Some("x/y.yaml"), Some("/h"), &all), ("/w/x".into(), "/w/x/y.yaml".into()));
        assert_eq!(found(None, Some("../h/"), &all), file("/h"));
        assert_eq!(found(None, None, &all), file("/a"));
        assert_eq!(found(None, None, &all[1..]), file("/w/b"));
        assert_eq!(found(None, None, &all[2..]), file("/w/c"));
        assert_eq!(found(None, None, &all[3..]), file("/u/.fabric-ca-client"));
        assert_eq!(found(None, None, &[("FABRIC_CA_CLIENT_HOME", ""), ("HOME", "/r")]), file("/r/.fabric-ca-client"));
    }
}
