//! One unit, read whole into a subject.

use std::path::{Component, Path, PathBuf};

use super::classify::MSP_PARTS;
use super::content::{self, Standing};
use super::walk::{ServedUnit, Unit};
use crate::audit::subject::{HeldCert, Location, MspFacts, Place, Subject, SubjectKind, Trouble};
use crate::fsx::{Disk, Kind};
use crate::msp::{StandingConfig, TlsNames};
use crate::x509::{Cert, NodeOu};

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Paths are reported relative to this folder, when they lie below it. Absolute.
    pub base: PathBuf,
    /// The working directory, to which relative paths are relative. Absolute.
    pub here: PathBuf,
    /// Larger files are a finding.
    pub limit: usize,
}

impl LoadOptions {
    /// A path as it is reported: without `.` and, below the base, relative to it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        let mut clean = PathBuf::new();
        for part in self.here.join(path).components() {
            match part {
                Component::CurDir => {}
                // Links are not resolved: what the user wrote is what the user reads.
                Component::ParentDir => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        match clean.strip_prefix(&self.base) {
            Ok(below) => below.to_owned(),
            // Somewhere else, a relative path stays what the user wrote.
            Err(_) if path.is_relative() && self.base == self.here => path.to_owned(),
            Err(_) => clean,
        }
    }
}

/// Reads a unit. A file that holds nothing of ours, and that nobody named, gives `None`.
pub fn load(disk: &Disk, unit: &Unit, options: &LoadOptions) -> Option<Subject> {
    let loader = Loader { disk, options };
    match unit {
        Unit::Msp(dir) => Some(loader.msp(dir)),
        Unit::Tls(dir, names) => Some(loader.tls(dir, *names)),
        Unit::File(path) => loader.file(path),
        Unit::Stdin(content) => {
            let mut subject = Subject::new(SubjectKind::Certificate, "-");
            let standing = Standing { place: Place::Loose, mode: None, keys_belong: true };
            content::add(&mut subject, &Location::whole("-"), content, &standing);
            Some(finished(subject))
        }
        Unit::Served(served) => Some(endpoint(served)),
        Unit::Skipped(path, why) => Some(loader.trouble(path, "input-skipped", why)),
        Unit::Unreadable(path, why) => Some(loader.trouble(path, "input-unreadable", why)),
    }
}

/// What an endpoint served, as a subject.
fn endpoint(served: &ServedUnit) -> Subject {
    let mut subject = Subject::new(SubjectKind::Endpoint, &served.endpoint);
    for (index, der) in served.chain.iter().enumerate() {
        let at = Location { block: Some(index + 1), ..subject.location() };
        let place = if index == 0 { Place::Served } else { Place::ServedChain };
        match Cert::from_der(der.clone()) {
            Ok(cert) => subject.certificates.push(HeldCert { cert, at, place }),
            Err(e) => subject.troubles.push(Trouble { at, rule: "input-unreadable", reason: e.to_string() }),
        }
    }
    subject.role = role_of(&subject);
    subject
}

struct Loader<'a> {
    disk: &'a Disk,
    options: &'a LoadOptions,
}

impl Loader<'_> {
    fn shown(&self, path: &Path) -> PathBuf {
        self.options.shown(path)
    }

    fn trouble(&self, path: &Path, rule: &'static str, why: &str) -> Subject {
        let mut subject = Subject::new(SubjectKind::Certificate, self.shown(path));
        subject.troubles.push(Trouble { at: subject.location(), rule, reason: why.to_owned() });
        subject
    }

    fn msp(&self, dir: &Path) -> Subject {
        let mut subject = Subject::new(SubjectKind::Msp, self.shown(dir));
        let mut facts = MspFacts::default();
        for part in MSP_PARTS {
            let files = self.files_of(&dir.join(part));
            facts.file_counts.insert(part, files.len());
            let mut first = true;
            for file in files {
                let before = subject.certificates.len();
                self.add_file(&mut subject, &file, place_in(part), part == "keystore");
                if part == "signcerts" {
                    for (index, held) in subject.certificates[before..].iter_mut().enumerate() {
                        if !first || index > 0 {
                            held.place = Place::SignCertExtra;
                        }
                    }
                    first &= subject.certificates.len() == before;
                }
            }
        }
        if let Ok(text) = self.disk.read(&dir.join("config.yaml"), self.options.limit) {
            facts.config_text = String::from_utf8_lossy(&text).into_owned().into();
            facts.config = Some(StandingConfig { content: text, ours: false });
        } else {
            facts.config_is_no_file = matches!(self.disk.metadata_followed(&dir.join("config.yaml")), Ok(Some(_)));
        }
        for name in self.disk.read_dir(dir).unwrap_or_default() {
            let known = MSP_PARTS.iter().any(|p| name == *p) || name == "config.yaml";
            if !known && !name.to_string_lossy().starts_with("..") && name != ".fabcert" {
                // Of a file that Fabric does not know, only a private key is anybody's concern.
                let mut aside = Subject::new(SubjectKind::Msp, subject.path.as_path());
                let path = dir.join(&name);
                if matches!(self.disk.metadata_followed(&path), Ok(Some(m)) if m.kind == Kind::File) {
                    self.add_file(&mut aside, &path, Place::Loose, false);
                }
                subject.keys.append(&mut aside.keys);
                facts.strangers.push(name.into());
            }
        }
        subject.msp = Some(facts);
        subject.role = role_of(&subject);
        subject
    }

    fn tls(&self, dir: &Path, names: Option<TlsNames>) -> Subject {
        let mut subject = Subject::new(SubjectKind::Tls, self.shown(dir));
        match names {
            Some(names) => {
                self.add_file(&mut subject, &dir.join(names.certificate()), Place::Server, false);
                self.add_file(&mut subject, &dir.join(names.key()), Place::Loose, true);
                self.add_file(&mut subject, &dir.join(names.ca()), Place::ServerAnchor, false);
            }
            None => {
                for (part, place) in [
                    ("signcerts", Place::Server),
                    ("keystore", Place::Loose),
                    ("tlscacerts", Place::ServerAnchor),
                    ("tlsintermediatecerts", Place::ServerChain),
                ] {
                    for file in self.files_of(&dir.join(part)) {
                        self.add_file(&mut subject, &file, place, part == "keystore");
                    }
                }
            }
        }
        let mut server_seen = false;
        for held in &mut subject.certificates {
            if held.place == Place::Server && std::mem::replace(&mut server_seen, true) {
                held.place = Place::ServerChain;
            }
        }
        subject.role = role_of(&subject);
        subject
    }

    fn file(&self, path: &Path) -> Option<Subject> {
        let mut subject = Subject::new(SubjectKind::Certificate, self.shown(path));
        self.add_file(&mut subject, path, Place::Loose, true);
        if !is_for_pem(path) {
            // A block in a source or a text that is cut short is an example and no certificate.
            subject.troubles.clear();
        }
        let subject = finished(subject);
        let empty = subject.certificates.is_empty() && subject.csrs.is_empty() && subject.crls.is_empty();
        (!empty || !subject.keys.is_empty() || !subject.troubles.is_empty()).then_some(subject)
    }

    fn files_of(&self, dir: &Path) -> Vec<PathBuf> {
        let names = self.disk.read_dir(dir).unwrap_or_default();
        let is_file = |p: &PathBuf| matches!(self.disk.metadata_followed(p), Ok(Some(m)) if m.kind == Kind::File);
        names.into_iter().map(|n| dir.join(n)).filter(is_file).collect()
    }

    fn add_file(&self, subject: &mut Subject, path: &Path, place: Place, keys_belong: bool) {
        let at = Location::whole(self.shown(path));
        let bytes = match self.disk.read_holding(path, b"-----BEGIN ", SMALL, self.options.limit) {
            Ok(Some(bytes)) => bytes,
            // A large file without a word of PEM is nobody's certificate.
            Ok(None) => return,
            Err(e) => {
                subject.troubles.push(Trouble { at, rule: "input-unreadable", reason: e.to_string() });
                return;
            }
        };
        let mode = self.disk.metadata_followed(path).ok().flatten().map(|m| m.mode);
        content::add(subject, &at, &bytes, &Standing { place, mode, keys_belong });
    }
}

/// Files up to this size are read whole, since they may be DER; larger ones only when PEM stands in them.
const SMALL: usize = 1024 * 1024;

/// Whether a file is there to hold keys or certificates, by its name.
fn is_for_pem(path: &Path) -> bool {
    const ENDINGS: [&str; 13] =
        ["pem", "crt", "cer", "cert", "key", "csr", "req", "crl", "der", "p8", "ca", "bundle", "arl"];
    match path.extension() {
        None => true,
        Some(ending) => ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)),
    }
}

/// A file on its own is what is in it.
fn finished(mut subject: Subject) -> Subject {
    subject.kind = match (subject.certificates.is_empty(), subject.csrs.is_empty(), subject.crls.is_empty()) {
        (true, false, _) => SubjectKind::Csr,
        (true, true, false) => SubjectKind::Crl,
        _ => SubjectKind::Certificate,
    };
    subject.role = role_of(&subject);
    subject
}

fn place_in(part: &str) -> Place {
    match part {
        "signcerts" => Place::SignCert,
        "cacerts" => Place::RootCa,
        "intermediatecerts" => Place::IntermediateCa,
        "admincerts" => Place::Admin,
        "tlscacerts" => Place::TlsRootCa,
        "tlsintermediatecerts" => Place::TlsIntermediateCa,
        _ => Place::Loose,
    }
}

/// The one NodeOU of the certificate that stands for the subject.
fn role_of(subject: &Subject) -> Option<NodeOu> {
    match NodeOu::among(subject.leaf()?.cert.organizational_units()).as_slice() {
        [role] => Some(*role),
        _ => None,
    }
}
