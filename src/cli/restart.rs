//! `--restart`: the cluster restarts the node for each new certificate.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{ClusterArgs, HookArgs, RestartArg, RestartArgs};
use super::enroll::IdentityArgs;
use super::process;
use crate::agent::hooks::Restarter;
use crate::cluster::{Access, Engine, PodRestarter, Restarts};
use crate::disk::Disk;
use crate::{Error, ErrorKind};

/// The environment of the process.
type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl RestartArgs {
    /// What restarts the node; `None` without `--restart`. What it needs is checked, before any request to the CA.
    ///
    /// # Errors
    /// When the arguments do not fit together, the pod does not exist, the budget does not let one member go at a time, or the
    /// identity would be lost with the pod.
    pub(super) fn restarter(
        &self,
        (cluster, hooks, identity): (&ClusterArgs, &HookArgs, &IdentityArgs),
        paths: &[PathBuf],
        termination: Option<PathBuf>,
        variables: Variables<'_>,
        disk: &Disk,
    ) -> Result<Option<Box<dyn Restarter>>, Error> {
        let Some(how) = self.restart else { return Ok(None) };
        let text =
            |name: &str| variables(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let pod = self.pod.clone().or_else(|| text("POD_NAME")).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "--restart needs the name of the pod")
                .with_help("set POD_NAME by the downward API (fieldRef metadata.name), or give --pod")
        })?;
        let engine = self.engine(how, hooks, identity)?;
        let is_kept = how == RestartArg::Signal || cluster.k8s_secret.is_some();
        if !is_kept {
            let target = &identity.target;
            let folders = target.msp_dir.iter().chain(&target.tls_dir).chain(paths);
            refuse_pod_volumes(folders.map(PathBuf::as_path), disk)?;
        }
        let namespace = text("POD_NAMESPACE").or_else(|| identity.names.namespace.clone());
        let limits = (identity.ca.connection.timeout, Some(Duration::ZERO));
        let chosen = cluster.access.chosen(namespace.as_deref(), limits);
        let restarts = Restarts { engine, pod, termination, now: process::now };
        let checked = async {
            let restarter = PodRestarter::new(Access::find(chosen).await?, restarts);
            restarter.check().await?;
            Ok(restarter)
        };
        let restarter = process::runtime()?.block_on(process::until_signal(checked))?;
        Ok(Some(Box::new(restarter)))
    }

    fn engine(&self, how: RestartArg, hooks: &HookArgs, identity: &IdentityArgs) -> Result<Engine, Error> {
        let usage = |message: &str, help: &str| Err(Error::new(ErrorKind::Usage, message).with_help(help.to_owned()));
        if how != RestartArg::Signal && hooks.has_signals() {
            return usage("--signal is for --restart signal", "the eviction and the rollout end the node themselves");
        }
        if how != RestartArg::Template && self.restart_workload.is_some() {
            return usage("--restart-workload is for --restart template", "leave one of them out");
        }
        let lease = || {
            let of_gateway = || identity.names.gateway_service.first().map(|service| format!("fabcert-{service}"));
            self.restart_lease.clone().or_else(of_gateway).ok_or_else(|| {
                Error::new(ErrorKind::Usage, "the members of the gateway need a Lease that they share")
                    .with_help("give --restart-lease NAME, the same to each, or --gateway-service")
            })
        };
        match how {
            RestartArg::Evict => Ok(Engine::Evict),
            RestartArg::Signal if !hooks.has_signals() => {
                usage("--restart signal needs --signal PIDFILE:SIGNAL", "as in --signal /run/peer/pid:TERM")
            }
            RestartArg::Signal => Ok(Engine::Signal { lease: lease()? }),
            RestartArg::Template => match &self.restart_workload {
                Some(workload) => Ok(Engine::Template { lease: lease()?, workload: workload.clone() }),
                None => usage(
                    "--restart template needs --restart-workload",
                    "as in --restart-workload deployment/org1-peer1",
                ),
            },
        }
    }
}

/// Refuses folders that are deleted with the pod that the restart deletes.
fn refuse_pod_volumes<'a>(folders: impl Iterator<Item = &'a Path>, disk: &Disk) -> Result<(), Error> {
    let mounts = disk.mounts();
    for folder in folders {
        let real = folder.ancestors().find_map(|of| disk.canonical(of).ok());
        if real.is_some_and(|real| mounts.empty_dir(&real).is_some()) {
            return Err(Error::new(
                ErrorKind::Input,
                format!("{} is on an emptyDir, which is deleted with the pod, and the identity with it", folder.display()),
            )
            .with_help("mount a persistent volume there, keep the identity in Secrets (--k8s-secret), or restart the container alone with --restart signal"));
        }
    }
    Ok(())
}
