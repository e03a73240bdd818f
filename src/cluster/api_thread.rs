//! The thread on which all requests to the API server run: a run may have several runtimes, and a connection belongs to one.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::{Error, ErrorKind};

/// A runtime on a thread of its own; ended when the value is dropped.
pub(super) struct ApiThread {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiThread {
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start() -> Result<Self, Error> {
        let failed = |e| Error::new(ErrorKind::Io, "cannot start a thread for the Kubernetes API").with_source(e);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("kubernetes".to_owned()).spawn(move || {
            drop(runtime.block_on(ended));
        });
        Ok(Self { handle, end: Some(end), thread: Some(thread.map_err(failed)?) })
    }

    /// Runs `work` on the thread, from any runtime.
    ///
    /// # Errors
    /// When `work` panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.handle.spawn(work).await;
        done.map_err(|e| Error::new(ErrorKind::Bug, "a request to the Kubernetes API failed").with_source(e))
    }
}

impl ApiThread {
    /// Starts `work` on the thread; it ends with the value, or when it is aborted.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(work).abort_handle()
    }

    /// Waits, on any runtime.
    pub(super) async fn sleep(&self, time: Duration) {
        // Only a panic of the timer fails it, and then there is no pause.
        drop(self.run(tokio::time::sleep(time)).await);
    }
}

impl Drop for ApiThread {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic on it was reported by `run`.
            drop(thread.join());
        }
    }
}
