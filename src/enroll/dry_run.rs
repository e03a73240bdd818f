//! Plans a run without a request and without writing a file.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::flow::{Prepared, report_pod_volume, settle};
use super::outcome::union;
use crate::Error;
use crate::identity::Environment;
use crate::identity::pinned_key::Channels;
use crate::identity::task::{Shape, Task};
use crate::identity::{Authentication, Reason, Request, TlsFiles};
use crate::msp::Layout;
use crate::pki::name::{self, NameSet, SanName};
use crate::pki::x509::Cert;
use crate::text::escape::Shown;

/// A name that would be requested.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedName {
    /// `add`, or `keep` if the current certificate holds it.
    pub(crate) change: &'static str,
    /// The name, bare.
    pub(crate) name: String,
    /// `DNS`, `IP`, `email` or `URI`.
    pub(crate) kind: String,
    /// The request that it comes from.
    pub(crate) reason: String,
}

/// A file that would be written.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedPath {
    /// Path; a part that only the CA's answer decides is in angle brackets.
    pub(crate) path: PathBuf,
    /// Octal mode.
    pub(crate) mode: String,
}

/// One certificate of a dry run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedCertificate {
    /// `sign` or `tls`.
    pub(crate) role: &'static str,
    /// The folder.
    pub(crate) target: PathBuf,
    /// The CA that would be asked.
    pub(crate) ca: String,
    /// Why it would be asked; `null` when nothing is due.
    pub(crate) reason: Option<String>,
    /// One word for the class of that reason.
    #[serde(skip)]
    pub(crate) word: Option<&'static str>,
    /// What of the requested form would be applied without a request.
    pub(crate) applies: Vec<String>,
    /// The names.
    pub(crate) names: Vec<PlannedName>,
    /// Names of the current certificate that are kept although they are not requested, bare.
    pub(crate) names_kept: Vec<String>,
    /// Names of the current certificate that would be dropped, bare.
    pub(crate) names_dropped: Vec<String>,
    /// The files.
    pub(crate) files: Vec<PlannedPath>,
}

/// A whole dry run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DryRun {
    /// Version of the schema.
    pub(crate) schema_version: u32,
    /// Enrolment id.
    pub(crate) id: String,
    /// How certificates would be issued.
    #[serde(skip)]
    pub(crate) verb: &'static str,
    /// The certificates.
    pub(crate) certificates: Vec<PlannedCertificate>,
    /// The kept names of all certificates, bare.
    pub(crate) names_kept: Vec<String>,
    /// The dropped names of all certificates, bare.
    pub(crate) names_dropped: Vec<String>,
}

impl DryRun {
    /// Why each certificate would be issued.
    pub(crate) fn reasons(self) -> Vec<Option<String>> {
        self.certificates.into_iter().map(|certificate| certificate.reason).collect()
    }
}

/// Plans a run.
///
/// # Errors
/// When a target cannot be read, or holds another identity.
pub(crate) fn plan(request: &Request, env: &Environment<'_>) -> Result<DryRun, Error> {
    planned(request, true, env).map(|(plan, _)| plan)
}

/// Plans a run that follows at once if something is due. What it checks under its lock is left to it.
///
/// # Errors
/// As [`plan`].
pub(crate) fn prepare<'a>(request: &'a Request, env: &Environment<'_>) -> Result<(DryRun, Prepared<'a>), Error> {
    planned(request, false, env)
}

fn planned<'a>(request: &'a Request, is_all: bool, env: &Environment<'_>) -> Result<(DryRun, Prepared<'a>), Error> {
    let own_key = request.key.named(env.disk)?;
    let mut certificates = Vec::new();
    let (mut tasks, currents) = Task::all_with_targets(request, env.disk)?;
    let channels = Channels::read(&request.channels, env.disk)?;
    settle(&mut tasks, request, &channels, &currents)?;
    let decided =
        tasks.iter().zip(&currents).map(|(task, current)| task.decide(own_key.as_ref(), current, (env.now)()));
    let reasons = decided.collect::<Result<Vec<_>, _>>()?;
    if is_all {
        report_pod_volume(&tasks, &reasons, &currents, request, env)?;
    }
    for ((task, current), reason) in tasks.iter().zip(&currents).zip(reasons) {
        if is_all && reason.is_some() {
            task.check_file_names()?;
            task.check_operator_files(current, env)?;
            task.check_pinned_key(current, &channels, env.disk)?;
            task.check_key_kind(current, &channels, env.disk)?;
        }
        let reform = if reason.is_some() { None } else { task.reform(current, env) };
        let held = current.leaf.as_ref().filter(|leaf| leaf.common_name() == Some(task.id)).map_or(&[][..], Cert::sans);
        let change = |name: &SanName| if name::holds(held, name) { "keep" } else { "add" };
        let kept_from = if current.leaf.is_some() { "held by the current certificate" } else { "requested before" };
        let names = match task.shape {
            Shape::Msp(_) => request.sign.as_ref().map(|sign| &sign.names),
            Shape::Tls(_) => request.tls.as_ref().map(|tls| &tls.names),
        };
        let planned = |name: &SanName, reason: String| PlannedName {
            change: change(name),
            name: name.to_string(),
            kind: name.kind().to_string(),
            reason,
        };
        let names = names
            .into_iter()
            .flat_map(NameSet::iter)
            .map(|requested| planned(&requested.name, requested.reason.clone()))
            .chain(task.kept.iter().map(|name| planned(name, kept_from.to_owned())))
            .collect();
        // A run with nothing to do drops nothing.
        let dropped = if reason.is_some() { &task.dropped[..] } else { &[] };
        certificates.push(PlannedCertificate {
            role: task.purpose().as_str(),
            target: task.target.to_owned(),
            ca: task.ca.map(|ca| ca.url.to_string()).unwrap_or_default(),
            applies: reform.map(|r| r.applies).unwrap_or_default(),
            word: reason.as_ref().map(Reason::word),
            reason: reason.map(|r| r.to_string()),
            names,
            names_kept: task.kept.iter().map(ToString::to_string).collect(),
            names_dropped: dropped.iter().map(ToString::to_string).collect(),
            files: files(task, request),
        });
    }
    let names_kept = union(certificates.iter().map(|c| &c.names_kept));
    let names_dropped = union(certificates.iter().map(|c| &c.names_dropped));
    let verb = if request.authentication == Authentication::Secret { "enrol" } else { "re-enrol" };
    let plan = DryRun { schema_version: 1, id: request.id().to_owned(), verb, certificates, names_kept, names_dropped };
    Ok((plan, Prepared { tasks, channels }))
}

fn files(task: &Task<'_>, request: &Request) -> Vec<PlannedPath> {
    let key_mode = format!("{:04o}", task.key_access.mode);
    let mut files: Vec<(String, String)> = Vec::new();
    let mut add = |path: String, mode: &str| files.push((path, mode.to_owned()));
    let stem = &task.stem;
    match task.shape {
        Shape::Msp(form) => {
            match form.layout {
                Layout::Cryptogen => {
                    add("signcerts/<id>-cert.pem".replace("<id>", task.id), "0644");
                    add("keystore/priv_sk".to_owned(), &key_mode);
                    add("cacerts/<ca>-cert.pem".to_owned(), "0644");
                }
                Layout::FabricCa => {
                    add("signcerts/cert.pem".to_owned(), "0644");
                    add("keystore/<SKI>_sk".to_owned(), &key_mode);
                    add(format!("cacerts/{stem}.pem"), "0644");
                }
            }
            add("intermediatecerts/<one file per intermediate CA>".to_owned(), "0644");
            if form.node_ous {
                add("config.yaml".to_owned(), "0644");
            }
            if request.tls.is_some() {
                add("tlscacerts/<TLS root>".to_owned(), "0644");
            }
        }
        Shape::Tls(files) => match files {
            TlsFiles::Three(names) => {
                add(names.certificate().to_owned(), "0644");
                add(names.key().to_owned(), &key_mode);
                add(names.ca().to_owned(), "0644");
            }
            TlsFiles::MspShaped => {
                add("signcerts/cert.pem".to_owned(), "0644");
                add("keystore/<SKI>_sk".to_owned(), &key_mode);
                add(format!("tlscacerts/tls-{stem}.pem"), "0644");
                add("tlsintermediatecerts/<one file per intermediate CA>".to_owned(), "0644");
            }
        },
    }
    files.into_iter().map(|(path, mode)| PlannedPath { path: task.target.join(path), mode }).collect()
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "dry run for {}: no request is sent, nothing is written", Shown(&self.id))?;
        for c in &self.certificates {
            writeln!(f, "\n{} certificate -> {}", c.role, Shown(c.target.display()))?;
            writeln!(f, "  CA      {}", Shown(&c.ca))?;
            match &c.reason {
                Some(reason) => writeln!(f, "  to do   {}: {}", self.verb, Shown(reason))?,
                None if c.applies.is_empty() => writeln!(f, "  to do   nothing")?,
                None => writeln!(f, "  to do   apply without a request: {}", Shown(c.applies.join(", ")))?,
            }
            let longest = c.names.iter().map(|n| n.name.len()).chain(c.names_dropped.iter().map(String::len)).max();
            let width = longest.unwrap_or_default().min(48);
            for n in &c.names {
                let sign = if n.change == "add" { '+' } else { '=' };
                writeln!(f, "  name  {sign} {:<5} {:<width$} {}", n.kind, Shown(&n.name), Shown(&n.reason))?;
            }
            for name in &c.names_dropped {
                writeln!(f, "  name  -       {:<width$} dropped", Shown(name))?;
            }
            for p in &c.files {
                writeln!(f, "  file    {}  {}", p.mode, Shown(p.path.display()))?;
            }
        }
        Ok(())
    }
}
