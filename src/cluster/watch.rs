//! Objects of a kind, as they change.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::Api;
use kube::api::{DynamicObject, WatchEvent, WatchParams};
use serde_json::Value;
use tokio::sync::mpsc;

use super::access::Access;
use super::objects::{Kind, Named, failed};

/// How long one watch lasts, in seconds; then it goes on from the last version. Shorter than the time for an answer.
const LASTS: u32 = 20;

/// How many watches follow each other before the objects are listed again.
const WATCHES: u32 = 30;

/// The changes that wait to be taken.
const WAITING: usize = 256;

/// The pause after a failure, which doubles up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// A change.
#[derive(Debug)]
pub(crate) enum Change {
    /// All objects there are.
    All(Vec<Value>),
    /// A new or changed object.
    Applied(Value),
    /// It was removed.
    Removed(Value),
    /// The API server cannot be asked; it is asked again.
    Failed(crate::Error),
}

impl Access {
    /// Follows the objects of a kind, in a namespace or all, until the receiver is dropped.
    pub(crate) fn watch(&self, kind: Kind, namespace: Option<String>) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(WAITING);
        // The access itself would keep its thread at work from within.
        let (server, api) = (self.server().to_owned(), kind.api(self.client(), namespace.as_deref()));
        self.spawn(async move {
            let mut pause = PAUSE;
            while !sender.is_closed() {
                match follow(&api, &sender).await {
                    Ok(()) => pause = PAUSE,
                    Err(e) => {
                        let named = Named { kind: &kind, namespace: namespace.as_deref(), name: "objects" };
                        let failed = failed(&server, "watch", named, e);
                        if sender.send(Change::Failed(failed)).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST);
                    }
                }
            }
        });
        receiver
    }
}

/// Lists, then watches for a time.
async fn follow(api: &Api<DynamicObject>, to: &mpsc::Sender<Change>) -> Result<(), kube::Error> {
    let (objects, mut version) = Access::all_of(api).await?;
    if to.send(Change::All(objects.iter().filter_map(json).collect())).await.is_err() {
        return Ok(());
    }
    for _ in 0..WATCHES {
        let events = api.watch(&WatchParams::default().timeout(LASTS), &version).await?;
        let mut events = pin!(events);
        while let Some(event) = events.try_next().await? {
            let (object, is_removed) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                WatchEvent::Deleted(object) => (object, true),
                WatchEvent::Bookmark(bookmark) => {
                    version = bookmark.metadata.resource_version;
                    continue;
                }
                // The version is too old to go on from: list again.
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            };
            version = object.metadata.resource_version.clone().unwrap_or(version);
            let Some(object) = json(&object) else { continue };
            let change = if is_removed { Change::Removed(object) } else { Change::Applied(object) };
            if to.send(change).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn json(object: &DynamicObject) -> Option<Value> {
    serde_json::to_value(object).ok()
}
