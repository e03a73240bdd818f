//! What a rollover changes in the folders of one identity.

use std::path::{Path, PathBuf};

use super::roots::{Pair, concerned, distinct, root_of};
use super::table::Phase;
use crate::disk::{Disk, DiskFolder, FolderReader as _};
use crate::identity::Environment;
use crate::identity::TlsFiles;
use crate::identity::form::current_issue;
use crate::identity::held::{Held, HeldForm};
use crate::identity::overlap::Overlap;
use crate::identity::task::Task;
use crate::install::{Lock, Place};
use crate::msp::TLS_FOLDERS;
use crate::pki::x509::Cert;
use crate::renew::found::Found;
use crate::renew::pass::{Options, request};
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
/// changed in one step; after a kill, the next run changes the rest.
///
/// # Errors
/// When a folder is locked, cannot be written, or Fabric would refuse it.
pub(super) fn change(
    found: &Found,
    phases: &[Phase],
    pairs: &[Pair],
    change: Change,
    options: &Options,
    env: &Environment<'_>,
) -> Result<(), Error> {
    let dates = vec![(env.now)(); 2];
    let request = request(found, &dates, options, env)?;
    let tasks = Task::all(&request, env.disk)?;
    let places: Vec<Place> = tasks.iter().map(|task| task.place.clone()).collect();
    let locks = Lock::acquire_all(env.disk, &places.iter().collect::<Vec<_>>(), (env.now)())?;
    let wanted = match change {
        Change::Trust => Phase::Trust,
        Change::Reissue(_) => Phase::Reissue,
        Change::Drop => Phase::Drop,
    };
    for ((task, held), _) in tasks.iter().zip(found.folders()).zip(phases).filter(|(_, phase)| **phase == wanted) {
        let overlap = match change {
            Change::Trust => both(held, pairs),
            Change::Reissue(at) => Overlap { reissue_at: Some(at), ..both(held, pairs) },
            Change::Drop => rest(held, pairs),
        };
        // Noted first: a run that is killed between both changes nothing that the next one does not find.
        overlap.keep(&task.place, env.disk)?;
        if matches!(change, Change::Reissue(_)) {
            continue;
        }
        let mut current = task.look(env.disk)?;
        if matches!(change, Change::Drop) {
            current.overlap.removed = former_tls_files(&task.place, held, pairs, env.disk);
        }
        let issued = current_issue(task, &current).ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("{}: its files cannot be used as they are", task.target.display()))
                .with_help("renew its certificate first: fabcert renew")
        })?;
        task.put(&current, &issued, None, &locks, env)?;
    }
    Ok(())
}

/// The CAs of a folder that trusts the old roots and the new ones.
fn both(held: &Held, pairs: &[Pair]) -> Overlap {
    let [own, tls] = concerned(held, pairs);
    let takes = |ca: &&Cert| !matches!(held.form, HeldForm::Tls(TlsFiles::Three(_))) || ca.is_self_signed();
    let with = |cas: &[Cert], pairs: &[&Pair]| match pairs {
        [] => Vec::new(),
        pairs => distinct(cas.iter().chain(pairs.iter().flat_map(|pair| &pair.new).filter(takes))),
    };
    Overlap {
        cas: with(&held.cas, &own),
        tls_cas: with(&held.tls_cas, &tls),
        new_roots: distinct(own.iter().chain(&tls).flat_map(|pair| pair.new_roots())),
        old_roots: distinct(own.iter().chain(&tls).map(|pair| &pair.old)),
        ..Overlap::default()
    }
}

/// Whether the CA is an old root, or below one.
fn is_old(ca: &Cert, cas: &[Cert], pairs: &[Pair]) -> bool {
    let is_root = |root: &Cert| pairs.iter().any(|pair| pair.old == *root);
    is_root(ca) || !ca.is_self_signed() && root_of(ca, cas).is_some_and(is_root)
}

/// The CAs that a folder trusts beside its chain when the rollover is over: those that have nothing to do with it.
fn rest(held: &Held, pairs: &[Pair]) -> Overlap {
    let is_new = |ca: &&Cert| pairs.iter().any(|pair| pair.new.contains(ca));
    let is_below_own =
        |ca: &&Cert| held.root.as_ref().is_some_and(|root| *ca == root || root_of(ca, &held.cas) == Some(root));
    let others = held.cas.iter().filter(|ca| !is_old(ca, &held.cas, pairs) && !is_new(ca) && !is_below_own(ca));
    Overlap { cas: others.cloned().collect(), ..Overlap::default() }
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
