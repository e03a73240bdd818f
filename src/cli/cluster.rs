//! `--k8s-secret`: the command works in a folder of its own, with what Secrets hold, and stores the result there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::args::{ClusterArgs, LayoutArg, OutputArgs, OutputForm, TargetArgs, TlsNamesArg};
use super::enroll::IdentityArgs;
use super::{outcome, output, place_names, process};
use crate::cluster::{Access, SecretNames, Store, WorkFolder};
use crate::disk::Disk;
use crate::enroll::{self, Outcome};
use crate::identity::{Environment, Keeper as _, Request};
use crate::proof::Purpose;
use crate::renew::Pass;
use crate::{Error, ErrorKind};

/// The time for storing what a run has that a signal ended.
const STORING: Duration = Duration::from_secs(15);

/// An identity whose Secrets were read.
pub(super) struct InCluster<'a> {
    store: Store<'a>,
}

impl<'a> InCluster<'a> {
    /// Reads the Secrets that the arguments name; `None` if they name none.
    ///
    /// # Errors
    /// When the name cannot be used, or a Secret cannot be read.
    pub(super) fn fetch(
        args: &ClusterArgs,
        namespace: Option<&str>,
        (timeout, wait): (Duration, Option<Duration>),
        disk: &'a Disk,
    ) -> Result<Option<Self>, Error> {
        let Some(name) = &args.k8s_secret else { return Ok(None) };
        let names = SecretNames::new(name)?;
        let chosen = args.access.chosen(namespace, (timeout, wait));
        let work = WorkFolder::create(disk, &std::env::temp_dir(), name)?;
        let fetched = async { Store::fetch(Access::find(chosen).await?, names, work).await };
        let store = process::runtime()?.block_on(process::until_signal(fetched))?;
        process::stores_elsewhere();
        let fetched = Self { store };
        place_names::set(fetched.store.place_names());
        Ok(Some(fetched))
    }

    /// As [`Self::fetch`], for an identity whose folders the arguments would name otherwise: sets them. `has_tls`: it gets a TLS
    /// certificate if it has none.
    ///
    /// # Errors
    /// As [`Self::fetch`], and when folders are named too.
    pub(super) fn fetch_for(
        args: &ClusterArgs,
        identity: &mut IdentityArgs,
        (has_tls, wait): (bool, Option<Duration>),
        disk: &'a Disk,
    ) -> Result<Option<Self>, Error> {
        if args.k8s_secret.is_some() {
            refuse_folders(&identity.target)?;
        }
        let namespace = identity.names.namespace.as_deref();
        let fetched = Self::fetch(args, namespace, (identity.ca.connection.timeout, wait), disk)?;
        if let Some(Self { store }) = &fetched {
            let target = &mut identity.target;
            target.msp_dir = Some(store.work().msp());
            target.tls_dir = Some(store.work().tls()).filter(|tls| has_tls || tls.exists());
            // The names of the files are those of Secrets, and do not change from one certificate to the next.
            target.tls_names = Some(TlsNamesArg::K8s);
            target.layout = Some(LayoutArg::Cryptogen);
        }
        Ok(fetched)
    }

    /// The folder in which the identity is.
    pub(super) fn folders(&self) -> &Path {
        self.store.work().folders()
    }

    /// The same environment, whose identity is kept in the Secrets.
    pub(super) fn keeping<'e>(&'e self, environment: &Environment<'e>) -> Environment<'e> {
        environment.kept_by(Some(&self.store))
    }

    /// Carries out a request in the folder, or shows its plan; prints the outcome.
    ///
    /// # Errors
    /// Those of the enrolment, and when the result cannot be stored.
    pub(super) fn carry_out(
        &self,
        request: &Request,
        dry_run: bool,
        environment: &Environment<'_>,
        output: &OutputArgs,
    ) -> Result<ExitCode, Error> {
        let form = output.output;
        let environment = environment.kept_by(Some(&self.store));
        if dry_run {
            let plan = enroll::plan(request, &environment)?;
            match form {
                OutputForm::Json => output::print_json(&plan)?,
                OutputForm::Human => output::page(&plan.to_string())?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let runtime = process::runtime()?;
        let enrolled = runtime.block_on(process::until_signal(enroll::enroll(request, &environment)));
        let mut outcome = enrolled.map_err(|e| self.ended(e))?;
        self.name_secrets(&mut outcome);
        outcome::print(&outcome, form)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The error of a run; one that a signal ended stores what it has first. Paths are named as the Secrets' keys.
    pub(super) fn ended(&self, error: Error) -> Error {
        if matches!(error.kind(), ErrorKind::Signal(_)) {
            let kept = process::runtime().and_then(|runtime| {
                runtime.block_on(async {
                    let kept = tokio::time::timeout(STORING, self.store.keep_identity()).await;
                    kept.unwrap_or_else(|_| {
                        Err(Error::new(ErrorKind::Unreachable, "the API server did not answer in time"))
                    })
                })
            });
            if let Err(e) = kept {
                tracing::warn!("what this run leaves to the next one is not stored: {e}");
            }
        }
        error.with_texts(&|text: &str| place_names::in_text(text).into_owned())
    }

    /// Names the Secrets in place of the folder, which is removed.
    fn name_secrets(&self, outcome: &mut Outcome) {
        let names = self.store.names();
        let secret = |secret: &str| Some(self.store.uri(secret, None));
        outcome.identity.msp_dir = outcome.identity.msp_dir.take().and_then(|_| secret(&names.msp));
        outcome.identity.tls_dir = outcome.identity.tls_dir.take().and_then(|_| secret(&names.tls));
        for certificate in &mut outcome.certificates {
            certificate.path = if certificate.role == Purpose::Tls.as_str() {
                self.store.uri(&names.tls, Some("tls.crt"))
            } else {
                self.store.uri(&names.msp, Some("signcert.pem"))
            };
        }
    }

    /// Names the Secrets in a pass of renewals.
    pub(super) fn name_secrets_in(&self, pass: &mut Pass) {
        for folder in pass.identities.iter_mut().flat_map(|row| &mut row.folders) {
            folder.path = self.secret_of(&folder.path);
        }
    }

    /// The Secret of a folder.
    fn secret_of(&self, folder: &Path) -> PathBuf {
        let names = self.store.names();
        let name = if folder.ends_with("tls") { &names.tls } else { &names.msp };
        self.store.uri(name, None)
    }
}

/// Folders and Secrets are not written in one run: their modes and names have no meaning in Secrets.
fn refuse_folders(target: &TargetArgs) -> Result<(), Error> {
    let given = [
        (target.msp_dir.is_some(), "--msp-dir"),
        (target.tls_dir.is_some(), "--tls-dir"),
        (target.home.is_some(), "--home"),
        (target.tls_names.is_some(), "--tls-names"),
        (target.layout.is_some(), "--layout"),
        (target.key_mode.is_some(), "--key-mode"),
        (target.group.is_some(), "--group"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, flag)) => {
            Err(Error::new(ErrorKind::Usage, format!("{flag} is for folders, and --k8s-secret names Secrets"))
                .with_help("give one of the two"))
        }
    }
}
