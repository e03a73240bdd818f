//! One unit, read whole into a subject.

use std::path::{Component, Path, PathBuf};

use super::blocks::{Block, blocks};
use super::classify::MSP_PARTS;
use super::walk::{ServedUnit, Unit};
use crate::audit::subject::{
    HeldCert, HeldCrl, HeldCsr, HeldKey, KeyKind, Location, MspFacts, Place, Subject, SubjectKind, Trouble, spki_hash,
};
use crate::fsx::{Disk, Kind};
use crate::key::{KeyError, KeyPair};
use crate::msp::{StandingConfig, TlsNames};
use crate::x509::{Cert, Crl, Csr, NodeOu, pem_encode};

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
            Loader::add_content(&mut subject, Location::whole("-"), content, (Place::Loose, None, true));
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
        let content = match self.disk.read_secret(path, self.options.limit) {
            Ok(content) => content,
            Err(e) => {
                subject.troubles.push(Trouble { at, rule: "input-unreadable", reason: e.to_string() });
                return;
            }
        };
        let mode = self.disk.metadata_followed(path).ok().flatten().map(|m| m.mode);
        Self::add_content(subject, at, &content, (place, mode, keys_belong));
    }

    fn add_content(
        subject: &mut Subject,
        at: Location,
        content: &[u8],
        (place, mode, keys_belong): (Place, Option<u32>, bool),
    ) {
        let found = blocks(content);
        if found.is_empty() && content.first() == Some(&0x30) {
            if let Ok(cert) = Cert::from_der(content.to_vec()) {
                subject.certificates.push(HeldCert { cert, at, place });
            } else if let Ok(crl) = Crl::from_der(content.to_vec()) {
                subject.crls.push(HeldCrl { at, crl });
            }
            return;
        }
        for (index, block) in found.into_iter().enumerate() {
            let at = Location { path: at.path.clone(), block: Some(index + 1), line: Some(block.line) };
            add_block(subject, block, at, place, mode, keys_belong);
        }
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

fn add_block(subject: &mut Subject, block: Block, at: Location, place: Place, mode: Option<u32>, in_its_place: bool) {
    let trouble = |reason: String| Trouble { at: at.clone(), rule: "input-unreadable", reason };
    let der = match block.content {
        Ok(der) => der,
        Err(_) if block.encrypted => {
            subject.keys.push(HeldKey { at, spki_hash: None, kind: KeyKind::Encrypted, mode, in_its_place });
            return;
        }
        Err(why) => {
            subject.troubles.push(trouble(format!("the {} block cannot be read: {why}", block.label)));
            return;
        }
    };
    match block.label.as_str() {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => match Cert::from_der(der.to_vec()) {
            Ok(cert) => subject.certificates.push(HeldCert { cert, at, place }),
            Err(e) => subject.troubles.push(trouble(e.to_string())),
        },
        "X509 CRL" => match Crl::from_der(der.to_vec()) {
            Ok(crl) => subject.crls.push(HeldCrl { at, crl }),
            Err(why) => subject.troubles.push(trouble(why)),
        },
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => match Csr::from_der(der.to_vec()) {
            Ok(csr) => subject.csrs.push(HeldCsr {
                at,
                subject: csr.common_name().map(|cn| format!("CN={cn}")).unwrap_or_default(),
                sans: csr.sans().to_vec(),
                signature_holds: true,
                key: String::new(),
            }),
            Err(e) => subject.troubles.push(trouble(e.to_string())),
        },
        "ENCRYPTED PRIVATE KEY" => {
            subject.keys.push(HeldKey { at, spki_hash: None, kind: KeyKind::Encrypted, mode, in_its_place });
        }
        label if label.ends_with("PRIVATE KEY") => {
            let kind = if block.encrypted {
                (None, KeyKind::Encrypted)
            } else {
                let pem = zeroize::Zeroizing::new(pem_encode(label, &der));
                match KeyPair::from_pem(pem.as_bytes()) {
                    Ok(key) => (Some(spki_hash(&key.spki_der())), KeyKind::Plain(key.algorithm().to_string())),
                    Err(KeyError::Unfit(kind)) => (None, KeyKind::Plain(kind.to_string())),
                    Err(e) => (None, KeyKind::Unreadable(e.to_string())),
                }
            };
            subject.keys.push(HeldKey { at, spki_hash: kind.0, kind: kind.1, mode, in_its_place });
        }
        _ => {}
    }
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
