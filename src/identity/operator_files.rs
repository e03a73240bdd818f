//! The operator's files in an MSP folder, judged before a request: no enrolment is spent on a folder that Fabric would
//! refuse because of them.

use std::path::Path;

use super::Environment;
use super::current::Current;
use super::form::current_issue;
use super::overlap::Overlap;
use super::task::{Shape, Task};
use crate::disk::{DiskFolder, FolderReader as _};
use crate::msp::{AdminRule, CONFIG, CurrentMsp, MspConfig, MspRefusal, NO_ADMINISTRATOR, judge};
use crate::pki::x509::NodeOu;
use crate::{Error, ErrorKind};

impl Task<'_> {
    /// Why Fabric refuses the current MSP folder as it is, with what to do. `None` if it accepts it, and for a TLS folder.
    pub(crate) fn refusal(&self, current: &Current, env: &Environment<'_>) -> Option<(String, &'static str)> {
        let (Shape::Msp(_), Some(_), Some(_)) = (self.shape, &current.msp, &current.leaf) else { return None };
        let folder = DiskFolder::new(env.disk, self.place.target());
        let MspRefusal { number, path, reason, .. } = judge(&folder, (env.now)(), AdminRule::Fabric).err()?;
        let remedy = if number == NO_ADMINISTRATOR {
            "write config.yaml with --node-ous, which asks the CA for nothing, or put the certificate of an administrator \
             into admincerts"
        } else {
            "fabcert audit lists everything that Fabric refuses"
        };
        Some((
            format!("{}: Fabric refuses this MSP folder: {}: {reason}", self.target.display(), path.display()),
            remedy,
        ))
    }

    /// Judges the files that are carried over: with the current certificate if there is one, which the next one
    /// resembles. `--force` may change the CA, so that only the next certificate shows whether they fit.
    ///
    /// # Errors
    /// When Fabric would refuse the new folder because of one of them.
    pub(crate) fn check_operator_files(&self, current: &Current, env: &Environment<'_>) -> Result<(), Error> {
        let (Shape::Msp(form), Some(msp)) = (self.shape, &current.msp) else { return Ok(()) };
        if self.force || is_as_installed(current, msp) {
            return Ok(());
        }
        if let Some(issued) = current_issue(self, current) {
            return match self.plan(current, &issued.verified, &issued.key, None, (env.now)()) {
                Err(e) if !e.is_about_the_answer() => Err(e.into()),
                _ => Ok(()),
            };
        }
        let Some(config) = msp.config.as_ref().filter(|config| !config.ours) else { return Ok(()) };
        let why = match MspConfig::parse(&config.content) {
            Err(e) => e.to_string(),
            Ok(config) if form.node_ous && !has_admins(&config, msp) => {
                "it names no admin OU, and admincerts is empty".to_owned()
            }
            Ok(_) => return Ok(()),
        };
        Err(Error::new(
            ErrorKind::Input,
            format!(
                "{} is not fabcert's and would make Fabric refuse the new folder: {why}",
                self.target.join("config.yaml").display()
            ),
        )
        .with_help("fix config.yaml, or move it away and let fabcert write one; no request was sent"))
    }
}

/// Whether fabcert wrote all files of the folder, and nobody changed one: they were judged when they were installed.
fn is_as_installed(current: &Current, msp: &CurrentMsp) -> bool {
    let Some(record) = current.record.as_ref().filter(|_| current.changed.is_empty()) else { return false };
    let is_own = |path: &Path| path == Path::new(CONFIG) || record.wrote(&path.to_string_lossy());
    let Overlap { cas, tls_cas, .. } = &current.overlap;
    msp.config.as_ref().is_none_or(|config| config.ours)
        && msp.carried.paths().all(is_own)
        && cas.is_empty()
        && tls_cas.is_empty()
}

fn has_admins(config: &MspConfig, msp: &CurrentMsp) -> bool {
    let has_ou = config.node_ous.as_ref().is_some_and(|n| {
        n.enable && n.identifiers.iter().any(|(role, ou)| *role == NodeOu::Admin && !ou.organizational_unit.is_empty())
    });
    has_ou || msp.carried.list(Path::new("admincerts")).is_ok_and(|files| !files.is_empty())
}
