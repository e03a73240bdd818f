//! The identities below paths: folders that hold a certificate, each MSP folder with the TLS folder of the same identity beside it.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, Kind};
use crate::identity::held::{Held, HeldForm};
use crate::{Error, ErrorKind};

/// The depth to which trees are followed.
const DEPTH: usize = 32;

/// One identity: an MSP folder, a TLS folder, or both.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) sign: Option<Held>,
    pub(crate) tls: Option<Held>,
}

impl Found {
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Held> {
        self.sign.iter().chain(&self.tls)
    }

    pub(crate) fn folders_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.sign.iter_mut().chain(&mut self.tls)
    }

    /// The enrolment id: the signing certificate's, or the TLS certificate's if it is the only one.
    pub(crate) fn id(&self) -> &str {
        self.folders().next().map_or("", Held::id)
    }
}

/// What is below some paths.
#[derive(Debug, Default)]
pub(crate) struct Finds {
    /// The identities, in the order of their paths.
    pub(crate) identities: Vec<Found>,
    /// The errors of folders that cannot be looked into.
    pub(crate) unreadable: Vec<Error>,
}

/// The identities in `paths`, which are folders with certificates or trees of them. Hidden folders and links below a path are
/// not followed. A folder that cannot be looked into does not stop the search.
///
/// # Errors
/// [`ErrorKind::Input`] if a path does not exist, [`ErrorKind::NoInput`] if there is no folder with a certificate.
pub(crate) fn find(paths: &[PathBuf], disk: &Disk) -> Result<Finds, Error> {
    let mut all: Vec<Held> = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match disk.metadata_followed(path)? {
            Some(found) if found.kind == Kind::Dir => below(path, DEPTH, disk, &mut all, &mut unreadable),
            Some(_) => {
                return Err(Error::new(ErrorKind::Input, format!("{} is not a folder", path.display()))
                    .with_help("give the folder of the certificate, or a folder above it"));
            }
            None => return Err(Error::new(ErrorKind::Input, format!("{} does not exist", path.display()))),
        }
    }
    if all.is_empty() && unreadable.is_empty() {
        let list: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::new(ErrorKind::NoInput, format!("no folder with a certificate in {}", list.join(", ")))
            .with_help("run fabcert enroll first"));
    }
    all.sort_by(|a, b| a.target.cmp(&b.target));
    all.dedup_by(|a, b| a.target == b.target);
    Ok(Finds { identities: paired(all), unreadable })
}

fn below(path: &Path, depth: usize, disk: &Disk, all: &mut Vec<Held>, unreadable: &mut Vec<Error>) {
    match Held::read(path, disk) {
        // A certificate of a CA is not renewed.
        Ok(Some(held)) if !held.leaf.is_ca() => return all.push(held),
        Ok(_) => {}
        Err(e) => return unreadable.push(e),
    }
    let names = match disk.read_dir(path) {
        Ok(names) => names,
        Err(e) => return unreadable.push(e.into()),
    };
    for name in names.iter().filter(|name| !name.as_encoded_bytes().starts_with(b".")) {
        let child = path.join(name);
        match disk.metadata(&child) {
            Ok(Some(found)) if found.kind == Kind::Dir && depth > 0 => below(&child, depth - 1, disk, all, unreadable),
            Ok(_) => {}
            Err(e) => unreadable.push(e.into()),
        }
    }
}

/// Puts each MSP folder together with the only TLS folder beside it that has the same id.
fn paired(all: Vec<Held>) -> Vec<Found> {
    let is_beside = |a: &Held, b: &Held| a.target.parent() == b.target.parent() && a.id() == b.id();
    let of = |form: HeldForm, held: &Held| {
        let alike: Vec<&Held> = all
            .iter()
            .filter(|other| (other.form == HeldForm::Msp) == (form == HeldForm::Msp) && is_beside(held, other))
            .collect();
        match alike[..] {
            [one] => Some(one.target.clone()),
            _ => None,
        }
    };
    let pairs: Vec<(PathBuf, PathBuf)> = all
        .iter()
        .filter(|held| held.form == HeldForm::Msp && of(HeldForm::Msp, held).is_some())
        .filter_map(|held| {
            let tls = all.iter().find(|tls| tls.form != HeldForm::Msp && is_beside(held, tls))?;
            of(tls.form, tls).map(|tls| (held.target.clone(), tls))
        })
        .collect();
    let mut found: Vec<Found> = Vec::new();
    for held in all {
        if held.form == HeldForm::Msp {
            found.push(Found { sign: Some(held), tls: None });
            continue;
        }
        let msp = pairs.iter().find(|(_, tls)| *tls == held.target).map(|(msp, _)| msp);
        let pair = msp
            .and_then(|msp| found.iter_mut().find(|found| found.sign.as_ref().is_some_and(|sign| sign.target == *msp)));
        match pair {
            Some(pair) => pair.tls = Some(held),
            None => found.push(Found { sign: None, tls: Some(held) }),
        }
    }
    found
}
