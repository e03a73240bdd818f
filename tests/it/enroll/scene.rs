//! One peer that enrols at a CA, with its folders and the common arguments of its runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::command::{Ran, fabcert, tree};
use crate::real::{CaUnderTest, Registration};

/// The names of the TLS certificate.
pub(crate) const NAMES: [&str; 2] = ["org1-peer1", "org1-peer-gateway-svc"];

/// `org1-peer1`, registered at a CA, and the parent of its MSP and TLS folders.
pub(crate) struct Peer<'a> {
    ca: &'a dyn CaUnderTest,
    dir: tempfile::TempDir,
}

impl<'a> Peer<'a> {
    /// Registers the peer with this secret and this limit of enrolments, if any.
    pub(crate) fn register(ca: &'a dyn CaUnderTest, secret: &str, max_enrollments: Option<u32>) -> Self {
        ca.register(&Registration { max_enrollments, ..Registration::peer("org1-peer1", secret) });
        Self { ca, dir: tempfile::tempdir().unwrap() }
    }

    /// The same identity with other folders.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { ca: self.ca, dir: tempfile::tempdir().unwrap() }
    }

    /// The parent of this peer's folders.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn msp(&self) -> PathBuf {
        self.dir().join("peer/msp")
    }

    pub(crate) fn tls(&self) -> PathBuf {
        self.dir().join("peer/tls")
    }

    /// Everything below the parent, including fabcert's state.
    pub(crate) fn tree(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        tree(&self.dir().join("peer"))
    }

    /// The MSP and the TLS folder only.
    pub(crate) fn folders(&self) -> [BTreeMap<String, (u32, Vec<u8>)>; 2] {
        [tree(&self.msp()), tree(&self.tls())]
    }

    /// The numbers of successful requests for certificates, by secret and by token.
    pub(crate) fn issued(&self) -> (usize, usize) {
        (self.ca.count_status("enroll", 201), self.ca.count_status("reenroll", 201))
    }

    /// Enrols for both folders at this peer's own CA.
    pub(crate) fn enroll(&self, secret: &str, more: &[&str]) -> Ran {
        let anchor = self.ca.tls_anchor().to_path_buf();
        self.enroll_at(&self.ca.url(), &anchor, self.ca.ca_name(), secret, more)
    }

    /// Enrols for both folders at any CA.
    pub(crate) fn enroll_at(
        &self,
        url: &str,
        anchor: &Path,
        ca_name: Option<&str>,
        secret: &str,
        more: &[&str],
    ) -> Ran {
        let (anchor, msp, tls) = (text(anchor), text(&self.msp()), text(&self.tls()));
        let mut args = vec!["enroll", "--url", url, "--id", "org1-peer1", "--tls-ca", &anchor];
        args.extend(["--msp-dir", &msp, "--tls-dir", &tls, "--san", NAMES[0], "--san", NAMES[1]]);
        args.extend(["--output", "json"]);
        if !more.contains(&"--role") {
            args.extend(["--role", "peer"]);
        }
        args.extend(ca_name.iter().flat_map(|name| ["--ca-name", name]));
        args.extend(more);
        fabcert(&args, Some(secret))
    }
}

/// The path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
