//! The identities below paths: folders that hold a certificate, each MSP folder with the TLS folder of the same identity beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, Entry, Kind};
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
    let mut level = Vec::new();
    for path in paths {
        match disk.metadata_followed(path)? {
            Some(found) if found.kind == Kind::Dir => level.push(path.clone()),
            Some(_) => {
                return Err(Error::new(ErrorKind::Input, format!("{} is not a folder", path.display()))
                    .with_help("give the folder of the certificate, or a folder above it"));
            }
            None => return Err(Error::new(ErrorKind::Input, format!("{} does not exist", path.display()))),
        }
    }
    let mut all: Vec<Held> = Vec::new();
    let mut unreadable = Vec::new();
    for depth in 0..=DEPTH {
        let looked = look_at_all(&level, disk);
        level = Vec::new();
        for look in looked {
            all.extend(look.held);
            unreadable.extend(look.unreadable);
            if depth < DEPTH {
                level.extend(look.below);
            }
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

/// The number of folders for which another thread is worth its start.
const SHARE: usize = 32;

/// What there is in one folder.
#[derive(Default)]
struct Look {
    held: Option<Held>,
    unreadable: Vec<Error>,
    /// The folders to look into next.
    below: Vec<PathBuf>,
}

/// Looks into folders with the threads that run at the same time here, in their order.
fn look_at_all(folders: &[PathBuf], disk: &Disk) -> Vec<Look> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = folders.len().div_ceil(cores).max(SHARE);
    let look_at = |folders: &[PathBuf]| folders.iter().map(|folder| look(folder, disk)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let mut shares = folders.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|share| (share, scope.spawn(move || look_at(share)))).collect();
        let mut all = look_at(own);
        // The look that ended a thread by a panic ends this one too.
        all.extend(others.into_iter().flat_map(|(share, other)| other.join().unwrap_or_else(|_| look_at(share))));
        all
    })
}

fn look(path: &Path, disk: &Disk) -> Look {
    let mut look = Look::default();
    match Held::read(path, disk) {
        // A certificate of a CA is not renewed.
        Ok(Some(held)) if !held.leaf.is_ca() => return Look { held: Some(held), ..look },
        Ok(_) => {}
        Err(e) => return Look { unreadable: vec![e], ..look },
    }
    match disk.list(path) {
        Ok(entries) => {
            let is_shown = |entry: &Entry| entry.kind == Kind::Dir && !entry.name.as_encoded_bytes().starts_with(b".");
            look.below.extend(entries.into_iter().filter(is_shown).map(|entry| path.join(entry.name)));
        }
        Err(e) => look.unreadable.push(e.into()),
    }
    look
}

/// Puts each MSP folder together with the only TLS folder beside it that has the same id.
fn paired(all: Vec<Held>) -> Vec<Found> {
    let beside = |held: &Held| (held.target.parent().map(Path::to_owned), held.id().to_owned());
    // The MSP folders and the TLS folders of an id in a folder.
    let mut counts: HashMap<_, [usize; 2]> = HashMap::new();
    for held in &all {
        counts.entry(beside(held)).or_default()[usize::from(held.form != HeldForm::Msp)] += 1;
    }
    let mut found: Vec<Found> = Vec::new();
    // Where the first folder of each pair is.
    let mut begun: HashMap<_, usize> = HashMap::new();
    for held in all {
        let beside = beside(&held);
        let is_pair = counts.get(&beside) == Some(&[1, 1]);
        let at = if is_pair { *begun.entry(beside).or_insert(found.len()) } else { found.len() };
        if at == found.len() {
            found.push(Found { sign: None, tls: None });
        }
        let is_msp = held.form == HeldForm::Msp;
        *(if is_msp { &mut found[at].sign } else { &mut found[at].tls }) = Some(held);
    }
    found
}
