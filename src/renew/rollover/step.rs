//! What a rollover changes in the folders of one identity.

use std::path::{Path, PathBuf};

use super::roots::{Pair, concerned, distinct, root_of};
use super::table::Phase;
use crate::disk::{Disk, DiskFolder, FolderReader as _};
use crate::identity::Environment;
use crate::identity::TlsFiles;
use crate::identity::form::current_issue;
use crate::identity::held::{Held, HeldForm};
use crate::identity::overlap::{Overlap, Replaced};
use crate::identity::task::Task;
use crate::install::{Lock, Place};
use crate::msp::TLS_FOLDERS;
use crate::pki::x509::{Cert, Chain};
use crate::renew::found::Found;
use crate::renew::pass::{Options, request};
use crate::renew::row::RowError;
use crate::{Error, ErrorKind, Timestamp};

/// A change of the folders of one identity.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Trust the new root too.
    Trust,
    /// Note when the certificate is to be issued again; no file changes.
    Reissue(Timestamp),
    /// Trust the old root no more.
    Drop,
}

/// Changes the folders of `found` whose phase, in the order of [`Found::folders`], is that of the change. Each folder is
/// changed in one step; after a kill, the next run changes the rest. Returns the errors by folder.
pub(super) fn change(
    found: &Found,
    phases: &[Phase],
    pairs: &[Pair],
    change: Change,
    options: &Options,
    env: &Environment<'_>,
) -> Vec<(PathBuf, RowError)> {
    let wanted = match change {
        Change::Trust => Phase::Trust,
        Change::Reissue(_) => Phase::Reissue,
        Change::Drop => Phase::Drop,
    };
    let folders = || found.folders().zip(phases).filter(|(_, phase)| **phase == wanted).map(|(held, _)| held);
    let locked = || {
        let request = request(found, &[(env.now)(); 2], options, env)?;
        let tasks = Task::all(&request, env.disk)?;
        let places: Vec<Place> = tasks.iter().map(|task| task.place.clone()).collect();
        let locks = Lock::acquire_all(env.disk, &places.iter().collect::<Vec<_>>(), (env.now)())?;
        let changed = tasks.iter().zip(found.folders()).zip(phases).filter(|(_, phase)| **phase == wanted);
        let changed = changed.map(|((task, held), _)| (held, change_one(task, held, pairs, change, &locks, env)));
        Ok(changed.filter_map(|(held, done)| Some((held.target.clone(), RowError::of(&done.err()?)))).collect())
    };
    locked().unwrap_or_else(|e: Error| folders().map(|held| (held.target.clone(), RowError::of(&e))).collect())
}

/// Changes one folder. The note of the overlap names the roots until the files are changed: a run that is killed in between
/// leaves nothing that the next one does not find.
fn change_one(
    task: &Task<'_>,
    held: &Held,
    pairs: &[Pair],
    change: Change,
    locks: &[Lock],
    env: &Environment<'_>,
) -> Result<(), Error> {
    let (during, after) = match change {
        Change::Trust => (both(held, pairs), None),
        Change::Reissue(at) => {
            return Overlap { reissue_at: Some(at), ..both(held, pairs) }.keep(&task.place, env.disk);
        }
        Change::Drop => {
            let rest = rest(held, pairs);
            let Overlap { replaced, reissue_at, .. } = both(held, pairs);
            let replaced = if replaced.is_empty() { held.overlap.replaced.clone() } else { replaced };
            (Overlap { replaced, reissue_at, ..rest.clone() }, Some(rest))
        }
    };
    during.keep(&task.place, env.disk)?;
    let mut current = task.look(env.disk)?;
    if after.is_some() {
        current.overlap.removed = former_tls_files(&task.place, held, pairs, env.disk);
    }
    let issued = current_issue(task, &current).ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("{}: its files cannot be used as they are", task.target.display()))
            .with_help("renew its certificate first: fabcert renew")
    })?;
    task.put(&current, &issued, None, locks, env)?;
    after.map_or(Ok(()), |rest| rest.keep(&task.place, env.disk))
}

/// The CAs of a folder that trusts the old roots and the new ones.
fn both(held: &Held, pairs: &[Pair]) -> Overlap {
    let [own, tls] = concerned(held, pairs);
    let takes = |ca: &&Cert| !matches!(held.form, HeldForm::Tls(TlsFiles::Three(_))) || ca.is_self_signed();
    let with = |cas: &[Cert], pairs: &[&Pair]| match pairs {
        [] => Vec::new(),
        pairs => distinct(cas.iter().chain(pairs.iter().flat_map(|pair| &pair.new).filter(takes))),
    };
    let is_concerned = |pair: &Pair| own.iter().chain(&tls).any(|concerned| concerned.old == pair.old);
    let replaced = |pair: &Pair| -> Vec<Replaced> {
        pair.new_roots().map(|new| Replaced { old: pair.old.clone(), new: new.clone() }).collect()
    };
    Overlap {
        cas: with(&held.cas, &own),
        tls_cas: with(&held.tls_cas, &tls),
        replaced: pairs.iter().filter(|pair| is_concerned(pair)).flat_map(replaced).collect(),
        ..Overlap::default()
    }
}

/// Whether the CA is an old root, or below one.
fn is_old(ca: &Cert, cas: &[Cert], pairs: &[Pair]) -> bool {
    let is_root = |root: &Cert| pairs.iter().any(|pair| pair.old == *root);
    root_of(ca, cas).is_some_and(is_root)
}

/// The CAs that a folder trusts beside its chains when the rollover is over: all but the old roots and those below them.
fn rest(held: &Held, pairs: &[Pair]) -> Overlap {
    let kept = |cas: &[Cert]| -> Vec<Cert> { cas.iter().filter(|ca| !is_old(ca, cas, pairs)).cloned().collect() };
    let chain = Chain::build(&held.leaf, &held.cas, held.leaf.not_before()).ok();
    let is_of_chain =
        |ca: &Cert| held.root() == Some(ca) || chain.as_ref().is_some_and(|chain| chain.cas().any(|known| known == ca));
    let mut tls_cas = kept(&held.tls_cas);
    if tls_cas.iter().filter(|ca| ca.is_self_signed()).count() < 2 {
        // The chain of the TLS certificate, which each install of it writes.
        tls_cas.clear();
    }
    let cas = kept(&held.cas).into_iter().filter(|ca| !is_of_chain(ca)).collect();
    Overlap { cas, tls_cas, ..Overlap::default() }
}

/// The files of TLS CAs of old roots in an MSP folder, relative to it. The first certificate of a file counts, as for Fabric.
fn former_tls_files(place: &Place, held: &Held, pairs: &[Pair], disk: &Disk) -> Vec<PathBuf> {
    let folder = DiskFolder::new(disk, place.target());
    let mut found = Vec::new();
    for dir in TLS_FOLDERS {
        for entry in folder.list(Path::new(dir)).unwrap_or_default() {
            let path = Path::new(dir).join(&entry.name);
            let first = folder.read(&path).ok().and_then(|pem| Cert::all_from_pem(&pem).ok()?.into_iter().next());
            if held.form == HeldForm::Msp && first.is_some_and(|ca| is_old(&ca, &held.tls_cas, pairs)) {
                found.push(path);
            }
        }
    }
    found
}
