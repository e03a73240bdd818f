//! The identities on the disk, and the CAs that renew them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::clock::Clock;
use super::cycle::Site;
use super::decision::{Seen, SeenFolder};
use super::follower::Follower;
use super::hooks::{HookPlan, Hooks, Watched};
use super::status::Folder;
use crate::disk::Disk;
use crate::enroll::{enroll, plan};
use crate::identity::held::{Held, inherit};
use crate::identity::state::history::{self, History};
use crate::identity::state::refusals;
use crate::identity::{Authentication, Environment, Keeper, Request};
use crate::install::Place;
use crate::pki::name::{self, NameSet};
use crate::renew::{self, Finds, Found, Options};
use crate::{Error, ErrorKind, Timestamp};

/// What the agent watches.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The identity that is enrolled if its folders do not hold it.
    pub(crate) wanted: Option<Wanted>,
    /// Folders or trees whose identities are renewed.
    pub(crate) paths: Vec<PathBuf>,
    /// How they are renewed.
    pub(crate) options: Options,
    /// What runs after a new certificate is in place.
    pub(crate) hooks: HookPlan,
}

/// The identity that is enrolled if its folders do not hold it.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its request for a first certificate.
    pub(crate) request: Request,
    /// Whether the profile is the user's.
    pub(crate) is_profile_given: bool,
    /// Whether the secret is sent where the certificate has expired and the CA does not take it.
    pub(crate) enroll_if_expired: bool,
}

/// The identities on the disk.
#[derive(Debug)]
pub(crate) struct DiskSite<'a> {
    pub(crate) watch: Watch,
    pub(crate) disk: &'a Disk,
    /// What keeps the identities beyond the disk.
    keeper: Option<&'a dyn Keeper>,
    pub(crate) follower: Follower,
    last: RefCell<Vec<Looked>>,
}

/// An identity of the last look.
#[derive(Debug)]
struct Looked {
    key: PathBuf,
    id: String,
    folders: Vec<Folder>,
    is_of_flags: bool,
    /// `None` if nothing can be done with it.
    request: Option<Request>,
}

/// An identity with its dates, before its request is made.
struct Dated<'f> {
    found: &'f Found,
    gateway: Option<String>,
    dates: Vec<Timestamp>,
    wanted: Option<&'f Wanted>,
}

impl Wanted {
    /// The request: with the current certificates as credentials if all are there.
    fn request(&self, dated: &Dated<'_>) -> Request {
        let mut request = self.request.clone();
        let date = |held: &Option<Held>| {
            let target = held.as_ref().map(|held| &held.target)?;
            let at = dated.found.folders().position(|other| other.target == *target)?;
            dated.dates.get(at).copied()
        };
        let mut is_complete = true;
        if let Some(sign) = &mut request.sign {
            sign.due_at = date(&dated.found.sign);
            is_complete &= dated.found.sign.is_some();
        }
        if let Some(tls) = &mut request.tls {
            tls.due_at = date(&dated.found.tls);
            is_complete &= dated.found.tls.is_some();
        }
        if is_complete {
            request.authentication = Authentication::Token { secret_if_expired: self.enroll_if_expired };
            inherit(&mut request, dated.found.folders(), self.is_profile_given);
        }
        request
    }
}

impl<'a> DiskSite<'a> {
    pub(crate) fn new(mut watch: Watch, env: &Environment<'a>) -> Self {
        let hooks = Hooks::new(std::mem::take(&mut watch.hooks));
        let (disk, keeper) = (env.disk, env.keeper());
        Self { watch, disk, keeper, follower: Follower::new(hooks), last: RefCell::default() }
    }

    /// The identities below the paths.
    fn find(&self) -> Result<Finds, Error> {
        let Watch { wanted, paths, .. } = &self.watch;
        if paths.is_empty() {
            return Ok(Finds::default());
        }
        match renew::find(paths, self.disk) {
            // What is wanted may be the first there.
            Err(e) if e.kind() == ErrorKind::NoInput && wanted.is_some() => Ok(Finds::default()),
            found => found,
        }
    }

    /// What the folders of the wanted identity hold.
    fn held(&self, wanted: &Wanted) -> Result<Found, Error> {
        let read =
            |target: Option<&PathBuf>| Ok::<_, Error>(target.map(|t| Held::read(t, self.disk)).transpose()?.flatten());
        let Request { sign, tls, .. } = &wanted.request;
        Ok(Found { sign: read(sign.as_ref().map(|s| &s.target))?, tls: read(tls.as_ref().map(|t| &t.target))? })
    }

    /// Whether `path` is a folder of the wanted identity.
    fn is_wanted(&self, path: &Path) -> bool {
        let real = |path: &Path| Place::of(self.disk, path).map_or_else(|_| path.to_owned(), |p| p.target().to_owned());
        let targets = self.watch.wanted.iter().flat_map(|wanted| wanted.request.targets());
        targets.into_iter().any(|target| real(target) == real(path))
    }

    /// One identity with its request.
    fn see(&self, dated: &Dated<'_>, env: &Environment<'_>) -> (Seen, Option<Request>) {
        let request = match dated.wanted {
            Some(wanted) => Ok(wanted.request(dated)),
            None => renew::request(dated.found, &dated.dates, &self.watch.options, env),
        };
        let before = self.watch.options.renew_before;
        let never_fresh = dated.found.folders().find_map(|held| renew::never_fresh(held, before));
        let request = never_fresh.map_or(request, Err);
        let mut folders: Vec<SeenFolder> = match (&request, dated.wanted) {
            (Ok(request), _) => request.targets().into_iter().map(|target| self.folder(target, dated)).collect(),
            (Err(_), Some(wanted)) => {
                wanted.request.targets().into_iter().map(|target| self.folder(target, dated)).collect()
            }
            (Err(_), None) => dated.found.folders().map(|held| self.folder(&held.target, dated)).collect(),
        };
        let planned = request.and_then(|request| Ok((plan(&request, env)?, request)));
        let id = dated.wanted.map_or_else(|| dated.found.id(), |wanted| wanted.request.id()).to_owned();
        let key = folders.first().map(|folder| folder.shown.path.clone()).unwrap_or_default();
        let (error, request) = match planned {
            Err(e) => (Some(e), None),
            Ok((plan, request)) => {
                for (folder, planned) in folders.iter_mut().zip(plan.certificates) {
                    folder.shown.role = planned.role;
                    folder.reason = planned.word.zip(planned.reason);
                    if let Some((word, reason)) = &folder.reason
                        && matches!(*word, "missing" | "broken" | "role" | "identity")
                    {
                        folder.shown.faults.push(reason.clone());
                    }
                }
                (None, Some(request))
            }
        };
        let refusals_left = dated.wanted.map(|wanted| self.refusals_left(&wanted.request));
        let is_of_flags = dated.wanted.is_some();
        // Also where nothing can be planned: the certificates may be replaced by another run.
        let (hook, served) = self.follower.seen(&key, watched(&id, dated), self.disk, (env.now)());
        let gateway = dated.gateway.clone();
        (Seen { key, id, folders, gateway, refusals_left, error, is_of_flags, hook, served }, request)
    }

    /// The identities of the last look that cannot be looked into now. `error`: why there was nothing to find.
    fn lost(&self, error: Option<&Error>) -> Vec<Seen> {
        let lost = |last: &Looked| {
            let read = |folder: &Folder| Held::read(&folder.path, self.disk).err();
            let again = |e: &Error| Error::new(e.kind(), e.message());
            let error = error.map(again).filter(|_| !last.is_of_flags);
            let error = error.or_else(|| last.folders.iter().find_map(read)).filter(|_| !last.folders.is_empty())?;
            let mut seen = unreadable(error, last.is_of_flags);
            (seen.key, seen.id, seen.folders) = (last.key.clone(), last.id.clone(), Vec::new());
            let fault =
                seen.error.as_ref().map(|e| e.cause().map_or_else(|| e.to_string(), |cause| format!("{e}: {cause}")));
            for folder in &last.folders {
                let mut shown = folder.clone();
                shown.faults = fault.clone().into_iter().collect();
                seen.folders.push(SeenFolder { shown, ..SeenFolder::default() });
            }
            Some(seen)
        };
        self.last.borrow().iter().filter_map(lost).collect()
    }

    /// The wanted identity, whose folders cannot be looked into.
    fn wanted_without_folders(wanted: &Wanted, error: Error) -> Seen {
        let mut seen = unreadable(error, true);
        let folder = |path: &PathBuf| SeenFolder {
            shown: Folder { path: path.clone(), ..Folder::default() },
            ..SeenFolder::default()
        };
        seen.folders = wanted.request.targets().into_iter().map(folder).collect();
        seen.key = seen.folders.first().map(|folder| folder.shown.path.clone()).unwrap_or_default();
        wanted.request.id().clone_into(&mut seen.id);
        seen
    }

    fn folder(&self, target: &Path, dated: &Dated<'_>) -> SeenFolder {
        let at = dated.found.folders().position(|held| held.target == *target);
        let held = at.and_then(|at| dated.found.folders().nth(at));
        let requested = dated.wanted.and_then(|wanted| {
            let Request { sign, tls, .. } = &wanted.request;
            let of_sign = sign.as_ref().filter(|sign| sign.target == *target).map(|sign| &sign.names);
            of_sign.or_else(|| Some(&tls.as_ref().filter(|tls| tls.target == *target)?.names))
        });
        let missing = requested.map(NameSet::sans).unwrap_or_default().into_iter();
        let missing = missing.filter(|name| held.is_some_and(|held| !name::holds(held.leaf.sans(), name)));
        let shown = Folder {
            role: "",
            path: target.to_owned(),
            not_after: held.map(|held| held.leaf.not_after()),
            due_at: at.and_then(|at| dated.dates.get(at).copied()),
            faults: Vec::new(),
            missing_names: missing.map(|name| name.to_string()).collect(),
        };
        let installs = Place::of(self.disk, target)
            .and_then(|place| place.peek_state_file(self.disk, history::FILE))
            .ok()
            .flatten()
            .map(|bytes| History::parse(&bytes).times().collect());
        let issued_at = held.and_then(Held::start);
        SeenFolder { shown, reason: None, issued_at, installs: installs.unwrap_or_default() }
    }

    fn refusals_left(&self, request: &Request) -> u32 {
        let places = request.targets().into_iter().filter_map(|target| Place::of(self.disk, target).ok());
        let places: Vec<Place> = places.map(|place| place.for_group(request.key_access().group)).collect();
        let places: Vec<&Place> = places.iter().collect();
        let left = request.accesses().into_iter().map(|ca| {
            let subject = refusals::Subject::new(&ca.url, ca.ca_name.as_deref(), &ca.id);
            refusals::left(&places, &subject, self.disk)
        });
        left.min().and_then(|left| u32::try_from(left).ok()).unwrap_or_default()
    }
}

/// The folders of an identity.
fn watched(id: &str, dated: &Dated<'_>) -> Watched {
    let target = |held: &Option<Held>| held.as_ref().map(|held| held.target.clone());
    let (sign, tls) = match dated.wanted {
        Some(Wanted { request: Request { sign, tls, .. }, .. }) => {
            (sign.as_ref().map(|sign| sign.target.clone()), tls.as_ref().map(|tls| tls.target.clone()))
        }
        None => (target(&dated.found.sign), target(&dated.found.tls)),
    };
    let group = dated.wanted.and_then(|wanted| wanted.request.key_access().group);
    Watched { id: id.to_owned(), sign, tls, group, gateway: dated.gateway.clone() }
}

/// The error of something that cannot be looked into, as an identity without a name.
fn unreadable(error: Error, is_of_flags: bool) -> Seen {
    Seen { key: error.to_string().into(), error: Some(error), is_of_flags, ..Seen::default() }
}

impl Site for DiskSite<'_> {
    fn look(&self, clock: &Clock<'_>) -> Vec<Seen> {
        let now = || clock.now();
        let env = Environment::new(self.disk, &now).kept_by(self.keeper);
        if let Some(Err(e)) = self.keeper.map(Keeper::refresh) {
            tracing::warn!("{e}; the agent goes on with what it has");
        }
        let mut seen: Vec<(Seen, Option<Request>)> = Vec::new();
        let (Finds { identities: mut all, unreadable: errors }, lost) = match self.find() {
            Ok(finds) => (finds, self.lost(None)),
            Err(e) => {
                let lost = self.lost(Some(&e));
                if lost.is_empty() {
                    seen.push((unreadable(e, true), None));
                }
                (Finds::default(), lost)
            }
        };
        let is_lost = |held: &Held| lost.iter().any(|seen| seen.folders.iter().any(|f| f.shown.path == held.target));
        all.retain(|found| !found.folders().any(|held| self.is_wanted(&held.target) || is_lost(held)));
        let mut has_wanted = false;
        if let Some(wanted) = &self.watch.wanted {
            match self.held(wanted) {
                Ok(held) => {
                    all.insert(0, held);
                    has_wanted = true;
                }
                Err(e) if lost.iter().all(|seen| !seen.is_of_flags) => {
                    seen.push((Self::wanted_without_folders(wanted, e), None));
                }
                Err(_) => {}
            }
        }
        let dates = renew::dates(&all, self.watch.options.renew_before);
        for (at, (found, (gateway, dates))) in all.iter().zip(dates).enumerate() {
            let wanted = self.watch.wanted.as_ref().filter(|_| has_wanted && at == 0);
            seen.push(self.see(&Dated { found, gateway, dates, wanted }, &env));
        }
        let is_shown =
            |e: &Error| lost.iter().any(|seen| seen.error.as_ref().is_some_and(|of| of.message() == e.message()));
        seen.extend(errors.into_iter().filter(|e| !is_shown(e)).map(|e| (unreadable(e, false), None)));
        seen.extend(lost.into_iter().map(|seen| (seen, None)));
        self.follower.retain(|key| seen.iter().any(|(seen, _)| seen.key == *key));
        let looked = |(seen, request): (Seen, Option<Request>)| {
            let folders = seen.folders.iter().map(|folder| folder.shown.clone()).collect();
            let (key, id, is_of_flags) = (seen.key.clone(), seen.id.clone(), seen.is_of_flags);
            (Looked { key, id, folders, is_of_flags, request }, seen)
        };
        let (before, seen) = seen.into_iter().map(looked).unzip();
        self.last.replace(before);
        seen
    }

    async fn date(&self, at: usize) -> Option<Timestamp> {
        let ca = {
            let last = self.last.borrow();
            let own = last.get(at).and_then(|looked| looked.request.as_ref());
            let request = own.or_else(|| last.iter().find_map(|looked| looked.request.as_ref()))?;
            request.accesses().first().map(|ca| (*ca).clone())?
        };
        ca.date(self.disk).await
    }

    async fn renew(&self, at: usize, (reason, force): (&'static str, bool), clock: &Clock<'_>) -> Result<(), Error> {
        let looked = self.last.borrow().get(at).map(|looked| (looked.key.clone(), looked.request.clone()));
        let Some((key, Some(mut request))) = looked else {
            return Err(Error::new(ErrorKind::Bug, "the identity has no request"));
        };
        request.always = force;
        let now = || clock.now();
        let done = enroll(&request, &Environment::new(self.disk, &now).kept_by(self.keeper)).await;
        self.follower.renewed(&key, done.is_ok().then_some(reason), now());
        done.map(drop)
    }

    fn begins(&self, due: &[usize]) {
        let last = self.last.borrow();
        let keys = due.iter().filter_map(|at| Some(last.get(*at)?.key.as_path()));
        self.follower.hold(&keys.collect::<Vec<_>>());
    }
}
