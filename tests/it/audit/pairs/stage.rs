//! A folder in which a scene is set, and how it is audited.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use fabcert::internals::pem_encode;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

use super::super::scene::{self, Scene};
use crate::command::command;
use crate::coverage::organisation::{Organisation, SET};
use crate::verdicts::RECORDED;

/// The folder, a CA to issue into it, and what the audit is told beside.
pub(super) struct Stage {
    pub(super) scene: Scene,
    args: RefCell<Vec<String>>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { scene: Scene::new(), args: RefCell::default() }
    }

    /// More arguments of `fabcert audit`.
    pub(super) fn tell(&self, args: &[&str]) -> &Self {
        self.args.borrow_mut().extend(args.iter().map(|a| (*a).to_owned()));
        self
    }

    /// These arguments and no others.
    pub(super) fn tell_only(&self, args: &[&str]) -> &Self {
        self.args.borrow_mut().clear();
        self.tell(args)
    }

    /// A recorded MSP folder, as `msp`.
    pub(super) fn msp(&self, id: &str) -> &Self {
        self.unpack("msp-cases.tar.gz", id, "")
    }

    /// A recorded TLS folder, as `tls`.
    pub(super) fn tls(&self, id: &str) -> &Self {
        self.unpack("tls-cases.tar.gz", id, "tls")
    }

    fn unpack(&self, archive: &str, id: &str, into: &str) -> &Self {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/verdicts").join(archive);
        let into = self.scene.path(into);
        fs::create_dir_all(&into).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xzf").arg(archive).arg("--strip-components=1").arg("-C").arg(into).arg(id);
        assert!(tar.status().unwrap().success(), "{id}");
        self
    }

    /// A file of the corpus, as `NAME` here.
    pub(super) fn corpus(&self, file: &str, name: &str) -> &Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/corpus").join(file);
        self.file(name, fs::read(from).unwrap())
    }

    /// A file of this content.
    pub(super) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.scene.write(path, content);
        self
    }

    /// Changes a text that must be there.
    pub(super) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.scene.path(path)).unwrap();
        assert!(text.contains(from), "{path} holds no {from:?}");
        self.file(path, text.replace(from, to))
    }

    /// The TLS folder of a node whose certificate is healthy but for what `change` does.
    pub(super) fn server(&self, change: impl FnOnce(&mut CertificateParams)) -> &Self {
        let mut params = scene::server("peer1", &["peer1"]);
        change(&mut params);
        let (cert, key) = self.scene.issue(&params);
        self.scene.lay_tls("tls", &cert, &key, &self.scene.root());
        self
    }

    /// A TLS folder below CAs of its own, the root first: the last one issues. The server sends so many of them from below;
    /// the others stand in `ca.crt`.
    pub(super) fn server_below(&self, cas: &[CertificateParams], names: &[&str], sent: usize) -> &Self {
        let mut chain: Vec<CertifiedIssuer<'static, KeyPair>> = Vec::new();
        for params in cas {
            let (params, key) = (params.clone(), KeyPair::generate().unwrap());
            chain.push(match chain.last() {
                None => CertifiedIssuer::self_signed(params, key).unwrap(),
                Some(upper) => CertifiedIssuer::signed_by(params, key, upper).unwrap(),
            });
        }
        let (leaf, key) = scene::issue(&scene::server("peer1", names), chain.last().unwrap());
        let mut pem: Vec<String> = chain.iter().map(|ca| pem_encode("CERTIFICATE", ca.der())).collect();
        let mut below = pem.split_off(cas.len() - sent);
        below.reverse();
        self.scene.lay_tls("tls", &(leaf + &below.concat()), &key, &pem.concat());
        self
    }

    /// The manifests of a healthy organisation, with one text in one file changed.
    pub(super) fn manifests(&self, changes: &[(&str, &str, &str)]) -> &Self {
        let org = Organisation::new();
        for (file, from, to) in changes {
            org.change(file, from, to);
        }
        for entry in fs::read_dir(org.path("")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), self.scene.path("").join(entry.file_name())).unwrap();
        }
        self.tell(&SET)
    }

    /// The ids of the rules that an audit of everything here finds something by, as on the day the cases were recorded.
    pub(super) fn found(&self) -> BTreeSet<String> {
        let args = self.args.borrow();
        let mut all = vec!["audit", ".", "--output", "json", "--at", RECORDED];
        if !self.scene.path("fabcert.yaml").exists() {
            all.push("--no-policy");
        }
        all.extend(args.iter().map(String::as_str));
        let output = command(&all, &[]).current_dir(self.scene.dir()).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let findings = report["findings"].as_array().unwrap_or_else(|| panic!("{report}"));
        findings.iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
    }
}
