//! Folders on a Kubernetes `emptyDir`: they are deleted with the pod, and the identity with them.

use std::path::Path;

use super::current::Current;
use super::kept_key::is_orderer;
use super::task::Task;
use crate::disk::Disk;
use crate::proof::RoleRule;
use crate::{Error, ErrorKind};

/// What a new pod costs an identity whose folders are on an `emptyDir`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PodVolume {
    /// What is lost.
    pub(crate) message: String,
    /// What to do.
    pub(crate) remedy: &'static str,
}

/// Which of the folders of an identity, of which some certificates are due, are deleted with the pod; `None` if none is.
/// `tasks` are all certificates of the identity, each with whether it is due.
///
/// # Errors
/// When the identity is an orderer that would get its first key there: its channels know it by its key. `accepts_new_key`
/// says that a new key is accepted.
pub(crate) fn pod_volume(
    tasks: &[Task<'_>],
    due: &[bool],
    currents: &[Current],
    accepts_new_key: bool,
    disk: &Disk,
) -> Result<Option<PodVolume>, Error> {
    if !due.contains(&true) {
        return Ok(None);
    }
    let mounts = disk.mounts();
    let is_lost = |task: &Task<'_>| mounts.empty_dir(task.place.target()).is_some();
    let lost: Vec<usize> = (0..tasks.len()).filter(|at| due[*at] && is_lost(&tasks[*at])).collect();
    let Some(first) = lost.first() else { return Ok(None) };
    let folders: Vec<&Path> = lost.iter().map(|at| tasks[*at].target).collect();
    let are_new = lost.iter().any(|at| currents[*at].leaf.is_none());
    let roles: Vec<RoleRule> = tasks.iter().map(|task| task.role).collect();
    judge(tasks[*first].id, &folders, is_orderer(&roles, currents) && are_new && !accepts_new_key).map(Some)
}

fn judge(id: &str, folders: &[&Path], is_refused: bool) -> Result<PodVolume, Error> {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let are = if folders.len() == 1 { "is" } else { "are" };
    let place = format!("{} {are} on an emptyDir, which is deleted with the pod", folders.join(" and "));
    if is_refused {
        return Err(Error::new(
            ErrorKind::Input,
            format!("{place}: the next pod of the orderer \"{id}\" would have another key, and its channels know it by this one; no request was sent"),
        )
        .with_help(
            "mount a persistent volume there; where a new key for each pod is acceptable, as in a trial, add --new-tls-key",
        ));
    }
    Ok(PodVolume {
        message: format!("{place}: each new pod costs an enrolment of \"{id}\" and gets a new key"),
        remedy: "mount a persistent volume there, or register the identity with enough enrolments",
    })
}
