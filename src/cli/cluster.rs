//! `--k8s-secret`: the command works in a folder of its own, with what Secrets hold, and stores the result there.

use std::process::ExitCode;

use tokio::runtime::Runtime;

use super::args::{ClusterArgs, LayoutArg, OutputArgs, OutputForm, TargetArgs, TlsNamesArg};
use super::enroll::IdentityArgs;
use super::{outcome, output, process};
use crate::cluster::{Access, Chosen, SecretNames, Store, WorkFolder};
use crate::disk::Disk;
use crate::enroll::{self, Outcome};
use crate::identity::{Environment, Request, StateKeeper as _};
use crate::proof::Purpose;
use crate::{Error, ErrorKind};

/// An identity whose Secrets were read.
pub(super) struct InCluster<'a> {
    runtime: Runtime,
    store: Store<'a>,
}

impl<'a> InCluster<'a> {
    /// Reads the Secrets that the arguments name, and sets the folders of the identity; `None` if they name no Secret.
    ///
    /// # Errors
    /// When the name cannot be used, or a Secret cannot be read.
    pub(super) fn fetch(
        args: &ClusterArgs,
        identity: &mut IdentityArgs,
        has_tls: bool,
        disk: &'a Disk,
    ) -> Result<Option<Self>, Error> {
        let Some(name) = &args.k8s_secret else { return Ok(None) };
        let names = SecretNames::new(name)?;
        let namespace = args.k8s_namespace.as_deref().or(identity.names.namespace.as_deref());
        let chosen = Chosen {
            kubeconfig: args.kubeconfig.as_deref(),
            context: args.kube_context.as_deref(),
            namespace,
            timeout: identity.ca.connection.timeout,
        };
        let work = WorkFolder::create(disk, &std::env::temp_dir(), name)?;
        let runtime = process::runtime()?;
        let fetched = async { Store::fetch(Access::find(chosen).await?, names, work).await };
        let store = runtime.block_on(process::until_signal(fetched))?;
        let target = &mut identity.target;
        target.msp_dir = Some(store.work().msp());
        target.tls_dir = Some(store.work().tls()).filter(|tls| has_tls || tls.exists());
        set_form(target);
        Ok(Some(Self { runtime, store }))
    }

    /// Carries out a request in the folder and stores the result, or shows its plan; prints the outcome.
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
        if dry_run {
            let plan = enroll::plan(request, environment)?;
            match form {
                OutputForm::Json => output::print_json(&plan)?,
                OutputForm::Human => output::page(&plan.to_string())?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        let environment = environment.kept_by(&self.store);
        let mut outcome = self.runtime.block_on(process::until_signal(async {
            let done = enroll::enroll(request, &environment).await;
            match &done {
                Ok(_) => self.store.store().await?,
                // The other run has what is to be kept.
                Err(e) if e.kind() == ErrorKind::Locked => {}
                // The error of the run says more than a second one.
                Err(_) => {
                    if let Err(e) = self.store.keep().await {
                        tracing::warn!("what this run leaves to the next one is not stored: {e}");
                    }
                }
            }
            done
        }))?;
        self.name_secrets(&mut outcome);
        outcome::print(&outcome, form)?;
        Ok(ExitCode::SUCCESS)
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
}

/// The names of the files are those of Secrets, and do not change from one certificate to the next.
fn set_form(target: &mut TargetArgs) {
    target.tls_names = Some(TlsNamesArg::K8s);
    target.layout = Some(LayoutArg::Cryptogen);
}
