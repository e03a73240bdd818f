//! One pass over identities: which is due and why, and the renewal of those.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Runtime;

use super::found::{Finds, Found};
use super::listed::{Unlisted, unlisted};
use super::row::{Row, RowAction, RowFolder};
use super::schedule::{self, Life, Term};
use crate::ca::Connections;
use crate::enroll::{Action, DryRun, Outcome, Prepared, enroll_at_date, enroll_due, plan, prepare};
use crate::identity::held::{Held, HeldForm, inherit};
use crate::identity::state::record::Record;
use crate::identity::{
    Authentication, CaAccess, ChannelRequest, Environment, FormGiven, KeyRequest, MspForm, Request, SignRequest,
    TlsFiles, TlsRequest,
};
use crate::msp::{CONFIG, Layout};
use crate::pki::name::{NameSet, SanName};
use crate::proof::RoleRule;
use crate::{Error, ErrorKind, PemSource, Timestamp};

/// What a pass is given beside the folders.
#[derive(Debug)]
pub(crate) struct Options {
    /// The CA of folders whose record names none; the id is not used.
    pub(crate) ca: Option<CaAccess>,
    /// Trust anchors in place of the recorded ones.
    pub(crate) anchors: Vec<PemSource>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    /// The time left at which a certificate is due, in place of a third of its life.
    pub(crate) renew_before: Option<Duration>,
    pub(crate) reuse_key: bool,
    pub(crate) channels: ChannelRequest,
    /// The number of identities at the same time.
    pub(crate) jobs: usize,
    pub(crate) wait: Option<Duration>,
    pub(crate) dry_run: bool,
    /// The MSP folder of a registrar, who asks the CAs which certificates they list as valid.
    pub(crate) registrar: Option<PathBuf>,
}

/// A whole pass.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pass {
    pub(crate) schema_version: u32,
    pub(crate) dry_run: bool,
    pub(crate) identities: Vec<Row>,
}

impl Pass {
    pub(crate) fn count(&self, action: RowAction) -> usize {
        self.identities.iter().filter(|row| row.action == action).count()
    }

    /// The worst of all identities; of a dry run 1 if one is due and none failed.
    pub(crate) fn exit_code(&self) -> u8 {
        let failed = self.identities.iter().filter_map(|row| Some(row.error.as_ref()?.exit_code)).max();
        failed.unwrap_or_else(|| u8::from(self.dry_run && self.count(RowAction::Due) > 0))
    }
}

/// How far a pass is when it begins with an identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    /// The number of identities that it is done with.
    pub(crate) done: usize,
    pub(crate) of: usize,
    pub(crate) failed: usize,
    /// The identity that it begins with.
    pub(crate) id: &'a str,
}

/// Looks at every identity, and renews those that are due. An identity that fails, or a folder that cannot be looked into, does
/// not stop the others. Calls `begins` before each identity.
pub(crate) fn pass(
    finds: &Finds,
    options: &Options,
    begins: &(dyn Fn(&Progress<'_>) + Sync),
    env: &Environment<'_>,
) -> Pass {
    let all = &finds.identities[..];
    let dates = dates(all, options.renew_before);
    let unlisted = options.registrar.as_ref().map(|registrar| unlisted(all, registrar, options, env));
    let unlisted = unlisted.unwrap_or_default();
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<(usize, Row)>> = Mutex::default();
    let failed = AtomicUsize::new(0);
    let work = || {
        let mut line = Line::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(found), Some((_, dates))) = (all.get(at), dates.get(at)) else { return };
            let done = rows.lock().unwrap_or_else(PoisonError::into_inner).len();
            begins(&Progress { done, of: all.len(), failed: failed.load(Ordering::Relaxed), id: found.id() });
            let row = one(found, dates, &unlisted, options, &mut line, env);
            failed.fetch_add(usize::from(row.error.is_some()), Ordering::Relaxed);
            rows.lock().unwrap_or_else(PoisonError::into_inner).push((at, row));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.jobs.clamp(1, all.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(at, _)| *at);
    let unreadable = finds.unreadable.iter().map(|e| Row::new("", Vec::new()).fail(e));
    let identities = rows.into_iter().map(|(_, row)| row).chain(unreadable).collect();
    Pass { schema_version: 1, dry_run: options.dry_run, identities }
}

/// When each folder of each identity is due by time, with the gateway of each.
pub(crate) fn dates(all: &[Found], before: Option<Duration>) -> Vec<(Option<String>, Vec<Timestamp>)> {
    let life = |held: &Held| Life { start: held.start(), end: held.leaf.not_after() };
    let certificates =
        |found: &Found| found.folders().map(|held| (life(held), held.leaf.spki_der().to_vec())).collect();
    let terms = all.iter().zip(gateways(all));
    let terms: Vec<Term> = terms.map(|(found, gateway)| Term { gateway, certificates: certificates(found) }).collect();
    let mut dates = schedule::dates(&terms, before);
    for (held, date) in all.iter().zip(&mut dates).flat_map(|(found, dates)| found.folders().zip(dates)) {
        *date = held.reissue_at().map_or(*date, |at| at.min(*date));
    }
    terms.into_iter().map(|term| term.gateway).zip(dates).collect()
}

/// The gateway of each identity: the first name that its TLS certificate shares with that of another identity.
pub(super) fn gateways(all: &[Found]) -> Vec<Option<String>> {
    let names = |found: &Found| -> Vec<String> {
        let names = found.tls.iter().flat_map(|held| held.leaf.sans()).map(SanName::to_string);
        names.filter(|name| name != "localhost" && name != "127.0.0.1").collect()
    };
    let mut holders: HashMap<String, HashSet<&str>> = HashMap::new();
    for found in all {
        for name in names(found) {
            holders.entry(name).or_default().insert(found.id());
        }
    }
    let is_shared = |name: &String| holders.get(name).is_some_and(|ids| ids.len() > 1);
    all.iter().map(|found| names(found).into_iter().filter(is_shared).min()).collect()
}

/// # Errors
/// When the system has no resources for it.
pub(super) fn runtime() -> Result<Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Error::new(ErrorKind::Io, "cannot start the runtime").with_source(e))
}

/// The connections of one thread of a pass, and the runtime that they belong to.
#[derive(Debug, Default)]
struct Line {
    runtime: Option<Runtime>,
    connections: Connections,
}

impl Line {
    /// Carries out a request of which something is due: as it was prepared, or by a date.
    fn renew(
        &mut self,
        request: &Request,
        prepared: Option<Prepared<'_>>,
        env: &Environment<'_>,
    ) -> Result<Outcome, Error> {
        if self.runtime.is_none() {
            self.runtime = Some(runtime()?);
        }
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "no runtime"))?;
        match prepared {
            Some(prepared) => runtime.block_on(enroll_due(request, prepared, &mut self.connections, env)),
            None => runtime.block_on(enroll_at_date(request, &mut self.connections, env)),
        }
    }
}

/// One identity: what is due, and its renewal.
fn one(
    found: &Found,
    dates: &[Timestamp],
    unlisted: &Unlisted,
    options: &Options,
    line: &mut Line,
    env: &Environment<'_>,
) -> Row {
    let at_ca = |held: &Held| unlisted.get(&held.target);
    // What the CA does not list as valid is due at once.
    let is_unlisted = |held: &Held| at_ca(held).is_some_and(Result::is_ok);
    let now = (env.now)();
    let dates = found.folders().zip(dates);
    let dates = dates.map(|(held, date)| if is_unlisted(held) { (*date).min(now) } else { *date });
    let dates: Vec<Timestamp> = dates.collect();
    let folders = found.folders().zip(&dates).map(|(held, date)| RowFolder {
        role: if held.form == HeldForm::Msp { "sign" } else { "tls" },
        path: held.target.clone(),
        due_at: date.rfc3339(),
        not_after: held.leaf.not_after().rfc3339(),
        reason: None,
    });
    let row = Row::new(found.id(), folders.collect());
    if let Some(e) = found.folders().find_map(|held| never_fresh(held, options.renew_before)) {
        return row.fail(&e);
    }
    // What is due by the other rules is renewed all the same.
    let unasked = found.folders().find_map(|held| at_ca(held)?.as_ref().err()).cloned();
    let mut row = renew_one(found, (&dates, unlisted), row, options, line, env);
    if let (None, Some(e)) = (&row.error, unasked) {
        if row.action == RowAction::Unchanged {
            row.action = RowAction::Failed;
        }
        row.error = Some(e);
    }
    row
}

/// Plans what is due, and renews it.
fn renew_one(
    found: &Found,
    (dates, unlisted): (&[Timestamp], &Unlisted),
    mut row: Row,
    options: &Options,
    line: &mut Line,
    env: &Environment<'_>,
) -> Row {
    let of_ca = |folder: &Path| unlisted.get(folder)?.clone().ok();
    let request = match request(found, dates, options, env) {
        Ok(request) => request,
        Err(e) => return row.fail(&e),
    };
    let is_simple = found.folders().all(|held| held.record.as_ref().is_some_and(|record| !record.may_have_group()));
    if !options.dry_run && is_simple && dates.iter().any(|date| *date <= (env.now)()) {
        let renewed = line.renew(&request, None, env);
        // What failed is read again for its reasons.
        let reasons = match &renewed {
            Ok(outcome) => outcome.reasons.clone(),
            Err(_) => plan(&request, env).map(DryRun::reasons).unwrap_or_default(),
        };
        row.give_reasons(of_ca, reasons);
        match renewed {
            Ok(outcome) if outcome.action != Action::Unchanged => row.action = RowAction::Reenrolled,
            Ok(_) => {}
            Err(e) => row = row.fail(&e),
        }
        return row;
    }
    let planned = if options.dry_run {
        plan(&request, env).map(|planned| (planned, None))
    } else {
        prepare(&request, env).map(|(planned, prepared)| (planned, Some(prepared)))
    };
    let (planned, prepared) = match planned {
        Ok(planned) => planned,
        Err(e) => return row.fail(&e),
    };
    row.give_reasons(of_ca, planned.reasons());
    if row.folders.iter().all(|folder| folder.reason.is_none()) {
        return row;
    }
    row.action = RowAction::Due;
    let Some(prepared) = prepared else { return row };
    match line.renew(&request, Some(prepared), env) {
        Ok(_) => row.action = RowAction::Reenrolled,
        Err(e) => row = row.fail(&e),
    }
    row
}

/// The error of a certificate whose next one would be due as soon as it is issued.
pub(crate) fn never_fresh(held: &Held, before: Option<Duration>) -> Option<Error> {
    let life = held.leaf.not_after().seconds_since(held.start()?);
    let before = before.filter(|before| i128::from(before.as_secs()) >= i128::from(life))?;
    let days = life / 86_400;
    let message = format!(
        "{}: the certificate lives {days} days, which is not longer than --renew-before ({}): each pass would renew it",
        held.target.display(),
        humantime::format_duration(before)
    );
    Some(
        Error::new(ErrorKind::Input, message)
            .with_help("give a shorter time, or leave out --renew-before for a third of the life"),
    )
}

/// The request that renews what the folders hold.
pub(crate) fn request(
    found: &Found,
    dates: &[Timestamp],
    options: &Options,
    env: &Environment<'_>,
) -> Result<Request, Error> {
    let names = |held: &Held| {
        let mut set = NameSet::default();
        for name in held.record.as_ref().map(Record::names).unwrap_or_default() {
            set.add(name, "requested before".to_owned());
        }
        set
    };
    let mut dates = dates.iter().copied();
    let sign = found.sign.as_ref().map(|held| {
        // A folder of another tool gets no file that it does not have.
        let node_ous = held.record.is_some() || env.disk.metadata(&held.target.join(CONFIG))?.is_some();
        Ok::<_, Error>(SignRequest {
            target: held.target.clone(),
            ca: access(held, options, env)?,
            names: names(held),
            profile: None,
            msp: MspForm { layout: Layout::default(), node_ous },
            role: if node_ous { RoleRule::ExactlyOne } else { RoleRule::Any },
            due_at: dates.next(),
        })
    });
    let sign = sign.transpose()?;
    let tls = found.tls.as_ref().map(|held| {
        let files = match held.form {
            HeldForm::Tls(files) => files,
            HeldForm::Msp => TlsFiles::MspShaped,
        };
        Ok::<_, Error>(TlsRequest {
            target: held.target.clone(),
            ca: access(held, options, env)?,
            names: names(held),
            profile: "tls".to_owned(),
            files,
            role: RoleRule::Any,
            due_at: dates.next(),
        })
    });
    let mut request = Request {
        sign,
        tls: tls.transpose()?,
        subject: crate::pki::x509::SubjectFields::default(),
        attributes: None,
        drop_sans: Vec::new(),
        key: if options.reuse_key { KeyRequest::Current } else { KeyRequest::New(None) },
        new_tls_key: false,
        channels: options.channels.clone(),
        given: FormGiven::default(),
        key_mode: 0o600,
        group: None,
        force: false,
        replace: false,
        authentication: Authentication::Token { secret_if_expired: false },
        always: false,
        wait: options.wait,
    };
    inherit(&mut request, found.folders(), false);
    Ok(request)
}

/// The CA of a folder: by its record, or else by the command line.
pub(super) fn access(held: &Held, options: &Options, env: &Environment<'_>) -> Result<CaAccess, Error> {
    let recorded = held.record.as_ref().and_then(|record| record.ca.as_ref());
    let mut access = match (recorded, &options.ca) {
        (Some(recorded), _) => recorded.access(held.id(), env.disk)?,
        (None, Some(ca)) => ca.clone(),
        (None, None) => {
            return Err(Error::new(
                ErrorKind::Input,
                format!(
                    "{}: the CA of \"{}\" is not known: no record of fabcert names it",
                    held.target.display(),
                    held.id()
                ),
            )
            .with_help("give --url and --tls-ca once; the record then has them"));
        }
    };
    held.id().clone_into(&mut access.id);
    if !options.anchors.is_empty() {
        access.anchors.clone_from(&options.anchors);
    }
    (access.connect_timeout, access.timeout) = (options.connect_timeout, options.timeout);
    Ok(access)
}
