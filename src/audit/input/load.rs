//! Reads one unit into a subject.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::channel;
use super::gather::{Parts, Spot, gather, is_promising};
use super::manifest;
use super::walk::{MOST_OUTSIDE, ServedUnit, Unit};
use crate::audit::catalogue::{INPUT_SKIPPED, INPUT_UNREADABLE, Rule};
use crate::audit::model::subject::{HeldCert, Location, MspFacts, Place, Subject, SubjectKind, Trouble};
use crate::disk::{Disk, Kind};
use crate::manifests::{Manifest, Variables};
use crate::msp::{CurrentConfig, MSP_PARTS, TlsNames};
use crate::pki::x509::{Cert, NodeOu};

/// Larger files are not manifests; they are searched for certificates without being read as a whole.
const LARGEST_MANIFEST: usize = 32 * 1024 * 1024;
/// The size limit of `config.yaml`; real files are far smaller.
const LARGEST_CONFIG: usize = 4 * 1024 * 1024;

/// How to load.
#[derive(Clone, Debug)]
pub(crate) struct LoadOptions {
    /// Paths below this folder are reported relative to it. Absolute.
    pub(crate) base: PathBuf,
    /// The working directory, the base of relative paths. Absolute.
    pub(crate) here: PathBuf,
    /// The values of placeholders in manifests.
    pub(crate) variables: Variables,
}

impl LoadOptions {
    /// A path as reported: without `.` and, below the base, relative to it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        let mut clean = PathBuf::new();
        for part in self.here.join(path).components() {
            match part {
                Component::CurDir => {}
                // Links are not resolved: reports show the path as the user wrote it.
                Component::ParentDir => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        match clean.strip_prefix(&self.base) {
            Ok(below) => below.to_owned(),
            // Outside the base, a relative path stays as the user wrote it.
            Err(_) if path.is_relative() && self.base == self.here => path.to_owned(),
            Err(_) => clean,
        }
    }
}

/// Reads a unit. Returns `None` for a file that holds nothing to audit and that the user did not name. For a file with
/// thousands of certificates or keys, the first parts go to `part` while it is read, and the last one is returned.
pub(crate) fn load(disk: &Disk, unit: &Unit, options: &LoadOptions, part: &mut dyn FnMut(Subject)) -> Option<Subject> {
    let loader = Loader { disk, options };
    match unit {
        Unit::Msp(dir) => Some(loader.msp(dir)),
        Unit::Tls(dir, names) => Some(loader.tls(dir, *names)),
        Unit::File { path, named } => loader.file(path, *named, part),
        Unit::Stdin(content) => {
            if let Some(whole) = loader.whole(Path::new("-"), content) {
                return Some(whole);
            }
            let mut subject = Subject::new(SubjectKind::Certificate, "-");
            let source = (&mut content.as_slice() as &mut dyn Read, content.len() as u64);
            let mut parts = |subject| finished(subject, true).into_iter().for_each(&mut *part);
            gather(&mut subject, &Location::whole("-"), source, None, Spot::loose(true), Some(&mut parts));
            finished(subject, true)
        }
        Unit::Served(served) => Some(endpoint(served)),
        Unit::Skipped(path, why) => Some(loader.trouble(path, &INPUT_SKIPPED, why)),
        Unit::Cut(path) => {
            let why = format!(
                "links out of the audited folders lead to more than {MOST_OUTSIDE} entries; the rest is not audited: leave \
                 the link out with --exclude, or name what it leads to as a PATH"
            );
            let mut subject = loader.trouble(path, &INPUT_SKIPPED, &why);
            subject.is_cut = true;
            Some(subject)
        }
        Unit::Unreadable { path, why, named } => {
            let mut subject = loader.trouble(path, &INPUT_UNREADABLE, why);
            subject.is_named = *named;
            Some(subject)
        }
    }
}

/// The certificates of an endpoint as a subject.
fn endpoint(served: &ServedUnit) -> Subject {
    let mut subject = Subject::new(SubjectKind::Endpoint, &served.endpoint);
    for (index, der) in served.chain.iter().enumerate() {
        let at = Location { block: Some(index + 1), ..subject.location() };
        let place = if index == 0 { Place::Served } else { Place::ServedChain };
        match Cert::from_der(der.clone()) {
            Ok(cert) => subject.certificates.push(HeldCert { cert, at, place }),
            Err(e) => subject.troubles.push(Trouble { at, rule: &INPUT_UNREADABLE, reason: e.to_string() }),
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

    fn trouble(&self, path: &Path, rule: &'static Rule, why: &str) -> Subject {
        let mut subject = Subject::new(SubjectKind::Certificate, self.shown(path));
        subject.troubles.push(Trouble { at: subject.location(), rule, reason: why.to_owned() });
        subject
    }

    fn msp(&self, dir: &Path) -> Subject {
        let mut subject = Subject::new(SubjectKind::Msp, self.shown(dir));
        let mut facts = MspFacts::default();
        for part in MSP_PARTS {
            let files = self.files_of(&mut subject, &dir.join(part));
            facts.file_counts.insert(part, files.len());
            let is_keystore = part == "keystore";
            let spot = Spot { first_block_only: is_keystore, ..Spot::of_fabric(place_in(part), is_keystore) };
            let mut first = true;
            for file in files {
                let before = subject.certificates.len();
                self.add_file(&mut subject, &file, spot, None);
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
        let config = dir.join("config.yaml");
        if let Ok(text) = self.disk.read_regular(&config, LARGEST_CONFIG) {
            facts.config_text = String::from_utf8_lossy(&text).into_owned().into();
            facts.config = Some(CurrentConfig { content: text.to_vec(), ours: false });
        } else {
            facts.config_is_no_file = matches!(self.disk.metadata_followed(&config), Ok(Some(_)));
        }
        for entry in self.disk.list(dir).unwrap_or_default() {
            let known = MSP_PARTS.iter().any(|p| entry.name == *p) || entry.name == "config.yaml";
            if !known && !entry.name.to_string_lossy().starts_with("..") && entry.name != ".fabcert" {
                // In a file that Fabric does not know, only a private key matters.
                let path = dir.join(&entry.name);
                if self.is_file(&path, entry.kind) {
                    let mut aside = Subject::new(SubjectKind::Msp, subject.path.as_path());
                    self.add_file(&mut aside, &path, Spot { keys_belong: false, ..Spot::loose(false) }, None);
                    subject.keys.append(&mut aside.keys);
                }
                facts.strangers.push(entry.name.into());
            }
        }
        subject.msp = Some(facts);
        subject.role = role_of(&subject);
        subject
    }

    fn tls(&self, dir: &Path, names: Option<TlsNames>) -> Subject {
        let mut subject = Subject::new(SubjectKind::Tls, self.shown(dir));
        let mut add =
            |path: &Path, place, is_key| self.add_file(&mut subject, path, Spot::of_fabric(place, is_key), None);
        match names {
            Some(names) => {
                add(&dir.join(names.certificate()), Place::Server, false);
                add(&dir.join(names.key()), Place::Loose, true);
                add(&dir.join(names.ca()), Place::ServerAnchor, false);
            }
            None => {
                for (part, place) in [
                    ("signcerts", Place::Server),
                    ("keystore", Place::Loose),
                    ("tlscacerts", Place::ServerAnchor),
                    ("tlsintermediatecerts", Place::ServerChain),
                ] {
                    for file in self.files_of(&mut subject, &dir.join(part)) {
                        let spot = Spot::of_fabric(place, part == "keystore");
                        self.add_file(&mut subject, &file, spot, None);
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

    fn file(&self, path: &Path, named: bool, part: &mut dyn FnMut(Subject)) -> Option<Subject> {
        let is_called_so = may_be_manifest(path);
        // A file that the user names may have any name.
        let is_tried = is_called_so || channel::is_called_so(path) || (named && !is_promising(path));
        let content = is_tried.then(|| self.disk.read_regular(path, LARGEST_MANIFEST));
        if let Some(Ok(content)) = &content
            && let Some(mut whole) = self.whole(&self.shown(path), content)
        {
            whole.is_named = named;
            return Some(whole);
        }
        let mut subject = Subject::new(SubjectKind::Certificate, self.shown(path));
        let mut parts = |subject| finished(subject, named).into_iter().for_each(&mut *part);
        self.add_file(&mut subject, path, Spot::loose(named), Some(&mut parts));
        let limit = if is_called_so { Some((LARGEST_MANIFEST, "manifest")) } else { channel::limit(path) };
        let is_above = |limit: usize| match &content {
            Some(Ok(content)) => content.len() > limit,
            Some(Err(e)) => e.io_kind() == std::io::ErrorKind::FileTooLarge,
            None => false,
        };
        if let Some((limit, kind)) = limit.filter(|(limit, _)| is_above(*limit)) {
            let reason = format!(
                "it is larger than {} MiB, and was not read as a {kind}: split it, or leave it out with --exclude",
                limit >> 20
            );
            subject.troubles.push(Trouble { at: subject.location(), rule: &INPUT_SKIPPED, reason });
            subject.is_cut = true;
        }
        finished(subject, named)
    }

    /// A file that is read as a whole: a channel configuration or a manifest.
    fn whole(&self, shown: &Path, content: &[u8]) -> Option<Subject> {
        if let Some(channel) = channel::subject(shown, content) {
            return Some(channel);
        }
        let text = std::str::from_utf8(content).ok()?;
        Manifest::read(shown, text, &self.options.variables).map(|manifest| manifest::subject(shown, manifest))
    }

    /// The files of a folder that Fabric reads, links followed. Other entries and unreadable ones are reported; folders
    /// are not, as Fabric skips them.
    fn files_of(&self, subject: &mut Subject, dir: &Path) -> Vec<PathBuf> {
        let mut trouble = |path: &Path, rule: &'static Rule, reason: String| {
            subject.troubles.push(Trouble { at: Location::whole(self.shown(path)), rule, reason });
        };
        let entries = match self.disk.list(dir) {
            Ok(entries) => entries,
            Err(e) => {
                if !is_absent(e.io_kind()) {
                    trouble(dir, &INPUT_UNREADABLE, e.to_string());
                }
                return Vec::new();
            }
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = dir.join(&entry.name);
            match self.disk.metadata_followed(&path).map(|m| m.map(|m| m.kind)) {
                Ok(Some(Kind::File)) => files.push(path),
                Ok(Some(Kind::Dir)) => {}
                Ok(Some(_)) => trouble(&path, &INPUT_SKIPPED, super::walk::SPECIAL.to_owned()),
                Ok(None) if entry.kind == Kind::Link => {
                    trouble(&path, &INPUT_UNREADABLE, super::walk::DANGLING.to_owned());
                }
                // The file was removed meanwhile.
                Ok(None) => {}
                Err(e) => trouble(&path, &INPUT_UNREADABLE, e.to_string()),
            }
        }
        files
    }

    fn is_file(&self, path: &Path, kind: Kind) -> bool {
        match kind {
            Kind::Link => matches!(self.disk.metadata_followed(path), Ok(Some(m)) if m.kind == Kind::File),
            kind => kind == Kind::File,
        }
    }

    fn add_file(&self, subject: &mut Subject, path: &Path, spot: Spot, parts: Option<Parts<'_, '_>>) {
        let at = Location::whole(self.shown(path));
        let mut trouble = |rule: &'static Rule, reason| subject.troubles.push(Trouble { at: at.clone(), rule, reason });
        match self.disk.open_regular(path) {
            Ok(Some(mut file)) => {
                let (len, mode) = (file.metadata().len, file.metadata().mode);
                gather(subject, &at, (&mut file, len), Some(mode), spot, parts);
            }
            Ok(None) => trouble(&INPUT_SKIPPED, super::walk::SPECIAL.to_owned()),
            // The verdict reports a missing file; a file removed meanwhile needs no report.
            Err(e) if is_absent(e.io_kind()) => {}
            Err(e) => trouble(&INPUT_UNREADABLE, e.to_string()),
        }
    }
}

/// Whether a file has the name of a manifest.
fn may_be_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

fn is_absent(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// The kind of a single file follows from its content. A file that holds nothing to audit is skipped, unless the user
/// named it.
fn finished(mut subject: Subject, named: bool) -> Option<Subject> {
    subject.kind = match (subject.certificates.is_empty(), subject.csrs.is_empty(), subject.crls.is_empty()) {
        (true, false, _) => SubjectKind::Csr,
        (true, true, false) => SubjectKind::Crl,
        _ => SubjectKind::Certificate,
    };
    subject.role = role_of(&subject);
    subject.is_named = named;
    let empty = subject.certificates.is_empty() && subject.csrs.is_empty() && subject.crls.is_empty();
    subject.is_blank = empty && subject.keys.is_empty() && subject.troubles.is_empty() && !subject.is_part;
    if subject.is_blank && named {
        let reason = "it holds no certificate, CSR, key or revocation list".to_owned();
        subject.troubles.push(Trouble { at: subject.location(), rule: &INPUT_UNREADABLE, reason });
    }
    (named || !subject.is_blank).then_some(subject)
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

/// The NodeOU of the subject's main certificate, if it has exactly one.
fn role_of(subject: &Subject) -> Option<NodeOu> {
    match NodeOu::among(subject.leaf()?.cert.organizational_units()).as_slice() {
        [role] => Some(*role),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_file_is_loaded_in_parts() {
        let one = include_str!("../../../testdata/certs/go-client-tls.pem");
        let here = PathBuf::from("/");
        let options = LoadOptions { base: here.clone(), here, variables: Variables::new() };
        let parts = |count: usize| {
            let mut parts = Vec::new();
            let unit = Unit::Stdin(zeroize::Zeroizing::new(one.repeat(count).into_bytes()));
            let last = load(&Disk::real(), &unit, &options, &mut |part| parts.push(part));
            parts.extend(last);
            let seen = |s: &Subject| (s.certificates.len(), s.certificates[0].at.block, s.is_part, s.troubles.len());
            assert!(parts.iter().all(|part| part.is_named));
            parts.iter().map(seen).collect::<Vec<_>>()
        };
        assert_eq!(parts(2), [(2, Some(1), false, 0)]);
        let told_once = [(4096, Some(1), true, 1), (4096, Some(4097), true, 0), (1, Some(8193), true, 0)];
        assert_eq!(parts(8193), told_once);
    }
}
