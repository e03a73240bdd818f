//! The Secrets of an identity as its folders and its state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::access::Access;
use super::key::{self, ITEMS, Item};
use super::secret::{Content, Data, Part, Stored};
use super::work_folder::WorkFolder;
use crate::disk::{Disk, Kind};
use crate::identity::state::history;
use crate::identity::state::pending::{self, Pending};
use crate::identity::{Keeper, Keeping};
use crate::install::Place;
use crate::msp::is_key;
use crate::{Error, ErrorKind};

/// The largest file that is stored, in bytes.
const LIMIT: usize = 1 << 20;

/// The names of the Secrets of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretNames {
    pub(crate) tls: String,
    pub(crate) msp: String,
    pub(crate) state: String,
}

impl SecretNames {
    /// # Errors
    /// When an object of Kubernetes cannot have the names (RFC 1123 subdomain, at most 253 characters).
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let names = Self { tls: name.to_owned(), msp: format!("{name}-msp"), state: format!("{name}-fabcert") };
        if names.state.len() > 253 || !name.split('.').all(is_label) {
            return Err(Error::new(ErrorKind::Input, format!("\"{name}\" cannot be the name of a Secret"))
                .with_help("use lower-case letters, digits, '-' and '.', as in org1-peer1"));
        }
        Ok(names)
    }
}

/// Whether `part` is a label of RFC 1123, of any length.
pub(super) fn is_label(part: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    is_end(part.chars().next())
        && is_end(part.chars().last())
        && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

const TLS: Part = Part { kind: "kubernetes.io/tls", owns: |key| ["tls.crt", "tls.key", "ca.crt"].contains(&key) };
const MSP: Part = Part { kind: "Opaque", owns: key::is_of_an_msp };
const STATE: Part = Part { kind: "Opaque", owns: |key| key.starts_with("msp.") || key.starts_with("tls.") };

/// What the API server had when it was last read or written.
#[derive(Default)]
struct Known {
    state: Option<Stored>,
    tls: Option<Stored>,
    msp: Option<Stored>,
}

impl Known {
    fn contents(&self) -> [Option<&Data>; 3] {
        [&self.state, &self.tls, &self.msp].map(|secret| secret.as_ref().map(|secret| &secret.data))
    }
}

/// The Secrets of an identity, and the folder that a run works in.
pub(crate) struct Store<'a> {
    access: Access,
    names: SecretNames,
    work: WorkFolder<'a>,
    known: Mutex<Known>,
    /// Held while the Secrets are written: a renewal and the hooks of the agent both do.
    writing: tokio::sync::Mutex<()>,
}

impl<'a> Store<'a> {
    /// Reads the Secrets into `work`. Those that do not exist leave it empty.
    ///
    /// # Errors
    /// When one cannot be read, is not fabcert's, or a file cannot be written.
    pub(crate) async fn fetch(access: Access, names: SecretNames, work: WorkFolder<'a>) -> Result<Self, Error> {
        let store = Self { access, names, work, known: Mutex::default(), writing: tokio::sync::Mutex::default() };
        let known = store.read().await?;
        store.lay_out(&known)?;
        *store.known() = known;
        store.take_over().await?;
        Ok(store)
    }

    /// Stores what earlier runs on this disk could not store: a key, and the answer for it. Where the Secrets went on with another
    /// key by now, the folder of the earlier run stays as it is.
    async fn take_over(&self) -> Result<(), Error> {
        let disk = self.work.disk();
        for (root, folders, _lock) in self.work.earlier(&self.identity()) {
            let mut is_needed = false;
            for (part, target) in self.parts() {
                let earlier = Pending::at(&Place::of(disk, &folders.join(part))?, disk)?;
                let place = Place::of(disk, &target)?;
                match handed_over(earlier, Pending::at(&place, disk)?.as_ref())? {
                    HandedOver::Taken(pending) => {
                        place.write_state_file(disk, pending::FILE, &pending.to_bytes(), 0o600)?;
                    }
                    HandedOver::Refused => is_needed = true,
                    HandedOver::Known => {}
                }
            }
            self.store_state().await?;
            let (root_text, identity) = (root.display(), self.identity());
            if is_needed {
                tracing::warn!(
                    "{root_text} holds a key of an earlier run, and the Secrets of {identity} hold another one that waits for its \
                     certificate: remove the folder once the identity has a certificate"
                );
            } else {
                tracing::info!("took over what an earlier run left in {root_text}");
                disk.remove_tree(&root)?;
            }
        }
        Ok(())
    }

    /// The namespace and the name of the identity.
    fn identity(&self) -> String {
        format!("{}/{}", self.access.namespace(), self.names.tls)
    }

    async fn read(&self) -> Result<Known, Error> {
        let Self { access, names, .. } = self;
        Ok(Known {
            state: access.secret(&names.state, STATE).await?,
            tls: access.secret(&names.tls, TLS).await?,
            msp: access.secret(&names.msp, MSP).await?,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the Secrets again, from a thread that may not wait for a future.
    fn read_again(&self) -> Result<Known, Error> {
        let read = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let failed = |e| Error::new(ErrorKind::Io, "cannot start a runtime").with_source(e);
            runtime.map_err(failed)?.block_on(self.read())
        };
        let failed = |_| Error::new(ErrorKind::Bug, "the thread that reads the Secrets failed");
        std::thread::scope(|scope| scope.spawn(read).join().map_err(failed)?)
    }

    pub(crate) const fn work(&self) -> &WorkFolder<'a> {
        &self.work
    }

    /// A Secret, and one of its keys, as results name it.
    pub(crate) fn uri(&self, secret: &str, key: Option<&str>) -> PathBuf {
        let key = key.map(|key| format!("/{key}")).unwrap_or_default();
        PathBuf::from(format!("k8s://{}/{secret}{key}", self.access.namespace()))
    }

    pub(crate) const fn names(&self) -> &SecretNames {
        &self.names
    }

    /// Stores what the run left: the folders first, then the state, so that an answer is forgotten only when its certificate is
    /// stored. What did not change is not written.
    ///
    /// # Errors
    /// When a Secret changed since it was read, cannot be written, or is not what was written.
    async fn store(&self) -> Result<(), Error> {
        let disk = self.work.disk();
        let tls = folder_files(disk, &self.work.tls())?;
        if !tls.is_empty() {
            let tls =
                Data(tls.into_iter().map(|(path, content)| (path.to_string_lossy().into_owned(), content)).collect());
            self.apply(&self.names.tls, (TLS, &tls), BTreeMap::new(), |known| &mut known.tls).await?;
        }
        let mut msp = folder_files(disk, &self.work.msp())?;
        if !msp.is_empty() {
            let items = key::items(msp.keys().map(PathBuf::as_path))?;
            let text = serde_json::to_string(&items)
                .map_err(|e| Error::new(ErrorKind::Bug, "cannot write the items of a Secret").with_source(e))?;
            let of = |item: Item| (item.key, msp.remove(Path::new(&item.path)).unwrap_or_default());
            let data = Data(items.into_iter().map(of).collect());
            let annotations = BTreeMap::from([(ITEMS.to_owned(), text)]);
            self.apply(&self.names.msp, (MSP, &data), annotations, |known| &mut known.msp).await?;
        }
        self.store_state().await
    }

    /// Applies one Secret if its content changed.
    async fn apply(
        &self,
        name: &str,
        (of, data): (Part, &Data),
        annotations: BTreeMap<String, String>,
        part: fn(&mut Known) -> &mut Option<Stored>,
    ) -> Result<(), Error> {
        let before = part(&mut self.known()).clone();
        if before.as_ref().is_some_and(|before| before.data == *data) {
            return Ok(());
        }
        let content = Content { name, part: of, annotations, data };
        let stored = self.access.apply(&content, before.as_ref()).await?;
        tracing::info!("wrote the Secret {}/{name} at {}", self.access.namespace(), self.access.server());
        *part(&mut self.known()) = Some(stored);
        Ok(())
    }

    /// Stores the state files. The Secret is created without data first: of two runs that find none, one fails there.
    async fn store_state(&self) -> Result<(), Error> {
        let data = self.state_files()?;
        let name = &self.names.state;
        let is_new = self.known().state.is_none();
        if is_new && data.0.is_empty() {
            return Ok(());
        }
        if is_new {
            let created = self.access.create_empty(name, STATE).await?;
            self.known().state = Some(created);
        }
        self.apply(name, (STATE, &data), BTreeMap::new(), |known| &mut known.state).await
    }

    /// The state files of both folders: `msp.record.json` is the file `record.json` beside the MSP folder.
    fn state_files(&self) -> Result<Data, Error> {
        let mut all = BTreeMap::new();
        for (part, target) in self.parts() {
            let place = Place::of(self.work.disk(), &target)?;
            // The list of installs is about folders of a disk, for a rollback there.
            let files = place.state_files(self.work.disk())?.into_iter().filter(|(name, _)| name != history::FILE);
            all.extend(files.map(|(name, content)| (format!("{part}.{name}"), content)));
        }
        Ok(Data(all))
    }

    fn parts(&self) -> [(&'static str, PathBuf); 2] {
        [("msp", self.work.msp()), ("tls", self.work.tls())]
    }

    /// Writes what the Secrets hold into the folder.
    fn lay_out(&self, known: &Known) -> Result<(), Error> {
        let disk = self.work.disk();
        if let Some(tls) = &known.tls {
            let files = tls.data.0.iter().map(|(key, content)| (key.as_str(), content.as_slice()));
            write_folder(disk, &self.work.tls(), files)?;
        }
        if let Some(msp) = &known.msp {
            let name = &self.names.msp;
            let items = {
                let present = msp.data.0.keys().map(String::as_str).collect();
                key::parse(name, msp.annotations.get(ITEMS).map(String::as_str), &present)?
            };
            let files =
                items.iter().filter_map(|item| Some((item.path.as_str(), msp.data.0.get(&item.key)?.as_slice())));
            write_folder(disk, &self.work.msp(), files)?;
        }
        for (key, content) in known.state.iter().flat_map(|state| &state.data.0) {
            let known = self.parts().into_iter().find_map(|(part, target)| {
                let name = key.strip_prefix(part)?.strip_prefix('.')?;
                Some((target, name))
            });
            if let Some((target, name)) = known {
                let written = Place::of(disk, &target)?.write_state_file(disk, name, content, 0o600);
                written.map_err(|e| {
                    let secret = format!("{}/{}", self.access.namespace(), self.names.state);
                    Error::new(ErrorKind::Input, format!("the key {key} of the Secret {secret} cannot be used"))
                        .with_source(e)
                })?;
            }
        }
        Ok(())
    }
}

impl Keeper for Store<'_> {
    fn keep_state(&self) -> Keeping<'_> {
        Box::pin(async {
            let _one = self.writing.lock().await;
            self.store_state().await?;
            // A request may follow.
            self.work.note_unsaved(&self.identity())?;
            self.access.set_urgent(true);
            Ok(())
        })
    }

    fn keep_memory(&self) -> Keeping<'_> {
        Box::pin(async {
            let _one = self.writing.lock().await;
            self.store_state().await
        })
    }

    fn keep_identity(&self) -> Keeping<'_> {
        Box::pin(async {
            let _one = self.writing.lock().await;
            self.store().await?;
            self.work.note_saved()?;
            self.access.set_urgent(false);
            Ok(())
        })
    }

    fn refresh(&self) -> Result<(), Error> {
        let found = self.read_again()?;
        let is_same = found.contents() == self.known().contents();
        if !is_same {
            if self.work.is_unsaved() {
                let message =
                    format!("the Secrets of {} changed while a run has not stored its result", self.identity());
                return Err(Error::new(ErrorKind::Locked, message));
            }
            self.work.empty()?;
            self.lay_out(&found)?;
        }
        *self.known() = found;
        Ok(())
    }
}

impl std::fmt::Debug for Store<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("names", &self.names).finish_non_exhaustive()
    }
}

/// What becomes of the pending key that an earlier run left on the disk.
enum HandedOver {
    /// It goes into the Secrets.
    Taken(Box<Pending>),
    /// The Secrets hold a pending key that is not this one.
    Refused,
    /// Nothing is to be done: no key was left, or the Secrets hold it.
    Known,
}

/// # Errors
/// When a key cannot be read.
fn handed_over(earlier: Option<Pending>, stored: Option<&Pending>) -> Result<HandedOver, Error> {
    let Some(earlier) = earlier else { return Ok(HandedOver::Known) };
    let Some(stored) = stored else { return Ok(HandedOver::Taken(Box::new(earlier))) };
    if earlier.key()?.public_point() != stored.key()?.public_point() {
        return Ok(HandedOver::Refused);
    }
    let has_more = earlier.answer.is_some() && stored.answer.is_none();
    Ok(if has_more { HandedOver::Taken(Box::new(earlier)) } else { HandedOver::Known })
}

/// The files below `folder`, by their path in it.
fn folder_files(disk: &Disk, folder: &Path) -> Result<BTreeMap<PathBuf, Zeroizing<Vec<u8>>>, Error> {
    let mut files = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        if disk.metadata(&folder.join(&inner))?.is_none() {
            continue;
        }
        for name in disk.read_dir(&folder.join(&inner))? {
            let path = inner.join(name);
            match disk.metadata(&folder.join(&path))?.map(|found| found.kind) {
                Some(Kind::Dir) => folders.push(path),
                Some(Kind::File) => drop(files.insert(path.clone(), disk.read_regular(&folder.join(&path), LIMIT)?)),
                _ => {}
            }
        }
    }
    Ok(files)
}

fn write_folder<'f>(disk: &Disk, folder: &Path, files: impl Iterator<Item = (&'f str, &'f [u8])>) -> Result<(), Error> {
    for (path, content) in files {
        let file = folder.join(path);
        disk.create_dirs(file.parent().unwrap_or(folder))?;
        let mode = if is_key(Path::new(path)) { 0o600 } else { 0o644 };
        disk.write_new(&file, content, mode)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_an_identity_are_named_after_it() {
        let names = SecretNames::new("org1-peer1").unwrap();
        assert_eq!((names.tls.as_str(), names.msp.as_str()), ("org1-peer1", "org1-peer1-msp"));
    }

    #[test]
    fn a_name_that_no_object_can_have_is_refused() {
        for name in ["", "Peer", "peer_1", "-peer", "peer-", "peer..1", "a/b", &"x".repeat(250)] {
            assert!(SecretNames::new(name).is_err(), "{name}");
        }
    }
}
