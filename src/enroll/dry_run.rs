//! What a run would do, without a request and without a byte written.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::Error;
use crate::identity::Environment;
use crate::identity::request::{Request, TlsFiles};
use crate::identity::task::{Folder, Task};
use crate::msp::Layout;
use crate::text::escape::Shown;

/// A name that would be asked for.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedName {
    /// The name, bare.
    pub name: String,
    /// `DNS`, `IP`, `email` or `URI`.
    pub kind: String,
    /// Which request it comes from.
    pub reason: String,
}

/// A file that would be written.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedPath {
    /// Path; what only the CA's answer will tell stands in angle brackets.
    pub path: PathBuf,
    /// Octal mode.
    pub mode: String,
}

/// One certificate of a dry run.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedCertificate {
    /// `sign` or `tls`.
    pub role: &'static str,
    /// The folder.
    pub target: PathBuf,
    /// The CA that would be asked.
    pub ca: String,
    /// Why it would be asked; `null` when nothing is to be done.
    pub reason: Option<String>,
    /// The names.
    pub names: Vec<PlannedName>,
    /// The files.
    pub files: Vec<PlannedPath>,
}

/// A whole dry run.
#[derive(Clone, Debug, Serialize)]
pub struct DryRun {
    /// Version of this form.
    pub schema_version: u32,
    /// Enrolment id.
    pub id: String,
    /// The certificates.
    pub certificates: Vec<PlannedCertificate>,
}

/// Plans a run.
///
/// # Errors
/// When a target cannot be read, or holds another identity.
pub fn plan(request: &Request, env: &Environment<'_>) -> Result<DryRun, Error> {
    let own_key = request.key.named(env.disk)?;
    let mut certificates = Vec::new();
    for task in Task::all(request, env.disk)? {
        let seen = task.look(env.disk)?;
        let names = match task.folder {
            Folder::Msp(sign) => &sign.names,
            Folder::Tls(tls) => &tls.names,
        };
        let names = names
            .iter()
            .map(|w| PlannedName {
                name: w.name.to_string(),
                kind: w.name.kind().to_string(),
                reason: w.reason.clone(),
            })
            .collect();
        certificates.push(PlannedCertificate {
            role: task.purpose().as_str(),
            target: task.target().to_owned(),
            ca: task.ca().url.to_string(),
            reason: task.decide(request, own_key.as_ref(), &seen, (env.now)())?.map(|r| r.to_string()),
            names,
            files: files(&task, request),
        });
    }
    Ok(DryRun { schema_version: 1, id: request.id().to_owned(), certificates })
}

fn files(task: &Task<'_>, request: &Request) -> Vec<PlannedPath> {
    let key_mode = format!("{:04o}", request.key_mode);
    let mut files: Vec<(String, String)> = Vec::new();
    let mut add = |path: String, mode: &str| files.push((path, mode.to_owned()));
    match task.folder {
        Folder::Msp(sign) => {
            let stem = sign.ca.url.ca_file_stem(sign.ca.ca_name.as_deref());
            match sign.msp.layout {
                Layout::Cryptogen => {
                    add("signcerts/<id>-cert.pem".replace("<id>", &sign.ca.id), "0644");
                    add("keystore/priv_sk".to_owned(), &key_mode);
                    add("cacerts/<ca>-cert.pem".to_owned(), "0644");
                }
                Layout::FabricCa => {
                    add("signcerts/cert.pem".to_owned(), "0644");
                    add("keystore/<SKI>_sk".to_owned(), &key_mode);
                    add(format!("cacerts/{stem}.pem"), "0644");
                }
            }
            add("intermediatecerts/<one file an intermediate CA>".to_owned(), "0644");
            if sign.msp.node_ous {
                add("config.yaml".to_owned(), "0644");
            }
            if request.tls.is_some() {
                add("tlscacerts/<TLS root>".to_owned(), "0644");
            }
        }
        Folder::Tls(tls) => match tls.files {
            TlsFiles::Three(names) => {
                add(names.certificate().to_owned(), "0644");
                add(names.key().to_owned(), &key_mode);
                add(names.ca().to_owned(), "0644");
            }
            TlsFiles::MspShaped => {
                let stem = tls.ca.url.ca_file_stem(tls.ca.ca_name.as_deref());
                add("signcerts/cert.pem".to_owned(), "0644");
                add("keystore/<SKI>_sk".to_owned(), &key_mode);
                add(format!("tlscacerts/tls-{stem}.pem"), "0644");
                add("tlsintermediatecerts/<one file an intermediate CA>".to_owned(), "0644");
            }
        },
    }
    files.into_iter().map(|(path, mode)| PlannedPath { path: task.target().join(path), mode }).collect()
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "dry run for {}: no request is sent, nothing is written", Shown(&self.id))?;
        for c in &self.certificates {
            writeln!(f, "\n{} certificate -> {}", c.role, Shown(c.target.display()))?;
            writeln!(f, "  CA      {}", Shown(&c.ca))?;
            match &c.reason {
                Some(reason) => writeln!(f, "  to do   enrol: {}", Shown(reason))?,
                None => writeln!(f, "  to do   nothing")?,
            }
            for n in &c.names {
                writeln!(f, "  name    {:<5} {:<48} {}", n.kind, Shown(&n.name), Shown(&n.reason))?;
            }
            for p in &c.files {
                writeln!(f, "  file    {}  {}", p.mode, Shown(p.path.display()))?;
            }
        }
        Ok(())
    }
}
